//! What must hold of a chain, whatever is appended.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    missing_docs
)]

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};
use valence_journal::{Block, Cid, Fault, Instance, Journal, JournalId, Record, Stamp, Writer, verify};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note(#[serde(with = "serde_bytes")] Vec<u8>);

impl Record for Note {
    fn kind(&self) -> &'static str {
        "note"
    }
    fn weight(&self) -> u64 {
        self.0.len() as u64
    }
}

const ID: JournalId = JournalId { instance: 1, episode: 0 };

fn empty<R: Record>(writer: &Writer) -> Journal<R> {
    Journal::create(writer, ID, Some(Instance { id: 1, name: "one".into(), ..Instance::default() }))
}

fn chain(notes: &[Vec<u8>]) -> (Vec<Block>, Option<Cid>) {
    let writer = Writer::memory();
    let mut journal = empty(&writer);
    for (slot, note) in (0..).zip(notes) {
        journal.append(Stamp { slot, time: -3 }, Note(note.clone())).unwrap();
    }
    journal.barrier().wait().unwrap();
    (writer.store().load(ID).unwrap().blocks, journal.head())
}

#[test]
fn the_head_of_a_journal_is_the_same_for_the_same_records() {
    let notes = vec![vec![1], vec![2, 3]];
    let head = chain(&notes).1.unwrap();
    assert_eq!(Some(head), chain(&notes).1);
    assert_ne!(Some(head), chain(&notes[..1]).1);
    assert_eq!(head.version(), cid::Version::V1);
    assert_eq!(head.codec(), 0x71);
    // The format is fixed: whoever changes it gives it a new version.
    assert_eq!(head.to_string(), "bafyreih5rcnj5ef6tkfncaagio4sbkgpbglnmkw35fzmmh4hia5ytfy2sm");
}

#[test]
fn more_records_than_a_batch_holds_are_chained_in_order_by_the_worker() {
    let notes = vec![vec![]; 5000];
    let (blocks, head) = chain(&notes);
    assert_eq!(blocks.len(), 5000);
    assert_eq!(verify(&blocks, head), Ok(()));
}

#[test]
fn in_memory_a_barrier_is_ready_at_once() {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };
    let writer = Writer::memory();
    let mut journal = empty(&writer);
    for n in 0..1000 {
        journal.append(Stamp::default(), Note(vec![])).unwrap();
        if n % 100 == 99 {
            let mut context = Context::from_waker(Waker::noop());
            assert_eq!(pin!(journal.barrier()).poll(&mut context), Poll::Ready(Ok(())));
            assert_eq!(writer.store().instance(1).unwrap().unwrap().entries, n + 1);
        }
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => prop::collection::vec(any::<u8>(), 0..60), 1 => prop::collection::vec(any::<u8>(), 4090..4110)]
}

proptest! {
    #[test]
    fn what_was_appended_is_read_back_and_verifies(notes in prop::collection::vec(bytes(), 0..40)) {
        let (blocks, head) = chain(&notes);
        prop_assert_eq!(verify(&blocks, head), Ok(()));
        for (block, note) in blocks.iter().zip(&notes) {
            let entry = block.decode::<Note>().unwrap();
            prop_assert_eq!(&entry.body.0, note);
            prop_assert_eq!(&entry.kind, "note");
            prop_assert_eq!((entry.time, entry.key), (-3, None));
            prop_assert_eq!(entry.prev, block.prev());
            let again = Block::from_bytes(block.bytes().to_vec()).unwrap();
            prop_assert_eq!(&again.with_large(block.large().to_vec()), block);
        }
    }

    #[test]
    fn any_flipped_bit_is_named(notes in prop::collection::vec(bytes(), 1..12), at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
        let (mut blocks, head) = chain(&notes);
        let at = at.index(notes.len());
        let mut bytes = blocks[at].bytes().to_vec();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        match Block::from_bytes(bytes) {
            Err(_) => {}
            Ok(block) => {
                blocks[at] = block.with_large(blocks[at].large().to_vec());
                prop_assert!(verify(&blocks, head).is_err());
            }
        }
    }

    #[test]
    fn a_removed_or_moved_entry_is_named(notes in prop::collection::vec(bytes(), 3..12), at in any::<prop::sample::Index>()) {
        let (blocks, head) = chain(&notes);
        let at = at.index(notes.len() - 1);
        let mut removed = blocks.clone();
        removed.remove(at);
        prop_assert!(matches!(verify(&removed, head), Err(Fault::Broken(n)) if n == at as u64));
        let mut moved = blocks;
        moved.swap(at, at + 1);
        prop_assert!(verify(&moved, head).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Block::from_bytes(bytes.clone());
        // And with the begin of an entry before them.
        let mut begin = vec![0x88, 1, 0xf6, 0];
        begin.extend(bytes);
        if let Ok(block) = Block::from_bytes(begin) {
            let _ = block.body::<Note>();
        }
    }
}

#[test]
fn the_weight_counts_every_record_at_once() {
    let writer = Writer::memory();
    let mut journal = empty(&writer);
    for _ in 0..3000 {
        journal.append(Stamp::default(), Note(vec![0; 10])).unwrap();
    }
    assert_eq!(journal.weight(), 30_000);
}

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

#[test]
fn a_record_that_cannot_be_encoded_ends_the_chain_before_it_and_says_so() {
    // Once in a batch of the worker's, once at the barrier.
    for (at, count) in [(3u64, 4000), (2000, 4000), (3, 5)] {
        let writer = Writer::memory();
        let mut journal = empty(&writer);
        let told = Arc::new(Mutex::new(None));
        let mut refused = false;
        for place in 0..count {
            refused |= journal.append(Stamp::default(), Odd(place == at)).is_err();
        }
        let tell = told.clone();
        journal.then(move |result| *tell.lock().unwrap() = Some(result.is_err()));
        refused |= journal.barrier().wait().is_err();
        assert!(refused);
        assert_eq!(*told.lock().unwrap(), Some(true));
        assert!(journal.append(Stamp::default(), Odd(false)).unwrap_err().to_string().contains("odd"));
        let loaded = writer.store().load(ID).unwrap();
        assert_eq!((loaded.blocks.len() as u64, loaded.damage), (at, None));
    }
}

#[test]
fn a_record_that_panics_leaves_nobody_waiting() {
    struct Wild;
    impl Serialize for Wild {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("on purpose")
        }
    }
    impl Record for Wild {
        fn kind(&self) -> &'static str {
            "wild"
        }
        fn weight(&self) -> u64 {
            1
        }
    }
    let writer = Writer::memory();
    let mut journal = empty(&writer);
    // A full batch is encoded on the worker's thread, which others need, too.
    let refused = (0..300).any(|_| journal.append(Stamp::default(), Wild).is_err());
    assert!(refused || journal.barrier().wait().is_err());
    assert_eq!(chain(&vec![vec![]; 1000]).0.len(), 1000);
}

#[test]
fn a_record_with_a_link_like_those_of_large_values_is_refused() {
    #[derive(Serialize)]
    struct Linked(Cid);
    impl Record for Linked {
        fn kind(&self) -> &'static str {
            "linked"
        }
        fn weight(&self) -> u64 {
            40
        }
    }
    let (blocks, head) = chain(&[vec![1; 5000]]);
    for (link, good) in [(head.unwrap(), true), (blocks[0].names()[0], false)] {
        let writer = Writer::memory();
        let mut journal = empty(&writer);
        journal.append(Stamp::default(), Linked(link)).unwrap();
        assert_eq!(journal.barrier().wait().is_ok(), good);
    }
}

#[test]
fn memory_forgets_instances_that_ended_long_ago() {
    let writer = Writer::memory();
    for id in 1..=300u64 {
        let row = Instance { id, name: id.to_string(), ..Instance::default() };
        let mut journal = Journal::create(&writer, JournalId { instance: id, episode: 0 }, Some(row));
        journal.append(Stamp::default(), Note(vec![9; 5000])).unwrap();
        if id != 7 {
            journal.change(valence_journal::Change { ended: Some(Some(1)), ..Default::default() });
        }
        journal.barrier().wait().unwrap();
    }
    let left: Vec<u64> = writer.store().instances(&Default::default()).unwrap().iter().map(|row| row.id).collect();
    assert_eq!(left[..2], [7, 173]);
    assert_eq!(left.len(), 129);
    assert_eq!(writer.store().instance_named("8").unwrap(), None);
    assert_eq!(writer.store().load(JournalId { instance: 300, episode: 0 }).unwrap().blocks.len(), 1);
}
