//! What is said on the socket: requests and replies, as `PROTOCOL.md` beside this file has them. One JSON object a line.

use super::{ChainDescription, Ended, FlowSource, Order, OwnerError};
use crate::{events::Event, inputs::Inputs};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};
use valence_sandbox::{Limit, Limits};

/// Bytes of a request's line.
pub(super) const LINE: usize = 1 << 20;
/// Bytes of one part.
const PART: u64 = 256 << 20;
/// Parts of a request.
const PARTS: usize = 64;

/// What a client asks for; one for each connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Start a run.
    Run {
        /// What follows behind the line.
        flow: Parts,
        /// By name.
        #[serde(default)]
        params: BTreeMap<String, String>,
        /// By name.
        #[serde(default)]
        roles: BTreeMap<String, String>,
        /// All limits that are not the defaults.
        #[serde(default)]
        limits: BTreeMap<String, u64>,
        /// The kept chain; none: a chain of its own.
        #[serde(default)]
        chain: Option<String>,
        /// What the chain starts with.
        #[serde(default)]
        description: ChainDescription,
        /// Whether the client wants its events.
        follow: bool,
    },
    /// Follow an instance.
    Follow {
        /// Which.
        instance: String,
    },
    /// End an instance for ever.
    Cancel {
        /// Which.
        instance: String,
        /// Who asks.
        by: String,
    },
    /// Stop an instance where it is.
    Pause {
        /// Which.
        instance: String,
        /// Who asks.
        by: String,
    },
    /// Have an instance go on.
    Resume {
        /// Which.
        instance: String,
        /// Limits that change.
        #[serde(default)]
        limits: BTreeMap<String, u64>,
        /// Who asks.
        by: String,
        /// Whether the client wants its events.
        follow: bool,
    },
    /// Have an instance that failed go on.
    Retry {
        /// Which.
        instance: String,
        /// A build that does not fail there.
        #[serde(default)]
        with: Option<Parts>,
        /// Who asks.
        by: String,
        /// Whether the client wants its events.
        follow: bool,
    },
    /// Give an instance another version.
    Upgrade {
        /// Which.
        instance: String,
        /// The version.
        version: Parts,
        /// Who asks.
        by: String,
    },
}

/// Bytes that follow behind a request's line, one part after the other: the flow, then its drivers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Parts {
    /// The size of each, in bytes.
    pub sizes: Vec<u64>,
    /// Where the flow is a declared one, the name of its file; its text is the only part then.
    #[serde(default)]
    pub declared: Option<PathBuf>,
}

/// What the owner answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Reply {
    /// First of all, before any request.
    Hello {
        /// The owner's version.
        version: String,
        /// Its process.
        process: u32,
    },
    /// Instead: it is about to end and takes no request.
    Closing,
    /// The instance goes on, durably.
    Started {
        /// Which.
        instance: String,
    },
    /// Something happened.
    Event {
        /// What.
        event: Box<Event>,
    },
    /// Events were lost because the client read too slowly.
    Lagged {
        /// How many.
        missed: u64,
    },
    /// The instance ended, or stopped. Nothing follows.
    Ended(Ended),
    /// It is done. Nothing follows.
    Done {
        /// To which instance.
        instance: String,
        /// Where it stands now.
        state: String,
    },
    /// It is refused. Nothing follows.
    Error {
        /// What, where, what to do.
        message: String,
        /// The exit code of a command that ends with it.
        exit_code: u8,
    },
}

impl Request {
    /// An order as a request, and the parts that follow it.
    pub fn run(order: Order, follow: bool) -> (Request, Vec<Vec<u8>>) {
        let Order { flow, inputs, limits, chain, description } = order;
        let (flow, bytes) = Parts::of(flow);
        let Inputs { params, roles } = inputs;
        let description = description.absolute();
        (Request::Run { flow, params, roles, limits: changed(&limits), chain, description, follow }, bytes)
    }

    /// The parts that follow the line.
    pub(super) fn parts(&self) -> Option<&Parts> {
        match self {
            Request::Run { flow, .. } => Some(flow),
            Request::Retry { with, .. } => with.as_ref(),
            Request::Upgrade { version, .. } => Some(version),
            _ => None,
        }
    }
}

impl Parts {
    /// A flow as parts.
    pub fn of(flow: FlowSource) -> (Parts, Vec<Vec<u8>>) {
        let (bytes, declared) = match flow {
            FlowSource::Component { flow, drivers } => (std::iter::once(flow).chain(drivers).collect(), None),
            FlowSource::Declared { text, path } => (vec![text.into_bytes()], Some(path)),
        };
        let sizes = bytes.iter().map(|part: &Vec<u8>| u64::try_from(part.len()).unwrap_or(u64::MAX)).collect();
        (Parts { sizes, declared }, bytes)
    }

    pub(super) fn check(&self) -> Result<(), OwnerError> {
        let refuse = |what: String| Err(OwnerError::Request(what));
        match self.sizes.as_slice() {
            [] => refuse("a flow has at least one part; give its size in `sizes`".to_owned()),
            sizes if sizes.len() > PARTS => {
                refuse(format!("{} parts are more than {PARTS}; give fewer drivers", sizes.len()))
            }
            sizes => match sizes.iter().find(|size| **size > PART) {
                Some(size) => refuse(format!("a part of {size} bytes is more than {PART}; build it smaller")),
                None => Ok(()),
            },
        }
    }

    pub(super) fn flow(&self, bytes: Vec<Vec<u8>>) -> Result<FlowSource, OwnerError> {
        let mut bytes = bytes.into_iter();
        let flow = bytes.next().unwrap_or_default();
        match &self.declared {
            None => Ok(FlowSource::Component { flow, drivers: bytes.collect() }),
            Some(path) => {
                let text = String::from_utf8(flow)
                    .map_err(|_| OwnerError::Request(format!("{} is not UTF-8; give a flow's file", path.display())))?;
                Ok(FlowSource::Declared { text, path: path.clone() })
            }
        }
    }
}

/// The limits that are not the defaults.
fn changed(limits: &Limits) -> BTreeMap<String, u64> {
    let changed = Limits::ALL.iter().filter(|limit| limits.get(**limit) != Limits::DEFAULT.get(**limit));
    changed.map(|limit| (limit.name().to_owned(), limits.get(*limit))).collect()
}

/// Limits by name.
pub(super) fn limits_in(changed: &BTreeMap<String, u64>) -> Result<Vec<(Limit, u64)>, OwnerError> {
    let known = |name: &String| Limits::ALL.iter().copied().find(|limit| limit.name() == name);
    let unknown = |name: &String| {
        OwnerError::Request(format!("there is no limit `{name}`; `valence run . --limit list` lists them"))
    };
    changed.iter().map(|(name, value)| Ok((known(name).ok_or_else(|| unknown(name))?, *value))).collect()
}
