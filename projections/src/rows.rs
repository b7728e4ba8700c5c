//! Rows as bytes: what the state digest hashes, and what a snapshot holds. One form for both, so that a snapshot's bytes are
//! proven by the digest alone. The only file of this crate that names bincode.

use std::io::{self, Read, Write};

use bincode::{
    config::{self, Configuration, Fixint, Limit, LittleEndian},
    error::DecodeError,
};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::table::Table;

/// The longest row that is read. The largest that a command can leave is far shorter; a length that lies must not make us
/// take memory for it.
const ROW_BYTES_MAX: usize = 16 << 20;
/// How much is read at once.
const BLOCK_BYTES: usize = 1 << 20;

const fn codec() -> Configuration<LittleEndian, Fixint, Limit<ROW_BYTES_MAX>> {
    config::legacy().with_limit::<ROW_BYTES_MAX>()
}

/// Why bytes are no rows of this version's tables.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RowsError {
    /// The source failed.
    #[error("it can't be read: {0}")]
    Io(io::ErrorKind),
    /// It ends before its last table does.
    #[error("it ends inside the table {table}")]
    Cut {
        /// Which.
        table: &'static str,
    },
    /// Another table stands where this one should.
    #[error("the table {table} is not where it should be")]
    Table {
        /// The one that should.
        table: &'static str,
    },
    /// A row is not what its table holds.
    #[error("a row of the table {table} is damaged")]
    Row {
        /// Which.
        table: &'static str,
    },
    /// The keys of a table don't rise.
    #[error("the rows of the table {table} are not in the order of their keys")]
    Order {
        /// Which.
        table: &'static str,
    },
    /// Something follows the last table.
    #[error("something follows its last table")]
    Trailing,
}

/// Writes tables: name (u64 length ‖ bytes) ‖ row count u64 ‖ rows in key order, each in the codec of event bodies.
pub(crate) struct RowWriter<'a> {
    out: &'a mut dyn Write,
    row: Vec<u8>,
}

impl<'a> RowWriter<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, row: Vec::new() }
    }

    pub(crate) fn table<K: Ord + Clone + Serialize, V: Serialize>(
        &mut self,
        name: &str,
        table: &Table<'_, K, V>,
    ) -> io::Result<()> {
        self.length(name.len())?;
        self.out.write_all(name.as_bytes())?;
        self.length(table.all().count())?;
        for entry in table.all() {
            self.row.clear();
            bincode::serde::encode_into_std_write(entry, &mut self.row, codec())
                .expect("rows are plain structs, which the codec always writes to memory");
            self.out.write_all(&self.row)?;
        }
        Ok(())
    }

    fn length(&mut self, length: usize) -> io::Result<()> {
        self.out.write_all(&(length as u64).to_le_bytes())
    }
}

/// Reads what a [`RowWriter`] wrote. Nothing of it is believed before it was checked, for it comes from a file.
pub(crate) struct RowReader<'a> {
    input: &'a mut dyn Read,
    block: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<'a> RowReader<'a> {
    pub(crate) fn new(input: &'a mut dyn Read) -> Self {
        Self { input, block: Vec::new(), at: 0, ended: false }
    }

    pub(crate) fn table<K: Ord + Clone + DeserializeOwned, V: DeserializeOwned>(
        &mut self,
        table: &'static str,
    ) -> Result<Table<'static, K, V>, RowsError> {
        let length: u64 = self.value(table)?;
        if length != table.len() as u64 || self.take(table.len(), table)? != table.as_bytes() {
            return Err(RowsError::Table { table });
        }
        let count: u64 = self.value(table)?;
        // The count may lie: room is made as rows come.
        let mut rows: Vec<(K, V)> = Vec::new();
        for _ in 0..count {
            let row: (K, V) = self.value(table)?;
            if rows.last().is_some_and(|(before, _)| *before >= row.0) {
                return Err(RowsError::Order { table });
            }
            rows.push(row);
        }
        Ok(Table::of_rows(rows))
    }

    /// Nothing follows.
    pub(crate) fn finish(mut self) -> Result<(), RowsError> {
        if self.at == self.block.len() {
            self.fill()?;
        }
        if self.at == self.block.len() { Ok(()) } else { Err(RowsError::Trailing) }
    }

    fn value<T: DeserializeOwned>(&mut self, table: &'static str) -> Result<T, RowsError> {
        loop {
            match bincode::serde::decode_from_slice(&self.block[self.at..], codec()) {
                Ok((value, length)) => {
                    self.at += length;
                    return Ok(value);
                }
                Err(DecodeError::UnexpectedEnd { .. }) if !self.ended => self.fill()?,
                Err(DecodeError::UnexpectedEnd { .. }) => return Err(RowsError::Cut { table }),
                Err(_) => return Err(RowsError::Row { table }),
            }
        }
    }

    fn take(&mut self, length: usize, table: &'static str) -> Result<&[u8], RowsError> {
        while self.block.len() - self.at < length {
            if self.ended {
                return Err(RowsError::Cut { table });
            }
            self.fill()?;
        }
        self.at += length;
        Ok(&self.block[self.at - length..self.at])
    }

    /// Reads one block more behind what is still to be looked at.
    fn fill(&mut self) -> Result<(), RowsError> {
        self.block.drain(..self.at);
        self.at = 0;
        let before = self.block.len();
        let mut more = (&mut *self.input).take(BLOCK_BYTES as u64);
        more.read_to_end(&mut self.block).map_err(|error| RowsError::Io(error.kind()))?;
        self.ended = self.block.len() == before;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: &[(u64, String)]) -> Vec<u8> {
        let mut table = Table::default();
        for (key, row) in rows {
            table.put(*key, row.clone());
        }
        let mut bytes = Vec::new();
        RowWriter::new(&mut bytes).table("T.rows", &table).expect("memory takes it");
        bytes
    }

    fn read(mut bytes: &[u8]) -> Result<Vec<(u64, String)>, RowsError> {
        let mut rows = RowReader::new(&mut bytes);
        let table: Table<'static, u64, String> = rows.table("T.rows")?;
        rows.finish()?;
        Ok(table.all().map(|(key, row)| (*key, row.clone())).collect())
    }

    #[test]
    fn what_is_written_is_read_across_blocks() {
        let long = "x".repeat(BLOCK_BYTES / 2 + 7);
        let rows: Vec<(u64, String)> = (0..9).map(|key| (key, long.clone())).collect();
        assert_eq!(read(&written(&rows)), Ok(rows));
        assert_eq!(read(&written(&[])), Ok(Vec::new()));
    }

    #[test]
    fn every_cut_is_refused_and_so_is_what_follows() {
        let bytes = written(&[(1, "one".to_owned()), (2, "two".to_owned())]);
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length} bytes");
        }
        assert_eq!(read(&[bytes, vec![0]].concat()), Err(RowsError::Trailing));
    }

    #[test]
    fn lengths_that_lie_are_refused_without_allocating_for_them() {
        let bytes = written(&[(1, "one".to_owned())]);
        let (count, text) = (8 + "T.rows".len(), 8 + "T.rows".len() + 8 + 8);
        for claimed in [4, 60_001, u64::from(u32::MAX), u64::MAX - 7, u64::MAX] {
            for place in [0, count, text] {
                let mut lying = bytes.clone();
                lying[place..place + 8].copy_from_slice(&claimed.to_le_bytes());
                assert!(read(&lying).is_err(), "{claimed} at {place}");
            }
        }
    }

    #[test]
    fn keys_that_do_not_rise_are_refused() {
        let bytes = written(&[(1, "a".to_owned()), (2, "b".to_owned())]);
        let rows = 8 + "T.rows".len() + 8;
        let mut twice = bytes;
        twice[rows + 17] = 1;
        assert_eq!(read(&twice), Err(RowsError::Order { table: "T.rows" }));
    }
}
