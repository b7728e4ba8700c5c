//! Signed checkpoints: the size of the log and the root of its tree, in formats that other people's tools read.
//!
//! The text is a [tlog-checkpoint](https://c2sp.org/tlog-checkpoint), the envelope a
//! [signed note](https://c2sp.org/signed-note) with Ed25519 signatures. The chain's hash is not in it: every leaf carries
//! the chain, so the root covers it already, and the format advises against lines of one's own.
//!
//! Whoever checks brings origin and keys along ([`CheckpointPolicy`]); nothing is taken from the note but what a key of
//! the policy signed.

use std::{collections::BTreeMap, fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    id::{Epoch, LedgerId},
    merkle::{
        TreeHash,
        proof::{ProofError, check_consistency},
    },
    verify::Verdict,
};

/// Longest note that is looked at, in bytes.
const NOTE_LEN_MAX: usize = 65_536;
/// Most signatures that are looked at: ours and those of witnesses.
const SIGNATURES_MAX: usize = 16;
/// The number of Ed25519 among the note format's algorithms.
const ED25519: u8 = 1;

/// Names one history: a ledger in one epoch. A restore that forgets events starts a new one, because a checkpoint
/// of the old one could contradict it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Which ledger.
    pub ledger_id: LedgerId,
    /// Which of its histories.
    pub epoch: Epoch,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "authledger/{}/{}", self.ledger_id, self.epoch)
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let parse = || {
            let (id, epoch) = text.strip_prefix("authledger/")?.split_once('/')?;
            let mut ledger_id = LedgerId([0; 16]);
            hex::decode_to_slice(id, &mut ledger_id.0).ok()?;
            let origin = Self { ledger_id, epoch: Epoch(epoch.parse().ok()?) };
            // One spelling only: no capital letters, no zeros or signs before the number.
            (origin.to_string() == text).then_some(origin)
        };
        parse().ok_or(CheckpointError::Origin)
    }
}

/// Size and root of a log at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which history.
    pub origin: Origin,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree over them.
    pub root: TreeHash,
}

/// Why a note is no checkpoint of ours, or a checkpoint does not follow another.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Longer than any checkpoint, not UTF-8, or with control characters.
    #[error("the note is not a text of at most {NOTE_LEN_MAX} bytes")]
    NotText,
    /// No blank line before the signatures, or no line end after them.
    #[error("the note has no signature lines")]
    NoSignatures,
    /// A signature line that is none.
    #[error("line {0} of the note's signatures is malformed")]
    SignatureLine(usize),
    /// No key of the policy signed it.
    #[error("no key that is trusted here has signed the note")]
    Unsigned,
    /// A key of the policy is named, and the signature is not its own.
    #[error("the signature of {0} is false")]
    FalseSignature(String),
    /// Not origin, size and root.
    #[error("the note's text is no checkpoint")]
    Malformed,
    /// An origin of another form than ours.
    #[error("the origin is not of the form authledger/<ledger id>/<epoch>")]
    Origin,
    /// A true checkpoint of another history.
    #[error("the checkpoint is of {actual}, not of {expected}")]
    OtherOrigin {
        /// What the policy says.
        expected: Origin,
        /// What the checkpoint says.
        actual: String,
    },
    /// Not a verifier key, or one that every signature could match.
    #[error("the key is not of the form <name>+<id>+<key>, or weak")]
    Key,
    /// It is older than one already seen.
    #[error("the checkpoint has {size} leaves, fewer than the {seen} already seen: it is stale")]
    Stale {
        /// Its size.
        size: u64,
        /// The size already seen.
        seen: u64,
    },
    /// Two signed histories contradict each other.
    #[error("two checkpoints contradict each other: the history was forked ({0})")]
    Forked(ProofError),
}

impl CheckpointError {
    /// What it means for the log; `None` when the note says nothing that could be believed.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Forked(_) => Some(Verdict::Forked),
            Self::Stale { .. } => Some(Verdict::Stale),
            Self::NotText
            | Self::NoSignatures
            | Self::SignatureLine(_)
            | Self::Unsigned
            | Self::FalseSignature(_)
            | Self::Malformed
            | Self::Origin
            | Self::OtherOrigin { .. }
            | Self::Key => None,
        }
    }
}

/// Signs checkpoints.
pub struct CheckpointSigner {
    key: SigningKey,
    public: CheckpointKey,
}

impl CheckpointSigner {
    /// The signer of one history. `seed` is the Ed25519 private key: 32 random bytes, kept by the caller.
    pub fn new(origin: Origin, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let public = CheckpointKey { name: origin.to_string(), key: key.verifying_key() };
        Self { key, public }
    }

    /// What auditors need to check the signatures.
    pub fn key(&self) -> &CheckpointKey {
        &self.public
    }

    /// The checkpoint as a signed note.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let text = checkpoint.to_string();
        let mut signature = self.public.id().to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n— {} {}\n", self.public.name, BASE64.encode(signature))
    }
}

impl fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckpointSigner({})", self.public)
    }
}

/// A public key with its name, written `<name>+<id in hex>+<base64 of algorithm and key>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointKey {
    name: String,
    key: VerifyingKey,
}

impl CheckpointKey {
    /// The name beside its signatures: the origin, for keys of ours.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.name.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(self.key.as_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

impl fmt::Display for CheckpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), BASE64.encode(key))
    }
}

impl FromStr for CheckpointKey {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let parse = || {
            let (name, rest) = text.split_once('+')?;
            let (_, encoded) = rest.split_once('+')?;
            let bytes = BASE64.decode(encoded).ok()?;
            let (&ED25519, key) = bytes.split_first()? else { return None };
            let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
            let parsed = Self { name: name.to_owned(), key };
            // The id follows from the rest, so comparing the text checks it, and its spelling with it.
            (is_key_name(name) && !key.is_weak() && parsed.to_string() == text).then_some(parsed)
        };
        parse().ok_or(CheckpointError::Key)
    }
}

impl Checkpoint {
    /// Checks that this checkpoint continues an older one of the same origin (RFC 9162 section 2.1.4).
    ///
    /// Refuses with `OtherOrigin`, `Stale`, or `Forked` when the proof does not lead from one to the other.
    pub fn check_extends(&self, seen: &Self, proof: &[TreeHash]) -> Result<(), CheckpointError> {
        if self.origin != seen.origin {
            let actual = self.origin.to_string();
            return Err(CheckpointError::OtherOrigin { expected: seen.origin, actual });
        }
        if self.size < seen.size {
            return Err(CheckpointError::Stale { size: self.size, seen: seen.size });
        }
        check_consistency(seen.size, seen.root, self.size, self.root, proof).map_err(CheckpointError::Forked)
    }

    /// Reads origin, size and root; lines after them are allowed by the format, mean nothing to us, and must not be empty.
    fn parse(text: &str, expected: Origin) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Malformed)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Malformed);
        let (origin, size_text, root_text) = (line()?, line()?, line()?);
        if origin != expected.to_string() {
            return Err(CheckpointError::OtherOrigin { expected, actual: origin.to_owned() });
        }
        let size: u64 = size_text.parse().map_err(|_| CheckpointError::Malformed)?;
        if size.to_string() != size_text || lines.any(str::is_empty) {
            return Err(CheckpointError::Malformed);
        }
        let root = BASE64.decode(root_text).map_err(|_| CheckpointError::Malformed)?;
        let root = TreeHash(root.try_into().map_err(|_| CheckpointError::Malformed)?);
        if size == 0 && root != TreeHash::EMPTY {
            return Err(CheckpointError::Malformed);
        }
        Ok(Self { origin: expected, size, root })
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.0))
    }
}

/// Whom an auditor believes: an origin, and the keys that may speak for it. Comes from him, never from the evidence.
#[derive(Clone, Debug)]
pub struct CheckpointPolicy {
    /// The history it is about.
    pub origin: Origin,
    /// One of these must have signed.
    pub keys: Vec<CheckpointKey>,
}

impl CheckpointPolicy {
    /// Reads a signed note and believes it only as far as a key of the policy signed it.
    ///
    /// Signatures of unknown keys are passed over, as the format wants it (a witness may add his); a false one of a known
    /// key refuses the note.
    pub fn open(&self, note: &[u8]) -> Result<Checkpoint, CheckpointError> {
        let note = std::str::from_utf8(note).ok().filter(|note| note.len() <= NOTE_LEN_MAX);
        let note = note.ok_or(CheckpointError::NotText)?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(CheckpointError::NotText);
        }
        let blank = note.rfind("\n\n").ok_or(CheckpointError::NoSignatures)?;
        let (text, signatures) = (&note[..=blank], &note[blank + 2..]);
        let signatures = signatures.strip_suffix('\n').ok_or(CheckpointError::NoSignatures)?;

        let known: BTreeMap<(&str, [u8; 4]), &CheckpointKey> =
            self.keys.iter().map(|key| ((key.name(), key.id()), key)).collect();
        let mut signed = false;
        for (number, line) in (1..).zip(signatures.split('\n')) {
            let malformed = || CheckpointError::SignatureLine(number);
            if number > SIGNATURES_MAX {
                return Err(malformed());
            }
            let (name, id, signature) = signature_line(line).ok_or_else(malformed)?;
            let Some(key) = known.get(&(name, id)) else { continue };
            let signature = Signature::from_slice(&signature).map_err(|_| malformed())?;
            key.key
                .verify_strict(text.as_bytes(), &signature)
                .map_err(|_| CheckpointError::FalseSignature(name.to_owned()))?;
            signed = true;
        }
        if !signed {
            return Err(CheckpointError::Unsigned);
        }
        Checkpoint::parse(text, self.origin)
    }
}

/// `— <name> <base64 of key id and signature>`
fn signature_line(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = BASE64.decode(encoded).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    (is_key_name(name) && !signature.is_empty()).then(|| (name, *id, signature.to_vec()))
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}
