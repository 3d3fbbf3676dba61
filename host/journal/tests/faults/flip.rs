//! Flipped bits. Each flip of a sample over all files: an error, or damage that is named, or nothing lost by it.

use crate::world::{World, copy, fixture, judge, open};
use std::{fs, path::Path};
use valence_journal::{SqliteStore, StoreError};

/// Numbers in no order, the same at each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[derive(Default, Debug)]
struct Seen {
    refused: u32,
    named: u32,
    harmless: u32,
}

/// Flips one bit of a file of a copied folder and says what came of it.
fn flip(folder: &Path, name: &str, bit: usize, truth: &World, seen: &mut Seen) {
    let copied = copy(folder);
    let path = copied.path().join(name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(&path, &bytes).unwrap();
    let place = format!("{name}, byte {}, bit {}", bit / 8, bit % 8);
    match open(copied.path()) {
        Err(StoreError::Damaged { .. } | StoreError::NotAStore { .. } | StoreError::Newer { .. }) => seen.refused += 1,
        Err(other) => panic!("{place}: {other}"),
        Ok(store) => {
            if judge(&store, truth).is_empty() {
                assert!(World::of(&store) == *truth, "{place}: something changed without a word");
                seen.harmless += 1;
            } else {
                seen.named += 1;
            }
        }
    }
}

#[test]
fn a_bit_flipped_in_the_log_is_named() {
    let (folder, writer) = fixture(3, 6);
    let truth = World::of(&**writer.store());
    let length = fs::metadata(folder.path().join("valence.db-wal")).unwrap().len() as usize;
    let (mut random, mut seen) = (Random(7), Seen::default());
    for _ in 0..250 {
        flip(folder.path(), "valence.db-wal", random.below(length * 8), &truth, &mut seen);
    }
    assert!(seen.harmless == 0 && seen.named > 150, "{seen:?}");
}

#[test]
fn a_bit_flipped_in_the_database_is_named_or_harms_nothing() {
    let (folder, writer) = fixture(4, 30);
    let truth = World::of(&**writer.store());
    drop(writer);
    let length = fs::metadata(folder.path().join("valence.db")).unwrap().len() as usize;
    let (mut random, mut seen) = (Random(11), Seen::default());
    for _ in 0..300 {
        flip(folder.path(), "valence.db", random.below(length * 8), &truth, &mut seen);
    }
    // The header of the file, bit by bit.
    for bit in 0..100 * 8 {
        if bit % 5 == 0 {
            flip(folder.path(), "valence.db", bit, &truth, &mut seen);
        }
    }
    assert!(seen.named > 100 && seen.refused > 20 && seen.harmless > 20, "{seen:?}");
}

#[test]
fn a_bit_flipped_in_the_mark_is_named() {
    let (folder, writer) = fixture(1, 3);
    let truth = World::of(&**writer.store());
    let mut seen = Seen::default();
    for bit in 0..32 * 8 {
        flip(folder.path(), "valence.high", bit, &truth, &mut seen);
    }
    assert_eq!((seen.refused, seen.named, seen.harmless), (0, 256, 0));
    // It is said once, and remembered; the mark is whole from then on.
    let copied = copy(folder.path());
    let path = copied.path().join("valence.high");
    fs::write(&path, b"something else").unwrap();
    let reader = SqliteStore::open_read_only(&copied.path().join("valence.db")).unwrap();
    assert!(reader.damage().unwrap()[0].contains("mark"));
    for _ in 0..2 {
        assert_eq!(open(copied.path()).unwrap().damage().unwrap().len(), 1);
    }
}
