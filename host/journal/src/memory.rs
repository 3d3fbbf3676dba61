//! A store in memory: for runs that nobody will ask about when the process is gone, and for tests. It forgets the journals of ended
//! instances beyond the newest [`ENDED`], for a program may run flows for ever.

use crate::{
    Block, Cid, ComponentDigest, Damage, EachEntry, EntryQuery, Episode, Fault, HOST, Instance, InstanceFilter,
    JournalId, Loaded, ProposalRow, Pruned, Retention, Store, StoreError, Write,
    name::{self, Digest},
    verify,
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

/// Ended instances that are remembered.
pub const ENDED: usize = 128;

/// A store in memory.
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    instances: BTreeMap<u64, Held>,
    names: HashMap<String, u64>,
    last: u64,
    /// By id.
    proposals: HashMap<String, ProposalRow>,
    /// Large values and how many entries name them.
    large: HashMap<Digest, (Arc<[u8]>, u64)>,
    components: HashMap<ComponentDigest, Arc<[u8]>>,
    /// Ended instances in the order in which they ended.
    ended: VecDeque<u64>,
}

#[derive(Default)]
struct Held {
    row: Instance,
    /// Of the episodes from the first one on; the last is the current one.
    chains: Vec<Vec<Block>>,
    over: Vec<Episode>,
    waits: Option<Vec<u8>>,
    proposals: Vec<String>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        let mut state = State::default();
        let host = Instance { name: "host".to_owned(), ..Instance::default() };
        state.names.insert(host.name.clone(), HOST.instance);
        state.instances.insert(HOST.instance, Held { row: host, chains: vec![Vec::new()], ..Held::default() });
        MemoryStore { state: Mutex::new(state) }
    }
}

impl State {
    fn write(&mut self, mut write: Write) -> Result<(), StoreError> {
        let id = write.journal.instance;
        let Some(row) = write.create.take() else { return self.extend(write) };
        self.create(id, *row)?;
        let result = self.extend(write);
        if result.is_err() {
            self.forget(id);
        }
        result
    }

    fn extend(&mut self, mut write: Write) -> Result<(), StoreError> {
        let id = write.journal.instance;
        let held = self.instances.get_mut(&id).ok_or(StoreError::NoSuchInstance(id))?;
        // Nothing of a write that does not follow is kept, so the row moves first.
        let before = held.row.ended;
        let over = if write.blocks.is_empty() || write.change.is_some() {
            let mut row = held.row.clone();
            let over = row.apply(&write)?;
            held.row = row;
            over
        } else {
            held.row.apply(&write)?
        };
        for block in &mut write.blocks {
            for large in &mut block.large {
                let kept = self.large.entry(large.digest).or_insert_with(|| (large.bytes.clone(), 0));
                kept.1 = kept.1.saturating_add(1);
                large.bytes = kept.0.clone();
            }
        }
        let place = usize::try_from(write.journal.episode).unwrap_or(usize::MAX);
        if let Some(over) = over {
            held.over.push(over);
            held.chains.push(Vec::new());
        }
        if let Some(chain) = held.chains.get_mut(place) {
            if chain.is_empty() {
                *chain = write.blocks;
            } else {
                chain.append(&mut write.blocks);
            }
        }
        if let Some(waits) = write.change.and_then(|change| change.waits) {
            held.waits = waits;
        }
        if held.row.ended.is_some() {
            held.waits = None;
        }
        for row in write.proposals {
            let new = self.proposals.insert(row.id.clone(), row.clone()).is_none();
            if new && let Some(held) = self.instances.get_mut(&row.instance) {
                held.proposals.push(row.id);
            }
        }
        let ended = self.instances.get(&id).and_then(|held| held.row.ended);
        match (before, ended) {
            (None, Some(_)) => self.end(id),
            (Some(_), None) => self.ended.retain(|other| *other != id),
            _ => {}
        }
        Ok(())
    }

    fn create(&mut self, id: u64, row: Instance) -> Result<(), StoreError> {
        if row.id != id || self.instances.contains_key(&id) {
            return Err(StoreError::Taken { what: "id", value: row.id.to_string() });
        }
        if self.names.contains_key(&row.name) {
            return Err(StoreError::Taken { what: "name", value: row.name });
        }
        self.names.insert(row.name.clone(), id);
        self.last = self.last.max(id);
        let row = Instance { episode: 0, entries: 0, head: None, ..row };
        self.instances.insert(id, Held { row, chains: vec![Vec::new()], ..Held::default() });
        Ok(())
    }

    fn end(&mut self, id: u64) {
        self.ended.push_back(id);
        if self.ended.len() > ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.forget(oldest);
        }
    }

    /// Forgets an instance, row and all.
    fn forget(&mut self, id: u64) -> u64 {
        let Some(held) = self.instances.remove(&id) else { return 0 };
        self.names.remove(&held.row.name);
        held.proposals.iter().for_each(|id| drop(self.proposals.remove(id)));
        self.forget_large(&held.chains).1
    }

    /// What the entries named goes, where no other does: how many values, and how many entries there were.
    fn forget_large(&mut self, chains: &[Vec<Block>]) -> (u64, u64) {
        let (mut values, mut entries) = (0u64, 0u64);
        for block in chains.iter().flatten() {
            entries = entries.saturating_add(1);
            for large in &block.large {
                if let Some((_, uses)) = self.large.get_mut(&large.digest) {
                    *uses = uses.saturating_sub(1);
                    if *uses == 0 {
                        self.large.remove(&large.digest);
                        values = values.saturating_add(1);
                    }
                }
            }
        }
        (values, entries)
    }

    fn chain(&self, journal: JournalId) -> Result<(&Held, &[Block]), StoreError> {
        let id = journal.instance;
        let held = self.instances.get(&id).ok_or(StoreError::NoSuchInstance(id))?;
        let chain = usize::try_from(journal.episode).ok().and_then(|place| held.chains.get(place));
        Ok((held, chain.map_or(&[], Vec::as_slice)))
    }
}

impl Store for MemoryStore {
    fn commit(&self, writes: Vec<Write>) -> Vec<Result<(), StoreError>> {
        let mut state = self.state.lock();
        let mut failed: Vec<(u64, StoreError)> = Vec::new();
        let each = writes.into_iter().map(|write| {
            let id = write.journal.instance;
            let before = failed.iter().find(|(other, _)| *other == id);
            let result = before.map_or_else(|| state.write(write), |(_, error)| Err(error.clone()));
            if let Err(error) = &result {
                failed.push((id, error.clone()));
            }
            result
        });
        each.collect()
    }

    fn instant(&self) -> bool {
        true
    }

    fn load(&self, journal: JournalId) -> Result<Loaded, StoreError> {
        let state = self.state.lock();
        let (held, blocks) = state.chain(journal)?;
        let over = held.over.iter().find(|over| over.episode == journal.episode);
        let head = over.map_or(held.row.head, |over| over.head);
        // Memory does not rot, but it is verified like any other: what holds for one store holds for all.
        let damage = if held.row.pruned { None } else { verify(blocks, head).err() };
        let good = damage.as_ref().and_then(Fault::entry).and_then(|n| usize::try_from(n).ok());
        let blocks = blocks.get(..good.unwrap_or(blocks.len())).unwrap_or_default();
        Ok(Loaded { blocks: blocks.to_vec(), damage })
    }

    fn entries(&self, journal: JournalId, from: u64, most: u64) -> Result<Vec<Block>, StoreError> {
        let state = self.state.lock();
        let (_, blocks) = state.chain(journal)?;
        let wide = |n| usize::try_from(n).unwrap_or(usize::MAX);
        Ok(blocks.iter().skip(wide(from)).take(wide(most)).cloned().collect())
    }

    fn episodes(&self, instance: u64) -> Result<Vec<Episode>, StoreError> {
        Ok(self.state.lock().instances.get(&instance).map(|held| held.over.clone()).unwrap_or_default())
    }

    fn instance(&self, id: u64) -> Result<Option<Instance>, StoreError> {
        Ok(self.state.lock().instances.get(&id).map(|held| held.row.clone()))
    }

    fn instance_named(&self, name: &str) -> Result<Option<Instance>, StoreError> {
        let state = self.state.lock();
        Ok(state.names.get(name).and_then(|id| state.instances.get(id)).map(|held| held.row.clone()))
    }

    fn instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>, StoreError> {
        let state = self.state.lock();
        let wanted = |row: &&Instance| {
            (filter.states.is_empty() || filter.states.contains(&row.state))
                && filter.chain.as_ref().is_none_or(|chain| *chain == row.chain)
                && filter.flow.as_ref().is_none_or(|flow| *flow == row.flow)
                && filter.ended.is_none_or(|ended| ended == row.ended.is_some())
        };
        let rows = state.instances.range(filter.after.saturating_add(1)..).map(|(_, held)| &held.row).filter(wanted);
        let most = if filter.limit == 0 { usize::MAX } else { usize::try_from(filter.limit).unwrap_or(usize::MAX) };
        Ok(rows.take(most).cloned().collect())
    }

    fn last_instance(&self) -> Result<u64, StoreError> {
        Ok(self.state.lock().last)
    }

    fn waiting(&self, chain: &str, each: &mut dyn FnMut(u64, &[u8])) -> Result<(), StoreError> {
        let state = self.state.lock();
        for (id, held) in &state.instances {
            if let Some(waits) = held.waits.as_ref().filter(|_| held.row.chain == chain) {
                each(*id, waits);
            }
        }
        Ok(())
    }

    fn proposals(&self, instance: u64) -> Result<Vec<ProposalRow>, StoreError> {
        let state = self.state.lock();
        let ids = state.instances.get(&instance).map(|held| held.proposals.as_slice()).unwrap_or_default();
        let mut rows: Vec<_> = ids.iter().filter_map(|id| state.proposals.get(id)).cloned().collect();
        rows.sort_by_key(|row| (row.episode, row.seq));
        Ok(rows)
    }

    fn large(&self, cid: &Cid) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(digest) = name::read(cid, name::RAW) else { return Ok(None) };
        Ok(self.state.lock().large.get(&digest).map(|(bytes, _)| bytes.to_vec()))
    }

    fn put_component(&self, digest: &ComponentDigest, bytes: &[u8]) -> Result<(), StoreError> {
        self.state.lock().components.entry(*digest).or_insert_with(|| bytes.into());
        Ok(())
    }

    fn component(&self, digest: &ComponentDigest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state.lock().components.get(digest).map(|bytes| bytes.to_vec()))
    }

    fn find(&self, query: &EntryQuery, each: &mut EachEntry<'_>) -> Result<(), StoreError> {
        let mut found: Vec<(JournalId, Block)> = Vec::new();
        {
            let state = self.state.lock();
            for (id, held) in state.instances.iter().filter(|(id, _)| query.instance.is_none_or(|i| i == **id)) {
                for (episode, chain) in (0u32..).zip(&held.chains) {
                    let journal = JournalId { instance: *id, episode };
                    let hits = chain.iter().filter(|block| query.takes(block));
                    found.extend(hits.map(|block| (journal, block.clone())));
                }
            }
        }
        found.sort_by_key(|(journal, block)| (block.stamp().time, *journal, block.seq()));
        if query.newest_first {
            found.reverse();
        }
        let most = if query.limit == 0 { usize::MAX } else { usize::try_from(query.limit).unwrap_or(usize::MAX) };
        // Not under the lock: whoever looks may ask the store for more.
        for (journal, block) in found.into_iter().take(most) {
            if !each(journal, block) {
                break;
            }
        }
        Ok(())
    }

    fn check(&self, each: &mut dyn FnMut(Damage)) -> Result<(), StoreError> {
        let journals: Vec<JournalId> = {
            let state = self.state.lock();
            let all = state.instances.iter();
            all.flat_map(|(id, held)| (0..=held.row.episode).map(|episode| JournalId { instance: *id, episode }))
                .collect()
        };
        for journal in journals {
            if let Some(fault) = self.load(journal)?.damage {
                let (instance, episode) = (Some(journal.instance), Some(journal.episode));
                each(Damage { instance, episode, what: fault.to_string() });
            }
        }
        Ok(())
    }

    fn prune(&self, retention: Retention) -> Result<Pruned, StoreError> {
        let mut state = self.state.lock();
        let mut ended: Vec<(i64, u64)> =
            state.instances.iter().filter_map(|(id, held)| Some((held.row.ended?, *id))).collect();
        ended.sort_unstable_by(|a, b| b.cmp(a));
        let mut pruned = Pruned::default();
        let keep = usize::try_from(retention.keep).unwrap_or(usize::MAX);
        for (_, id) in ended.into_iter().skip(keep).filter(|(at, _)| *at < retention.ended_before) {
            let Some(held) = state.instances.get_mut(&id) else { continue };
            let chains = std::mem::take(&mut held.chains);
            held.chains = vec![Vec::new(); chains.len()];
            held.row.pruned = true;
            let (values, entries) = state.forget_large(&chains);
            pruned.large = pruned.large.saturating_add(values);
            pruned.entries = pruned.entries.saturating_add(entries);
            pruned.instances = pruned.instances.saturating_add(u64::from(entries > 0));
        }
        // A component is needed as long as there are entries to replay, or more to come.
        let has_entries = |held: &Held| held.row.ended.is_none() || held.chains.iter().any(|chain| !chain.is_empty());
        let needed: BTreeSet<ComponentDigest> = state
            .instances
            .values()
            .filter(|held| has_entries(held))
            .flat_map(|held| held.row.components.iter().chain(&held.row.upgrade).copied())
            .collect();
        let before = state.components.len();
        state.components.retain(|digest, _| needed.contains(digest));
        pruned.components = u64::try_from(before.saturating_sub(state.components.len())).unwrap_or(u64::MAX);
        Ok(pruned)
    }
}
