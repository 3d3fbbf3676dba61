//! [`Runtime`]: what a program embeds. It joins a chain, a sandbox and a bus of events; flows run on it.

use crate::{
    builder::TransactionBuilder,
    config::RuntimeConfig,
    decode::Names,
    error::RuntimeError,
    events::{Bus, Events},
    inputs::{self, Inputs},
    instance::{self, RunReport, Start},
    state_monitor::StateMonitor,
    transaction::Addresses,
    waiting::Timeline,
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use valence_chain::{Chain, ChainSpec, LocalChain, Pace};
use valence_door::Key;
use valence_sandbox::{Allocation, Flow, Limits, Sandbox, SandboxConfig};

/// What all instances of a runtime share.
pub(crate) struct Shared {
    pub config: RuntimeConfig,
    pub bus: Bus,
    pub addresses: Addresses,
    pub timeline: Arc<Timeline>,
}

/// What a runtime is made from, beyond the five settings.
#[derive(Default)]
pub struct RuntimeOptions {
    /// The chain; none makes an empty embedded one whose slots advance by themselves, 400 ms each.
    pub chain: Option<Arc<dyn Chain>>,
    /// Names for addresses, for display and where an input wants an address.
    pub names: BTreeMap<String, solana_sdk::pubkey::Pubkey>,
    /// How instances get their memory; none: a pool of 64 slots.
    pub allocation: Option<Allocation>,
    /// What no flow may exceed; none: the defaults.
    pub ceiling: Option<Limits>,
    /// Where compiled components are kept; none compiles every time.
    pub cache: Option<PathBuf>,
}

/// The runtime.
pub struct Runtime {
    shared: Arc<Shared>,
    chain: Arc<dyn Chain>,
    sandbox: Sandbox,
    /// Addresses that inputs may name.
    named: BTreeMap<String, Key>,
    names: Names,
    monitor: StateMonitor,
    started: AtomicBool,
    stopping: tokio::sync::watch::Sender<bool>,
    next: AtomicU64,
}

/// A run.
#[derive(Clone, Debug, Default)]
pub struct RunRequest {
    /// Params and roles.
    pub inputs: Inputs,
    /// Bounds; none: the defaults.
    pub limits: Option<Limits>,
    /// The instance's id; none: a fresh one.
    pub instance: Option<String>,
}

impl Runtime {
    /// A runtime for a cluster, with everything else as usual.
    ///
    /// # Errors
    /// [`RuntimeError`] where the configuration names no cluster that this version attaches to.
    pub async fn new(config: RuntimeConfig) -> Result<Self, RuntimeError> {
        Self::with_options(config, RuntimeOptions::default())
    }

    /// A runtime from parts.
    ///
    /// # Errors
    /// [`RuntimeError`] where the configuration names no cluster that this version attaches to, or the sandbox cannot be set up.
    pub fn with_options(config: RuntimeConfig, options: RuntimeOptions) -> Result<Self, RuntimeError> {
        let chain = match options.chain {
            Some(chain) => chain,
            None => {
                config.check_cluster()?;
                let slot = std::time::Duration::from_millis(400);
                Arc::new(LocalChain::new(ChainSpec::default(), Pace::RealTime { slot }))
            }
        };
        let sandbox = Sandbox::new(SandboxConfig {
            allocation: options.allocation.unwrap_or(Allocation::Pool(64)),
            ceiling: options.ceiling.unwrap_or_default(),
            cache: options.cache,
        })?;
        let shared = Arc::new(Shared {
            config,
            bus: Bus::default(),
            addresses: Addresses::default(),
            timeline: Arc::new(Timeline::default()),
        });
        let monitor = StateMonitor::new(chain.clone(), shared.clone());
        let (stopping, _) = tokio::sync::watch::channel(false);
        Ok(Runtime {
            shared,
            chain,
            sandbox,
            named: options.names.iter().map(|(name, key)| (name.clone(), (*key).into())).collect(),
            names: Names::new(options.names.into_iter().map(|(name, key)| (key, name))),
            monitor,
            started: AtomicBool::new(false),
            stopping,
            next: AtomicU64::new(0),
        })
    }

    /// Starts serving.
    ///
    /// # Errors
    /// None today; a cluster that cannot be reached will be one.
    pub async fn start(&self) -> Result<(), RuntimeError> {
        self.stopping.send_replace(false);
        self.shared.bus.open();
        self.started.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Stops: running flows are cancelled, subscriptions end with the last event of the last of them.
    pub async fn stop(&self) {
        self.started.store(false, Ordering::Relaxed);
        self.stopping.send_replace(true);
        self.monitor.stop();
        self.shared.bus.close();
    }

    /// What happens from now on.
    pub async fn subscribe(&self) -> Events {
        self.shared.bus.subscribe()
    }

    /// Account subscriptions.
    pub fn state_monitor(&self) -> &StateMonitor {
        &self.monitor
    }

    /// A new transaction.
    pub fn transaction_builder(&self) -> TransactionBuilder {
        TransactionBuilder::new(self.chain.clone(), self.shared.config.enable_simulation)
    }

    /// The cluster.
    pub fn chain(&self) -> &Arc<dyn Chain> {
        &self.chain
    }

    /// The sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Checks, links and compiles a flow.
    ///
    /// # Errors
    /// [`RuntimeError::Load`]: why these bytes are not a flow that this host runs.
    pub async fn load(&self, flow: &[u8], drivers: &[Vec<u8>], limits: &Limits) -> Result<Arc<Flow>, RuntimeError> {
        Ok(Arc::new(self.sandbox.load(flow, drivers, limits).await?))
    }

    /// Runs a flow to its end.
    ///
    /// # Errors
    /// [`RuntimeError`] where it cannot start. How a started flow ends is in the report.
    pub async fn run(&self, flow: &Arc<Flow>, request: RunRequest) -> Result<RunReport, RuntimeError> {
        if !self.started.load(Ordering::Relaxed) {
            return Err(RuntimeError::NotStarted);
        }
        let limits = request.limits.unwrap_or_default();
        limits.within(self.sandbox.ceiling())?;
        let inputs = inputs::check(&request.inputs, flow.descriptor(), &self.named)?;
        let mut names = self.names.clone();
        for (role, key) in &inputs.roles {
            names.add_role((*key).into(), role);
        }
        let instance = request.instance.unwrap_or_else(|| self.fresh(flow));
        let start = Start {
            shared: self.shared.clone(),
            chain: self.chain.clone(),
            flow: flow.clone(),
            instance,
            inputs,
            limits,
            names,
        };
        let _speaking = self.shared.bus.run();
        let mut stopping = self.stopping.subscribe();
        Ok(instance::run(start, async move {
            // The sender lives as long as the runtime; if it is gone, so is the reason to go on.
            let _ = stopping.wait_for(|stop| *stop).await;
        })
        .await)
    }

    /// An id that no other instance of this runtime has.
    fn fresh(&self, flow: &Flow) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", flow.descriptor().id)
    }
}
