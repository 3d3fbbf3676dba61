//! `valence ps`: the instances of a data dir. It only reads, beside an owner or without one.

use crate::{args::Output, exit::Fail, record::Home, show};
use std::process::ExitCode;
use valence_runtime::journal::{InstanceFilter, Store};

/// Rows that are read at once.
const PAGE: u64 = 1000;

/// States that an instance can be in.
const STATES: [&str; 8] =
    ["pending", "running", "waiting", "waiting-for-signature", "paused", "completed", "failed", "cancelled"];

/// List instances, and where they stand
#[derive(clap::Args)]
#[command(after_help = "\
Without a flag: those that are not over.

  valence ps --all
  valence ps --state waiting --state paused
  valence ps --flow treasury-sweep --output json-compact")]
pub struct Ps {
    /// Also those that are over
    #[arg(short, long)]
    pub all: bool,
    /// Only those in this state: pending, running, waiting, waiting-for-signature, paused, completed, failed, cancelled
    #[arg(long = "state", value_name = "STATE")]
    pub states: Vec<String>,
    /// Only those of this flow
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    #[command(flatten)]
    pub home: Home,
}

pub fn ps(args: &Ps, output: Output) -> Result<ExitCode, Fail> {
    if let Some(odd) = args.states.iter().find(|state| !STATES.contains(&state.as_str())) {
        return Err(Fail::input(format!("there is no state `{odd}`; the states are {}", STATES.join(", "))));
    }
    let store = args.home.store()?;
    let mut filter = InstanceFilter {
        states: args.states.clone(),
        flow: args.flow.clone(),
        ended: (!args.all && args.states.is_empty()).then_some(false),
        limit: PAGE,
        ..InstanceFilter::default()
    };
    let mut table = show::Table::default();
    loop {
        let page = store.instances(&filter)?;
        let Some(last) = page.last() else { break };
        filter.after = last.id;
        page.iter().for_each(|row| table.row(row, output));
    }
    table.end(output);
    Ok(ExitCode::SUCCESS)
}
