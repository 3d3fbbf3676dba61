//! `valence replay`: a past run once more, from its record alone.

use crate::{
    args::Output,
    exit::{self, Fail},
    record::{self, Home},
    show,
};
use std::{path::PathBuf, process::ExitCode};
use valence_runtime::{
    history::Record,
    replay::{Build, Replayer},
};

/// Run a past run once more, from its record alone
#[derive(clap::Args)]
#[command(after_help = "\
Nothing is live: each call is answered with the reply on record, and nothing leaves the process. Exit code 0: the same calls and
the same end; 1: something differs, and the first call that does is shown.

  valence replay treasury-sweep-7
  valence replay treasury-sweep-7 --with examples/treasury-sweep")]
pub struct Replay {
    /// The instance: its name, its number, or the beginning of its name
    #[arg(value_name = "ID")]
    pub id: String,
    /// Another build of the flow: a folder, a component (.wasm), or a declared flow's file
    #[arg(long, value_name = "SOURCE")]
    pub with: Option<PathBuf>,
    /// A driver of the other build; without any, those on record
    #[arg(long = "driver", value_name = "SOURCE", requires = "with")]
    pub drivers: Vec<PathBuf>,
    /// Do not use the network for building
    #[arg(long)]
    pub offline: bool,
    /// This episode only, from 0
    #[arg(long, value_name = "N")]
    pub episode: Option<u32>,
    #[command(flatten)]
    pub home: Home,
}

pub fn replay(args: &Replay, output: Output) -> Result<ExitCode, Fail> {
    let store = args.home.store()?;
    let record = Record::read(&store, &args.id)?.whole()?;
    let with = match &args.with {
        Some(path) => Some(record::build(path, &args.drivers, args.offline)?),
        None => None,
    };
    let chapters = match args.episode {
        Some(episode) => vec![record.chapter(episode)?],
        // One that has not begun has nothing to replay.
        None => record.chapters.iter().filter(|chapter| !chapter.blocks.is_empty()).collect(),
    };
    let mut replayer = Replayer::new(record::compiled());
    let executor = record::executor()?;
    for chapter in chapters {
        let build = match &with {
            Some(build) if build.drivers.is_empty() => {
                // A component alone has the drivers that it had.
                let drivers = Build::of(&store, chapter).map(|build| build.drivers).unwrap_or_default();
                Build { drivers, ..build.clone() }
            }
            Some(build) => build.clone(),
            None => Build::of(&store, chapter)?,
        };
        let replayed = executor.block_on(replayer.replay(chapter, &build))?;
        show::replayed(&replayed, output);
        if !replayed.verdict.is_same() {
            return Ok(ExitCode::from(exit::FAILED));
        }
    }
    Ok(ExitCode::SUCCESS)
}
