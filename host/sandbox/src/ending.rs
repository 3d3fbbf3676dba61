//! How a guest ended, and why, in one line: from its own answer, or from the error that wasmtime gives. What to do about
//! it is not decided here.

use crate::{
    limits::{Limit, Limits},
    meter::Stopped,
};
use valence_door::Stop;
use wasmtime::{PoolConcurrencyLimitError, Trap};

/// Characters of a function's name that are told.
const NAME: usize = 100;

/// How a flow judges its own bad end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// A param has a value that it cannot take.
    #[error("param `{name}`: {message}")]
    Param {
        /// Which.
        name: String,
        /// Why.
        message: String,
    },
    /// A step did not land.
    #[error("step `{name}`: {message}")]
    Step {
        /// Which.
        name: String,
        /// Why.
        message: String,
    },
    /// It cannot take the state that the episode before left.
    #[error("the state of the episode before: {message}")]
    State {
        /// Why.
        message: String,
    },
    /// Anything else.
    #[error("{message} ({code})")]
    Other {
        /// For programs.
        code: String,
        /// For people.
        message: String,
    },
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The flow is finished.
    Done(String),
    /// The episode is finished; the next one starts with this state.
    Continue(Vec<u8>),
    /// The flow says that it failed.
    Failed(FlowError),
    /// The flow panicked or did what WebAssembly forbids.
    Trapped(String),
    /// The host stopped it.
    Stopped(Stop),
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ending::Done(text) => f.write_str(text),
            Ending::Continue(state) => write!(f, "the episode ended with {} bytes of state", state.len()),
            Ending::Failed(error) => error.fmt(f),
            Ending::Trapped(what) => write!(f, "the flow trapped: {what}"),
            Ending::Stopped(stop) => stop.fmt(f),
        }
    }
}

/// What ended a guest, from the error that wasmtime gives.
pub(crate) fn why(error: &wasmtime::Error, limits: &Limits) -> Ending {
    if let Some(Stopped(stop)) = error.downcast_ref::<Stopped>() {
        return Ending::Stopped(stop.clone());
    }
    if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        let text = format!("this host has no room for another instance ({full}); try again when a flow has ended");
        return Ending::Stopped(Stop::Fault(text));
    }
    let limit = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Some(Limit::fuel),
        Some(Trap::StackOverflow) => Some(Limit::stack),
        _ => None,
    };
    // These come without a type of their own.
    let text = format!("{error:#}");
    let limit = limit.or_else(|| {
        let said = |needle: &str| text.contains(needle);
        match () {
            () if said("fuel allocated for hostcalls") => Some(Limit::call_bytes),
            () if said("instance count too high") => Some(Limit::instances),
            () if said("memory count too high") => Some(Limit::memories),
            () if said("table count too high") => Some(Limit::tables),
            () if said("store handle limit exceeded") || said("resource table has no free keys") => {
                Some(Limit::handles)
            }
            () => None,
        }
    });
    match limit {
        Some(limit) => Ending::Stopped(Stop::Limit(limits.hit(limit))),
        None => Ending::Trapped(one_line(error)),
    }
}

/// The error with all its causes: the outer ones name the interface and the function.
pub(crate) fn whole_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").lines().collect::<Vec<_>>().join(" ")
}

/// The innermost cause, then where in the guest, on one line each at most.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    let root = error.root_cause().to_string();
    let root = root.lines().next().unwrap_or_default().to_owned();
    let place = error.chain().map(ToString::to_string).find(|s| s.contains("wasm backtrace"));
    let lines = place.iter().flat_map(|s| s.lines());
    let frames: Vec<String> =
        lines.filter_map(|line| line.split_once('!')).map(|(_, name)| readable(name)).take(4).collect();
    if frames.is_empty() { root } else { format!("{root} (in {})", frames.join(" < ")) }
}

/// A function's name as its author wrote it. Compilers mangle names, and a guest may carry any.
fn readable(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    // Some linkers demangle, and leave the hash.
    let name = match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => name,
        _ => &name,
    };
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}
