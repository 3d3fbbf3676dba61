//! `valence run`: in a data dir, by its owner or as its owner, or in memory only.

use crate::{
    args::{Bounds, Output, Profile, Run},
    control::serve_beside,
    exit::{self, Fail},
    follow::{self, Say},
    seat::{self, Seat},
    serve, show,
    source::{self, Given},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread::{self, JoinHandle},
};
use valence_runtime::{
    Allocation, ChainDescription, ChainError, ChainSpec, DataDir, DataDirError, Flow, FlowSource, Inputs, Limits,
    LocalChain, OWN, Order, Pace, ProtocolFlow, Request, RunFile, RunReport, RunRequest, Runtime, RuntimeConfig,
    RuntimeError, RuntimeOptions, Sandbox,
};

pub fn run(args: Run, output: Output, verbose: bool) -> Result<ExitCode, Fail> {
    if args.bounds.limits.iter().any(|l| l == "list") {
        show::limits(output);
        return Ok(ExitCode::SUCCESS);
    }
    let say = Say { output, verbose };
    let limits = limits(&args.bounds)?;
    let config = RuntimeConfig::from_env()?;
    // A flow that is meant for another cluster must not run here as if nothing were said.
    config.check_cluster()?;
    let folder = source::folder(&args.source.source);
    let description = description(&args, folder.as_deref())?;
    let spec = description.load()?;
    if args.ephemeral {
        return in_memory(&args, config, &limits, spec, say);
    }
    if let Some(name) = args.chain.as_ref().filter(|name| name.starts_with(OWN)) {
        return Err(Fail::input(format!(
            "`--chain {name}`: names that begin with `{OWN}` are those of single instances; take another name"
        )));
    }
    let dir = args.home.path()?;
    if args.detach {
        let given = source::given(&args.source)?;
        let inputs = inputs(&args, given.folder.as_deref())?;
        let order = Order { flow: given.flow, inputs, limits, chain: args.chain.clone(), description };
        return detach(&args, &dir, order, say);
    }
    let signer = args.signing.signer()?;
    // Data dir and chain are opened beside, while the component is read and loaded.
    DataDir::make(&dir)?;
    let opening = Opening::begin(&dir, args.chain.clone(), spec);
    let prepared = prepare(&args, &limits);
    let opened = opening.end();
    let (given, inputs, sandbox, loaded) = prepared?;
    let order = |flow: FlowSource| Order { flow, inputs, limits, chain: args.chain.clone(), description };
    let executor = seat::executor()?;
    let mut opened = match opened {
        Ok(opened) => opened,
        Err(Refused::Owned) => return executor.block_on(hand_over(&args, &dir, order(given.flow), say)),
        Err(Refused::Fail(error)) => return Err(error),
    };
    executor.block_on(async {
        let host = seat::host(opened.data.clone(), sandbox, Pace::Virtual, signer)?;
        let Some(chain) = opened.chain.take() else { return Err(Fail::input("the chain is not open")) };
        let served = host.adopt(&opened.name, chain).await?;
        let mut order = order(given.flow.clone());
        order.description = ChainDescription::default();
        // The socket after the flow: nobody waits for it.
        let run = match host.run_on(&served, order, opened.number, loaded).await {
            Ok(run) => run,
            Err(error) => {
                host.stop().await;
                return Err(error.into());
            }
        };
        drop(served);
        let socket = serve_beside(&host);
        if let Some(flow) = &run.flow {
            if let (Some(why), false) = (host.sandbox().cache_refusal(), output.is_json()) {
                show::note(why);
            }
            given.tell_unused(flow);
        }
        follow::here(host, socket, run, say).await
    })
}

/// The flow, its inputs, the engine, and the component that it has loaded.
type Prepared = (Given, Inputs, Arc<Sandbox>, Option<Arc<Flow>>);

fn prepare(args: &Run, limits: &Limits) -> Result<Prepared, Fail> {
    let given = source::given(&args.source)?;
    let inputs = inputs(args, given.folder.as_deref())?;
    let sandbox = seat::sandbox(limits.stack)?;
    let loaded = match &given.flow {
        FlowSource::Component { flow, drivers } => {
            Some(Arc::new(seat::executor()?.block_on(sandbox.load(flow, drivers, limits))?))
        }
        FlowSource::Declared { .. } => None,
    };
    Ok((given, inputs, sandbox, loaded))
}

/// A data dir and a chain that are being opened.
struct Opening {
    dir: PathBuf,
    name: String,
    data: JoinHandle<Result<DataDir, DataDirError>>,
    chain: JoinHandle<Result<LocalChain, ChainError>>,
}

/// A data dir that is ours, and the chain of the run that is about to begin.
struct Opened {
    data: Arc<DataDir>,
    /// Until the host has it.
    chain: Option<LocalChain>,
    name: String,
    /// The instance's.
    number: u64,
}

/// Why it is not.
enum Refused {
    /// Somebody else has it.
    Owned,
    Fail(Fail),
}

impl Opening {
    fn begin(dir: &Path, chain: Option<String>, spec: ChainSpec) -> Opening {
        let name = chain.unwrap_or_else(DataDir::own_chain);
        let (at, called) = (dir.to_owned(), name.clone());
        let data = thread::spawn(move || DataDir::open(&at));
        let chains = dir.join("chains");
        // It has a lock of its own, so it can be opened before it is known whose the folder is.
        let chain = thread::spawn(move || LocalChain::open(chains, &called, spec, Pace::Virtual));
        Opening { dir: dir.to_owned(), name, data, chain }
    }

    fn end(self) -> Result<Opened, Refused> {
        let Opening { dir, name, data, chain } = self;
        let died = || Fail::input("the data dir could not be opened");
        let (data, chain) = (data.join().map_err(|_| died()), chain.join().map_err(|_| died()));
        let result = match (data, chain) {
            (Ok(Ok(data)), Ok(Ok(chain))) => {
                let number = data.writer().next_instance();
                return Ok(Opened { data: Arc::new(data), chain: Some(chain), name, number });
            }
            (Ok(Err(DataDirError::Owned { .. })), _) => Refused::Owned,
            (Ok(Err(error)), _) => Refused::Fail(error.into()),
            (Err(error), _) | (_, Err(error)) => Refused::Fail(error),
            (_, Ok(Err(error))) => Refused::Fail(error.into()),
        };
        if DataDir::is_own_chain(&name) {
            DataDir::remove_chain(&dir, &name);
        }
        Err(result)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // No host has it, so no instance stands on it.
        if let (Some(chain), true) = (self.chain.take(), DataDir::is_own_chain(&self.name)) {
            drop(chain);
            DataDir::remove_chain(self.data.path(), &self.name);
        }
    }
}

/// Somebody else owns the data dir: the run is handed over, and followed.
async fn hand_over(args: &Run, dir: &Path, order: Order, say: Say) -> Result<ExitCode, Fail> {
    let mut client = match seat::take(dir).await? {
        Seat::Theirs(client) => client,
        Seat::Mine(data) => {
            // Its owner has ended meanwhile.
            let sandbox = seat::sandbox(order.limits.stack)?;
            let host = seat::host(data, sandbox, Pace::Virtual, args.signing.signer()?)?;
            let run = host.run(order).await?;
            let socket = serve_beside(&host);
            return follow::here(host, socket, run, say).await;
        }
    };
    args.signing.not_here(client.process)?;
    let (request, parts) = Request::run(order, true);
    seat::ask(&mut client, &request, &parts).await?;
    follow::there(client, say).await
}

/// Leaves the run to an owner in the background.
fn detach(args: &Run, dir: &Path, order: Order, say: Say) -> Result<ExitCode, Fail> {
    seat::executor()?.block_on(async {
        let mut client = serve::owner(dir, args.pace.as_deref(), &args.signing).await?;
        let (request, parts) = Request::run(order, false);
        seat::ask(&mut client, &request, &parts).await?;
        show::detached(&follow::started(client).await?, say.output);
        Ok(ExitCode::SUCCESS)
    })
}

/// A run that leaves nothing behind.
fn in_memory(args: &Run, config: RuntimeConfig, limits: &Limits, spec: ChainSpec, say: Say) -> Result<ExitCode, Fail> {
    // The chain builds itself in the background while the component is read and compiled.
    let names = spec.names();
    let chain = Arc::new(LocalChain::new(spec, Pace::Virtual));
    let given = source::given(&args.source)?;
    let inputs = inputs(args, given.folder.as_deref())?;
    let options = RuntimeOptions {
        chain: Some(chain.clone()),
        names,
        allocation: Some(Allocation::OnDemand),
        ceiling: Some(limits.clone()),
        cache: crate::record::compiled(),
        signer: args.signing.signer()?,
        ..RuntimeOptions::default()
    };
    let runtime = Runtime::with_options(config, options)?;
    let request = RunRequest { inputs, limits: Some(limits.clone()), ..RunRequest::default() };
    let report = seat::executor()?.block_on(follow_in_memory(&runtime, &chain, &given, request, limits, say))?;
    Ok(ExitCode::from(exit::of_outcome(report.outcome())))
}

/// Runs the flow and prints its events as they happen.
async fn follow_in_memory(
    runtime: &Runtime,
    chain: &LocalChain,
    given: &Given,
    request: RunRequest,
    limits: &Limits,
    say: Say,
) -> Result<RunReport, Fail> {
    runtime.start().await?;
    let mut events = runtime.subscribe().await;
    let printing = async {
        while let Some(event) = events.next().await {
            show::event(event, say.output, say.verbose);
        }
    };
    let running = async {
        let running = async {
            match &given.flow {
                FlowSource::Component { flow, drivers } => {
                    let flow = runtime.load(flow, drivers, limits).await?;
                    if let (Some(why), false) = (runtime.sandbox().cache_refusal(), say.output.is_json()) {
                        show::note(why);
                    }
                    given.tell_unused(&flow);
                    // What is wrong with a program's file shows only when the chain is built. That is said here, and not to the flow.
                    chain.ready()?;
                    runtime.run(&flow, request).await
                }
                FlowSource::Declared { text, path } => {
                    let flow = ProtocolFlow::parse(text, path, &chain.names()).map_err(RuntimeError::from)?;
                    let id = flow.id.clone();
                    runtime.register_flow(flow)?;
                    chain.ready()?;
                    runtime.run(id.as_str(), request).await
                }
            }
        };
        let mut running = std::pin::pin!(running);
        // Stopping ends the run, whose report then says that it was cancelled.
        let report = tokio::select! {
            report = &mut running => report,
            () = seat::told_to_end() => {
                runtime.stop().await;
                running.await
            }
        };
        runtime.stop().await;
        report
    };
    let (report, ()) = tokio::join!(running, printing);
    Ok(report?)
}

/// Limits as the flags say.
pub fn limits(bounds: &Bounds) -> Result<Limits, Fail> {
    let mut limits = match bounds.profile {
        Profile::Default => Limits::DEFAULT,
        Profile::Icn => Limits::ICN,
    };
    for pair in &bounds.limits {
        let (name, value) = pair_of(pair, "--limit", "NAME=N")?;
        limits.apply(name, value)?;
    }
    limits.check()?;
    Ok(limits)
}

fn pair_of<'a>(text: &'a str, flag: &str, shape: &str) -> Result<(&'a str, &'a str), Fail> {
    text.split_once('=').ok_or_else(|| Fail::input(format!("`{flag} {text}` is not {shape}")))
}

/// What the chain starts with: the folder's chain.toml, then the flags.
fn description(args: &Run, folder: Option<&Path>) -> Result<ChainDescription, Fail> {
    let beside = folder.map(|f| f.join("chain.toml")).filter(|f| f.exists());
    let mut description = ChainDescription { file: args.chain_file.clone().or(beside), ..ChainDescription::default() };
    let check = |text: &str, flag: &str| match text.parse::<valence_runtime::solana_sdk::pubkey::Pubkey>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Fail::input(format!("`{flag} {text}`: `{text}` is not an address in base58"))),
    };
    for pair in args.accounts.chunks_exact(2) {
        if let [address, file] = pair {
            let address = if address == "-" { None } else { Some(check(address, "--account")?) };
            description.accounts.push((address, PathBuf::from(file)));
        }
    }
    for pair in args.programs.chunks_exact(2) {
        if let [id, file] = pair {
            description.programs.push((check(id, "--bpf-program")?, PathBuf::from(file)));
        }
    }
    Ok(description)
}

/// Params and roles: the file, then the flags.
fn inputs(args: &Run, folder: Option<&Path>) -> Result<Inputs, Fail> {
    let beside = folder.map(|f| f.join("run.toml")).filter(|f| f.exists());
    let mut inputs = match args.run_file.as_ref().or(beside.as_ref()) {
        Some(file) => RunFile::load(file)?.inputs,
        None => Inputs::default(),
    };
    let mut given = std::collections::BTreeSet::new();
    for (kind, flag, shape, pairs) in
        [("param", "--param", "NAME=VALUE", &args.params), ("role", "--role", "NAME=PUBKEY", &args.roles)]
    {
        for text in pairs {
            let (name, value) = pair_of(text, flag, shape)?;
            if !given.insert((kind, name)) {
                return Err(valence_runtime::InputError::Twice { kind, name: name.to_owned() }.into());
            }
            let into = if kind == "param" { &mut inputs.params } else { &mut inputs.roles };
            into.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(inputs)
}
