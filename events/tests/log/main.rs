//! Whole logs: made, written, read again, damaged, and checked by our verifier and by one that is not ours.

mod book;
mod checkpoint;
mod clients;
mod format;
mod golden;
mod identity;
mod verify;
