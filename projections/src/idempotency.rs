//! Requests that were carried out under an `Idempotency-Key`, for 24 hours of event time. Refused requests are not
//! remembered, and no answer is stored: it is made again from the events.

use events::{envelope::Envelope, id::Sequence, time::Timestamp};
use serde::{Deserialize, Serialize};

use crate::table::projection;

/// How long a request is remembered, in microseconds.
pub const REMEMBERED_MICROS: i64 = 24 * 60 * 60 * Timestamp::SECOND;

/// A request that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Keyed hash of the request's body.
    pub request: [u8; 16],
    /// First event of the command.
    pub first: Sequence,
    /// How many events it has.
    pub count: u32,
    /// When.
    pub recorded_at: Timestamp,
}

projection! {
    /// Remembered requests.
    Idempotency, IdempotencyChanges {
        primary {
            /// By the keyed hash of actor, method, path and key.
            requests: [u8; 16] => Remembered;
        }
        index {
            /// In the order in which they are forgotten.
            by_time: (Timestamp, Sequence) => [u8; 16], from requests |tag, row| [((row.recorded_at, row.first), *tag)];
        }
    }
}

impl Idempotency<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        let forgotten = header.recorded_at.saturating_add_micros(-REMEMBERED_MICROS);
        let old: Vec<_> =
            self.by_time.range(..=(forgotten, Sequence(u64::MAX))).map(|(at, tag)| (*at, *tag)).collect();
        for (at, tag) in old {
            self.by_time.remove(&at);
            self.requests.remove(&tag);
        }
        if let Some(tags) = header.idempotency {
            self.by_time.put((header.recorded_at, header.sequence), tags.key);
            self.requests.put(
                tags.key,
                Remembered {
                    request: tags.request,
                    first: header.sequence,
                    count: header.command_count,
                    recorded_at: header.recorded_at,
                },
            );
        }
    }

    /// The request of that tag, unless it is older than 24 hours at `now`.
    pub fn lookup(&self, tag: &[u8; 16], now: Timestamp) -> Option<&Remembered> {
        self.requests
            .get(tag)
            .filter(|remembered| remembered.recorded_at.saturating_add_micros(REMEMBERED_MICROS) > now)
    }
}
