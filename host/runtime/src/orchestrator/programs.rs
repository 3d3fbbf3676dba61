//! Programs by what they are made of: those used lately stay loaded, the others are loaded again from the store.

use crate::{
    declared::ProtocolFlow,
    error::RuntimeError,
    instance::{Declared, Program},
};
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};
use valence_journal::{ComponentDigest, Writer};
use valence_sandbox::{Digest, Limits, Sandbox};

/// Programs that stay loaded.
const KEPT: usize = 64;

/// The programs of a runtime.
pub(crate) struct Programs {
    sandbox: Arc<Sandbox>,
    writer: Writer,
    /// The one used last at the end.
    loaded: Mutex<VecDeque<(Vec<ComponentDigest>, Program)>>,
}

impl Programs {
    pub(crate) fn new(sandbox: Arc<Sandbox>, writer: Writer) -> Programs {
        Programs { sandbox, writer, loaded: Mutex::default() }
    }

    /// What no flow may exceed.
    pub(crate) fn ceiling(&self) -> &Limits {
        self.sandbox.ceiling()
    }

    /// Loads a component with its drivers, and keeps its bytes as long as an instance names them.
    ///
    /// # Errors
    /// Why it is not a flow that this host runs, or cannot be kept.
    pub(crate) async fn load(
        &self,
        flow: &[u8],
        drivers: &[Vec<u8>],
        limits: &Limits,
    ) -> Result<Arc<valence_sandbox::Flow>, RuntimeError> {
        let loaded = Arc::new(self.sandbox.load(flow, drivers, limits).await?);
        self.take(loaded, flow, drivers)
    }

    /// Takes in a component that the sandbox has loaded from these bytes.
    ///
    /// # Errors
    /// Why it cannot be kept.
    pub(crate) fn take(
        &self,
        loaded: Arc<valence_sandbox::Flow>,
        flow: &[u8],
        drivers: &[Vec<u8>],
    ) -> Result<Arc<valence_sandbox::Flow>, RuntimeError> {
        let store = self.writer.store();
        store.put_component(&loaded.digest().0, flow)?;
        for driver in drivers {
            let digest = Digest::of(driver);
            // One that the flow does not import is not part of it.
            if loaded.drivers().iter().any(|used| used.digest == digest) {
                store.put_component(&digest.0, driver)?;
            }
        }
        self.keep(Program::Component(loaded.clone()));
        Ok(loaded)
    }

    /// Takes in a declared flow.
    ///
    /// # Errors
    /// Why it is not valid, or cannot be kept.
    pub(crate) fn declare(&self, flow: ProtocolFlow) -> Result<Program, RuntimeError> {
        let bytes = flow.to_bytes()?;
        let digest = Digest::of(&bytes);
        self.writer.store().put_component(&digest.0, &bytes)?;
        let descriptor = flow.descriptor();
        let program = Program::Declared(Arc::new(Declared { flow, descriptor, digest }));
        self.keep(program.clone());
        Ok(program)
    }

    fn keep(&self, program: Program) {
        let components = program.components();
        let mut loaded = self.loaded.lock();
        loaded.retain(|(known, _)| *known != components);
        loaded.push_back((components, program));
        if loaded.len() > KEPT {
            loaded.pop_front();
        }
    }

    /// The program that is made of these, the flow first.
    ///
    /// # Errors
    /// Where one of them is not kept any more, or cannot be loaded.
    pub(crate) async fn of(&self, components: &[ComponentDigest]) -> Result<Program, RuntimeError> {
        {
            let mut loaded = self.loaded.lock();
            if let Some(place) = loaded.iter().position(|(known, _)| known == components)
                && let Some(found) = loaded.remove(place)
            {
                let program = found.1.clone();
                loaded.push_back(found);
                return Ok(program);
            }
        }
        let mut bytes = Vec::new();
        for digest in components {
            let missing = || RuntimeError::NoComponent(Digest(*digest).to_string());
            bytes.push(self.writer.store().component(digest)?.ok_or_else(missing)?);
        }
        let mut bytes = bytes.into_iter();
        let flow = bytes.next().ok_or_else(|| RuntimeError::NoComponent("none".to_owned()))?;
        if ProtocolFlow::is_stored(&flow) {
            return self.declare(ProtocolFlow::from_bytes(&flow)?);
        }
        let drivers: Vec<Vec<u8>> = bytes.collect();
        // It was within the limits when it was started.
        let loaded = self.sandbox.load(&flow, &drivers, self.sandbox.ceiling()).await?;
        let program = Program::Component(Arc::new(loaded));
        self.keep(program.clone());
        Ok(program)
    }
}
