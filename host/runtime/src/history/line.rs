//! The timeline: what each entry says, in words and with all its fields. Nothing is asked of a chain; what is told was true when
//! it was recorded.

use super::{Began, BuiltOnRecord as Built, Chapter, Known, Record, RecordError, Said, Version, words};
use crate::{
    audit::Actor,
    instance::{Entry, Header},
    orchestrator::HostEntry,
    transaction::base64,
};
use serde::Serialize;
use solana_sdk::pubkey::Pubkey;
use std::collections::BTreeMap;
use valence_door::{HostCall, HostReply, Outcome};
use valence_journal::Block;
use valence_sandbox::Digest;

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// In which episode.
    pub episode: u32,
    /// Its number there, from 0.
    pub entry: u64,
    /// Its name.
    pub cid: String,
    /// Its kind.
    pub kind: String,
    /// Who did it.
    pub actor: Actor,
    /// The chain's slot.
    pub slot: u64,
    /// The chain's time, seconds since 1970.
    pub time: i64,
    /// What it says.
    #[serde(flatten)]
    pub said: Said,
}

/// Entries that are read for their names before the first is told.
const AHEAD: usize = 10_000;

/// The entries of a record, one after the other.
pub struct Timeline<'a> {
    chapters: std::slice::Iter<'a, Chapter>,
    now: Option<(u32, std::slice::Iter<'a, Block>)>,
    known: Known,
}

impl<'a> Timeline<'a> {
    /// Of all episodes. `names` are the chain's, where they are known.
    pub fn new(record: &'a Record, names: &BTreeMap<String, Pubkey>) -> Timeline<'a> {
        let mut known = Known::new(names);
        // What a flow reads late names what it did early: an account that it waited for, and only then read.
        for block in record.chapters.iter().flat_map(|chapter| chapter.blocks.iter()).take(AHEAD) {
            if matches!(block.kind(), "header" | "call")
                && let Ok(entry) = block.body::<Entry>()
            {
                known.learn(&entry);
            }
        }
        Timeline { chapters: record.chapters.iter(), now: None, known }
    }
}

impl Iterator for Timeline<'_> {
    type Item = Result<Line, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((episode, blocks)) = &mut self.now
                && let Some(block) = blocks.next()
            {
                return Some(line(*episode, block, &mut self.known));
            }
            let chapter = self.chapters.next()?;
            self.now = Some((chapter.episode, chapter.blocks.iter()));
        }
    }
}

/// What an entry of the host's own journal says.
pub(crate) fn host_line(block: &Block) -> Result<Line, RecordError> {
    let read = block.decode::<HostEntry>().map_err(|e| crate::PastError::Unreadable(block.seq(), e))?;
    let said = match read.body {
        HostEntry::Operator { action, instance, by, detail } => Said::Operator { action, instance, by, detail },
        HostEntry::Ended { instance, head, outcome } => Said::Over { instance, head, outcome },
    };
    let (cid, actor) = (block.cid().to_string(), Actor::of(block.kind(), block.key()));
    Ok(Line { episode: 0, entry: read.seq, cid, kind: read.kind, actor, slot: read.slot, time: read.time, said })
}

/// What an entry says; it is learned from as well.
pub(crate) fn line(episode: u32, block: &Block, known: &mut Known) -> Result<Line, RecordError> {
    let read = block.decode::<Entry>().map_err(|e| crate::PastError::Unreadable(block.seq(), e))?;
    known.learn(&read.body);
    Ok(Line {
        episode,
        entry: read.seq,
        cid: block.cid().to_string(),
        kind: read.kind,
        actor: Actor::of(block.kind(), block.key()),
        slot: read.slot,
        time: read.time,
        said: say(read.body, known),
    })
}

fn say(entry: Entry, known: &Known) -> Said {
    match entry {
        Entry::Header(header) => Said::Began(Box::new(began(*header))),
        Entry::Call { call, reply } => Said::Call {
            call: call.name().to_owned(),
            asked: words::call(&call, known),
            told: words::reply(&call, &reply, known),
            accounts: versions(&call, &reply, known),
            log: match &call {
                HostCall::Log { level, message } => Some((words::level(*level).to_owned(), message.clone())),
                _ => None,
            },
            woken: match (&call, &reply) {
                (HostCall::Wait { any_of, .. }, HostReply::Wait(Ok(wake))) => {
                    Some(words::why(&wake.reason, any_of, known))
                }
                _ => None,
            },
        },
        Entry::Intent { proposal, call } => {
            let asked = words::call(&call, known);
            let (step, description) = match call {
                HostCall::Emit { step, .. } => (step.name, step.description),
                _ => (String::new(), String::new()),
            };
            Said::Intent { proposal, step, description, asked }
        }
        Entry::Built { proposal, attempt, wire, slot, compute_units } => {
            let seen = super::transaction::read(&wire, known);
            let (step, description) = known.step.clone();
            Said::Built(Box::new(Built {
                step,
                description,
                proposal,
                attempt,
                simulated: slot,
                compute_units,
                compute_unit_limit: seen.limit,
                instructions: seen.instructions,
                signers: seen.signers,
                priority_fee: seen.price,
                blockhash: seen.blockhash,
                message: seen.message,
                transaction: base64(&wire),
            }))
        }
        Entry::Decided { proposal, attempt, rejected } => Said::Decided { proposal, attempt, rejected },
        Entry::Executed { proposal, attempt, slot, compute_units, fee, failure } => {
            let failure = failure.map(|failure| failure.to_string());
            let step = known.step.0.clone();
            Said::Executed { step, proposal, attempt, landed: slot, compute_units, fee, failure }
        }
        Entry::Retry { proposal, attempt, slot, why } => {
            Said::Retry { step: known.step.0.clone(), proposal, attempt, next: slot, why }
        }
        Entry::Reply { proposal, reply } => {
            let told = match &reply {
                HostReply::Emit(Ok(outcome)) => words::outcome(outcome),
                HostReply::Emit(Err(error)) => format!("not offered: {error}"),
                other => format!("{other:?}"),
            };
            let landed = matches!(reply, HostReply::Emit(Ok(Outcome::Landed(_))));
            Said::Reply { step: known.step.0.clone(), proposal, landed, told }
        }
        Entry::Paused { reason, message, by } => Said::Paused { reason, message, by },
        Entry::Resumed(how) => Said::Resumed {
            by: how.by,
            keep: how.keep,
            limits: how.limits.into_iter().map(|(name, value)| (name.into_owned(), value)).collect(),
            flow: how.flow.as_ref().map(|flow| digest(flow)),
        },
        Entry::End { outcome, value, fuel } => {
            let value = if outcome == "continue" {
                base64(&value)
            } else {
                String::from_utf8(value.into_vec()).unwrap_or_else(|bytes| base64(bytes.as_bytes()))
            };
            Said::Ended { outcome, value, fuel }
        }
    }
}

fn began(header: Header) -> Began {
    Began {
        instance: header.instance,
        flow: header.id,
        digest: digest(&header.flow),
        drivers: header.drivers.iter().map(|driver| digest(driver)).collect(),
        params: header.params.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
        roles: header.roles.iter().map(|(name, key)| (name.clone(), key.to_string())).collect(),
        limits: header.limits.into_iter().map(|(name, value)| (name.into_owned(), value)).collect(),
        genesis: header.genesis.to_string(),
        engine: header.engine,
        state: header.state.map(|state| base64(&state)),
        before: header.before,
    }
}

/// A digest as people see it.
fn digest(bytes: &[u8]) -> String {
    <[u8; 32]>::try_from(bytes).map_or_else(|_| words::hex(bytes), |digest| Digest(digest).to_string())
}

fn versions(call: &HostCall, reply: &HostReply, known: &Known) -> Vec<Version> {
    let (HostCall::Get { keys, .. }, HostReply::Get(Ok(snapshot))) = (call, reply) else { return Vec::new() };
    let version = |(key, account): (&valence_door::Key, &Option<valence_door::Account>)| Version {
        address: key.to_string(),
        name: known.names.name(&Pubkey::from(*key)),
        slot: snapshot.moment.slot,
        lamports: account.as_ref().map(|a| a.lamports),
        size: account.as_ref().map(|a| a.data.len()),
    };
    keys.iter().zip(&snapshot.accounts).map(version).collect()
}
