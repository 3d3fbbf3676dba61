//! Forgetting: the entries of instances that ended long ago, whole journals only, so that what is left verifies. The row stays, with
//! count and head. Large values and components go when nobody names them any more.

use super::{
    columns::{INSTANCE, SET_INSTANCE, int, read_instance, uint, write_instance},
    commit::Core,
    trouble,
};
use crate::{Pruned, Retention, StoreError};
use parking_lot::Mutex;
use rusqlite::{Connection, Result};
use std::{collections::BTreeSet, path::Path};

/// Large values that go in one step.
const STEP: u32 = 256;

pub(super) fn prune(path: &Path, core: &Mutex<Core>, retention: Retention) -> std::result::Result<Pruned, StoreError> {
    let failed = |e: rusqlite::Error| trouble::sqlite(path, &e);
    let mut pruned = Pruned::default();
    let old = old(&core.lock().connection, retention).map_err(failed)?;
    // One instance at a time: others write in between.
    for id in old {
        let mut core = core.lock();
        let entries = core.transact(|core| {
            core.rows.remove(&uint(id));
            forget(&core.connection, id).map_err(failed)
        })?;
        core.harden(false)?;
        pruned.instances = pruned.instances.saturating_add(u64::from(entries > 0));
        pruned.entries = pruned.entries.saturating_add(entries);
    }
    loop {
        let gone = core.lock().transact(|core| {
            let sql = "DELETE FROM block WHERE id IN (SELECT b.id FROM block b \
                       WHERE NOT EXISTS (SELECT 1 FROM named n WHERE n.block = b.id) LIMIT ?1)";
            core.connection.execute(sql, [STEP]).map_err(failed)
        })?;
        let gone = u64::try_from(gone).unwrap_or(u64::MAX);
        pruned.large = pruned.large.saturating_add(gone);
        if gone < u64::from(STEP) {
            break;
        }
    }
    let mut core = core.lock();
    let gone = core.transact(|core| components(&core.connection).map_err(failed))?;
    pruned.components = u64::try_from(gone).unwrap_or(u64::MAX);
    core.harden(true)?;
    Ok(pruned)
}

/// Who is to be forgotten.
fn old(c: &Connection, retention: Retention) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM (SELECT id, ended, pruned FROM instance WHERE ended IS NOT NULL AND id > 0 \
               ORDER BY ended DESC, id DESC LIMIT -1 OFFSET ?1) WHERE ended < ?2 AND pruned = 0";
    let mut find = c.prepare(sql)?;
    find.query_map([int(retention.keep), retention.ended_before], |row| row.get(0))?.collect()
}

fn forget(c: &Connection, id: i64) -> Result<u64> {
    let entries = c.prepare_cached("DELETE FROM entry WHERE instance = ?1")?.execute([id])?;
    c.prepare_cached("DELETE FROM named WHERE instance = ?1")?.execute([id])?;
    let find = format!("{INSTANCE} WHERE i.id = ?1");
    let mut row = c.query_row(&find, [id], read_instance)?;
    // A damaged row stays as it is: its checksum must not be made good.
    if row.damage.is_none() {
        row.pruned = true;
        write_instance(&mut *c.prepare_cached(SET_INSTANCE)?, &row, false)?;
    }
    Ok(u64::try_from(entries).unwrap_or(u64::MAX))
}

/// A component is needed as long as there are entries to replay, or more to come.
fn components(c: &Connection) -> Result<usize> {
    let mut needed = BTreeSet::new();
    let mut find = c.prepare("SELECT DISTINCT components, upgrade FROM instance WHERE pruned = 0")?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        let digests = row.get_ref(0)?.as_blob().unwrap_or_default();
        needed.extend(digests.as_chunks::<32>().0.iter().map(|digest| digest.to_vec()));
        let digests = row.get_ref(1)?.as_blob_or_null()?.unwrap_or_default();
        needed.extend(digests.as_chunks::<32>().0.iter().map(|digest| digest.to_vec()));
    }
    let mut all = c.prepare("SELECT digest FROM component")?;
    let all: Vec<Vec<u8>> = all.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
    let mut gone = 0;
    for digest in all.iter().filter(|digest| !needed.contains(*digest)) {
        gone += c.execute("DELETE FROM component WHERE digest = ?1", [digest])?;
    }
    Ok(gone)
}
