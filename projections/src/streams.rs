//! The end of every stream, which the next event of that stream must name.

use events::{
    envelope::{Envelope, Stream},
    id::Sequence,
};
use serde::{Deserialize, Serialize};

use crate::table::projection;

/// The last event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamHead {
    /// Its place in the stream.
    pub version: u64,
    /// Its place in the log.
    pub sequence: Sequence,
}

projection! {
    /// Heads of all streams.
    Streams, StreamsChanges {
        primary {
            /// By stream.
            heads: Stream => StreamHead;
        }
        index {}
    }
}

impl Streams<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        self.heads
            .put(header.stream, StreamHead { version: header.stream_version, sequence: header.sequence });
    }
}
