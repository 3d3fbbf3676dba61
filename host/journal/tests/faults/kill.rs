//! kill -9 at random moments.

use crate::{
    child,
    world::{World, damages, note, open},
};
use std::{collections::BTreeMap, thread, time::Duration};
use valence_journal::JournalId;

#[test]
fn every_acknowledged_entry_survives_kill_9_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    let mut before: Option<World> = None;
    for round in 0u64..30 {
        let (mut child, lines) = child::start("append", folder.path());
        // From at once to a hundred milliseconds, in no order.
        thread::sleep(Duration::from_micros(round * 7919 % 31 * 3300));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            // The last one may have been cut.
            let Some((id, seq)) = line.split_once(' ') else { continue };
            if let (Ok(id), Ok(seq)) = (id.parse::<u64>(), seq.parse::<u64>()) {
                let count = acknowledged.entry(id).or_default();
                assert!(seq >= *count || seq + 1 == *count, "{id} {seq} {count}");
                *count = (*count).max(seq + 1);
            }
        }
        let store = open(folder.path()).unwrap();
        assert_eq!(damages(&store).unwrap(), Vec::<String>::new());
        let after = World::of(&store);
        for (id, count) in &acknowledged {
            let chain = &after.chains[id];
            assert!(chain.len() as u64 >= *count, "instance {id}: {} of {count}", chain.len());
            let journal = JournalId { instance: *id, episode: 0 };
            for (seq, block) in (0..).zip(chain) {
                assert_eq!(block.body::<crate::world::Note>().unwrap(), note(journal, seq));
            }
            if let Some(before) = before.as_ref().and_then(|world| world.chains.get(id)) {
                assert!(chain.starts_with(before), "instance {id}: what was durable has changed");
            }
        }
        before = Some(after);
    }
    let all: u64 = acknowledged.values().sum();
    assert!(acknowledged.len() == 3 && all > 300, "{acknowledged:?}");
}
