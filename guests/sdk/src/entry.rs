//! What `#[flow]` expands to: the component's two exports, over a function and what its arguments declare.

use crate::bindings::exports::valence::flow::flow as exported;
use crate::flow::FlowResult;
use crate::log;
use crate::params::Declaration;

pub use exported::{Context, Descriptor, Guest, Outcome};

/// What `#[flow]` knows of a flow. Implemented by its expansion only.
pub trait Definition {
    /// See the contract's descriptor.
    const ID: &'static str;
    /// For people.
    const NAME: &'static str;
    /// A semantic version.
    const VERSION: &'static str;
    /// One line.
    const DESCRIPTION: &'static str;
    /// The names of the steps.
    const STEPS: &'static [&'static str];

    /// Adds what the function's arguments need.
    fn declare(declaration: &mut Declaration);

    /// Calls the function.
    fn call(context: &Context) -> FlowResult;
}

/// The flow's descriptor.
pub fn describe<D: Definition>() -> Descriptor {
    let mut declaration = Declaration::default();
    D::declare(&mut declaration);
    Descriptor {
        id: D::ID.to_owned(),
        name: D::NAME.to_owned(),
        version: D::VERSION.to_owned(),
        description: D::DESCRIPTION.to_owned(),
        params: declaration.params,
        roles: declaration.roles,
        steps: D::STEPS.iter().map(|&step| step.to_owned()).collect(),
    }
}

/// Runs the flow.
pub fn run<D: Definition>(context: &Context) -> Result<Outcome, exported::FlowError> {
    // A panic becomes a trap, which carries no text; so the text goes to the log first.
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string().replace('\n', " ");
        log::write(log::Level::Error, &text);
    }));
    D::call(context).map_err(Into::into)
}
