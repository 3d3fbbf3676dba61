//! The way out: what readers ask, each on a connection of its own, so that no reader waits for the writer or the writer for a
//! reader.

use super::columns::{self, INSTANCE, PROPOSAL, int, uint};
use crate::{
    Block, EntryQuery, Episode, Fault, Instance, InstanceFilter, JournalId, Large, Loaded, ProposalRow, StoreError,
    name::{self, Digest},
    verify::follows,
};
use rusqlite::{Connection, Error, OptionalExtension, Result, ToSql, params};

/// A place among all entries.
pub(super) type Place = (JournalId, u64);

pub(super) fn instance(c: &Connection, id: u64) -> Result<Option<Instance>> {
    let mut find = c.prepare_cached(&format!("{INSTANCE} WHERE i.id = ?1"))?;
    find.query_row([int(id)], columns::read_instance).optional()
}

pub(super) fn named(c: &Connection, name: &str) -> Result<Option<Instance>> {
    let mut find = c.prepare_cached(&format!("{INSTANCE} WHERE i.name = ?1"))?;
    find.query_row([name], columns::read_instance).optional()
}

pub(super) fn instances(c: &Connection, filter: &InstanceFilter) -> Result<Vec<Instance>> {
    let mut sql = format!("{INSTANCE} WHERE i.id > ?");
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(int(filter.after))];
    if !filter.states.is_empty() {
        let marks = vec!["?"; filter.states.len()].join(", ");
        sql.push_str(&format!(" AND i.state IN ({marks})"));
        values.extend(filter.states.iter().map(|state| Box::new(state.clone()) as Box<dyn ToSql>));
    }
    for (column, value) in [("chain", &filter.chain), ("flow", &filter.flow)] {
        if let Some(value) = value {
            sql.push_str(&format!(" AND i.{column} = ?"));
            values.push(Box::new(value.clone()));
        }
    }
    match filter.ended {
        Some(true) => sql.push_str(" AND i.ended IS NOT NULL"),
        Some(false) => sql.push_str(" AND i.ended IS NULL"),
        None => {}
    }
    sql.push_str(" ORDER BY i.id LIMIT ?");
    values.push(Box::new(if filter.limit == 0 { -1 } else { int(filter.limit) }));
    let mut find = c.prepare_cached(&sql)?;
    find.query_map(rusqlite::params_from_iter(values), columns::read_instance)?.collect()
}

pub(super) fn last_instance(c: &Connection) -> Result<u64> {
    // A row is never deleted, so the last one is the greatest that was given.
    c.query_row("SELECT max(id) FROM instance", [], |row| row.get(0)).map(uint)
}

pub(super) fn waiting(c: &Connection, chain: &str, each: &mut dyn FnMut(u64, &[u8])) -> Result<()> {
    let mut all = c.prepare_cached("SELECT instance, waits, sum FROM waiting WHERE chain = ?1")?;
    let mut rows = all.query([chain])?;
    while let Some(row) = rows.next()? {
        let id = uint(row.get(0)?);
        let waits = row.get_ref(1)?.as_blob().unwrap_or_default();
        let whole = row.get::<_, i64>(2).is_ok_and(|sum| sum == columns::sum_waits(id, chain, waits));
        each(id, if whole { waits } else { &[] });
    }
    Ok(())
}

/// The proposals of an instance, and the first that is not what was written.
pub(super) fn proposals(c: &Connection, instance: u64) -> Result<(Vec<ProposalRow>, Option<String>)> {
    let sql = format!("SELECT {PROPOSAL} FROM proposal WHERE instance = ?1 ORDER BY episode, seq");
    let (mut all, mut bad) = (Vec::new(), None);
    let mut find = c.prepare_cached(&sql)?;
    for read in find.query_map([int(instance)], columns::read_proposal)? {
        let (row, whole) = read?;
        if !whole {
            bad.get_or_insert_with(|| row.id.clone());
        }
        all.push(row);
    }
    Ok((all, bad))
}

/// The episodes of an instance from the first to the current one, each with whether its row is what was written.
pub(super) fn episodes(c: &Connection, instance: u64) -> Result<Vec<(Episode, bool)>> {
    let sql = "SELECT episode, entries, head, sum FROM episode WHERE instance = ?1 ORDER BY episode";
    let mut find = c.prepare_cached(sql)?;
    find.query_map([int(instance)], |row| columns::read_episode(instance, row))?.collect()
}

/// A large value that is what its name says.
pub(super) fn large(c: &Connection, digest: &Digest) -> Result<Option<Large>> {
    let mut find = c.prepare_cached("SELECT bytes FROM block WHERE digest = ?1")?;
    let mut rows = find.query([&digest[..]])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let large = Large::new(row.get_ref(0)?.as_blob().unwrap_or_default());
    Ok(Some(large).filter(|large| large.digest == *digest))
}

fn with_large(c: &Connection, block: Block) -> Result<Block> {
    let names = block.named();
    if names.is_empty() {
        return Ok(block);
    }
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        // One that is missing is named where the entry is verified or read.
        all.extend(large(c, &name)?);
    }
    Ok(block.with_large(all))
}

const ENTRY: &str = "seq, kind, key, slot, time, block, sum";

/// An entry, or what is wrong with it.
fn entry(c: &Connection, journal: JournalId, row: &rusqlite::Row<'_>) -> Result<std::result::Result<Block, Fault>> {
    let seq = uint(row.get(0)?);
    let bytes = row.get_ref(5)?.as_blob().unwrap_or_default();
    if row.get::<_, i64>(6).ok() != Some(columns::sum_entry(journal, seq, bytes)) {
        return Ok(Err(Fault::Changed(seq)));
    }
    let block = match Block::from_bytes(bytes.to_vec()) {
        Ok(block) => block,
        Err(error) => return Ok(Err(Fault::Unreadable(seq, error.to_string()))),
    };
    let stamp = block.stamp();
    let unlike = [
        ("seq", block.seq() == seq),
        ("kind", row.get_ref(1)?.as_str().ok() == Some(block.kind())),
        ("key", row.get_ref(2)?.as_str_or_null().ok() == Some(block.key())),
        ("slot", row.get::<_, i64>(3).ok() == Some(int(stamp.slot))),
        ("time", row.get::<_, i64>(4).ok() == Some(stamp.time)),
    ];
    if let Some((column, _)) = unlike.into_iter().find(|(_, same)| !same) {
        return Ok(Err(Fault::Column(seq, column)));
    }
    with_large(c, block).map(Ok)
}

/// A journal up to the first thing that is wrong with it.
pub(super) fn load(c: &Connection, journal: JournalId) -> std::result::Result<Loaded, Trouble> {
    // One view of the row and its entries.
    let view = c.unchecked_transaction()?;
    let row = instance(&view, journal.instance)?.ok_or(Trouble::Store(StoreError::NoSuchInstance(journal.instance)))?;
    load_of(&view, &row, journal)
}

/// The row of an instance and the journal of its present episode.
pub(super) fn current(c: &Connection, id: u64) -> std::result::Result<Option<(Instance, Loaded)>, Trouble> {
    let view = c.unchecked_transaction()?;
    let Some(row) = instance(&view, id)? else { return Ok(None) };
    let loaded = load_of(&view, &row, JournalId { instance: id, episode: row.episode })?;
    Ok(Some((row, loaded)))
}

fn load_of(view: &Connection, row: &Instance, journal: JournalId) -> std::result::Result<Loaded, Trouble> {
    if row.pruned {
        return Ok(Loaded::default());
    }
    let (promised, head, bad) = if journal.episode == row.episode {
        (row.entries, row.head, row.damage.clone())
    } else {
        let over = episodes(view, journal.instance)?.into_iter().find(|(over, _)| over.episode == journal.episode);
        let bad = || "the row of this episode is not what was written".to_owned();
        over.map_or((0, None, None), |(over, whole)| (over.entries, over.head, (!whole).then(bad)))
    };
    let mut blocks: Vec<Block> = Vec::with_capacity(usize::try_from(promised.min(65_536)).unwrap_or(0));
    let mut damage = read(view, journal, &mut blocks)?;
    if damage.is_none() {
        let found = u64::try_from(blocks.len()).unwrap_or(u64::MAX);
        damage = match bad {
            Some(what) => Some(Fault::Row(what)),
            None if found != promised => Some(Fault::Length { promised, found }),
            None => crate::verify::ends(blocks.last(), head).err(),
        };
        // More than the row knows of was never acknowledged; a last entry that is not the head is not the one that was.
        let good = if matches!(damage, Some(Fault::Head { .. })) { found.saturating_sub(1) } else { promised };
        if damage.is_some() && !matches!(damage, Some(Fault::Row(_))) {
            blocks.truncate(usize::try_from(good).unwrap_or(usize::MAX));
        }
    }
    Ok(Loaded { blocks, damage })
}

/// Reads verified entries until the first that is not good.
fn read(c: &Connection, journal: JournalId, blocks: &mut Vec<Block>) -> Result<Option<Fault>> {
    let sql = format!("SELECT {ENTRY} FROM entry WHERE instance = ?1 AND episode = ?2 ORDER BY seq");
    let mut find = c.prepare_cached(&sql)?;
    let mut rows = find.query(params![int(journal.instance), journal.episode])?;
    let (mut place, mut before) = (0u64, None);
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(None),
            Err(error) if is_damage(&error) => return Ok(Some(Fault::Unreadable(place, error.to_string()))),
            Err(error) => return Err(error),
        };
        match entry(c, journal, row) {
            Ok(Ok(block)) => {
                if let Err(fault) = follows(place, before, &block) {
                    return Ok(Some(fault));
                }
                before = Some(block.digest);
                blocks.push(block);
            }
            Ok(Err(fault)) => return Ok(Some(fault)),
            Err(error) if is_damage(&error) => return Ok(Some(Fault::Unreadable(place, error.to_string()))),
            Err(error) => return Err(error),
        }
        place = place.saturating_add(1);
    }
}

/// Whether SQLite, or a column of another type, says that the file is not what was written.
fn is_damage(error: &Error) -> bool {
    error.sqlite_error().is_none_or(|code| code.code == rusqlite::ErrorCode::DatabaseCorrupt)
}

pub(super) fn entries(
    c: &Connection,
    journal: JournalId,
    from: u64,
    most: u64,
) -> std::result::Result<Vec<Block>, Trouble> {
    let sql =
        format!("SELECT {ENTRY} FROM entry WHERE instance = ?1 AND episode = ?2 AND seq >= ?3 ORDER BY seq LIMIT ?4");
    let mut find = c.prepare_cached(&sql)?;
    let mut rows = find.query(params![int(journal.instance), journal.episode, int(from), int(most)])?;
    let mut blocks = Vec::new();
    while let Some(row) = rows.next()? {
        blocks.push(entry(c, journal, row)?.map_err(|fault| Trouble::Fault(journal, fault))?);
    }
    Ok(blocks)
}

/// One entry.
pub(super) fn at(c: &Connection, (journal, seq): Place) -> std::result::Result<Option<Block>, Trouble> {
    entries(c, journal, seq, 1).map(|blocks| blocks.into_iter().find(|block| block.seq() == seq))
}

/// The places of the entries that a query asks for, in its order.
pub(super) fn places(c: &Connection, query: &EntryQuery) -> Result<Vec<Place>> {
    let mut sql = "SELECT instance, episode, seq FROM entry WHERE 1".to_owned();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    if !query.kinds.is_empty() {
        let marks = vec!["?"; query.kinds.len()].join(", ");
        sql.push_str(&format!(" AND kind IN ({marks})"));
        values.extend(query.kinds.iter().map(|kind| Box::new(kind.clone()) as Box<dyn ToSql>));
    }
    if let Some(key) = &query.key {
        sql.push_str(" AND key = ?");
        values.push(Box::new(key.clone()));
    }
    let numbers = [
        (" AND instance = ?", query.instance.map(int)),
        (" AND time >= ?", query.since),
        (" AND time < ?", query.until),
        (" AND slot >= ?", query.from_slot.map(int)),
        (" AND slot <= ?", query.to_slot.map(int)),
    ];
    for (condition, number) in numbers {
        if let Some(number) = number {
            sql.push_str(condition);
            values.push(Box::new(number));
        }
    }
    sql.push_str(if query.newest_first {
        " ORDER BY time DESC, instance DESC, episode DESC, seq DESC LIMIT ?"
    } else {
        " ORDER BY time, instance, episode, seq LIMIT ?"
    });
    values.push(Box::new(if query.limit == 0 { -1 } else { int(query.limit) }));
    let mut find = c.prepare(&sql)?;
    let place = |row: &rusqlite::Row<'_>| {
        let journal = JournalId { instance: uint(row.get(0)?), episode: row.get(1)? };
        Ok((journal, uint(row.get(2)?)))
    };
    find.query_map(rusqlite::params_from_iter(values), place)?.collect()
}

pub(super) fn component(c: &Connection, digest: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut find = c.prepare_cached("SELECT bytes FROM component WHERE digest = ?1")?;
    find.query_row([digest], |row| row.get(0)).optional()
}

/// Why something was not read.
pub(super) enum Trouble {
    Sqlite(Error),
    Store(StoreError),
    Fault(JournalId, Fault),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Sqlite(error)
    }
}

/// Whether these bytes are what this digest names.
pub(super) fn is(bytes: &[u8], digest: &[u8]) -> bool {
    name::digest(bytes) == digest
}
