//! Master data: the designers' tables, compiled to one immutable set.
//!
//! A [`MasterData`] is a value without behaviour of its own but looking things up ([`lookup`]), rolling [`dice`] and rolling
//! [`drops`]. Randomness is always an argument, so a game that is replayed with the same generator meets the same rolls. What turns a
//! folder of CSV files into a set, and says what is wrong with them, is `author` behind the feature of that name; the simulation does
//! without it.

#[cfg(feature = "author")]
pub mod author;
pub mod balance;
pub mod dice;
pub mod drops;
pub mod limits;
pub mod lookup;
mod rect;
pub mod roll;
pub mod tables;

pub use balance::Balance;
pub use dice::{Dice, DiceError};
pub use tables::*;
