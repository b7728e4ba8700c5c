//! Old shapes become the current one, by pure functions, for ever.
//!
//! Each old struct has one `From` into the current struct of its event; the table in `event.rs` names both.

/// An event with two shapes, so that the way old bytes take is walked by a test before the first real one needs it.
#[cfg(test)]
pub(crate) mod probe {
    use serde::{Deserialize, Serialize};

    /// What version 1 wrote.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct ProbeV1 {
        /// Free text.
        pub note: String,
    }

    /// What version 2 writes.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Probe {
        /// Free text.
        pub note: String,
        /// How urgent; version 1 knew nothing of it and meant 0.
        pub urgency: u8,
    }

    impl From<ProbeV1> for Probe {
        fn from(old: ProbeV1) -> Self {
            Self { note: old.note, urgency: 0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::probe::{Probe, ProbeV1};
    use crate::{
        codec::{decode, encode, encode_body, tests::envelope},
        envelope::Leaf,
        event::{Event, EventType},
    };

    #[test]
    fn a_leaf_of_an_old_version_decodes_to_the_current_shape() {
        let current = envelope(Event::Probe(Probe { note: "as it was".into(), urgency: 0 }));
        let body = encode_body(&ProbeV1 { note: "as it was".into() }).expect("a small body");
        let old = Leaf {
            event_type: EventType(65_000),
            schema_version: 1,
            header: current.header.clone(),
            body: &body,
        };
        let bytes = old.to_bytes().expect("a small leaf");
        assert_eq!(decode(&bytes).expect("version 1 is read for ever"), current);
        assert_ne!(encode(&current).expect("a small leaf"), bytes, "version 2 is what is written now");
    }
}
