//! The API from outside, through the real router in memory.

mod as_of;
mod bad_input;
mod front;
mod guessing;
mod house;
mod oauth_apps;
mod wire;
