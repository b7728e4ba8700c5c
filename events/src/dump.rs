//! A plain file of leaves: for each, its length as u32 little-endian, then its bytes; nothing before, between or after.
//!
//! What `authledger events --format leaves` writes and what a program written from FORMAT.md reads. It carries no hash of
//! its own: the leaves carry the chain.

use std::io::{self, Read, Write};

use thiserror::Error;

use crate::{envelope::LEAF_LEN_MAX, id::Sequence, verify::Verdict};

/// Why a dump can't be read on.
#[derive(Debug, Error)]
pub enum DumpError {
    /// The dump ends inside a leaf or inside its length.
    #[error("sequence {sequence}: the dump ends inside this leaf")]
    Cut {
        /// The leaf's place.
        sequence: Sequence,
    },
    /// No leaf is that long; the length was changed, or this is no dump.
    #[error("sequence {sequence}: the dump says this leaf is {length} bytes long, more than {LEAF_LEN_MAX}")]
    Length {
        /// The leaf's place.
        sequence: Sequence,
        /// What the dump says.
        length: u32,
    },
    /// The file can't be read.
    #[error("sequence {sequence}: {error}")]
    Io {
        /// The place of the leaf that was to be read.
        sequence: Sequence,
        /// What the system says.
        error: io::Error,
    },
}

impl DumpError {
    /// The first leaf that is not there as it was written.
    pub fn sequence(&self) -> Sequence {
        match self {
            Self::Cut { sequence } | Self::Length { sequence, .. } | Self::Io { sequence, .. } => *sequence,
        }
    }

    /// What it means for the log; `None` when the file could not be read at all, which says nothing about it.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Cut { .. } => Some(Verdict::Incomplete),
            Self::Length { .. } => Some(Verdict::Tampered),
            Self::Io { .. } => None,
        }
    }

    /// One word for programs, as [`Reason::name`](crate::verify::Reason::name).
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cut { .. } => "cut",
            Self::Length { .. } => "length",
            Self::Io { .. } => "io",
        }
    }
}

/// Reads the leaves of a dump in order, holding one at a time; after an error it ends.
///
/// It asks for a few bytes at a time: hand it a buffered reader.
#[derive(Debug)]
pub struct DumpReader<R> {
    input: R,
    next: u64,
    ended: bool,
}

impl<R: Read> DumpReader<R> {
    /// Reads from the beginning of a dump.
    pub fn new(input: R) -> Self {
        Self { input, next: 0, ended: false }
    }

    fn leaf(&mut self, sequence: Sequence) -> Result<Option<Vec<u8>>, DumpError> {
        let mut length = [0; 4];
        match self.fill(&mut length, sequence)? {
            0 => return Ok(None),
            4 => {}
            _ => return Err(DumpError::Cut { sequence }),
        }
        let length = u32::from_le_bytes(length);
        let too_long = DumpError::Length { sequence, length };
        let Some(len) = usize::try_from(length).ok().filter(|len| *len <= LEAF_LEN_MAX) else {
            return Err(too_long);
        };
        let mut leaf = vec![0; len];
        if self.fill(&mut leaf, sequence)? < len {
            return Err(DumpError::Cut { sequence });
        }
        Ok(Some(leaf))
    }

    /// Fills the buffer as far as the input reaches, and says how far.
    fn fill(&mut self, mut buffer: &mut [u8], sequence: Sequence) -> Result<usize, DumpError> {
        let whole = buffer.len();
        while !buffer.is_empty() {
            match self.input.read(buffer) {
                Ok(0) => break,
                Ok(read) => buffer = &mut buffer[read..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DumpError::Io { sequence, error }),
            }
        }
        Ok(whole - buffer.len())
    }
}

impl<R: Read> Iterator for DumpReader<R> {
    type Item = Result<Vec<u8>, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let leaf = self.leaf(Sequence(self.next)).transpose();
        self.next += 1;
        self.ended = !matches!(leaf, Some(Ok(_)));
        leaf
    }
}

/// Appends one leaf to a dump.
pub fn write_leaf(out: &mut impl Write, leaf: &[u8]) -> io::Result<()> {
    let length = u32::try_from(leaf.len()).ok().filter(|_| leaf.len() <= LEAF_LEN_MAX);
    let length =
        length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a leaf is too long for a dump"))?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(leaf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(leaves: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for leaf in leaves {
            write_leaf(&mut bytes, leaf).expect("memory takes it");
        }
        bytes
    }

    #[test]
    fn leaves_come_back_as_they_were_written() {
        let bytes = dump(&[b"first", b"", b"third"]);
        let leaves: Vec<Vec<u8>> =
            DumpReader::new(bytes.as_slice()).map(|leaf| leaf.expect("whole")).collect();
        assert_eq!(leaves, [b"first".to_vec(), Vec::new(), b"third".to_vec()]);
    }

    #[test]
    fn a_cut_anywhere_but_between_leaves_is_named() {
        let bytes = dump(&[b"first", b"second"]);
        for len in 0..bytes.len() {
            let last = DumpReader::new(&bytes[..len]).last();
            match len {
                0 => assert!(last.is_none()),
                9 => assert!(matches!(last, Some(Ok(_)))),
                _ => {
                    let error = last.expect("something is there").expect_err("cut");
                    assert_eq!((error.sequence(), error.name()), (Sequence(u64::from(len > 9)), "cut"));
                }
            }
        }
    }

    #[test]
    fn an_impossible_length_is_refused_before_anything_is_allocated() {
        let mut bytes = dump(&[b"first"]);
        bytes.extend_from_slice(&[0xff; 100]);
        let mut reader = DumpReader::new(bytes.as_slice());
        assert!(matches!(reader.next(), Some(Ok(_))));
        assert!(matches!(
            reader.next(),
            Some(Err(DumpError::Length { sequence: Sequence(1), length: u32::MAX }))
        ));
        assert!(reader.next().is_none());
        assert!(write_leaf(&mut Vec::new(), &vec![0; LEAF_LEN_MAX + 1]).is_err());
    }
}
