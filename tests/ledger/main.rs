//! The store from outside: what engines promise, what opening refuses, and what crashes leave.

mod book;
mod conformance;
mod ground;
