//! Declarative flows: a [`ProtocolFlow`] is steps with conditions and links, written as Rust structs or as a file. It is run over the same
//! [`valence_door::Door`] as a component, so that journal, replay, parking and limits work without knowing that it is none.
//!
//! | file | idea |
//! |---|---|
//! | `flow.rs` | the structs: flow, step, instruction, account, retry policy |
//! | `condition.rs` | what a step waits for |
//! | `term.rs` | values that are known only when a run begins: addresses, quantities, data |
//! | `written.rs`, `written/` | how terms, bytes, durations and params are written in a file |
//! | `file.rs` | `flow.toml` and `flow.json`: the schema, and from it a checked flow |
//! | `stored.rs` | canonical bytes and their digest, so that it is stored and named like a component |
//! | `check.rs`, `graph.rs` | what is refused on load: in a single step, and in the links between steps |
//! | `fault.rs` | where in a flow a fault lies, and how it is said |
//! | `line.rs` | lines for people, with params in them |
//! | `bind.rs` | terms with a run's params and roles become the door's nouns |
//! | `interpret.rs` | what a flow means: wait, emit, follow the link |
//!
//! # Embedding
//! ```text
//! let flow = ProtocolFlow::load("flow.toml", &names)?;       // or the structs
//! let digest = runtime.register_flow(flow)?;                 // checked, and its bytes kept by their digest
//! let instance = runtime.start_flow("id", request).await?;   // params and roles, checked against flow.descriptor()
//! let status = runtime.execution_status(&instance)?;
//! ```

mod bind;
mod check;
mod condition;
mod fault;
mod file;
mod flow;
mod graph;
mod interpret;
mod line;
mod stored;
mod term;
mod written;

pub use condition::Condition;
pub use fault::ProtocolFlowError;
pub use flow::{AccountTemplate, Derivation, FlowParam, FlowStep, InstructionTemplate, ProtocolFlow, RetryPolicy};
pub use term::{Address, Data, Field, Flag, Quantity, Seat, Text};

#[cfg(test)]
mod tests;
