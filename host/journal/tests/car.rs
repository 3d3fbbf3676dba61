//! CAR files: what is exported is read back, and what was changed on the way is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    missing_docs
)]

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use valence_journal::{Car, CarError, Change, Cid, Instance, Journal, JournalId, Record, Stamp, Writer, export};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note(#[serde(with = "serde_bytes")] Vec<u8>);

impl Record for Note {
    fn kind(&self) -> &'static str {
        "note"
    }
    fn weight(&self) -> u64 {
        1
    }
}

/// An instance with these episodes.
fn instance(writer: &Writer, episodes: &[Vec<Vec<u8>>]) {
    let mut row = Some(Instance { id: 1, name: "one".into(), ..Instance::default() });
    for (episode, notes) in (0u32..).zip(episodes) {
        let id = JournalId { instance: 1, episode };
        let mut journal = Journal::create(writer, id, row.take());
        if episode > 0 {
            journal.change(Change { episode: Some(episode), ..Change::default() });
        }
        for note in notes {
            journal.append(Stamp { slot: 3, time: 4 }, Note(note.clone())).unwrap();
        }
        journal.barrier().wait().unwrap();
    }
}

fn file(episodes: &[Vec<Vec<u8>>]) -> (Vec<u8>, Cid) {
    let writer = Writer::memory();
    instance(&writer, episodes);
    let mut bytes = Vec::new();
    let head = export(&**writer.store(), 1, &mut bytes).unwrap();
    (bytes, head)
}

fn three() -> Vec<Vec<Vec<u8>>> {
    vec![vec![vec![1], vec![2; 6000]], vec![vec![2; 6000], vec![3; 5000], vec![4]], vec![vec![5]]]
}

#[test]
fn all_episodes_of_an_instance_are_exported_and_read_back() {
    let (bytes, head) = file(&three());
    let car = Car::read(bytes.as_slice()).unwrap();
    car.verify().unwrap();
    assert_eq!((car.roots.as_slice(), car.head()), ([head].as_slice(), Some(head)));
    let notes: Vec<Vec<Vec<u8>>> =
        car.episodes.iter().map(|e| e.iter().map(|b| b.body::<Note>().unwrap().0).collect()).collect();
    assert_eq!(notes, three());
    // A value that is read twice is there once.
    assert!(bytes.len() < 6000 + 5000 + 2000, "{}", bytes.len());
}

#[test]
fn an_instance_without_entries_is_not_exported() {
    let writer = Writer::memory();
    instance(&writer, &[vec![]]);
    let mut bytes = Vec::new();
    assert!(matches!(export(&**writer.store(), 2, &mut bytes), Err(CarError::Store(_))));
    assert!(matches!(export(&**writer.store(), 1, &mut bytes), Err(CarError::Empty(1))));
    assert_eq!(bytes, []);
}

#[test]
fn a_missing_value_and_a_missing_last_entry_are_named() {
    let (bytes, _) = file(&three());
    let mut car = Car::read(bytes.as_slice()).unwrap();
    let last = car.episodes.pop().unwrap();
    assert!(matches!(car.verify(), Err(CarError::Fault { episode: 1, .. })));
    car.episodes.push(last);
    car.episodes[1][0] = car.episodes[1][0].clone().with_large(vec![]);
    assert!(car.verify().unwrap_err().to_string().contains("entry 0 names the large value"));
}

proptest! {
    #[test]
    fn a_flipped_bit_or_a_cut_is_refused(at in any::<prop::sample::Index>(), bit in 0..8, cut in any::<bool>()) {
        let (mut bytes, head) = file(&three());
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1u8 << bit;
        }
        // A flip may hit the root itself; then it is another head, and not that of this chain.
        let good = Car::read(bytes.as_slice()).and_then(|car| car.verify().map(|()| car));
        prop_assert!(good.is_err(), "{head} {at} {bit}");
    }
}
