//! One running flow.
//!
//! | file | idea |
//! |---|---|
//! | `entry.rs` | what its journal holds |
//! | `door.rs` | its door: every call answered, recorded and counted |
//! | `emit.rs` | the one call with an effect: a step from templates to its outcome |
//! | `reply.rs` | what the chain says, as the door says it |
//! | `run.rs` | its life: header, episodes, end |

mod door;
mod emit;
mod entry;
mod reply;
mod run;

pub use entry::{Entry, Header};
pub use run::RunReport;
pub(crate) use run::{Start, run};
