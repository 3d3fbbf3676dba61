//! What an instance runs: a component, or a flow that is only declared. Both speak to the same door.

use crate::declared::ProtocolFlow;
use std::sync::Arc;
use valence_door::Door;
use valence_sandbox::{Anatomy, Context, Descriptor, Digest, Finished, Flow, Gauge, Limits};

/// A flow, ready to run.
#[derive(Clone)]
pub(crate) enum Program {
    /// A component, with its drivers.
    Component(Arc<Flow>),
    /// A declared flow.
    Declared(Arc<Declared>),
}

/// A declared flow with what is worked out from it once.
pub(crate) struct Declared {
    pub flow: ProtocolFlow,
    pub descriptor: Descriptor,
    pub digest: Digest,
}

impl Program {
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Program::Component(flow) => flow.digest(),
            Program::Declared(declared) => declared.digest,
        }
    }

    pub(crate) fn drivers(&self) -> &[Anatomy] {
        match self {
            Program::Component(flow) => flow.drivers(),
            Program::Declared(_) => &[],
        }
    }

    pub(crate) fn descriptor(&self) -> &Descriptor {
        match self {
            Program::Component(flow) => flow.descriptor(),
            Program::Declared(declared) => &declared.descriptor,
        }
    }

    /// The digests of all that it is made of, the flow's own first.
    pub(crate) fn components(&self) -> Vec<[u8; 32]> {
        std::iter::once(self.digest().0).chain(self.drivers().iter().map(|d| d.digest.0)).collect()
    }

    pub(crate) async fn attempt(
        &self,
        context: Context,
        door: Box<dyn Door>,
        limits: &Limits,
        gauge: &Gauge,
    ) -> Finished {
        match self {
            Program::Component(flow) => flow.attempt(context, door, limits, gauge).await,
            Program::Declared(declared) => declared.flow.run(context, door, limits).await,
        }
    }
}
