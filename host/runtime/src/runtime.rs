//! [`Runtime`]: what a program embeds. It joins a chain, a sandbox, a store of journals and a bus of events; flows run on it.

use crate::{
    builder::TransactionBuilder,
    config::RuntimeConfig,
    declared::ProtocolFlow,
    decode::Names,
    error::RuntimeError,
    events::{Bus, Event, EventClass, EventFilter, EventKind, Events, follow},
    inputs::{self, Inputs},
    instance::{Command, Program, RunReport},
    orchestrator::{
        Active, Concurrency, HostJournal, InFlight, Orchestrator, Programs, Recovered, Replays, Start, Turns, Warm,
    },
    owner::DataDir,
    signer::ProposalSigner,
    state_monitor::StateMonitor,
    transaction::Addresses,
    watches::Watches,
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::task::JoinHandle;
use valence_chain::{Chain, ChainSpec, LocalChain, Pace};
use valence_door::Key;
use valence_journal::{Block, Instance as Row, JournalId, Writer};
use valence_sandbox::{Allocation, Digest, Flow, Limits, Sandbox, SandboxConfig};

/// What all instances of a runtime share.
pub(crate) struct Shared {
    pub config: RuntimeConfig,
    /// Apart, so that what is told when a write is done keeps nothing else alive.
    pub bus: Arc<Bus>,
    pub addresses: Addresses,
    pub chain: Arc<dyn Chain>,
    /// Under which name the chain stands in the rows of its instances.
    pub home: String,
    pub names: Names,
    pub watches: Arc<Watches>,
    pub writer: Writer,
    /// Whether journals outlive the process.
    pub persistent: bool,
    pub signer: Option<Arc<dyn ProposalSigner>>,
    pub programs: Programs,
    /// Tells the engine's code from another's.
    pub engine: String,
    pub active: Arc<Active>,
    pub turns: Arc<Turns>,
    pub warm: Arc<Warm>,
    /// The host's own journal.
    pub host: Arc<HostJournal>,
    pub replays: Replays,
    pub in_flight: InFlight,
    /// Held for its lock.
    pub _data: Option<Arc<DataDir>>,
    /// Who was in flight when the process before died.
    pub crashed: Vec<u64>,
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
    /// Where journals are kept; none: in memory, and gone with the process.
    pub data: Option<Arc<DataDir>>,
    /// Under which name the chain stands in the data dir: its instances are those of this name. None: the chain's own.
    pub home: Option<String>,
    /// Whom proposals are offered to; none: the embedded chain executes them without asking anybody.
    pub signer: Option<Arc<dyn ProposalSigner>>,
    /// How many instances there may be in memory.
    pub concurrency: Concurrency,
    /// An engine that several runtimes share; none makes one from `allocation`, `ceiling` and `cache`.
    pub sandbox: Option<Arc<Sandbox>>,
}

/// The runtime.
pub struct Runtime {
    shared: Arc<Shared>,
    sandbox: Arc<Sandbox>,
    orchestrator: Orchestrator,
    /// Addresses that inputs may name.
    named: BTreeMap<String, Key>,
    monitor: StateMonitor,
    started: AtomicBool,
    /// Declared flows by id.
    registered: Mutex<BTreeMap<String, Program>>,
    /// The pump, and who tidies the warm set.
    tasks: Mutex<Vec<JoinHandle<()>>>,
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
    /// Its number in the store, from [`Writer::next_instance`]; none: the next one.
    pub number: Option<u64>,
}

/// A loaded flow, or the id of a registered one.
pub enum Runnable<'a> {
    /// A component.
    Flow(&'a Arc<Flow>),
    /// A declared flow.
    Registered(&'a str),
}

impl<'a> From<&'a Arc<Flow>> for Runnable<'a> {
    fn from(flow: &'a Arc<Flow>) -> Self {
        Runnable::Flow(flow)
    }
}

impl<'a> From<&'a str> for Runnable<'a> {
    fn from(id: &'a str) -> Self {
        Runnable::Registered(id)
    }
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
        let sandbox = match options.sandbox {
            Some(shared) => shared,
            None => Arc::new(Sandbox::new(SandboxConfig {
                allocation: options.allocation.unwrap_or(Allocation::Pool(64)),
                ceiling: options.ceiling.unwrap_or_default(),
                cache: options.cache,
            })?),
        };
        let (writer, in_flight, crashed) = match &options.data {
            Some(data) => (data.writer().clone(), data.in_flight().clone(), data.crashed().to_vec()),
            None => (Writer::memory(), InFlight::default(), Vec::new()),
        };
        let host = match &options.data {
            Some(data) => data.host_journal().clone(),
            None => Arc::new(HostJournal::new(writer.clone())),
        };
        let active = Arc::new(Active::default());
        let Concurrency { running, warm, grace } = options.concurrency;
        let watches = Watches::new(chain.clone());
        let shared = Arc::new(Shared {
            config,
            bus: Arc::default(),
            addresses: Addresses::default(),
            home: options.home.unwrap_or_else(|| chain.name().to_owned()),
            chain,
            names: Names::new(options.names.iter().map(|(name, key)| (*key, name.clone()))),
            watches,
            programs: Programs::new(sandbox.clone(), writer.clone()),
            writer,
            persistent: options.data.is_some(),
            signer: options.signer,
            engine: sandbox.compatibility(),
            warm: Warm::new(warm, grace, active.clone()),
            active,
            turns: Turns::new(running),
            replays: Replays::default(),
            in_flight,
            crashed,
            host,
            _data: options.data,
        });
        let orchestrator = Orchestrator { shared: shared.clone() };
        // Weakly: what is woken belongs to the runtime, and not the other way round.
        let weak = Arc::downgrade(&shared);
        shared.watches.on_wake(move |instance, woken| {
            if let Some(shared) = weak.upgrade() {
                Orchestrator { shared }.woken(instance, woken);
            }
        });
        let weak = Arc::downgrade(&shared);
        shared.watches.on_trouble(move |moment, message| {
            if let Some(shared) = weak.upgrade() {
                let kind = EventKind::Warning { message };
                let (slot, time) = (moment.slot, moment.unix_time);
                shared.bus.publish(Event { instance: None, flow: None, at: None, slot, time, kind });
            }
        });
        Ok(Runtime {
            monitor: StateMonitor::new(shared.clone()),
            shared,
            sandbox,
            orchestrator,
            named: options.names.iter().map(|(name, key)| (name.clone(), (*key).into())).collect(),
            started: AtomicBool::new(false),
            registered: Mutex::default(),
            tasks: Mutex::default(),
        })
    }

    /// Starts serving, and takes up the instances that an earlier runtime left unfinished in the data dir: what there were.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn start(&self) -> Result<Recovered, RuntimeError> {
        if self.started.swap(true, Ordering::Relaxed) {
            return Ok(Recovered::default());
        }
        self.shared.bus.open();
        self.shared.active.start();
        let watches = self.shared.watches.clone();
        let warm = self.shared.warm.clone();
        let pump = tokio::spawn(watches.pump());
        let tidy = tokio::spawn(async move {
            loop {
                let again = warm.sweep();
                tokio::time::sleep(again.max(std::time::Duration::from_millis(10))).await;
            }
        });
        self.tasks.lock().extend([pump, tidy]);
        if self.shared.persistent { self.orchestrator.recover().await } else { Ok(Recovered::default()) }
    }

    /// Stops. In memory that cancels what runs; with a data dir it is suspended, and goes on when a runtime starts there
    /// again. Subscriptions end with the last event of the last of them.
    pub async fn stop(&self) {
        self.started.store(false, Ordering::Relaxed);
        let command = if self.shared.persistent { Command::Stop } else { Command::Cancel("the host".to_owned()) };
        self.monitor.stop();
        self.shared.bus.close();
        self.shared.active.stop(&command).await;
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            task.abort();
            // They hold the chain; when this returns, somebody else may have it.
            let _ = task.await;
        }
    }

    /// What happens from now on, without the host's audit log: [`Runtime::subscribe_to`] has that too.
    pub async fn subscribe(&self) -> Events {
        let classes = EventClass::ALL.into_iter().filter(|class| *class != EventClass::Audit).collect();
        self.shared.bus.subscribe(EventFilter { classes, ..EventFilter::default() })
    }

    /// What passes a filter, from now on or from a point in the past. A subscriber may have 100,000 unread; what does not fit is
    /// lost, and told as [`Lagged`](crate::Lagged). One that began in the past loses nothing that is on record.
    ///
    /// # Errors
    /// Where the past cannot be read.
    pub fn subscribe_to(&self, filter: EventFilter) -> Result<Events, RuntimeError> {
        match filter.from {
            None => Ok(self.shared.bus.subscribe(filter)),
            Some(since) => follow(&self.shared, filter, since),
        }
    }

    /// Account subscriptions.
    pub fn state_monitor(&self) -> &StateMonitor {
        &self.monitor
    }

    /// A new transaction.
    pub fn transaction_builder(&self) -> TransactionBuilder {
        TransactionBuilder::new(self.shared.chain.clone(), self.shared.config.enable_simulation)
    }

    /// Instances: their states, and what operators do to them.
    pub fn orchestrator(&self) -> &Orchestrator {
        &self.orchestrator
    }

    /// The cluster.
    pub fn chain(&self) -> &Arc<dyn Chain> {
        &self.shared.chain
    }

    /// The sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Where journals are written and read.
    pub fn writer(&self) -> &Writer {
        &self.shared.writer
    }

    /// Checks, links and compiles a flow.
    ///
    /// # Errors
    /// [`RuntimeError::Load`]: why these bytes are not a flow that this host runs.
    pub async fn load(&self, flow: &[u8], drivers: &[Vec<u8>], limits: &Limits) -> Result<Arc<Flow>, RuntimeError> {
        self.shared.programs.load(flow, drivers, limits).await
    }

    /// Takes in a flow that the sandbox of this runtime has loaded from these bytes: whoever shares a sandbox need not wait for a
    /// runtime to load with.
    ///
    /// # Errors
    /// Where its bytes cannot be kept.
    pub fn take(&self, loaded: Arc<Flow>, flow: &[u8], drivers: &[Vec<u8>]) -> Result<Arc<Flow>, RuntimeError> {
        self.shared.programs.take(loaded, flow, drivers)
    }

    /// Takes in a declared flow under its id, in place of an earlier one; its digest.
    ///
    /// # Errors
    /// [`RuntimeError::Declared`]: why it is not valid.
    pub fn register_flow(&self, flow: ProtocolFlow) -> Result<Digest, RuntimeError> {
        let id = flow.id.clone();
        let program = self.shared.programs.declare(flow)?;
        let digest = program.digest();
        self.registered.lock().insert(id, program);
        Ok(digest)
    }

    /// Runs a flow to its end.
    ///
    /// # Errors
    /// [`RuntimeError`] where it cannot start. How a started flow ends is in the report.
    pub async fn run<'a>(&self, flow: impl Into<Runnable<'a>>, request: RunRequest) -> Result<RunReport, RuntimeError> {
        let start = self.prepare(flow.into(), request)?;
        self.orchestrator.run(start).await
    }

    /// Starts an instance of a flow beside this task; its id.
    ///
    /// # Errors
    /// [`RuntimeError`] where it cannot start.
    pub async fn start_flow<'a>(
        &self,
        flow: impl Into<Runnable<'a>>,
        request: RunRequest,
    ) -> Result<String, RuntimeError> {
        let start = self.prepare(flow.into(), request)?;
        self.orchestrator.start(start)
    }

    /// Where an instance stands.
    ///
    /// # Errors
    /// Where there is none of this name.
    pub fn execution_status(&self, instance: &str) -> Result<Row, RuntimeError> {
        self.orchestrator.status(instance)
    }

    /// The entries of an instance's present episode.
    ///
    /// # Errors
    /// Where there is none of this name.
    pub fn journal(&self, instance: &str) -> Result<Vec<Block>, RuntimeError> {
        let row = self.orchestrator.status(instance)?;
        let id = JournalId { instance: row.id, episode: row.episode };
        Ok(self.shared.writer.store().entries(id, 0, u64::MAX)?)
    }

    fn prepare(&self, flow: Runnable<'_>, request: RunRequest) -> Result<Start, RuntimeError> {
        if !self.started.load(Ordering::Relaxed) {
            return Err(RuntimeError::NotStarted);
        }
        let program = match flow {
            Runnable::Flow(flow) => Program::Component(flow.clone()),
            Runnable::Registered(id) => {
                let known = self.registered.lock().get(id).cloned();
                known.ok_or_else(|| RuntimeError::NoFlow(id.to_owned()))?
            }
        };
        let limits = request.limits.unwrap_or_default();
        limits.within(self.sandbox.ceiling())?;
        let inputs = inputs::check(&request.inputs, program.descriptor(), &self.named)?;
        let mut names = self.shared.names.clone();
        for (role, key) in &inputs.roles {
            names.add_role((*key).into(), role);
        }
        Ok(Start { program, inputs, limits, names, name: request.instance, number: request.number })
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        for task in std::mem::take(&mut *self.tasks.lock()) {
            task.abort();
        }
        self.shared.active.abort();
    }
}
