//! Who owns the instances of a data dir, and how others ask the owner.
//!
//! | file | idea |
//! |---|---|
//! | `data_dir.rs` | the folder: its lock, its store, its register of attempts |
//! | `host.rs` | one runtime for each chain of the folder |
//! | `order.rs` | a run as it is asked for |
//! | `own_chain.rs` | chains that come and go with their instances |
//! | `control.rs` | what operators ask a host to do to an instance |
//! | `run.rs` | an instance that somebody follows |
//! | `find.rs` | an instance as a person names it |
//! | `description.rs` | how a chain is described from outside |
//! | `wire.rs` | requests and replies, as `PROTOCOL.md` has them |
//! | `socket.rs`, `client.rs` | the two ends of the socket |
//! | `error.rs` | what can go wrong |

mod client;
mod control;
mod data_dir;
mod description;
mod error;
mod find;
mod host;
mod order;
mod own_chain;
mod run;
mod socket;
mod wire;

pub use client::Client;
pub use control::limits_of;
pub use data_dir::{DataDir, DataDirError, OWN};
pub use description::ChainDescription;
pub use error::OwnerError;
pub use find::find_instance;
pub use host::{Host, HostOptions, Served, Taken};
pub use order::{FlowSource, Order};
pub use run::{Ended, Run, Told};
pub use socket::Socket;
pub use wire::{Parts, Reply, Request};
