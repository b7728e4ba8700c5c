//! The program from outside: the real binary, its exit codes, what it says, and what it leaves on disk.

mod dumps;
mod events;
mod house;
mod init;
#[path = "../support/python.rs"]
mod python;
mod refusals;
mod replay;
mod snapshot;
mod usage;
mod user;
mod verify;
