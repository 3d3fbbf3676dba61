//! A record as a person reads it: one line an entry, more where a transaction stands in it.

use super::terminal::{BAD, BOLD, DIM, GOOD, ODD, clean, grouped, paint, say, short, show_instruction};
use valence_runtime::{
    history::{Began, BuiltOnRecord, Line, Said},
    journal::Instance,
    units,
};

/// Whose record it is, and how it stands.
pub fn instance(row: &Instance) {
    let more = if row.detail.is_empty() { String::new() } else { format!(": {}", clean(&row.detail)) };
    let style = match row.state.as_str() {
        "completed" => GOOD,
        "failed" | "cancelled" => BAD,
        "paused" => ODD,
        _ => BOLD,
    };
    say(&format!("{}  flow {}, {}{more}", paint(BOLD, &row.name), clean(&row.flow), paint(style, &row.state)));
}

/// More calls of the same kind.
pub fn more(call: &str, count: u64) {
    say(&paint(DIM, &format!("             … {} more {call}", grouped(count))));
}

/// One entry.
pub fn line(line: &Line, verbose: bool) {
    let at = paint(DIM, &format!("slot {:<6}", line.slot));
    let dim = |text: &str| paint(DIM, text);
    match &line.said {
        Said::Began(header) => began(line, header),
        Said::Call { log: Some((level, message)), .. } => {
            let style = match level.as_str() {
                "warn" => ODD,
                "error" => BAD,
                _ => DIM,
            };
            say(&format!("{at} {} {}", paint(style, level), clean(message)));
        }
        Said::Call { asked, told, .. } => say(&format!("{at} {}  {}", clean(asked), dim(&format!("→ {told}")))),
        Said::Intent { step, description, proposal, .. } => {
            let id = dim(&format!("proposal {}", short(proposal)));
            say(&format!("{at} step {}  {}  {id}", paint(BOLD, step), clean(description)));
        }
        Said::Built(transaction) => built(&at, transaction, verbose),
        Said::Decided { rejected: Some(why), attempt, .. } => {
            say(&format!("{at} try {attempt} {} {}", paint(BAD, "rejected by a signer:"), clean(why)));
        }
        Said::Decided { attempt, .. } => say(&format!("{at} try {attempt} {}", paint(GOOD, "approved by its signers"))),
        Said::Executed { attempt, landed, compute_units, fee, failure, .. } => {
            let used = dim(&format!("{} CU, fee {} SOL", grouped(*compute_units), units(*fee, 9)));
            match failure {
                None => say(&format!("{at} try {attempt} executed in slot {landed}  {used}")),
                Some(why) => {
                    let failed = paint(BAD, &format!("failed in slot {landed}: {why}"));
                    say(&format!("{at} try {attempt} {failed}  {used}"));
                }
            }
        }
        Said::Retry { attempt, next, why, .. } => {
            say(&format!("{at} try {attempt} {} {}  again in slot {next}", paint(ODD, "failed:"), clean(why)));
        }
        Said::Reply { told, .. } => {
            let style = if told.starts_with("landed") { GOOD } else { BAD };
            say(&format!("{at} the flow was told: {}", paint(style, told)));
        }
        Said::Paused { reason, message, .. } => {
            say(&format!("{at} {} {}", paint(ODD, &format!("paused ({reason}):")), clean(message)));
        }
        Said::Resumed { by, keep, limits, flow } => {
            let mut how = vec![format!("resumed by {by}")];
            how.extend(keep.map(|keep| format!("from entry {keep} on it asks anew")));
            how.extend(limits.iter().map(|(name, value)| format!("{name} {value}")));
            how.extend(flow.as_deref().map(|flow| format!("with build {}", short(flow))));
            say(&format!("{at} {}", paint(ODD, &how.join(", "))));
        }
        // These stand in the host's own journal.
        Said::Operator { .. } | Said::Over { .. } => say(&format!("{at} {}", clean(&line.brief()))),
        Said::Ended { outcome, value, fuel } => {
            let style = match outcome.as_str() {
                "done" | "continue" => GOOD,
                _ => BAD,
            };
            let value = if outcome == "continue" { "the next episode goes on from the state" } else { value };
            say(&format!("{at} {} {}", paint(style.bold(), &format!("{outcome}:")), clean(value)));
            say(&dim(&format!(
                "  fuel {}   journal {} entries, head {}",
                grouped(*fuel),
                line.entry.saturating_add(1),
                line.cid
            )));
        }
    }
}

fn began(line: &Line, header: &Began) {
    let digest =
        paint(DIM, &format!("flow {}, sha256 {}, genesis {}", header.flow, short(&header.digest), header.genesis));
    say(&format!("{} {digest}", paint(BOLD, &format!("episode {}", line.episode))));
    for driver in &header.drivers {
        say(&format!("  driver  {}", paint(DIM, &format!("sha256 {}", short(driver)))));
    }
    for (name, value) in &header.params {
        say(&format!("  param   {name} = {}", clean(value)));
    }
    for (name, key) in &header.roles {
        say(&format!("  role    {name} = {key}"));
    }
    if let Some(before) = &header.before {
        say(&format!("  after   {}", paint(DIM, before)));
    }
}

fn built(at: &str, built: &BuiltOnRecord, verbose: bool) {
    say(&format!("{at} try {} built, simulated in slot {}", built.attempt, built.simulated));
    for (place, instruction) in (1..).zip(&built.instructions) {
        show_instruction(place, instruction, verbose);
    }
    let limit = built.compute_unit_limit.map_or_else(String::new, |n| format!(" of a limit of {}", grouped(n.into())));
    say(&format!("           compute {}{limit} CU", grouped(built.compute_units)));
    let signers: Vec<String> = built
        .signers
        .iter()
        .map(|s| s.role.clone().map_or_else(|| s.address.clone(), |role| format!("{role} {}", s.address)))
        .collect();
    say(&format!("           signers {}", signers.join(", ")));
    if verbose {
        say(&format!("           unsigned transaction {}", built.transaction));
    }
}
