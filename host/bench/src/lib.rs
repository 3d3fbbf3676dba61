//! What the benches share: the flow that they run, the world that it runs in, and the bare floor below the sandbox. The
//! figures themselves are in `benches/`; `cargo bench` prints each beside its floor of the same run.

mod bare;

pub use bare::Bare;

use anyhow::{Context, Result};
use solana_sdk::{account::Account, pubkey::Pubkey};
use std::{path::Path, sync::Arc};
use valence_chain::{ChainSpec, LocalChain, Pace};
use valence_runtime::{Allocation, Flow, Inputs, Limits, RunRequest, Runtime, RuntimeConfig, RuntimeOptions};

/// A 165-byte account that every world has.
pub const ACCOUNT: Pubkey = Pubkey::new_from_array([7; 32]);

/// The bench flow, built from `guests/bench`.
///
/// # Errors
/// Where it cannot be built.
pub fn component() -> Result<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/bench");
    let request = valence_build::BuildRequest::new(folder);
    Ok(valence_build::build(&request, &mut |_| {})?.bytes)
}

/// Limits under which a bench may run as long as it likes.
pub fn limits() -> Limits {
    Limits { fuel: u64::MAX / 2, deadline: 3_600_000, calls: u64::MAX, journal_bytes: u64::MAX, ..Limits::DEFAULT }
}

/// A run of the bench flow.
pub fn request(what: &str, times: u64) -> RunRequest {
    RunRequest { inputs: inputs(what, times), limits: Some(limits()), ..RunRequest::default() }
}

fn inputs(what: &str, times: u64) -> Inputs {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    Inputs {
        params: [pair("what", what.into()), pair("times", times.to_string()), pair("account", ACCOUNT.to_string())]
            .into(),
        roles: [pair("payer", "payer".into()), pair("friend", "friend".into())].into(),
    }
}

/// Valence as a service would set it up: pooling, nobody subscribed, the embedded chain.
pub struct World {
    /// The runtime.
    pub runtime: Runtime,
    /// The bench flow, loaded.
    pub flow: Arc<Flow>,
}

impl World {
    /// Sets up the world.
    ///
    /// # Errors
    /// Where the flow cannot be built or loaded.
    pub async fn new() -> Result<World> {
        let spec = ChainSpec::default()
            .with_wallet("payer", 1_000_000_000_000)?
            .with_wallet("friend", 1_000_000_000)?
            .with_account(ACCOUNT, small_account());
        let names = spec.names();
        let chain = LocalChain::new(spec, Pace::Virtual);
        chain.ready()?;
        let options = RuntimeOptions {
            chain: Some(Arc::new(chain)),
            names,
            allocation: Some(Allocation::Pool(64)),
            ceiling: Some(limits()),
            cache: None,
            ..RuntimeOptions::default()
        };
        let runtime = Runtime::with_options(RuntimeConfig::default(), options)?;
        runtime.start().await?;
        let flow = runtime.load(&component()?, &[], &limits()).await?;
        Ok(World { runtime, flow })
    }

    /// One run of the bench flow.
    ///
    /// # Errors
    /// Where it does not end well.
    pub async fn run(&self, request: &RunRequest) -> Result<()> {
        let report = self.runtime.run(&self.flow, request.clone()).await?;
        (report.outcome() == "done").then_some(()).with_context(|| report.ending.to_string())
    }
}

/// An account of the size of a token account.
pub fn small_account() -> Account {
    Account { lamports: 2_039_280, data: vec![1; 165], owner: Pubkey::new_from_array([9; 32]), ..Account::default() }
}
