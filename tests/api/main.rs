//! The API from outside, through the real router in memory.

mod front;
mod house;
