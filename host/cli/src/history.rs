//! `valence history`: the record of an instance as a timeline.

use crate::{args::Output, exit::Fail, record::Home, show};
use std::{collections::BTreeMap, process::ExitCode};
use valence_runtime::history::{Fold, Folded, Record, Timeline};

/// Tell what happened to an instance
#[derive(clap::Args)]
#[command(after_help = "\
It reads the instance's journal and nothing else: what it was started with, what woke it, which accounts it read as of which
slot, which transactions it offered and what became of them. Many equal calls in a row are folded.

  valence history treasury-sweep-7
  valence history treasury-sweep-7 --calls --output json-compact")]
pub struct History {
    /// The instance: its name, its number, or the beginning of its name
    #[arg(value_name = "ID")]
    pub id: String,
    /// Show every call
    #[arg(long)]
    pub calls: bool,
    /// This episode only, from 0
    #[arg(long, value_name = "N")]
    pub episode: Option<u32>,
    #[command(flatten)]
    pub home: Home,
}

pub fn history(args: &History, output: Output, verbose: bool) -> Result<ExitCode, Fail> {
    let store = args.home.store()?;
    let record = Record::read(&store, &args.id)?;
    if let Some(episode) = args.episode {
        record.chapter(episode)?;
    }
    if !output.is_json() {
        show::instance(&record.row);
    }
    let wanted = |episode: u32| args.episode.is_none_or(|only| only == episode);
    let mut fold = Fold::default();
    for line in Timeline::new(&record, &BTreeMap::new()) {
        let line = line?;
        if !wanted(line.episode) {
            continue;
        }
        if output.is_json() {
            show::json_line(output, &line);
        } else if args.calls {
            show::line(&line, verbose);
        } else {
            fold.push(line).for_each(|folded| shown(&folded, verbose));
        }
    }
    if let Some(folded) = fold.rest() {
        shown(&folded, verbose);
    }
    let damaged = record.chapters.iter().filter(|chapter| wanted(chapter.episode));
    for chapter in damaged {
        if let Some(fault) = &chapter.damage {
            show::damage(Some(&record.row.name), Some(chapter.episode), fault.entry(), &fault.to_string(), output);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(folded: &Folded, verbose: bool) {
    match folded {
        Folded::Line(line) => show::line(line, verbose),
        Folded::More { call, count } => show::more(call, *count),
    }
}
