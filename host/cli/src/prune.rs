//! `valence prune`: the journals of instances that ended long ago are forgotten. Their rows stay, with heads and counts, so what is left
//! still verifies.

use crate::{args::Output, exit::Fail, record::Home, show};
use std::{
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use valence_runtime::journal::{Options, Retention, SqliteStore, Store, StoreError};

/// Forget the journals of instances that ended long ago
#[derive(clap::Args)]
#[command(after_help = "\
Whole journals go, never parts of one. What stays of an instance is its row: how it ended, how many entries it had, and their
head, so that a receipt or a CAR file that was taken before can still be compared. Take receipts before you prune.

  valence prune --older-than 30d
  valence prune --older-than 0s --keep 100")]
pub struct Prune {
    /// Those that ended longer ago than this: 30d, 12h, 90m
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = humantime::parse_duration)]
    pub older_than: Duration,
    /// But never the newest so many
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep: u64,
    #[command(flatten)]
    pub home: Home,
}

pub fn prune(args: &Prune, output: Output) -> Result<ExitCode, Fail> {
    let path = args.home.path()?;
    // Opened for reading first: nothing is made where nothing was.
    drop(args.home.store()?);
    let store = SqliteStore::open(&path.join("valence.db"), &Options::default()).map_err(|error| match error {
        StoreError::Locked { .. } => Fail::input(format!(
            "{}: a running `valence` owns this data dir; stop that first, then prune",
            path.display()
        )),
        other => other.into(),
    })?;
    let before = SystemTime::now().checked_sub(args.older_than).and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let ended_before = i64::try_from(before.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    let pruned = store.prune(Retention { ended_before, keep: args.keep })?;
    show::pruned(&pruned, output);
    Ok(ExitCode::SUCCESS)
}
