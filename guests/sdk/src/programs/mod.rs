//! Instruction templates, one file per program: the accounts exactly as the program wants them, and its data.
//!
//! `tests/templates.rs` compares them with the programs' own interface crates.
//!
//! The compute budget is not here: the host measures and sets it.

pub mod associated_token;
pub mod memo;
pub mod stake;
pub mod system;
pub mod sysvar;
pub mod token;
pub mod token_2022;
