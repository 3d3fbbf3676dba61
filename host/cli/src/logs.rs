//! `valence logs`: what a flow wrote for its operator.

use crate::{args::Output, exit::Fail, record::Home, show};
use std::{process::ExitCode, time::Duration};
use valence_runtime::{
    Entry, HostCall,
    history::{RecordError, Tail, find},
};

/// How often a record is looked at for new lines.
const PACE: Duration = Duration::from_millis(100);

/// Print the lines that a flow wrote
#[derive(clap::Args)]
pub struct Logs {
    /// The instance: its name, its number, or the beginning of its name
    #[arg(value_name = "ID")]
    pub id: String,
    /// Go on as lines come, until the instance is over
    #[arg(short, long)]
    pub follow: bool,
    #[command(flatten)]
    pub home: Home,
}

pub fn logs(args: &Logs, output: Output) -> Result<ExitCode, Fail> {
    let store = args.home.store()?;
    let row = find(&store, &args.id)?;
    if row.pruned {
        let head = row.head.map(|head| head.to_string()).unwrap_or_default();
        return Err(RecordError::Pruned(row.name, head).into());
    }
    let mut tail = Tail::of(row.id);
    loop {
        let come = tail.more(&store)?;
        for (episode, block) in come.blocks.iter().filter(|(_, block)| block.key() == Some("log.write")) {
            let stamp = block.stamp();
            if let Ok(Entry::Call { call: HostCall::Log { level, message }, .. }) = block.body() {
                show::log(&row.name, (*episode, block.seq()), (stamp.slot, stamp.time), level, &message, output);
            }
        }
        match (come.more, args.follow && !come.over) {
            (true, _) => {}
            (false, true) => std::thread::sleep(PACE),
            (false, false) => return Ok(ExitCode::SUCCESS),
        }
    }
}
