//! Replay: a past run once more, from its record alone. Nothing is live: no chain, no signer, no journal that is written. Every
//! reply is the recorded one, so a flow that is the same makes the same calls and comes to the same end.
//!
//! | file | idea |
//! |---|---|
//! | `door.rs` | a door with the record behind it, and nothing else |
//! | `rerun.rs` | one episode once more: which build, under which limits, and what came of it |
//! | `difference.rs` | two calls that differ, as a person compares them |

mod difference;
mod door;
mod rerun;

pub use difference::{Change, Difference};
pub use rerun::{Build, Ended, Replayed, Replayer, Verdict};
