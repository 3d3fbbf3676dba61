//! The sandbox: the only crate that names wasmtime. It loads a flow's component, checks it, compiles it once, and runs it
//! with every limit enforced; all that a running flow learns comes through the [`valence_door::Door`] it is given.
//!
//! | file | idea |
//! |---|---|
//! | `limits.rs` | every bound, its default, and why |
//! | `engine.rs` | what makes execution deterministic and instances cheap |
//! | `inspect.rs` | what a component is, read before anything is compiled |
//! | `link.rs` | pure drivers composed into a flow |
//! | `cache.rs` | compiled components on disk |
//! | `bindings.rs`, `convert.rs` | the WIT as Rust, and its translation to the door's nouns |
//! | `imports/` | one file for each imported interface |
//! | `wasi.rs`, `wasi/` | the deterministic, deny-all WASI for components of languages that need one |
//! | `meter.rs` | memory, tables and calls counted against the limits |
//! | `flow.rs` | a loaded flow: describe it, run it |
//! | `ending.rs` | how a guest ended, and why |
//! | `timed.rs` | the deadline |
//!
//! What answers the calls is not here: that is the runtime.

mod bindings;
mod cache;
mod convert;
mod describe;
mod ending;
mod engine;
mod error;
mod flow;
mod gauge;
mod imports;
mod inspect;
mod limits;
mod link;
mod meter;
mod timed;
mod wasi;

pub use describe::{Descriptor, Param, ParamType, Role, Value};
pub use ending::{Ending, FlowError};
pub use engine::{Allocation, Sandbox, SandboxConfig};
pub use error::LoadError;
pub use flow::{Context, Finished, Flow};
pub use gauge::Gauge;
pub use inspect::{Anatomy, inspect};
pub use limits::{Limit, LimitError, Limits};
pub use meter::CallCounts;

/// The sha2-256 digest of a component's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Digest(sha2::Sha256::digest(bytes).into())
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
