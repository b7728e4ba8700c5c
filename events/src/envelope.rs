//! The header every leaf begins with: fixed offsets, little-endian, readable without any codec (FORMAT.md, "Leaf").

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::{
    chain::ChainHash,
    event::{Event, EventType},
    id::{ClientApplicationId, CommandId, Epoch, LedgerId, Sequence, TenantId, UserId},
    sealed::Sealed,
    time::Timestamp,
};

/// First two bytes of every leaf.
pub const MAGIC: [u8; 2] = *b"AL";
/// The only header version so far.
pub const HEADER_VERSION: u8 = 1;
/// Bytes of the header before its optional parts.
pub const FIXED_LEN: usize = 147;
/// Longest leaf in bytes.
pub const LEAF_LEN_MAX: usize = 65_535;
/// Longest body in bytes.
pub const BODY_LEN_MAX: usize = 60_000;
/// Most events that one command may have.
pub const COMMAND_EVENTS_MAX: u32 = 4_096;
/// Most bytes that the leaves of one command may have together.
pub const COMMAND_BYTES_MAX: usize = 2 * 1024 * 1024;

const FLAG_ON_BEHALF_OF: u8 = 1;
const FLAG_IDEMPOTENCY: u8 = 2;
const FLAG_ORIGIN: u8 = 4;
/// `stream_previous` of a stream's first event.
const NO_PREVIOUS: u64 = u64::MAX;

/// Which noun a stream is about. Numbers are fixed; unknown ones come from a newer version and are still readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamKind(pub u16);

impl StreamKind {
    /// The ledger itself; id 0.
    pub const LEDGER: Self = Self(1);
    /// A tenant.
    pub const TENANT: Self = Self(2);
    /// A role.
    pub const ROLE: Self = Self(3);
    /// A user.
    pub const USER: Self = Self(4);
    /// An OAuth application towards a provider.
    pub const OAUTH_APP: Self = Self(5);
    /// An OAuth profile.
    pub const OAUTH_PROFILE: Self = Self(6);
    /// A data source.
    pub const DATA_SOURCE: Self = Self(7);
    /// A client application that calls us.
    pub const CLIENT_APPLICATION: Self = Self(8);
    /// A grant with its codes and tokens.
    pub const GRANT: Self = Self(9);
    /// Tokens of a client application without a user; id of the client application.
    pub const CLIENT_TOKENS: Self = Self(10);
    /// What an actor was shown; id of the actor.
    pub const DISCLOSURES: Self = Self(11);
    /// Refreshes and exchanges at a provider; id of the credential.
    pub const UPSTREAM: Self = Self(12);

    const NAMES: [(Self, &'static str); 12] = [
        (Self::LEDGER, "ledger"),
        (Self::TENANT, "tenant"),
        (Self::ROLE, "role"),
        (Self::USER, "user"),
        (Self::OAUTH_APP, "oauth_app"),
        (Self::OAUTH_PROFILE, "oauth_profile"),
        (Self::DATA_SOURCE, "data_source"),
        (Self::CLIENT_APPLICATION, "client_application"),
        (Self::GRANT, "grant"),
        (Self::CLIENT_TOKENS, "client_tokens"),
        (Self::DISCLOSURES, "disclosures"),
        (Self::UPSTREAM, "upstream"),
    ];

    /// The name used on the command line and in audit URLs.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map(|(_, name)| *name)
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "kind {}", self.0),
        }
    }
}

/// The history of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub struct Stream {
    /// Which noun.
    pub kind: StreamKind,
    /// Which one of them.
    pub id: u64,
}

impl Stream {
    /// What concerns the ledger as a whole.
    pub const LEDGER: Self = Self::new(StreamKind::LEDGER, 0);

    /// The stream of object `id` of `kind`.
    pub const fn new(kind: StreamKind, id: u64) -> Self {
        Self { kind, id }
    }
}

// In bytes its two numbers, for people as on the command line.
impl Serialize for Stream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.kind, self.id).serialize(serializer)
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// Who caused an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A user, by Basic, a session or a token of his.
    User(UserId),
    /// A client application on its own account.
    ClientApplication(ClientApplicationId),
    /// The server itself: a lock-out, a snapshot.
    System,
    /// Whoever holds the machine: init, offline commands.
    Operator,
}

impl Actor {
    fn to_wire(self) -> (u8, u64) {
        match self {
            Self::User(id) => (1, id.0),
            Self::ClientApplication(id) => (2, id.0),
            Self::System => (3, 0),
            Self::Operator => (4, 0),
        }
    }

    fn from_wire(kind: u8, id: u64) -> Option<Self> {
        match (kind, id) {
            (1, id) => Some(Self::User(UserId(id))),
            (2, id) => Some(Self::ClientApplication(ClientApplicationId(id))),
            (3, 0) => Some(Self::System),
            (4, 0) => Some(Self::Operator),
            _ => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user/{id}"),
            Self::ClientApplication(id) => write!(f, "client_application/{id}"),
            Self::System => f.write_str("system"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

/// Keyed hashes by which a repeated request is known again; on the first event of a command only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyTags {
    /// Over actor, method, path and the caller's key.
    pub key: [u8; 16],
    /// Over the canonical body.
    pub request: [u8; 16],
}

/// Everything about an event but what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which ledger.
    pub ledger_id: LedgerId,
    /// Rises by one with each restore that forgets acknowledged events.
    pub epoch: Epoch,
    /// Place in the whole log.
    pub sequence: Sequence,
    /// Stamped by the writer, never backwards.
    pub recorded_at: Timestamp,
    /// Whose event it is.
    pub tenant: TenantId,
    /// Whose history it belongs to.
    pub stream: Stream,
    /// Place within that history, from 0 without gaps.
    pub stream_version: u64,
    /// The event before it in that history.
    pub stream_previous: Option<Sequence>,
    /// Who caused it.
    pub actor: Actor,
    /// The command it came from.
    pub command_id: CommandId,
    /// Place within that command, from 0.
    pub command_index: u32,
    /// How many events that command has.
    pub command_count: u32,
    /// Chain hash of the leaf before; zeros for the first.
    pub previous_hash: ChainHash,
    /// The user an administrator acted for.
    pub on_behalf_of: Option<UserId>,
    /// How a repetition of the request is known; first event of a command only.
    pub idempotency: Option<IdempotencyTags>,
    /// Where the request came from, sealed; first event of a command only.
    pub origin: Option<Sealed>,
}

/// A stored leaf, its header read, its body still bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// What kind of fact.
    pub event_type: EventType,
    /// Which shape of it.
    pub schema_version: u16,
    /// The rest of the header.
    pub header: Header,
    /// The bytes of the fact.
    pub body: &'a [u8],
}

/// A fact with its place, time and cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Place, time, cause.
    pub header: Header,
    /// The fact.
    pub event: Event,
}

/// Why bytes are no leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Fewer bytes than the fields need, or more than they say.
    #[error("the leaf is {actual} bytes long, its fields say {expected}")]
    Length {
        /// What the fields add up to.
        expected: usize,
        /// What is there.
        actual: usize,
    },
    /// More than 65,535 bytes.
    #[error("the leaf is {0} bytes long, more than {LEAF_LEN_MAX}")]
    TooLong(usize),
    /// Longer than any event may be.
    #[error("the body is {0} bytes long, more than {BODY_LEN_MAX}")]
    BodyTooLong(usize),
    /// Not a leaf at all.
    #[error("the leaf does not begin with \"AL\"")]
    Magic,
    /// Written by a version this program does not know.
    #[error("header version {0} is not known here")]
    Version(u8),
    /// A flag this version does not define.
    #[error("flags {0:#04x} are not known here")]
    Flags(u8),
    /// An actor this version does not define.
    #[error("actor kind {kind} with id {id} is not known here")]
    Actor {
        /// The kind's number.
        kind: u8,
        /// The id beside it.
        id: u64,
    },
    /// The source address is no sealed value.
    #[error("the origin is no sealed value")]
    Origin,
}

impl<'a> Leaf<'a> {
    /// Reads a leaf. Accepts only bytes that [`Leaf::to_bytes`] would give again.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        if bytes.len() > LEAF_LEN_MAX {
            return Err(HeaderError::TooLong(bytes.len()));
        }
        let mut reader = Reader { rest: bytes, total: bytes.len() };
        if reader.array::<2>()? != MAGIC {
            return Err(HeaderError::Magic);
        }
        let [version] = reader.array()?;
        if version != HEADER_VERSION {
            return Err(HeaderError::Version(version));
        }
        let [flags] = reader.array()?;
        if flags & !(FLAG_ON_BEHALF_OF | FLAG_IDEMPOTENCY | FLAG_ORIGIN) != 0 {
            return Err(HeaderError::Flags(flags));
        }
        let event_type = EventType(reader.u16()?);
        let schema_version = reader.u16()?;
        let ledger_id = LedgerId(reader.array()?);
        let epoch = Epoch(reader.u32()?);
        let sequence = Sequence(reader.u64()?);
        let recorded_at = Timestamp(i64::from_le_bytes(reader.array()?));
        let tenant = TenantId(reader.u64()?);
        let stream = Stream { kind: StreamKind(reader.u16()?), id: reader.u64()? };
        let stream_version = reader.u64()?;
        let stream_previous = Some(reader.u64()?).filter(|previous| *previous != NO_PREVIOUS).map(Sequence);
        let [actor_kind] = reader.array()?;
        let actor_id = reader.u64()?;
        let actor = Actor::from_wire(actor_kind, actor_id)
            .ok_or(HeaderError::Actor { kind: actor_kind, id: actor_id })?;
        let command_id = CommandId(reader.array()?);
        let command_index = reader.u32()?;
        let command_count = reader.u32()?;
        let previous_hash = ChainHash(reader.array()?);
        let body_len = reader.u32()? as usize;
        if body_len > BODY_LEN_MAX {
            return Err(HeaderError::BodyTooLong(body_len));
        }
        let on_behalf_of = (flags & FLAG_ON_BEHALF_OF != 0).then(|| reader.u64().map(UserId)).transpose()?;
        let idempotency = (flags & FLAG_IDEMPOTENCY != 0)
            .then(|| Ok(IdempotencyTags { key: reader.array()?, request: reader.array()? }))
            .transpose()?;
        let origin = (flags & FLAG_ORIGIN != 0)
            .then(|| {
                let len = usize::from(reader.u16()?);
                Sealed::from_bytes(reader.take(len)?).ok_or(HeaderError::Origin)
            })
            .transpose()?;
        let body = reader.take(body_len)?;
        if !reader.rest.is_empty() {
            return Err(HeaderError::Length {
                expected: bytes.len() - reader.rest.len(),
                actual: bytes.len(),
            });
        }
        let header = Header {
            ledger_id,
            epoch,
            sequence,
            recorded_at,
            tenant,
            stream,
            stream_version,
            stream_previous,
            actor,
            command_id,
            command_index,
            command_count,
            previous_hash,
            on_behalf_of,
            idempotency,
            origin,
        };
        Ok(Self { event_type, schema_version, header, body })
    }

    /// Writes a leaf; refuses one that would be too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, HeaderError> {
        let header = &self.header;
        let body_len = u32::try_from(self.body.len())
            .ok()
            .filter(|_| self.body.len() <= BODY_LEN_MAX)
            .ok_or(HeaderError::BodyTooLong(self.body.len()))?;
        let mut flags = 0;
        flags |= if header.on_behalf_of.is_some() { FLAG_ON_BEHALF_OF } else { 0 };
        flags |= if header.idempotency.is_some() { FLAG_IDEMPOTENCY } else { 0 };
        flags |= if header.origin.is_some() { FLAG_ORIGIN } else { 0 };
        let (actor_kind, actor_id) = header.actor.to_wire();

        let mut bytes = Vec::with_capacity(FIXED_LEN + 128 + self.body.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[HEADER_VERSION, flags]);
        bytes.extend_from_slice(&self.event_type.0.to_le_bytes());
        bytes.extend_from_slice(&self.schema_version.to_le_bytes());
        bytes.extend_from_slice(&header.ledger_id.0);
        bytes.extend_from_slice(&header.epoch.0.to_le_bytes());
        bytes.extend_from_slice(&header.sequence.0.to_le_bytes());
        bytes.extend_from_slice(&header.recorded_at.0.to_le_bytes());
        bytes.extend_from_slice(&header.tenant.0.to_le_bytes());
        bytes.extend_from_slice(&header.stream.kind.0.to_le_bytes());
        bytes.extend_from_slice(&header.stream.id.to_le_bytes());
        bytes.extend_from_slice(&header.stream_version.to_le_bytes());
        bytes.extend_from_slice(
            &header.stream_previous.map_or(NO_PREVIOUS, |previous| previous.0).to_le_bytes(),
        );
        bytes.push(actor_kind);
        bytes.extend_from_slice(&actor_id.to_le_bytes());
        bytes.extend_from_slice(&header.command_id.0);
        bytes.extend_from_slice(&header.command_index.to_le_bytes());
        bytes.extend_from_slice(&header.command_count.to_le_bytes());
        bytes.extend_from_slice(&header.previous_hash.0);
        bytes.extend_from_slice(&body_len.to_le_bytes());
        debug_assert_eq!(bytes.len(), FIXED_LEN);
        if let Some(user) = header.on_behalf_of {
            bytes.extend_from_slice(&user.0.to_le_bytes());
        }
        if let Some(tags) = header.idempotency {
            bytes.extend_from_slice(&tags.key);
            bytes.extend_from_slice(&tags.request);
        }
        if let Some(origin) = &header.origin {
            let len = u16::try_from(origin.wire_len()).map_err(|_| HeaderError::Origin)?;
            bytes.extend_from_slice(&len.to_le_bytes());
            bytes.extend_from_slice(&origin.to_bytes());
        }
        bytes.extend_from_slice(self.body);
        if bytes.len() > LEAF_LEN_MAX {
            return Err(HeaderError::TooLong(bytes.len()));
        }
        Ok(bytes)
    }
}

/// Takes fields off the front and knows how long the whole was, for the error.
struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], HeaderError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(HeaderError::Length {
            expected: self.total - self.rest.len() + len,
            actual: self.total,
        })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], HeaderError> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("take gave exactly N bytes"))
    }

    fn u16(&mut self) -> Result<u16, HeaderError> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, HeaderError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, HeaderError> {
        self.array().map(u64::from_le_bytes)
    }
}
