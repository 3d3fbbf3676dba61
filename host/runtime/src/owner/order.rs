//! A run as it is asked for: a flow, its inputs and bounds, and the chain that it is to stand on.

use super::{ChainDescription, OwnerError, Served};
use crate::{declared::ProtocolFlow, error::RuntimeError, inputs::Inputs};
use std::{path::PathBuf, sync::Arc};
use valence_sandbox::{Digest, Flow, Limits};

/// A flow as it is handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowSource {
    /// Components.
    Component {
        /// The flow's bytes.
        flow: Vec<u8>,
        /// Its drivers'.
        drivers: Vec<Vec<u8>>,
    },
    /// A declared flow.
    Declared {
        /// The text of its file.
        text: String,
        /// The file, for errors; its ending tells TOML from JSON.
        path: PathBuf,
    },
}

/// A run that is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// What runs.
    pub flow: FlowSource,
    /// Params and roles.
    pub inputs: Inputs,
    /// Bounds.
    pub limits: Limits,
    /// On which kept chain; none: on one of its own.
    pub chain: Option<String>,
    /// What the chain starts with, where it is new.
    pub description: ChainDescription,
}

/// Loads and keeps a flow: its id, the component, and the digests of flow and drivers.
pub(super) async fn take_in(
    served: &Served,
    flow: &FlowSource,
    limits: &Limits,
) -> Result<(String, Option<Arc<Flow>>, Vec<Digest>), OwnerError> {
    match flow {
        FlowSource::Component { flow, drivers } => {
            let loaded = served.runtime.load(flow, drivers, limits).await?;
            let drivers = loaded.drivers().iter().map(|driver| driver.digest);
            let digests = std::iter::once(loaded.digest()).chain(drivers).collect();
            Ok((loaded.descriptor().id.clone(), Some(loaded), digests))
        }
        FlowSource::Declared { text, path } => {
            let flow = ProtocolFlow::parse(text, path, &served.chain.names()).map_err(RuntimeError::from)?;
            let id = flow.id.clone();
            let digest = served.runtime.register_flow(flow)?;
            Ok((id, None, vec![digest]))
        }
    }
}
