//! The runtime: it answers what flows ask. This is the embedding API.
//!
//! | file | idea |
//! |---|---|
//! | `config.rs` | how a runtime is set up, from code or from `VALENCE_*` variables |
//! | `runtime.rs` | [`Runtime`]: start, stop, subscribe, load and run flows |
//! | `inputs.rs` | params and roles, checked against a flow's descriptor |
//! | `run_file.rs` | `run.toml`: params and roles that lie beside a flow |
//! | `instance/` | one flow instance: its door, its journal entries, its episodes |
//! | `orchestrator/` | all of them: who runs, who waits, who is woken, what operators ask for |
//! | `owner/` | the data dir that a host owns |
//! | `signer.rs` | whom proposals are offered to |
//! | `conditions.rs` | what a condition means |
//! | `reading.rs` | any number of accounts, read at once where that can be |
//! | `watches/` | who waits for what: one index, and the pump that moves virtual time when everybody waits |
//! | `transaction/` | templates → resolved instructions → measured v0 message |
//! | `declared/` | flows that are declared as steps and links instead of programmed |
//! | `builder.rs` | transactions for Rust programs, without a flow |
//! | `state_monitor.rs` | account subscriptions for Rust programs |
//! | `decode/` | instructions and balances in words that a person reads |
//! | `events.rs` | what subscribers see |
//! | `history/` | what is on record of an instance, told |
//! | `replay/` | a past run once more, from its record alone |
//! | `receipt/` | proofs of runs |
//! | `audit.rs` | who did what |
//!
//! WebAssembly is the sandbox's, clusters are the chain's, hashes are the journal's; this crate joins them.

mod audit;
mod builder;
mod conditions;
mod config;
pub mod declared;
mod decode;
mod error;
mod events;
pub mod history;
mod inputs;
mod instance;
mod orchestrator;
mod owner;
mod reading;
pub mod receipt;
pub mod replay;
mod run_file;
mod runtime;
mod signer;
mod state_monitor;
mod transaction;
#[doc(hidden)]
pub mod watches;

pub use audit::{Actor, AuditQuery, audit};
pub use builder::{Metadata, SimulationSummary, TransactionBuilder, UnsignedTransaction};
pub use config::RuntimeConfig;
pub use declared::{
    AccountTemplate, Condition, Derivation, FlowParam, FlowStep, InstructionTemplate, ProtocolFlow, ProtocolFlowError,
    RetryPolicy,
};
pub use decode::{Field, Names, ShownAccount, ShownBalance, ShownInstruction, ShownToken, units};
pub use error::{ConfigError, InputError, RuntimeError};
pub use events::{Built, Event, EventClass, EventFilter, EventKind, Events, Lagged, Position, Signer, Since, Use};
pub use inputs::{Inputs, check as check_inputs};
pub use instance::{Entry, Header, PastError, Resumed, RunReport};
pub use orchestrator::{Concurrency, Counts, HostEntry, Orchestrator, Recovered, Resume, Retry};
pub use owner::{
    ChainDescription, Client, DataDir, DataDirError, Ended, FlowSource, Host, HostOptions, OWN, Order, OwnerError,
    Parts, Reply, Request, Run, Served, Socket, Taken, Told, find_instance, limits_of,
};
pub use run_file::RunFile;
pub use runtime::{RunRequest, Runnable, Runtime, RuntimeOptions};
pub use signer::{CommandSigner, Proposal, ProposalSigner, Verdict};
pub use state_monitor::{StateMonitor, StateUpdate, SubscriptionId};

pub use solana_commitment_config::CommitmentConfig;
pub use solana_sdk;
pub use valence_chain::{Chain, ChainError, ChainSpec, LocalChain, Pace, SpecError};
pub use valence_door::{HostCall, HostReply, Level, LimitHit, Stop};
pub use valence_journal as journal;
pub use valence_sandbox::{
    Allocation, Anatomy, Descriptor, Digest, Ending, Flow, FlowError, Limit, LimitError, Limits, LoadError, Param,
    ParamType, Role, Sandbox, SandboxConfig, Value, inspect,
};
