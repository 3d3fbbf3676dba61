//! Rows of the file and rows of the journal's words: reading and writing columns, and the checksum that tells a row that is not
//! what was written.

use crate::{ComponentDigest, Episode, Instance, JournalId, ProposalRow};
use rusqlite::{Result, Row, Statement, params};

/// The columns of an instance, in the order of the functions here.
pub(super) const INSTANCE: &str = "id, name, flow, chain, components, state, detail, step, episode, entries, head, crashes, \
     outcome, result, created, changed, ended, upgrade, pruned, sum";

pub(super) const PUT_INSTANCE: &str = "INSERT INTO instance (id, name, flow, chain, components, state, detail, step, episode, \
     entries, head, crashes, outcome, result, created, changed, ended, upgrade, pruned, sum) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";

/// What never changes of a row is not written again.
pub(super) const SET_INSTANCE: &str = "UPDATE instance SET components = ?2, state = ?3, detail = ?4, step = ?5, episode = ?6, \
     entries = ?7, head = ?8, crashes = ?9, outcome = ?10, result = ?11, changed = ?12, ended = ?13, upgrade = ?14, \
     pruned = ?15, sum = ?16 WHERE id = ?1";

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

fn sum(row: &Instance, components: &[u8], head: Option<&str>) -> i64 {
    let mut sum = Sum::default().number(int(row.id));
    for text in [&row.name, &row.flow, &row.chain, &row.state, &row.detail, &row.step, &row.outcome, &row.result] {
        sum = sum.bytes(text.as_bytes());
    }
    sum.bytes(components)
        .number(row.episode.into())
        .number(int(row.entries))
        .bytes(head.unwrap_or_default().as_bytes())
        .number(row.crashes.into())
        .number(row.created)
        .number(row.changed)
        .maybe(row.ended)
        .bytes(row.upgrade.as_ref().map_or(&[][..], |d| d))
        .number(row.pruned.into())
        .done()
}

/// Writes the whole row, or what can change of it.
pub(super) fn write_instance(statement: &mut Statement<'_>, row: &Instance, new: bool) -> Result<usize> {
    let components = row.components.concat();
    let head = row.head.map(|head| head.to_string());
    let sum = sum(row, &components, head.as_deref());
    let upgrade = row.upgrade.as_ref().map(<[u8; 32]>::as_slice);
    let (id, entries) = (int(row.id), int(row.entries));
    if new {
        let Instance { name, flow, chain, state, detail, step, episode, crashes, outcome, result, created, .. } = row;
        let Instance { changed, ended, pruned, .. } = row;
        return statement.execute(params![
            id, name, flow, chain, components, state, detail, step, episode, entries, head, crashes, outcome, result,
            created, changed, ended, upgrade, pruned, sum
        ]);
    }
    let Instance { state, detail, step, episode, crashes, outcome, result, changed, ended, pruned, .. } = row;
    statement.execute(params![
        id, components, state, detail, step, episode, entries, head, crashes, outcome, result, changed, ended, upgrade,
        pruned, sum
    ])
}

/// Reads a row of the columns of [`INSTANCE`]. One that is not what was written says so itself.
pub(super) fn read_instance(row: &Row<'_>) -> Result<Instance> {
    read_columns(row).or_else(|error| match error.sqlite_error() {
        Some(_) => Err(error),
        None => Ok(Instance { id: uint(row.get(0)?), damage: Some(UNLIKE.to_owned()), ..Instance::default() }),
    })
}

const UNLIKE: &str = "its row is not what was written";

fn read_columns(row: &Row<'_>) -> Result<Instance> {
    let components: Vec<u8> = row.get(4)?;
    let head: Option<String> = row.get(10)?;
    let upgrade: Option<Vec<u8>> = row.get(17)?;
    let (digests, odd) = components.as_chunks::<32>();
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
        entries: uint(row.get(9)?),
        head: head.as_deref().and_then(|head| head.parse().ok()),
        crashes: narrow(row.get(11)?),
        outcome: row.get(12)?,
        result: row.get(13)?,
        created: row.get(14)?,
        changed: row.get(15)?,
        ended: row.get(16)?,
        upgrade: upgrade.as_deref().and_then(|digest| ComponentDigest::try_from(digest).ok()),
        pruned: row.get(18)?,
        damage: None,
    };
    let whole =
        odd.is_empty() && upgrade.is_some() == instance.upgrade.is_some() && head.is_some() == instance.head.is_some();
    if !whole || sum(&instance, &components, head.as_deref()) != row.get::<_, i64>(19)? {
        instance.damage = Some(UNLIKE.to_owned());
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

/// An episode that is over: number, entries, head.
pub(super) fn read_episode(row: &Row<'_>) -> Result<Episode> {
    let head: Option<String> = row.get(2)?;
    let head = head.and_then(|head| head.parse().ok());
    Ok(Episode { episode: narrow(row.get(0)?), entries: uint(row.get(1)?), head })
}
