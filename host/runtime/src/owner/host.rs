//! The host of a data dir: one runtime for each chain that somebody stands on, all on the same journals, engine and signer.
//! What operators ask of an instance is in `control.rs`, which chains are needed in `own_chain.rs`.

use super::{
    DataDir, OwnerError,
    control::Following,
    order::{FlowSource, Order, take_in},
    run::{Ended, Run},
};
use crate::{
    config::RuntimeConfig,
    orchestrator::{Concurrency, Recovered},
    runtime::{RunRequest, Runtime, RuntimeOptions},
    signer::ProposalSigner,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::{Mutex, oneshot};
use valence_chain::{Chain, ChainError, ChainSpec, LocalChain, Pace};
use valence_journal::{Change, Instance as Row, InstanceFilter, JournalId, Write};
use valence_sandbox::{Flow, Sandbox};

/// What a host is made from.
pub struct HostOptions {
    /// The five settings.
    pub config: RuntimeConfig,
    /// The engine of all its runtimes.
    pub sandbox: Arc<Sandbox>,
    /// How the slots of its chains move.
    pub pace: Pace,
    /// Whom proposals are offered to.
    pub signer: Option<Arc<dyn ProposalSigner>>,
    /// How many instances of one chain there may be in memory.
    pub concurrency: Concurrency,
}

/// The host of a data dir.
pub struct Host {
    pub(super) data: Arc<DataDir>,
    options: HostOptions,
    pub(super) chains: Mutex<BTreeMap<String, Arc<Served>>>,
    /// Runs that somebody handed over and that have not come to their end.
    handed: Arc<AtomicUsize>,
    closing: AtomicBool,
}

/// A chain with its runtime.
pub struct Served {
    name: String,
    /// What runs on it.
    pub runtime: Runtime,
    /// The chain.
    pub chain: Arc<LocalChain>,
}

/// What was taken up when a host started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Chains.
    pub chains: usize,
    /// Instances that wait.
    pub waiting: u64,
    /// Instances that go on at once.
    pub resumed: u64,
    /// What somebody should know, one line each.
    pub warnings: Vec<String>,
}

impl Host {
    /// A host that has opened no chain yet.
    pub fn new(data: Arc<DataDir>, options: HostOptions) -> Arc<Host> {
        Arc::new(Host {
            data,
            options,
            chains: Mutex::default(),
            handed: Arc::default(),
            closing: AtomicBool::new(false),
        })
    }

    /// The folder.
    pub fn data(&self) -> &Arc<DataDir> {
        &self.data
    }

    /// The engine.
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        &self.options.sandbox
    }

    /// Opens every chain with unfinished instances, which go on. `each` is told how many of how many chains are open.
    ///
    /// # Errors
    /// Where the store cannot be read. A chain that cannot be opened is a warning: the others go on.
    pub async fn take_up(self: &Arc<Self>, each: &mut (dyn FnMut(usize, usize) + Send)) -> Result<Taken, OwnerError> {
        let mut taken = Taken::default();
        let chains = self.unfinished()?;
        self.sweep(&chains)?;
        for (done, (name, row)) in chains.iter().enumerate() {
            each(done, chains.len());
            let opened = match self.kept(name) {
                true => self.served(name, ChainSpec::default()).await,
                false => Err(OwnerError::Request(format!(
                    "chain `{name}`: {} is gone, and instances stand on it; bring it back, or cancel them",
                    self.data.chain_file(name).display()
                ))),
            };
            let started = match opened {
                Ok(served) => self.start(&served, row).await,
                Err(error) => Err(error),
            };
            match started {
                Ok(found) => {
                    taken.chains = taken.chains.saturating_add(1);
                    taken.waiting = taken.waiting.saturating_add(found.waiting);
                    taken.resumed = taken.resumed.saturating_add(found.resumed);
                    let aside = |name| format!("instance {name} was set aside: its host died with it three times");
                    taken.warnings.extend(found.quarantined.into_iter().map(aside));
                }
                Err(error) => taken.warnings.push(error.to_string()),
            }
        }
        each(chains.len(), chains.len());
        Ok(taken)
    }

    /// Has the instances of a chain go on. One that has the chain for itself takes it along when it is over.
    async fn start(self: &Arc<Self>, served: &Arc<Served>, row: &Row) -> Result<Recovered, OwnerError> {
        let following = match DataDir::is_own_chain(&served.name) {
            true => Some(Following::of(served, row).await),
            false => None,
        };
        let recovered = served.runtime.start().await?;
        if let Some(following) = following {
            drop(self.follow_it(served.clone(), following));
        }
        Ok(recovered)
    }

    /// Whether there is such a chain.
    pub(super) fn kept(&self, name: &str) -> bool {
        self.data.chain_file(name).exists()
    }

    /// The chain of this name with its runtime, which is not started: opened, or made from the description.
    ///
    /// # Errors
    /// Why it cannot be opened; where it was started from another description.
    pub async fn served(self: &Arc<Self>, name: &str, spec: ChainSpec) -> Result<Arc<Served>, OwnerError> {
        let mut chains = self.chains.lock().await;
        if let Some(served) = chains.get(name) {
            if !spec.is_empty() && spec.digest() != served.chain.genesis_hash() {
                return Err(ChainError::Kept {
                    name: name.to_owned(),
                    reason:
                        "it was started from another chain.toml (or other account or program files): take another name"
                            .to_owned(),
                }
                .into());
            }
            return Ok(served.clone());
        }
        let chain = LocalChain::open(self.data.chains(), name, spec, self.options.pace)?;
        self.put(&mut chains, name, Arc::new(chain))
    }

    /// Takes in a chain that is open already.
    ///
    /// # Errors
    /// Where no runtime can be had for it.
    pub async fn adopt(self: &Arc<Self>, name: &str, chain: LocalChain) -> Result<Arc<Served>, OwnerError> {
        let mut chains = self.chains.lock().await;
        self.put(&mut chains, name, Arc::new(chain))
    }

    fn put(
        self: &Arc<Self>,
        chains: &mut BTreeMap<String, Arc<Served>>,
        name: &str,
        chain: Arc<LocalChain>,
    ) -> Result<Arc<Served>, OwnerError> {
        if self.closing.load(Ordering::Relaxed) {
            return Err(OwnerError::Request("the owner is about to end; try again".to_owned()));
        }
        let served = Arc::new(self.runtime_on(name, chain)?);
        chains.insert(name.to_owned(), served.clone());
        Ok(served)
    }

    /// A runtime on a chain, beside the others.
    pub(super) fn runtime_on(&self, name: &str, chain: Arc<LocalChain>) -> Result<Served, OwnerError> {
        let options = RuntimeOptions {
            names: chain.names(),
            chain: Some(chain.clone()),
            data: Some(self.data.clone()),
            home: Some(name.to_owned()),
            signer: self.options.signer.clone(),
            concurrency: self.options.concurrency,
            sandbox: Some(self.options.sandbox.clone()),
            ..RuntimeOptions::default()
        };
        let runtime = Runtime::with_options(self.options.config.clone(), options)?;
        Ok(Served { name: name.to_owned(), runtime, chain })
    }

    pub(super) async fn known(&self, name: &str) -> Option<Arc<Served>> {
        self.chains.lock().await.get(name).cloned()
    }

    /// Starts a run on the chain that it asks for.
    ///
    /// # Errors
    /// Why it cannot start. What is wrong with its inputs is told as its end.
    pub async fn run(self: &Arc<Self>, order: Order) -> Result<Run, OwnerError> {
        let number = self.data.writer().next_instance();
        let name = order.chain.clone().unwrap_or_else(DataDir::own_chain);
        let spec = order.description.load()?;
        let served = match self.served(&name, spec).await {
            Ok(served) => served,
            Err(error) => {
                self.tidy(&name, number).await;
                return Err(error);
            }
        };
        self.run_on(&served, order, number, None).await
    }

    /// Starts a run on an open chain, under a number of the writer's; `loaded` is its component, where this host's sandbox has loaded it.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub async fn run_on(
        self: &Arc<Self>,
        served: &Arc<Served>,
        order: Order,
        number: u64,
        loaded: Option<Arc<Flow>>,
    ) -> Result<Run, OwnerError> {
        let begun = self.begin(served, order, number, loaded).await;
        if begun.is_err() {
            self.tidy(&served.name, number).await;
        }
        begun
    }

    async fn begin(
        self: &Arc<Self>,
        served: &Arc<Served>,
        order: Order,
        number: u64,
        loaded: Option<Arc<Flow>>,
    ) -> Result<Run, OwnerError> {
        // Subscribed first, so that nothing is missed.
        let events = served.runtime.subscribe().await;
        served.runtime.start().await?;
        let (id, flow) = match (loaded, &order.flow) {
            (Some(loaded), FlowSource::Component { flow, drivers }) => {
                let flow = served.runtime.take(loaded, flow, drivers)?;
                (flow.descriptor().id.clone(), Some(flow))
            }
            _ => {
                let (id, flow, _) = take_in(served, &order.flow, &order.limits).await?;
                (id, flow)
            }
        };
        // What is wrong with a program's file shows only when the chain is built. That is said here, and not to the flow.
        served.chain.ready()?;
        let request = RunRequest {
            inputs: order.inputs,
            limits: Some(order.limits),
            number: Some(number),
            ..RunRequest::default()
        };
        let instance = format!("{id}-{number}");
        let (sender, end) = oneshot::channel();
        let (host, served, loaded) = (self.clone(), served.clone(), flow.clone());
        tokio::spawn(async move {
            let report = match &loaded {
                Some(flow) => served.runtime.run(flow, request).await,
                None => served.runtime.run(id.as_str(), request).await,
            };
            host.tidy(&served.name, number).await;
            // Whoever followed may have gone.
            let _ = sender.send(report.map(Ended::from));
        });
        Ok(Run::new(instance, flow, events, end))
    }

    /// Counts a run that was handed over, until what it returns is dropped.
    pub(super) fn hand(&self) -> Handed {
        self.handed.fetch_add(1, Ordering::SeqCst);
        Handed(self.handed.clone())
    }

    /// Runs that were handed over and have not come to their end.
    pub fn handed(&self) -> usize {
        self.handed.load(Ordering::SeqCst)
    }

    /// Whether nothing runs or waits for what may come, and no run that was handed over is left.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn is_idle(&self) -> Result<bool, OwnerError> {
        if self.handed() > 0 {
            return Ok(false);
        }
        for (name, served) in &*self.chains.lock().await {
            let counts = served.runtime.orchestrator().counts();
            let states = ["pending", "running"].map(str::to_owned).to_vec();
            let filter = InstanceFilter {
                states,
                chain: Some(name.clone()),
                ended: Some(false),
                limit: 1,
                ..InstanceFilter::default()
            };
            if counts.active > 0 || counts.parked > 0 || !served.runtime.orchestrator().list(&filter)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes no more chains.
    pub fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// Whether it takes no more.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Suspends everything. It goes on when a host starts in this folder again.
    pub async fn stop(&self) {
        self.close();
        let chains = std::mem::take(&mut *self.chains.lock().await);
        for served in chains.values() {
            served.runtime.stop().await;
        }
        self.count_crashes(&chains).await;
    }

    /// Instances in whose company the process before died are counted by the runtime of their chain; for those whose chain
    /// was not opened this time it is done here, for it is told only once.
    async fn count_crashes(&self, opened: &BTreeMap<String, Arc<Served>>) {
        for number in self.data.crashed() {
            let Ok(Some(row)) = self.data.writer().store().instance(*number) else { continue };
            if row.ended.is_some() || opened.contains_key(&row.chain) {
                continue;
            }
            let change = Change { crashes: Some(row.crashes.saturating_add(1)), ..Change::default() };
            let write = Write {
                journal: JournalId { instance: row.id, episode: row.episode },
                at: crate::instance::millis(),
                change: Some(Box::new(change)),
                ..Write::default()
            };
            // A count that is lost is one crash more before the instance is set aside.
            let _ = self.data.writer().write(write).await;
        }
    }
}

/// A run that was handed over, until this is dropped.
pub(super) struct Handed(Arc<AtomicUsize>);

impl Drop for Handed {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
