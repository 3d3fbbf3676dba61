//! Everything that is stored, checked: the file as SQLite sees it, then every row and every chain as the journal does.

use super::{
    SqliteStore,
    columns::{self, int, uint},
    read::{self, Trouble},
};
use crate::{Damage, Instance, InstanceFilter, JournalId, Store, StoreError};
use rusqlite::Connection;

/// Rows that are looked at in one go.
const PAGE: u64 = 1000;
/// Lines of SQLite's own report.
const LINES: u32 = 20;

pub(super) fn check(store: &SqliteStore, each: &mut dyn FnMut(Damage)) -> Result<(), StoreError> {
    let of_file = |what: String| Damage { instance: None, episode: None, what };
    for what in store.damage()? {
        each(of_file(what));
    }
    for what in store.read(|c| Ok(structure(c)?))? {
        each(of_file(format!("the file: {what}")));
    }
    if let Some(host) = store.instance(0)? {
        instance(store, &host, each)?;
    } else {
        each(of_file("the row of the host is missing".to_owned()));
    }
    let mut filter = InstanceFilter { limit: PAGE, ..InstanceFilter::default() };
    loop {
        let rows = store.instances(&filter)?;
        let Some(last) = rows.last() else { break };
        filter.after = last.id;
        for row in &rows {
            instance(store, row, each)?;
        }
    }
    for (instance, what) in store.read(rows)? {
        each(Damage { instance, episode: None, what });
    }
    Ok(())
}

/// The row of an instance and its chains.
fn instance(store: &SqliteStore, row: &Instance, each: &mut dyn FnMut(Damage)) -> Result<(), StoreError> {
    let id = Some(row.id);
    if let Some(what) = &row.damage {
        each(Damage { instance: id, episode: None, what: what.clone() });
    }
    let episodes = store.read(|c| Ok(read::episodes(c, row.id)?))?;
    let numbers = episodes.iter().map(|(episode, _)| episode.episode);
    if row.damage.is_none() && !numbers.clone().eq(0..=row.episode) {
        each(Damage { instance: id, episode: None, what: "the row of an episode is missing".to_owned() });
    }
    for episode in numbers {
        if let Some(fault) = store.load(JournalId { instance: row.id, episode })?.damage {
            each(Damage { instance: id, episode: Some(episode), what: fault.to_string() });
        }
    }
    Ok(())
}

/// What SQLite finds: pages, cells, and indexes that do not agree with their tables.
fn structure(c: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = c.prepare(&format!("PRAGMA integrity_check({LINES})"))?;
    let lines: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// What stands beside the chains, row by row.
fn rows(c: &Connection) -> Result<Vec<(Option<u64>, String)>, Trouble> {
    let mut bad = Vec::new();
    {
        let mut all = c.prepare("SELECT instance, chain, waits, sum FROM waiting")?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let id = uint(row.get(0)?);
            let chain = row.get_ref(1)?.as_str().unwrap_or_default();
            let waits = row.get_ref(2)?.as_blob().unwrap_or_default();
            if row.get::<_, i64>(3).ok() != Some(columns::sum_waits(id, chain, waits)) {
                bad.push((Some(id), "what it waits for is not what was written".to_owned()));
            }
        }
    }
    let mut all = c.prepare(&format!("SELECT {} FROM proposal", columns::PROPOSAL))?;
    for read in all.query_map([], columns::read_proposal)? {
        let (row, whole) = read?;
        if !whole {
            bad.push((Some(row.instance), format!("proposal {} is not what was written", row.id)));
        }
    }
    // Those that no chain names, too; the others were looked at with their chain, and are named there by entry.
    for (table, what) in [("block", "a large value"), ("component", "a component")] {
        let mut all = c.prepare(&format!("SELECT digest, bytes FROM {table}"))?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let digest = row.get_ref(0)?.as_blob().unwrap_or_default();
            if !read::is(row.get_ref(1)?.as_blob().unwrap_or_default(), digest) {
                bad.push((None, format!("{what} is not what its name says")));
            }
        }
    }
    let lost = "SELECT DISTINCT instance FROM entry WHERE instance NOT IN (SELECT id FROM instance) LIMIT ?1";
    let mut all = c.prepare(lost)?;
    let lost: Vec<i64> = all.query_map([int(PAGE)], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    bad.extend(lost.into_iter().map(|id| (Some(uint(id)), "it has entries and no row".to_owned())));
    Ok(bad)
}
