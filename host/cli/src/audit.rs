//! `valence audit`: who did what, over all instances.

use crate::{args::Output, exit::Fail, record::Home, show};
use clap::ValueEnum;
use std::{collections::BTreeSet, process::ExitCode, time::UNIX_EPOCH};
use valence_runtime::{Actor, AuditQuery, audit as visit, history::find};

/// Search everything that was done
#[derive(clap::Args)]
#[command(after_help = "\
Kinds by who did it:
  user      operator; paused, resumed, end where a person did it
  service   call, intent, reply, end: the flow, and what it was told
  system    header, built, retry, ended, paused, resumed: the host
  external  decided, executed: signers and the chain

Times are the chain's: RFC 3339 (2026-01-31T12:00:00Z, 2026-01-31) or seconds since 1970.

  valence audit --actor user --newest-first --limit 20
  valence audit --type executed --instance treasury-sweep-7 --output json-compact
  sqlite3 valence.db 'SELECT * FROM audit'        the views audit, logs, transactions, waits, pauses")]
pub struct Audit {
    /// Of these kinds
    #[arg(long = "type", value_name = "KIND", num_args = 1.., value_delimiter = ',')]
    pub kinds: Vec<String>,
    /// At or after this time
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Done by
    #[arg(long, value_enum)]
    pub actor: Option<Who>,
    /// Of this instance: its name, its number, or the beginning of its name
    #[arg(long, value_name = "ID")]
    pub instance: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// The newest first
    #[arg(long)]
    pub newest_first: bool,
    #[command(flatten)]
    pub home: Home,
}

/// Who did it.
#[derive(Clone, Copy, ValueEnum)]
pub enum Who {
    /// A person
    User,
    /// A flow
    Service,
    /// The host
    System,
    /// Signers and the chain
    External,
}

impl From<Who> for Actor {
    fn from(who: Who) -> Actor {
        match who {
            Who::User => Actor::User,
            Who::Service => Actor::Service,
            Who::System => Actor::System,
            Who::External => Actor::External,
        }
    }
}

pub fn audit(args: &Audit, output: Output) -> Result<ExitCode, Fail> {
    let all: BTreeSet<&str> = Actor::all_kinds().collect();
    if let Some(unknown) = args.kinds.iter().find(|kind| !all.contains(kind.as_str())) {
        let all: Vec<&str> = all.into_iter().collect();
        return Err(Fail::input(format!(
            "`--type {unknown}`: there is no such kind; the kinds are {}",
            all.join(", ")
        )));
    }
    let time = |text: &Option<String>, flag: &str| text.as_ref().map(|text| time(text, flag)).transpose();
    let (since, until) = (time(&args.since, "--since")?, time(&args.until, "--until")?);
    let store = args.home.store()?;
    let query = AuditQuery {
        kinds: args.kinds.iter().cloned().collect(),
        actor: args.actor.map(Actor::from),
        instance: args.instance.as_ref().map(|id| find(&store, id)).transpose()?.map(|row| row.id),
        since,
        until,
        newest_first: args.newest_first,
        limit: args.limit.unwrap_or(0),
    };
    visit(&store, &query, &mut |instance, line| {
        show::audited(instance, &line, output);
        true
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A time as people write it: seconds since 1970, a day, or RFC 3339.
fn time(text: &str, flag: &str) -> Result<i64, Fail> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds);
    }
    let whole = if text.contains([':', 'T', ' ']) { text.to_owned() } else { format!("{text}T00:00:00Z") };
    let since = humantime::parse_rfc3339_weak(&whole).ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).ok_or_else(|| {
        Fail::input(format!(
            "`{flag} {text}` is no time; write 2026-01-31T12:00:00Z, 2026-01-31, or seconds since 1970"
        ))
    })
}
