//! Recorded journals, read for ever. `tests/recorded/NAME.car` is a journal as some version wrote it, `NAME.txt` what must be
//! read from it.
//!
//! To add one: put the CAR file there (of any instance: `valence export --car`), run `VALENCE_RECORD=1 cargo test -p valence-journal
//! --test recorded` once, which writes the missing text, and read it. A recording is never changed.
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

use ipld_core::ipld::Ipld;
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};
use valence_journal::{Car, Change, Cid, Instance, Journal, JournalId, Record, Stamp, VERSION, Writer, export};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")
}

/// One of everything that DAG-CBOR can say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Sample {
    Unit,
    Numbers(u64, i64, f64),
    Text {
        short: String,
        none: Option<String>,
        yes: bool,
    },
    #[serde(with = "serde_bytes")]
    Bytes(Vec<u8>),
    Nested(BTreeMap<String, Vec<Sample>>),
    Before(Cid),
}

impl Record for Sample {
    fn kind(&self) -> &'static str {
        match self {
            Sample::Unit => "unit",
            Sample::Numbers(..) => "numbers",
            Sample::Text { .. } => "text",
            Sample::Bytes(_) => "bytes",
            Sample::Nested(_) => "nested",
            Sample::Before(_) => "before",
        }
    }
    fn key(&self) -> Option<Cow<'_, str>> {
        match self {
            Sample::Text { short, .. } => Some(Cow::Borrowed(short)),
            _ => None,
        }
    }
    fn weight(&self) -> u64 {
        1
    }
}

fn large(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|n| (n as u8).wrapping_mul(seed)).collect()
}

/// The journal behind `version-1.car`.
fn sample() -> (Writer, Cid) {
    let writer = Writer::memory();
    let mut row = Some(Instance { id: 1, name: "sample".into(), ..Instance::default() });
    let nested = |bytes: Vec<u8>| {
        let list = vec![Sample::Bytes(bytes.clone()), Sample::Unit, Sample::Bytes(vec![1, 2, 3]), Sample::Bytes(bytes)];
        Sample::Nested(BTreeMap::from([("a".to_owned(), list), ("b".to_owned(), vec![])]))
    };
    let episodes = [
        vec![
            Sample::Unit,
            Sample::Numbers(0, 0, 0.5),
            Sample::Numbers(u64::MAX, i64::MIN, -1e300),
            Sample::Text { short: "żółw".into(), none: None, yes: true },
            Sample::Text { short: String::new(), none: Some("x".repeat(5000)), yes: false },
            Sample::Bytes(vec![]),
            Sample::Bytes(large(3, 4095)),
            Sample::Bytes(large(3, 4096)),
            nested(large(5, 4096)),
        ],
        vec![Sample::Bytes(large(3, 4096)), nested(large(7, 70_000)), Sample::Unit],
    ];
    let mut head: Option<Cid> = None;
    for (episode, samples) in (0u32..).zip(episodes) {
        let mut journal = Journal::create(&writer, JournalId { instance: 1, episode }, row.take());
        if let Some(head) = head {
            journal.change(Change { episode: Some(episode), ..Change::default() });
            journal.append(Stamp { slot: 7, time: -1 }, Sample::Before(head)).unwrap();
        }
        for (slot, sample) in (0u64..).zip(samples) {
            journal.append(Stamp { slot: slot * 1_000_000_007, time: 1_700_000_000 }, sample).unwrap();
        }
        journal.barrier().wait().unwrap();
        head = journal.head();
    }
    (writer, head.unwrap())
}

/// What is read from a journal, entry by entry.
fn dump(car: &Car) -> String {
    let mut text = format!("head {}\n", car.roots[0]);
    for (episode, blocks) in car.episodes.iter().enumerate() {
        for block in blocks {
            let (stamp, body) = (block.stamp(), say(&block.body::<Ipld>().unwrap()));
            let key = block.key().map_or("-".to_owned(), |key| format!("{key:?}"));
            let (seq, kind, cid) = (block.seq(), block.kind(), block.cid());
            writeln!(text, "{episode} {seq} {cid} {kind} {key} {} {} {body}", stamp.slot, stamp.time).unwrap();
        }
    }
    text
}

fn say(value: &Ipld) -> String {
    match value {
        Ipld::Bytes(bytes) if bytes.len() > 64 => {
            format!("bytes({}, crc {:08x})", bytes.len(), crc32fast::hash(bytes))
        }
        Ipld::String(text) if text.len() > 200 => {
            format!("text({}, crc {:08x})", text.len(), crc32fast::hash(text.as_bytes()))
        }
        Ipld::Bytes(bytes) => format!("bytes{bytes:?}"),
        Ipld::List(all) => format!("[{}]", all.iter().map(say).collect::<Vec<_>>().join(", ")),
        Ipld::Map(all) => {
            let all: Vec<_> = all.iter().map(|(key, value)| format!("{key:?}: {}", say(value))).collect();
            format!("{{{}}}", all.join(", "))
        }
        Ipld::Link(cid) => format!("link({cid})"),
        other => format!("{other:?}"),
    }
}

#[test]
fn every_recorded_journal_is_read_as_it_was_written() {
    let recording = env::var_os("VALENCE_RECORD").is_some();
    let first = folder().join("version-1.car");
    if recording && !first.exists() {
        export(&**sample().0.store(), 1, &mut fs::File::create(&first).unwrap()).unwrap();
    }
    let mut read = 0;
    for file in fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|e| e != "car") {
            continue;
        }
        let car = Car::read(fs::File::open(&path).unwrap()).unwrap();
        car.verify().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let text = path.with_extension("txt");
        if recording && !text.exists() {
            fs::write(&text, dump(&car)).unwrap();
        }
        let expected = fs::read_to_string(&text).unwrap_or_else(|e| panic!("{}: {e}", text.display()));
        assert!(dump(&car) == expected, "{} is read otherwise than it was", path.display());
        read += 1;
    }
    assert!(read > 0);
}

#[test]
fn the_version_of_today_is_written_as_it_was_recorded() {
    // A change here means a new version, or a record that is not what it was.
    assert_eq!(VERSION, 1);
    let (writer, head) = sample();
    let mut bytes = Vec::new();
    assert_eq!(export(&**writer.store(), 1, &mut bytes).unwrap(), head);
    assert!(bytes == fs::read(folder().join("version-1.car")).unwrap(), "version 1 is written otherwise than it was");
}

#[test]
fn a_later_version_is_refused_by_that_name() {
    let (writer, _) = sample();
    let block = &writer.store().load(JournalId { instance: 1, episode: 0 }).unwrap().blocks[0];
    let mut bytes = block.bytes().to_vec();
    assert_eq!(bytes[1], 1);
    bytes[1] = 2;
    let error = valence_journal::Block::from_bytes(bytes).unwrap_err();
    assert_eq!(error, valence_journal::EntryError::Newer(2));
}
