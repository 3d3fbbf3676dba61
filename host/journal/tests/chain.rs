//! What must hold of a chain, whatever is appended.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use valence_journal::{Block, Fault, Journal, Record, Stamp, verify};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note(Vec<u8>);

impl Record for Note {
    fn kind(&self) -> &'static str {
        "note"
    }
    fn weight(&self) -> u64 {
        self.0.len() as u64
    }
}

fn chain(notes: &[Vec<u8>]) -> Journal<Note> {
    let mut journal = Journal::new();
    for (slot, note) in (0..).zip(notes) {
        journal.append(Stamp { slot, time: -3 }, Note(note.clone())).unwrap();
    }
    journal.barrier().unwrap();
    journal
}

#[test]
fn the_head_of_a_journal_is_the_same_for_the_same_records() {
    let notes = vec![vec![1], vec![2, 3]];
    let head = chain(&notes).head().unwrap().unwrap();
    assert_eq!(Some(head), chain(&notes).head().unwrap());
    assert_ne!(Some(head), chain(&notes[..1]).head().unwrap());
    assert_eq!(head.version(), cid::Version::V1);
    assert_eq!(head.codec(), 0x71);
}

#[test]
fn more_records_than_a_batch_holds_are_chained_in_order_by_the_worker() {
    let mut journal = Journal::new();
    for slot in 0..5000 {
        journal.append(Stamp { slot, time: 0 }, Note(vec![])).unwrap();
    }
    assert_eq!(journal.entries(), 5000);
    let head = journal.head().unwrap();
    let blocks = journal.blocks().unwrap();
    assert_eq!(blocks.len(), 5000);
    assert_eq!(verify(&blocks, head), Ok(()));
}

proptest! {
    #[test]
    fn what_was_appended_is_read_back_and_verifies(notes in prop::collection::vec(any::<Vec<u8>>(), 0..40)) {
        let mut journal = chain(&notes);
        let head = journal.head().unwrap();
        prop_assert_eq!(verify(&journal.blocks().unwrap(), head), Ok(()));
        for (block, note) in journal.blocks().unwrap().iter().zip(&notes) {
            let entry = block.decode::<Note>().unwrap();
            prop_assert_eq!(&entry.body.0, note);
            prop_assert_eq!(entry.kind, "note");
            prop_assert_eq!(entry.time, -3);
        }
    }

    #[test]
    fn any_flipped_bit_is_named(notes in prop::collection::vec(any::<Vec<u8>>(), 1..12), at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
        let mut journal = chain(&notes);
        let head = journal.head().unwrap();
        let at = at.index(notes.len());
        let mut bytes = journal.blocks().unwrap()[at].bytes().to_vec();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut blocks = journal.blocks().unwrap();
        match Block::from_bytes(bytes) {
            Err(_) => {}
            Ok(block) => {
                blocks[at] = block;
                prop_assert!(verify(&blocks, head).is_err());
            }
        }
    }

    #[test]
    fn a_removed_or_moved_entry_is_named(notes in prop::collection::vec(any::<Vec<u8>>(), 3..12), at in any::<prop::sample::Index>()) {
        let mut journal = chain(&notes);
        let head = journal.head().unwrap();
        let at = at.index(notes.len() - 1);
        let mut removed = journal.blocks().unwrap();
        removed.remove(at);
        prop_assert!(matches!(verify(&removed, head), Err(Fault::Broken(n)) if n == at as u64));
        let mut moved = journal.blocks().unwrap();
        moved.swap(at, at + 1);
        prop_assert!(verify(&moved, head).is_err());
    }
}

#[test]
fn the_weight_counts_every_record_at_once() {
    let mut journal = Journal::new();
    for _ in 0..3000 {
        journal.append(Stamp::default(), Note(vec![0; 10])).unwrap();
    }
    assert_eq!(journal.weight(), 30_000);
}

#[test]
fn a_record_that_cannot_be_encoded_ends_the_chain_before_it_and_says_so() {
    struct Odd(bool);
    impl Serialize for Odd {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            if self.0 { Err(serde::ser::Error::custom("odd")) } else { s.serialize_unit() }
        }
    }
    impl Record for Odd {
        fn kind(&self) -> &'static str {
            "odd"
        }
        fn weight(&self) -> u64 {
            1
        }
    }
    // Once in a batch of the worker's, once at the barrier.
    for at in [3, 2000] {
        let mut journal = Journal::new();
        let mut refused = false;
        for place in 0..4000 {
            refused |= journal.append(Stamp::default(), Odd(place == at)).is_err();
        }
        refused |= journal.barrier().is_err();
        assert!(refused);
        assert!(journal.head().unwrap_err().to_string().contains("odd"));
    }
}
