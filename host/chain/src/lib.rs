//! What a cluster is: [`Chain`], and the chains behind it. [`LocalChain`] is the embedded one; an RPC chain sits beside it.
//! Accounts, reports, updates and errors that every chain speaks live here. Policy, building transactions and waiting on
//! conditions do not: they are the runtime's.

mod account;
mod chain;
mod error;
mod failure;
mod local;
mod report;
mod spec;
pub mod token;
mod updates;

pub use account::{Account, Data, Slice};
pub use chain::{Advance, Chain, Filter, Found, LatestBlockhash, MAX_INTENT, Moment, ProgramQuery, Snapshot, Until};
pub use error::{ChainError, SpecError};
pub use failure::TxFailure;
pub use local::{LocalChain, Pace};
pub use report::{BalanceChange, Execution, InnerInstruction, ReturnData, Simulation, TokenChange, TxReport};
pub use spec::{ChainSpec, derived_address};
pub use updates::{Changes, Feed, Update, Updates, UpdatesError, Watched};
