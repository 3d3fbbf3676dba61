//! `valence inspect`: what a component is, before it is run.

use crate::{
    args::{Inspect, Output},
    exit::Fail,
    run::limits,
    show, source,
};
use std::process::ExitCode;
use valence_runtime::{Allocation, Runtime, RuntimeConfig, RuntimeOptions, inspect as anatomy};

pub fn inspect(args: Inspect, output: Output) -> Result<ExitCode, Fail> {
    let limits = limits(&args.bounds)?;
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
