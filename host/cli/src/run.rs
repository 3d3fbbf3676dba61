//! `valence run`.

use crate::{
    args::{Bounds, Output, Profile, Run},
    exit::{self, Fail},
    show,
    source::{self, Components},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};
use valence_runtime::{
    Allocation, ChainSpec, Inputs, Limits, LocalChain, Pace, RunFile, RunReport, RunRequest, Runtime, RuntimeConfig,
    RuntimeOptions,
};

pub fn run(args: Run, output: Output, verbose: bool) -> Result<ExitCode, Fail> {
    if args.bounds.limits.iter().any(|l| l == "list") {
        show::limits(output);
        return Ok(ExitCode::SUCCESS);
    }
    let limits = limits(&args.bounds)?;
    let config = RuntimeConfig::from_env()?;
    // A flow that is meant for another cluster must not run here as if nothing were said.
    config.check_cluster()?;
    // The chain builds itself in the background while the component is read and compiled.
    let folder = args.source.source.is_dir().then(|| args.source.source.clone());
    let spec = spec(&args, folder.as_deref())?;
    let names = spec.names();
    let chain = match &args.chain {
        None => LocalChain::new(spec, Pace::Virtual),
        Some(name) => LocalChain::open(chains(args.data_dir.as_deref())?, name, spec, Pace::Virtual)?,
    };
    // A kept chain may have been started from more than this run describes.
    let names = if args.chain.is_some() { chain.names() } else { names };
    let chain = Arc::new(chain);
    let components = source::components(&args.source)?;
    let inputs = inputs(&args, components.folder.as_deref())?;
    let options = RuntimeOptions {
        chain: Some(chain.clone()),
        names,
        allocation: Some(Allocation::OnDemand),
        ceiling: Some(limits.clone()),
        cache: valence_build::default_cache_dir().map(|dir| dir.join("compiled")),
        ..RuntimeOptions::default()
    };
    let runtime = Runtime::with_options(config, options)?;
    let executor = tokio::runtime::Builder::new_current_thread().enable_time().enable_io().build()?;
    let request = RunRequest { inputs, limits: Some(limits.clone()), ..RunRequest::default() };
    let report = executor.block_on(follow(&runtime, &chain, components, request, &limits, output, verbose))?;
    Ok(exit::of(&report))
}

/// Runs the flow and prints its events as they happen.
async fn follow(
    runtime: &Runtime,
    chain: &LocalChain,
    components: Components,
    request: RunRequest,
    limits: &Limits,
    output: Output,
    verbose: bool,
) -> Result<RunReport, Fail> {
    runtime.start().await?;
    let mut events = runtime.subscribe().await;
    let printing = async {
        while let Some(event) = events.next().await {
            show::event(event, output, verbose);
        }
    };
    let running = async {
        let running = async {
            let flow = runtime.load(&components.flow, &components.drivers, limits).await?;
            if let (Some(why), false) = (runtime.sandbox().cache_refusal(), output.is_json()) {
                show::note(why);
            }
            components.tell_unused(&flow);
            // What is wrong with a program's file shows only when the chain is built. That is said here, and not to the flow.
            chain.ready()?;
            runtime.run(&flow, request).await
        };
        let mut running = std::pin::pin!(running);
        // Stopping ends the run, whose report then says that it was cancelled.
        let report = tokio::select! {
            report = &mut running => report,
            _ = tokio::signal::ctrl_c() => {
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
fn spec(args: &Run, folder: Option<&Path>) -> Result<ChainSpec, Fail> {
    let beside = folder.map(|f| f.join("chain.toml")).filter(|f| f.exists());
    let mut spec = match args.chain_file.as_ref().or(beside.as_ref()) {
        Some(file) => ChainSpec::load(file)?,
        None => ChainSpec::default(),
    };
    let key = |text: &str, flag: &str| {
        text.parse().map_err(|_| Fail::input(format!("`{flag} {text}`: `{text}` is not an address in base58")))
    };
    for pair in args.accounts.chunks_exact(2) {
        if let [address, file] = pair {
            let address = if address == "-" { None } else { Some(key(address, "--account")?) };
            spec = spec.with_account_file(address, file)?;
        }
    }
    for pair in args.programs.chunks_exact(2) {
        if let [id, file] = pair {
            spec = spec.with_program_file(key(id, "--bpf-program")?, file)?;
        }
    }
    Ok(spec)
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

/// Where kept chains lie.
fn chains(data_dir: Option<&Path>) -> Result<PathBuf, Fail> {
    let home = || {
        let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
        base.or_else(|| std::env::home_dir().map(|h| h.join(".local/share"))).map(|b| b.join("valence"))
    };
    let dir = data_dir.map(Path::to_owned).or_else(home);
    dir.map(|d| d.join("chains"))
        .ok_or_else(|| Fail::input("there is no folder to keep chains in; give one with --data-dir DIR"))
}
