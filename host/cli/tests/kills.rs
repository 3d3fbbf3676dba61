//! `kill -9` at random moments, hundreds of times, of the real binary with real files and a recording signer. `crashes.rs` tries random
//! scripts in one process; here it is the process that dies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use support::{finish, scripted, valence};
use valence_runtime::{
    Chain, ChainSpec, Entry, LocalChain, Pace,
    journal::{Block, InstanceFilter, JournalId, SqliteStore, Store},
};

/// Kills in all: `VALENCE_KILLS` for more.
const KILLS: usize = 200;
/// What is done while the host dies and dies: effects, reads, waits, episodes, a try that fails.
const SCRIPTS: [&str; 4] = [
    "get; pay 1000000; wait 3; pay 2000000; log half; pay 3000000; look 5; pay 4000000; get; pay 5000000; wait 9; pay 6000000",
    "pay 1000000; continue; pay 2000000; wait 5; get; continue; pay 3000000; try-pay 90000000000; pay 4000000; loop 1",
    "wait 2; pay 1000000; wait 2; pay 1000000; wait 2; pay 1000000; wait 2; pay 1000000; wait 2; pay 1000000; wait 2; pay 1000000",
    "get; get; log a; address; look 9; pay 1000000; burn 100000; pay 1000001; get; log b; continue; try-pay 2000000; wait 30; pay 7",
];

/// Dice that fall the same way every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// A data dir in which one script is run to its end, however often it is killed.
struct Place {
    folder: tempfile::TempDir,
    offered: PathBuf,
    known: Vec<Block>,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("chain.toml"), scripted::CHAIN).unwrap();
        let offered = folder.path().join("offered");
        let signer = folder.path().join("signer");
        // One line in one write: what it has written, it was offered.
        fs::write(
            &signer,
            format!("#!/bin/sh\nread -r line || exit 1\nprintf '%s\\n' \"$line\" >> {}\n", offered.display()),
        )
        .unwrap();
        fs::set_permissions(&signer, fs::Permissions::from_mode(0o755)).unwrap();
        Place { folder, offered, known: Vec::new() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The command that goes on with it, or begins it.
    fn command(&self, script: &str) -> Command {
        let signer = self.folder.path().join("signer");
        let common = ["--data-dir".into(), self.data(), "--signer".into(), signer];
        let name = self.store().and_then(|store| row(&store)).map(|row| row.name);
        let mut command = match name {
            Some(name) => valence(["resume".to_owned(), name]),
            None => {
                let mut command = valence(["run".to_owned(), scripted::scripted().display().to_string()]);
                command.args(["--chain", "c", "--role", "payer=payer", "--param", "key=friend", "--param"]);
                command.arg(format!("script={script}")).arg("--chain-file").arg(self.folder.path().join("chain.toml"));
                command
            }
        };
        command.args(common).args(["--output", "json-compact"]);
        command
    }

    fn store(&self) -> Option<SqliteStore> {
        let path = self.data().join("valence.db");
        path.exists().then(|| SqliteStore::open_read_only(&path).ok()).flatten()
    }

    /// All entries there are. What was there before is there still.
    fn look(&mut self) {
        let Some(store) = self.store() else {
            assert!(self.known.is_empty(), "the store cannot be read any more");
            return;
        };
        let entries = entries(&store);
        assert!(entries.len() >= self.known.len(), "{} entries, and there were {}", entries.len(), self.known.len());
        assert_eq!(entries[..self.known.len()], self.known[..], "what was durable has changed");
        self.known = entries;
    }

    /// What is the same with and without kills.
    fn outcome(&self) -> (String, Vec<String>, BTreeMap<String, u64>) {
        let store = self.store().unwrap();
        let row = row(&store).unwrap();
        let all = entries(&store);
        let emitted = all.iter().filter_map(|block| match block.body().unwrap() {
            Entry::Intent { proposal, call } => Some(format!("{proposal} {call:?}")),
            _ => None,
        });
        let spec = ChainSpec::parse(scripted::CHAIN, Path::new(".")).unwrap();
        let names = spec.names();
        let chain = LocalChain::open(self.data().join("chains"), "c", ChainSpec::default(), Pace::Virtual).unwrap();
        let lamports = |key| chain.accounts_now(&[key], None).unwrap().unwrap().accounts[0].as_ref().unwrap().lamports;
        let balances = names.into_iter().map(|(name, key)| (name, lamports(key))).collect();
        (format!("{} {}", row.outcome, row.result), emitted.collect(), balances)
    }

    /// By proposal and try: each was offered as one and the same transaction, however often.
    fn offered(&self) -> BTreeMap<(String, u64), String> {
        let mut all = BTreeMap::new();
        for line in fs::read_to_string(&self.offered).unwrap_or_default().lines() {
            let proposal: serde_json::Value = serde_json::from_str(line).unwrap();
            let id = (proposal["id"].as_str().unwrap().to_owned(), proposal["attempt"].as_u64().unwrap());
            let transaction = proposal["transaction"].as_str().unwrap().to_owned();
            let before = all.insert(id, transaction.clone());
            assert!(before.is_none_or(|before| before == transaction), "one identity with two transactions: {line}");
        }
        all
    }
}

fn row(store: &SqliteStore) -> Option<valence_runtime::journal::Instance> {
    store.instances(&InstanceFilter::default()).unwrap().into_iter().next()
}

fn entries(store: &SqliteStore) -> Vec<Block> {
    let Some(row) = row(store) else { return Vec::new() };
    let of = |episode| {
        let loaded = store.load(JournalId { instance: row.id, episode }).unwrap();
        assert_eq!(loaded.damage, None);
        loaded.blocks
    };
    (0..=row.episode).flat_map(of).collect()
}

/// Runs it and kills it after so long; whether it came to its end before.
fn killed(mut command: Command, after: Duration) -> bool {
    let said = tempfile::tempfile().unwrap();
    let mut child = command.stdout(Stdio::null()).stderr(said.try_clone().unwrap()).spawn().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < after {
        if let Some(status) = child.try_wait().unwrap() {
            // Killed three times before it came to a new entry, it is set aside: it cannot be told from a flow that kills its
            // host. Whoever resumes it next has it go on.
            if status.code() == Some(9) {
                return false;
            }
            if !status.success() {
                let mut text = String::new();
                std::io::Read::read_to_string(&mut { rewound(said) }, &mut text).unwrap();
                panic!("it ended badly by itself: {command:?}: {status}: {text}");
            }
            return true;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

fn rewound(mut file: fs::File) -> fs::File {
    std::io::Seek::rewind(&mut file).unwrap();
    file
}

#[test]
fn each_instance_ends_as_if_it_had_never_been_killed() {
    let kills = std::env::var("VALENCE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut calm = Vec::new();
    for script in SCRIPTS {
        let place = Place::new();
        let begun = Instant::now();
        finish(place.command(script), Duration::from_secs(120)).expect(0);
        calm.push((place.outcome(), place.offered(), begun.elapsed()));
    }
    let (mut done, mut lives) = (0, 0);
    while done < kills {
        let script = lives % SCRIPTS.len();
        let (outcome, offered, took) = &calm[script];
        lives += 1;
        let mut place = Place::new();
        loop {
            // Anywhere in its life, and often near its start, where it recovers.
            let most = if dice.roll(4) == 0 { *took / 3 } else { *took };
            let after = Duration::from_micros(dice.roll(u64::try_from(most.as_micros()).unwrap().max(1)));
            let ended = killed(place.command(SCRIPTS[script]), after);
            place.look();
            done += usize::from(!ended);
            // It may have come to its end and died of the kill behind it.
            if ended || place.store().and_then(|store| row(&store)).is_some_and(|row| row.ended.is_some()) {
                break;
            }
            // Ten deaths are enough for one; then it may live.
            if done % 10 == 0 {
                let lives = |place: &Place| finish(place.command(SCRIPTS[script]), Duration::from_secs(120));
                let ran = lives(&place);
                if ran.code == Some(9) {
                    lives(&place).expect(0)
                } else {
                    ran.expect(0)
                };
                place.look();
                break;
            }
        }
        if &place.outcome() != outcome {
            let store = place.store().unwrap();
            for block in entries(&store) {
                eprintln!(
                    "{} {} {:?} slot {} {}",
                    block.seq(),
                    block.kind(),
                    block.key(),
                    block.stamp().slot,
                    format!("{:?}", block.body::<Entry>().unwrap()).chars().take(400).collect::<String>()
                );
            }
        }
        assert_eq!(&place.outcome(), outcome, "after {done} kills");
        let seen = place.offered();
        assert_eq!(seen.keys().collect::<Vec<_>>(), offered.keys().collect::<Vec<_>>(), "after {done} kills");
    }
}
