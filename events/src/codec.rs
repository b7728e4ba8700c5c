//! Between envelopes and stored bytes. The only file that names bincode for events.
//!
//! Bodies are bincode 2.0.1 `config::legacy()`: fixed-width little-endian integers, lengths as u64, one byte per option tag
//! (FORMAT.md, "Bodies"). The limit of the codec guards decoding only; the encoder's lengths are checked here.

use bincode::config::{self, Configuration, Fixint, Limit, LittleEndian};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{
    envelope::{BODY_LEN_MAX, Envelope, HeaderError, Leaf},
    event::{Event, EventType},
};

/// Why bytes and an event do not correspond.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The header is damaged or from a newer version.
    #[error("{0}")]
    Header(#[from] HeaderError),
    /// A fact this version does not know.
    #[error("event type {kind} in schema version {version} was written by a newer version of authledger", kind = kind.0)]
    Unknown {
        /// Its number.
        kind: EventType,
        /// Its shape.
        version: u16,
    },
    /// The body is not what its type and version say.
    #[error("the body is damaged: {0}")]
    Body(String),
    /// Bytes follow the last field.
    #[error("the body has {0} bytes after its last field")]
    Trailing(usize),
    /// More than a body may hold.
    #[error("the event's body would be {0} bytes long, more than {BODY_LEN_MAX}")]
    TooLong(usize),
}

const fn bodies() -> Configuration<LittleEndian, Fixint, Limit<BODY_LEN_MAX>> {
    config::legacy().with_limit::<BODY_LEN_MAX>()
}

pub(crate) fn encode_body<T: Serialize>(body: &T) -> Result<Vec<u8>, CodecError> {
    let bytes =
        bincode::serde::encode_to_vec(body, bodies()).map_err(|error| CodecError::Body(error.to_string()))?;
    if bytes.len() > BODY_LEN_MAX {
        return Err(CodecError::TooLong(bytes.len()));
    }
    Ok(bytes)
}

pub(crate) fn decode_body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (body, consumed) = bincode::serde::decode_from_slice(bytes, bodies())
        .map_err(|error| CodecError::Body(error.to_string()))?;
    if consumed != bytes.len() {
        return Err(CodecError::Trailing(bytes.len() - consumed));
    }
    Ok(body)
}

/// Bytes of an envelope, in the event's current schema version. Refuses one that would be too long.
pub fn encode(envelope: &Envelope) -> Result<Vec<u8>, CodecError> {
    let (event_type, schema_version) = envelope.event.kind();
    let body = envelope.event.encode()?;
    let leaf = Leaf { event_type, schema_version, header: envelope.header.clone(), body: &body };
    Ok(leaf.to_bytes()?)
}

/// Reads a stored leaf of any known version.
pub fn decode(bytes: &[u8]) -> Result<Envelope, CodecError> {
    let leaf = Leaf::parse(bytes)?;
    let event = Event::decode(leaf.event_type, leaf.schema_version, leaf.body)?;
    Ok(Envelope { header: leaf.header, event })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        chain::ChainHash,
        envelope::{Actor, Header, IdempotencyTags, Stream, StreamKind},
        id::{CommandId, Epoch, LedgerId, Sequence, TenantId, UserId},
        ledger::LedgerCreated,
        sealed::{KeyId, Sealed},
        time::Timestamp,
    };

    pub(crate) fn envelope(event: Event) -> Envelope {
        Envelope {
            header: Header {
                ledger_id: LedgerId([7; 16]),
                epoch: Epoch(1),
                sequence: Sequence(5),
                recorded_at: Timestamp(1_795_000_000_000_000),
                tenant: TenantId(1),
                stream: Stream::new(StreamKind::LEDGER, 0),
                stream_version: 0,
                stream_previous: None,
                actor: Actor::User(UserId(3)),
                command_id: CommandId([9; 16]),
                command_index: 0,
                command_count: 1,
                previous_hash: ChainHash([8; 32]),
                on_behalf_of: Some(UserId(4)),
                idempotency: Some(IdempotencyTags { key: [1; 16], request: [2; 16] }),
                origin: Some(Sealed { key_id: KeyId([3; 32]), nonce: [4; 12], ciphertext: vec![5; 20] }),
            },
            event,
        }
    }

    fn ledger_created() -> Envelope {
        envelope(Event::LedgerCreated(LedgerCreated { software: "authledger 0.1.0".into() }))
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        let envelope = ledger_created();
        let bytes = encode(&envelope).expect("a small leaf");
        assert_eq!(decode(&bytes).expect("just encoded"), envelope);
    }

    #[test]
    fn every_byte_must_be_consumed() {
        let envelope = ledger_created();
        let mut body = envelope.event.encode().expect("a small body");
        body.push(0);
        let leaf = Leaf { event_type: EventType(1), schema_version: 1, header: envelope.header, body: &body };
        let bytes = leaf.to_bytes().expect("a small leaf");
        assert!(matches!(decode(&bytes), Err(CodecError::Trailing(1))));
    }

    #[test]
    fn a_newer_versions_event_is_named() {
        let header = ledger_created().header;
        let leaf = Leaf { event_type: EventType(1), schema_version: 99, header, body: &[] };
        let bytes = leaf.to_bytes().expect("a small leaf");
        let error = decode(&bytes).expect_err("version 99 does not exist").to_string();
        assert_eq!(error, "event type 1 in schema version 99 was written by a newer version of authledger");
    }

    #[test]
    fn a_body_past_the_limit_is_refused_by_the_encoder() {
        let long = envelope(Event::LedgerCreated(LedgerCreated { software: "x".repeat(BODY_LEN_MAX) }));
        assert!(matches!(encode(&long), Err(CodecError::TooLong(_))));
    }
}
