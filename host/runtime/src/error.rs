//! What can go wrong for whoever embeds or operates the runtime. What goes wrong for a flow is in `valence-door`.

use valence_chain::ChainError;
use valence_sandbox::{LimitError, LoadError};

/// Why a runtime or a run did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// Its configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its cluster.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A component.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Limits.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// Params or roles.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Where journals are kept.
    #[error(transparent)]
    Store(#[from] valence_journal::StoreError),
    /// A journal.
    #[error(transparent)]
    Journal(#[from] valence_journal::JournalError),
    /// A record.
    #[error(transparent)]
    Past(#[from] crate::instance::PastError),
    /// A declared flow.
    #[error(transparent)]
    Declared(#[from] crate::declared::ProtocolFlowError),
    /// No such instance.
    #[error("there is no instance `{0}`; `valence ps --all` lists them")]
    NoInstance(String),
    /// The name is in use.
    #[error("there is an instance `{0}` already; choose another name")]
    NameTaken(String),
    /// It stands elsewhere.
    #[error("instance `{0}` {1}")]
    State(String, String),
    /// Its journal is not what was written.
    #[error(
        "the journal of `{0}` is damaged: {1}; `valence history {0}` shows what is whole, `valence cancel {0}` ends it"
    )]
    Damaged(String, String),
    /// A component that is gone.
    #[error("the component {0} is not kept any more; load it again")]
    NoComponent(String),
    /// The runtime stopped first.
    #[error("the runtime stopped before instance `{0}` came to its end; it goes on when it is started again")]
    Gone(String),
    /// Not registered.
    #[error("there is no flow `{0}`; register it first")]
    NoFlow(String),
    /// Not running.
    #[error("the runtime is not started; call Runtime::start first")]
    NotStarted,
    /// Not buildable.
    #[error("the transaction cannot be built: {0}")]
    Build(#[from] valence_door::BuildError),
    /// Nobody pays.
    #[error("the transaction has no fee payer: none of its instructions has a signer; call with_fee_payer")]
    NoFeePayer,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A variable that does not parse.
    #[error("{name}=`{value}` is not {expected}")]
    BadVariable {
        /// Which.
        name: &'static str,
        /// As found.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// A cluster that this version does not attach to.
    #[error("`{0}` is not a cluster that this version attaches to; use `local` (or none) for the embedded chain")]
    UnknownCluster(String),
}

/// Why params or roles were refused.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InputError {
    /// Needed and not given.
    #[error("param `{name}` is missing: {help}; give it with --param {name}=VALUE ({expected})")]
    MissingParam {
        /// Which.
        name: String,
        /// The flow's help.
        help: String,
        /// Its type.
        expected: String,
    },
    /// Given and not known.
    #[error("the flow has no param `{name}`; {known}")]
    UnknownParam {
        /// Which.
        name: String,
        /// What there is.
        known: String,
    },
    /// Of another type, or out of range.
    #[error("param `{name}` cannot be `{value}`: it takes {expected}")]
    BadParam {
        /// Which.
        name: String,
        /// As given.
        value: String,
        /// Its type.
        expected: String,
    },
    /// Not bound.
    #[error("role `{name}` is not bound: {help}; bind it with --role {name}=PUBKEY")]
    UnboundRole {
        /// Which.
        name: String,
        /// The flow's help.
        help: String,
    },
    /// Bound and not known.
    #[error("the flow has no role `{name}`; {known}")]
    UnknownRole {
        /// Which.
        name: String,
        /// What there is.
        known: String,
    },
    /// Not an address.
    #[error("role `{name}` cannot be `{value}`: it takes an address in base58 or a name from chain.toml")]
    BadRole {
        /// Which.
        name: String,
        /// As given.
        value: String,
    },
    /// Twice.
    #[error("{kind} `{name}` is given twice; give it once")]
    Twice {
        /// Param or role.
        kind: &'static str,
        /// Which.
        name: String,
    },
    /// The run file.
    #[error("{place}: {what}")]
    RunFile {
        /// File, and line where known.
        place: String,
        /// What is wrong, and what to do.
        what: String,
    },
}
