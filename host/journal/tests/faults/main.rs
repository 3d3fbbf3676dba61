//! Faults on the real file: kills, cuts, flips, full disks, read-only folders, other processes, other files. What must hold: a
//! clear error or a clean recovery; nothing acknowledged is lost by a crash or a full disk; where bytes were changed, the damage
//! is named and nothing that is not what was written is believed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    missing_docs
)]

mod child;
mod cut;
mod flip;
mod folder;
mod full;
mod kill;
mod world;
