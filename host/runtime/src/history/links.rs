//! The links between episodes: the header of each names the head of the one before. The journal does not read headers, so that
//! is checked here.

use crate::instance::Entry;
use valence_journal::{Damage, InstanceFilter, JournalId, Store, StoreError};

/// Rows that are read at once.
const PAGE: u64 = 1000;

/// The episodes that do not name the one before them. Entries that cannot be read are the store's own to tell.
///
/// # Errors
/// [`StoreError`] where the store cannot be read at all.
pub fn links(store: &dyn Store) -> Result<Vec<Damage>, StoreError> {
    let mut broken = Vec::new();
    let mut filter = InstanceFilter { limit: PAGE, ..InstanceFilter::default() };
    loop {
        let rows = store.instances(&filter)?;
        let Some(last) = rows.last() else { return Ok(broken) };
        filter.after = last.id;
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
