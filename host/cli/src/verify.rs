//! `valence verify`: whether a receipt is so, or whether everything in a data dir is what was written.

use crate::{
    args::Output,
    exit::{self, Fail},
    record::{self, Home},
    show,
};
use std::{
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};
use valence_runtime::{
    history::links,
    journal::{CarError, Damage, InstanceFilter, JournalId, SqliteStore, Store},
    receipt::{Mismatch, Proof, Receipt},
};

/// Check a receipt, or everything that was recorded
#[derive(clap::Args)]
#[command(after_help = "\
With a receipt: its journal is checked, and the flow that it names runs once more from there. Exit code 0: it is so; 1: it is
not, and the first thing that differs is named. Without one: every chain of the data dir, every row and every component;
exit code 1 if anything is not what was written.

  valence verify receipt.json --flow flow.wasm
  valence verify --data-dir /srv/valence")]
pub struct Verify {
    /// A receipt; `-` for stdin
    #[arg(value_name = "RECEIPT")]
    pub receipt: Option<PathBuf>,
    /// The flow: a folder, a component (.wasm), or a declared flow's file; several where it was upgraded
    #[arg(long = "flow", value_name = "SOURCE", requires = "receipt")]
    pub flows: Vec<PathBuf>,
    /// A driver of the flow
    #[arg(long = "driver", value_name = "SOURCE", requires = "receipt")]
    pub drivers: Vec<PathBuf>,
    /// The journal of a receipt that carries none
    #[arg(long, value_name = "FILE", requires = "receipt")]
    pub car: Option<PathBuf>,
    /// Do not use the network for building
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub home: Home,
}

pub fn verify(args: &Verify, output: Output) -> Result<ExitCode, Fail> {
    match &args.receipt {
        Some(path) => prove(path, args, output),
        None => check(&args.home, output),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Fail> {
    let wrong = |e: std::io::Error| Fail::input(format!("{} cannot be read: {e}", path.display()));
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(wrong)?;
        return Ok(bytes);
    }
    std::fs::read(path).map_err(wrong)
}

fn prove(path: &Path, args: &Verify, output: Output) -> Result<ExitCode, Fail> {
    let named = |e: &dyn std::fmt::Display| Fail::input(format!("{}: {e}", path.display()));
    let receipt = Receipt::read(&read(path)?).map_err(|e| named(&e))?;
    let car = match &args.car {
        Some(car) => read(car)?,
        None => receipt.car().map_err(|e| named(&e))?,
    };
    if args.flows.is_empty() {
        let digest = &receipt.flow;
        return Err(Fail::input(format!("the flow is missing: give the component {digest} with --flow")));
    }
    let mut components = Vec::new();
    for flow in &args.flows {
        let build = record::build(flow, &args.drivers, args.offline)?;
        components.push(build.flow);
        components.extend(build.drivers);
    }
    let mut proof = Proof::new(components, record::compiled());
    match record::executor()?.block_on(proof.check(&receipt, &car)) {
        Ok(proved) => {
            show::proved(&receipt, &proved, output);
            Ok(ExitCode::SUCCESS)
        }
        Err(Mismatch::Journal(error @ (CarError::Malformed(_) | CarError::Io(_)))) => Err(Fail::input(error)),
        Err(mismatch) => {
            show::disproved(&receipt, &mismatch, output);
            Ok(ExitCode::from(exit::FAILED))
        }
    }
}

fn check(home: &Home, output: Output) -> Result<ExitCode, Fail> {
    let store = home.store()?;
    let mut found: Vec<Damage> = Vec::new();
    store.check(&mut |damage| found.push(damage))?;
    for damage in links(&store)? {
        found.push(damage);
    }
    for damage in &found {
        let name = damage.instance.and_then(|id| store.instance(id).ok().flatten()).map(|row| row.name);
        show::damage(name.as_deref(), damage.episode, entry(&store, damage), &damage.what, output);
    }
    let mut checked = (0u64, 0u64, 0u64);
    let mut filter = InstanceFilter { limit: 1000, ..InstanceFilter::default() };
    loop {
        let page = store.instances(&filter)?;
        let Some(last) = page.last() else { break };
        filter.after = last.id;
        for row in page.iter().filter(|row| !row.pruned) {
            let over: u64 = store.episodes(row.id)?.iter().map(|episode| episode.entries).sum();
            checked.0 += 1;
            checked.1 += u64::from(row.episode) + 1;
            checked.2 += over.saturating_add(row.entries);
        }
    }
    show::checked(checked, found.len(), output);
    Ok(ExitCode::from(if found.is_empty() { 0 } else { exit::FAILED }))
}

/// The first bad entry, where the damage is one of a chain.
fn entry(store: &SqliteStore, damage: &Damage) -> Option<u64> {
    let journal = JournalId { instance: damage.instance?, episode: damage.episode? };
    store.load(journal).ok()?.damage?.entry()
}
