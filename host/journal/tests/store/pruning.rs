//! Retention: whole journals go, what is left verifies.

use crate::{Note, Place, at, note};
use valence_journal::{Change, Journal, Pruned, Retention};

/// An instance with one value of its own, one shared, a component of its own and a shared one.
fn instance(place: &Place, name: &str, own: u8, ended: Option<i64>) -> Journal<Note> {
    use sha2::Digest as _;
    let mut journal = place.begin(name);
    for bytes in [vec![own; 5000], vec![0; 5000]] {
        journal.append(at(0), Note { bytes, ..note("a") }).unwrap();
    }
    let digests = [vec![own], vec![0]].map(|bytes| {
        let digest = sha2::Sha256::digest(&bytes).into();
        place.store().put_component(&digest, &bytes).unwrap();
        digest
    });
    journal.change(Change { ended: Some(ended), components: Some(digests.to_vec()), ..Change::default() });
    journal.barrier().wait().unwrap();
    journal
}

pub fn a_pruned_journal_leaves_its_row_and_what_others_name(place: Place) {
    let old = instance(&place, "old", 1, Some(10));
    let new = instance(&place, "new", 2, Some(20));
    let open = instance(&place, "open", 3, None);
    let row = place.store().instance(old.id().instance).unwrap().unwrap();
    let loaded = place.store().load(old.id()).unwrap().blocks;
    let pruned = place.store().prune(Retention { ended_before: 15, keep: 0 }).unwrap();
    assert_eq!(pruned, Pruned { instances: 1, entries: 2, large: 1, components: 1 });
    assert_eq!(place.store().prune(Retention { ended_before: 15, keep: 0 }).unwrap(), Pruned::default());
    let place = place.reopened();
    let left = place.store().instance(old.id().instance).unwrap().unwrap();
    assert_eq!(left, valence_journal::Instance { pruned: true, ..row });
    assert_eq!((left.entries, left.head), (2, old.head()));
    let gone = place.store().load(old.id()).unwrap();
    assert_eq!((gone.blocks.len(), gone.damage), (0, None));
    assert_eq!(place.store().large(&loaded[0].names()[0]).unwrap(), None);
    assert!(place.store().large(&loaded[1].names()[0]).unwrap().is_some());
    assert_eq!(place.words(new.id()).len() + place.words(open.id()).len(), 4);
    assert_eq!(place.store().component(&left.components[0]).unwrap(), None);
    assert!(place.store().component(&left.components[1]).unwrap().is_some());
    place.sound();
}

pub fn what_has_not_ended_is_never_pruned(place: Place) {
    let all: Vec<_> = (1..=4).map(|n| instance(&place, &n.to_string(), n, (n < 4).then_some(n.into()))).collect();
    // The newest two of the ended stay, whatever their age.
    let pruned = place.store().prune(Retention { ended_before: i64::MAX, keep: 2 }).unwrap();
    assert_eq!((pruned.instances, pruned.entries), (1, 2));
    assert_eq!(all.iter().map(|journal| place.words(journal.id()).len()).collect::<Vec<_>>(), [0, 2, 2, 2]);
    let pruned = place.store().prune(Retention { ended_before: i64::MAX, keep: 0 }).unwrap();
    assert_eq!((pruned.instances, pruned.entries, pruned.large, pruned.components), (2, 4, 2, 2));
    assert_eq!(place.words(all[3].id()).len(), 2);
    place.sound();
}
