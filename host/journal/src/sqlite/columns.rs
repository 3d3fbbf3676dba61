//! Rows of the file and rows of the journal's words: reading and writing columns, and the checksum that tells a row that is not
//! what was written.

use crate::{Episode, Instance, JournalId, ProposalRow};
use rusqlite::{Result, Row, Statement, params};

/// An instance with its current episode, in the order of the functions here. What a query adds comes behind it.
pub(super) const INSTANCE: &str = "SELECT i.id, i.name, i.flow, i.chain, i.components, i.state, i.detail, i.step, i.episode, \
     i.crashes, i.outcome, i.result, i.created, i.changed, i.ended, i.upgrade, i.pruned, i.sum, e.entries, e.head, e.sum \
     FROM instance i LEFT JOIN episode e ON e.instance = i.id AND e.episode = i.episode ";

pub(super) const PUT_INSTANCE: &str = "INSERT INTO instance (id, name, flow, chain, components, state, detail, step, episode, \
     crashes, outcome, result, created, changed, ended, upgrade, pruned, sum) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";

/// What never changes of a row is not written again.
pub(super) const SET_INSTANCE: &str = "UPDATE instance SET components = ?2, state = ?3, detail = ?4, step = ?5, episode = ?6, \
     crashes = ?7, outcome = ?8, result = ?9, changed = ?10, ended = ?11, upgrade = ?12, pruned = ?13, sum = ?14 WHERE id = ?1";

/// Where a chain ends is a row of its own, narrow, for it changes with every write.
pub(super) const PUT_EPISODE: &str = "INSERT INTO episode (instance, episode, entries, head, sum) VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT DO UPDATE SET entries = excluded.entries, head = excluded.head, sum = excluded.sum";

/// Numbers of the journal are unsigned, those of SQLite are not; none of ours comes near the difference.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn narrow(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A checksum over fields: it tells flipped bits, not forgery.
#[derive(Default)]
pub(super) struct Sum(crc32fast::Hasher);

impl Sum {
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self = self.number(int(bytes.len().try_into().unwrap_or(u64::MAX)));
        self.0.update(bytes);
        self
    }

    pub(super) fn number(mut self, number: i64) -> Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    fn maybe(self, number: Option<i64>) -> Self {
        match number {
            Some(number) => self.number(1).number(number),
            None => self.number(0),
        }
    }

    pub(super) fn done(self) -> i64 {
        i64::from(self.0.finalize())
    }
}

fn sum(row: &Instance, components: &[u8]) -> i64 {
    let mut sum = Sum::default().number(int(row.id));
    for text in [&row.name, &row.flow, &row.chain, &row.state, &row.detail, &row.step, &row.outcome, &row.result] {
        sum = sum.bytes(text.as_bytes());
    }
    sum.bytes(components)
        .number(row.episode.into())
        .number(row.crashes.into())
        .number(row.created)
        .number(row.changed)
        .maybe(row.ended)
        .bytes(row.upgrade.as_flattened())
        .number(row.pruned.into())
        .done()
}

/// Writes the whole row, or what can change of it.
pub(super) fn write_instance(statement: &mut Statement<'_>, row: &Instance, new: bool) -> Result<usize> {
    let components = row.components.concat();
    let sum = sum(row, &components);
    let upgrade = (!row.upgrade.is_empty()).then(|| row.upgrade.as_flattened());
    let id = int(row.id);
    let Instance { name, flow, chain, state, detail, step, episode, crashes, outcome, result, created, .. } = row;
    let Instance { changed, ended, pruned, .. } = row;
    if new {
        return statement.execute(params![
            id, name, flow, chain, components, state, detail, step, episode, crashes, outcome, result, created,
            changed, ended, upgrade, pruned, sum
        ]);
    }
    statement.execute(params![
        id, components, state, detail, step, episode, crashes, outcome, result, changed, ended, upgrade, pruned, sum
    ])
}

fn sum_episode(instance: u64, episode: u32, entries: u64, head: Option<&str>) -> i64 {
    let sum = Sum::default().number(int(instance)).number(episode.into()).number(int(entries));
    sum.bytes(head.unwrap_or_default().as_bytes()).done()
}

pub(super) fn write_episode(statement: &mut Statement<'_>, instance: u64, row: &Episode) -> Result<usize> {
    let head = row.head.map(|head| head.to_string());
    let sum = sum_episode(instance, row.episode, row.entries, head.as_deref());
    statement.execute(params![int(instance), row.episode, int(row.entries), head, sum])
}

/// Reads a row of [`INSTANCE`]. One that is not what was written says so itself.
pub(super) fn read_instance(row: &Row<'_>) -> Result<Instance> {
    read_columns(row).or_else(|error| match error.sqlite_error() {
        Some(_) => Err(error),
        None => Ok(Instance { id: uint(row.get(0)?), damage: Some(UNLIKE.to_owned()), ..Instance::default() }),
    })
}

const UNLIKE: &str = "its row is not what was written";

fn read_columns(row: &Row<'_>) -> Result<Instance> {
    let components: Vec<u8> = row.get(4)?;
    let upgrade: Option<Vec<u8>> = row.get(15)?;
    let head: Option<String> = row.get(19)?;
    let (digests, odd) = components.as_chunks::<32>();
    let (next, rest) = upgrade.as_deref().unwrap_or_default().as_chunks::<32>();
    let mut instance = Instance {
        id: uint(row.get(0)?),
        name: row.get(1)?,
        flow: row.get(2)?,
        chain: row.get(3)?,
        components: digests.to_vec(),
        state: row.get(5)?,
        detail: row.get(6)?,
        step: row.get(7)?,
        episode: narrow(row.get(8)?),
        entries: uint(row.get(18)?),
        head: head.as_deref().and_then(|head| head.parse().ok()),
        crashes: narrow(row.get(9)?),
        outcome: row.get(10)?,
        result: row.get(11)?,
        created: row.get(12)?,
        changed: row.get(13)?,
        ended: row.get(14)?,
        upgrade: next.to_vec(),
        pruned: row.get(16)?,
        damage: None,
    };
    let parts = odd.is_empty() && rest.is_empty();
    let end = sum_episode(instance.id, instance.episode, instance.entries, head.as_deref());
    if !parts || sum(&instance, &components) != row.get::<_, i64>(17)? {
        instance.damage = Some(UNLIKE.to_owned());
    } else if head.is_some() != instance.head.is_some() || end != row.get::<_, i64>(20)? {
        instance.damage = Some("the row of its episode is not what was written".to_owned());
    }
    Ok(instance)
}

pub(super) fn sum_waits(instance: u64, chain: &str, waits: &[u8]) -> i64 {
    Sum::default().number(int(instance)).bytes(chain.as_bytes()).bytes(waits).done()
}

pub(super) fn sum_entry(journal: JournalId, seq: u64, block: &[u8]) -> i64 {
    Sum::default().number(int(journal.instance)).number(journal.episode.into()).number(int(seq)).bytes(block).done()
}

pub(super) fn sum_meta(name: &str, value: &[u8]) -> i64 {
    Sum::default().bytes(name.as_bytes()).bytes(value).done()
}

/// The columns of a proposal.
pub(super) const PROPOSAL: &str = "id, instance, episode, seq, step, state, slot, sum";

fn sum_proposal(row: &ProposalRow) -> i64 {
    let sum = Sum::default().bytes(row.id.as_bytes()).number(int(row.instance)).number(row.episode.into());
    sum.number(int(row.seq)).bytes(row.step.as_bytes()).bytes(row.state.as_bytes()).number(int(row.slot)).done()
}

pub(super) fn write_proposal(statement: &mut Statement<'_>, row: &ProposalRow) -> Result<usize> {
    let (instance, seq, slot) = (int(row.instance), int(row.seq), int(row.slot));
    statement.execute(params![row.id, instance, row.episode, seq, row.step, row.state, slot, sum_proposal(row)])
}

/// A proposal, and whether it is what was written.
pub(super) fn read_proposal(row: &Row<'_>) -> Result<(ProposalRow, bool)> {
    let proposal = ProposalRow {
        id: row.get(0)?,
        instance: uint(row.get(1)?),
        episode: narrow(row.get(2)?),
        seq: uint(row.get(3)?),
        step: row.get(4)?,
        state: row.get(5)?,
        slot: uint(row.get(6)?),
    };
    let whole = sum_proposal(&proposal) == row.get::<_, i64>(7)?;
    Ok((proposal, whole))
}

/// An episode, of the columns episode, entries, head, sum; and whether it is what was written.
pub(super) fn read_episode(instance: u64, row: &Row<'_>) -> Result<(Episode, bool)> {
    let text: Option<String> = row.get(2)?;
    let head = text.as_deref().and_then(|head| head.parse().ok());
    let episode = Episode { episode: narrow(row.get(0)?), entries: uint(row.get(1)?), head };
    let sum = sum_episode(instance, episode.episode, episode.entries, text.as_deref());
    let whole = text.is_some() == head.is_some() && sum == row.get::<_, i64>(3)?;
    Ok((episode, whole))
}
