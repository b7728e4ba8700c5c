//! Facts about secrets that were shown to somebody.

use serde::{Deserialize, Serialize};

use crate::{envelope::Stream, id::Sequence, sealed::Field, sorted::SortedVec};

/// A GET answered with secrets in clear; stands in the disclosure stream of the actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRevealed {
    /// Whose secrets.
    pub object: Stream,
    /// The event that last changed the object when they were shown: which values were seen.
    pub object_sequence: Sequence,
    /// Which fields.
    pub fields: SortedVec<Field>,
}
