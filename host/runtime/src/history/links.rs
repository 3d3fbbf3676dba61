//! The links between chains: the header of each episode names the head of the one before, and the host's own journal names the heads
//! of instances that are over. The journal does not read its records, so that is checked here.

use crate::{instance::Entry, orchestrator::HostEntry};
use std::collections::BTreeMap;
use valence_journal::{Block, Damage, HOST, Instance as Row, InstanceFilter, JournalId, Store, StoreError};

/// Rows that are read at once.
const PAGE: u64 = 1000;

/// The heads that the host's own journal names, the last one of each instance by name.
fn heads(store: &dyn Store) -> Result<BTreeMap<String, String>, StoreError> {
    let (mut heads, mut next) = (BTreeMap::new(), 0);
    loop {
        // Where it is damaged, the store's own check says so.
        let Ok(blocks) = store.entries(HOST, next, PAGE) else { return Ok(heads) };
        let Some(last) = blocks.last() else { return Ok(heads) };
        next = last.seq().saturating_add(1);
        for block in &blocks {
            if let Ok(HostEntry::Ended { instance, head, .. }) = block.body() {
                heads.insert(instance, head);
            }
        }
    }
}

/// Whether the head that the host's journal names is one of the instance's entries. It may have gone on since: by a retry.
fn is_in(store: &dyn Store, row: &Row, head: &str) -> Result<bool, StoreError> {
    if row.pruned || row.damage.is_some() || row.head.is_some_and(|last| last.to_string() == head) {
        return Ok(true);
    }
    for episode in 0..=row.episode {
        let loaded = store.load(JournalId { instance: row.id, episode })?;
        // What is damaged is told as that.
        if loaded.damage.is_some() || loaded.blocks.iter().map(Block::cid).any(|cid| cid.to_string() == head) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The episodes that do not name the one before them, and the instances whose head the host's journal names otherwise. Entries that cannot be read are the store's own to tell.
///
/// # Errors
/// [`StoreError`] where the store cannot be read at all.
pub fn links(store: &dyn Store) -> Result<Vec<Damage>, StoreError> {
    let mut broken = Vec::new();
    let heads = heads(store)?;
    let mut filter = InstanceFilter { limit: PAGE, ..InstanceFilter::default() };
    loop {
        let rows = store.instances(&filter)?;
        let Some(last) = rows.last() else { return Ok(broken) };
        filter.after = last.id;
        for row in &rows {
            if let Some(head) = heads.get(&row.name)
                && !is_in(store, row, head)?
            {
                let what = format!(
                    "the host's journal says that it ended with the head {head}, which is not one of its entries"
                );
                broken.push(Damage { instance: Some(row.id), episode: None, what });
            }
        }
        for row in rows.iter().filter(|row| !row.pruned && row.episode > 0) {
            for over in store.episodes(row.id)? {
                let Some(episode) = over.episode.checked_add(1) else { continue };
                let journal = JournalId { instance: row.id, episode };
                let Ok(first) = store.entries(journal, 0, 1) else { continue };
                let Some(Ok(Entry::Header(header))) = first.first().map(|block| block.body::<Entry>()) else {
                    continue;
                };
                let head = over.head.map(|head| head.to_string());
                if header.before != head {
                    let say = |head: &Option<String>| head.clone().unwrap_or_else(|| "nothing".to_owned());
                    let (named, is) = (say(&header.before), say(&head));
                    let what = format!("entry 0 names {named} as the head of the episode before, which is {is}");
                    broken.push(Damage { instance: Some(row.id), episode: Some(episode), what });
                }
            }
        }
    }
}
