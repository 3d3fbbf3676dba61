//! Why a component cannot be loaded. Each says what, where, and what to do.

use crate::limits::LimitError;
use valence_door::Stop;

/// Why a component is not a flow that this host can run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Something else entirely.
    #[error(
        "this is not WebAssembly: it does not start with `\\0asm`; give a component (.wasm) or a flow's source folder"
    )]
    NotWasm,
    /// A module.
    #[error(
        "this is a core WebAssembly module, not a component; build it with `valence build`, which makes the component"
    )]
    CoreModule,
    /// Damaged.
    #[error("the component is damaged or truncated: {0}; build or download it again")]
    Damaged(String),
    /// A feature that is off.
    #[error("the component uses what this host does not run: {0}")]
    Unsupported(String),
    /// Too much of something.
    #[error(
        "the component has {given} {unit}, more than the limit `{limit}` of {allowed}; raise it with --limit {limit}=N if you trust it"
    )]
    OverLimit {
        /// The limit's name.
        limit: &'static str,
        /// What the component has.
        given: u64,
        /// What is allowed.
        allowed: u64,
        /// Of what.
        unit: &'static str,
    },
    /// No flow inside.
    #[error(
        "the component does not export `valence:flow/flow@0.1.0`{0}; a flow is made with the valence-flow SDK, or any language, for world `valence:flow/protocol-flow`"
    )]
    NotAFlow(String),
    /// The export is there, with other functions.
    #[error(
        "the component's export `valence:flow/flow@0.1.0` is not what the contract says: {0}; rebuild it against this host's wit/flow"
    )]
    WrongExport(String),
    /// An import that nobody gives.
    #[error("the component imports `{0}`, which this host does not have{1}")]
    MissingImport(String, String),
    /// The import is known, with other functions.
    #[error("the component's imports are not what the contract says: {0}; rebuild it against this host's wit/flow")]
    WrongImport(String),
    /// A driver that does not fit.
    #[error("the driver {0} cannot be linked: {1}")]
    Driver(String, String),
    /// `describe` did not end well.
    #[error("the flow cannot describe itself: {0}")]
    Describe(String),
    /// `describe` was stopped: it reached a limit, or asked for what it has no access to.
    #[error("the flow was stopped while it described itself: {0}")]
    Stopped(Stop),
    /// The descriptor is not one.
    #[error("the flow's descriptor is not valid: {0}; mend it in the flow's source")]
    BadDescriptor(String),
    /// The limits themselves.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// The host's own trouble.
    #[error("the sandbox cannot work on this machine: {0}")]
    Host(String),
}
