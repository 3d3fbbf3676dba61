//! `valence inspect`: what a flow is, before it is run.

use crate::{
    args::{Inspect, Output},
    exit::Fail,
    run::limits,
    show, source,
};
use std::{path::Path, process::ExitCode};
use valence_runtime::{
    Allocation, ChainSpec, Digest, ProtocolFlow, Runtime, RuntimeConfig, RuntimeError, RuntimeOptions,
    inspect as anatomy,
};

pub fn inspect(args: Inspect, output: Output) -> Result<ExitCode, Fail> {
    let limits = limits(&args.bounds)?;
    if let Some(file) = source::declared(&args.source.source) {
        return declared(&file, output);
    }
    let components = source::components(&args.source)?;
    let seen = anatomy(&components.flow, &limits)?;
    let options = RuntimeOptions {
        allocation: Some(Allocation::OnDemand),
        ceiling: Some(limits.clone()),
        cache: valence_build::default_cache_dir().map(|dir| dir.join("compiled")),
        ..RuntimeOptions::default()
    };
    let executor = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let loaded = executor.block_on(async {
        let runtime = Runtime::with_options(RuntimeConfig::default(), options)?;
        runtime.load(&components.flow, &components.drivers, &limits).await
    });
    show::anatomy(&seen, loaded.as_ref().map(AsRef::as_ref), output);
    Ok(ExitCode::from(match loaded {
        Ok(flow) => {
            components.tell_unused(&flow);
            0
        }
        Err(error) => Fail::from(error).code,
    }))
}

/// A declared flow, with the names that the chain.toml beside it gives.
fn declared(file: &Path, output: Output) -> Result<ExitCode, Fail> {
    let beside = source::folder(file).map(|folder| folder.join("chain.toml")).filter(|chain| chain.exists());
    let names = match beside {
        Some(chain) => ChainSpec::load(chain)?.names(),
        None => ChainSpec::default().names(),
    };
    let flow = ProtocolFlow::load(file, &names).map_err(RuntimeError::from)?;
    let bytes = flow.to_bytes().map_err(RuntimeError::from)?;
    show::declared(&flow, &Digest::of(&bytes).to_string(), bytes.len(), output);
    Ok(ExitCode::SUCCESS)
}
