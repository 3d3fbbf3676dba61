//! One data dir, several processes: who owns it, how the others ask, and what is left when an owner dies. Through the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use serde_json::{Map, Value};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use support::{Ran, finish, valence};
use tempfile::TempDir;
use valence_runtime::{
    HostEntry,
    journal::{HOST, SqliteStore, Store},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Two memos, the second an hour of chain time after the first.
const SLOW: &str = r#"
id = "slow"
timeout = "2d"
[roles]
owner = "Pays."
[[steps]]
name = "first"
instructions = [{ program-id = "program:memo", data = "text:one", accounts = [{ pubkey = "role:owner", signer = true }] }]
[[steps]]
name = "second"
conditions = [{ after = "1h" }]
instructions = [{ program-id = "program:memo", data = "text:two", accounts = [{ pubkey = "role:owner", signer = true }] }]
"#;

/// A folder with flows and a data dir. Whoever owns the data dir in the end is told to end.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let flow = folder.path().join("slow");
        fs::create_dir(&flow).unwrap();
        fs::write(flow.join("flow.toml"), SLOW).unwrap();
        fs::write(flow.join("chain.toml"), "[wallets.owner]\nsol = \"1\"\n").unwrap();
        fs::write(flow.join("run.toml"), "[roles]\nowner = \"owner\"\n").unwrap();
        World { folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn flow(&self) -> String {
        self.folder.path().join("slow").to_str().unwrap().to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = valence(args);
        command.env("VALENCE_DATA_DIR", self.data());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args), PATIENCE)
    }

    fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A program that says yes when `approved` is there.
    fn signer(&self) -> String {
        let script = self.folder.path().join("signer");
        let approved = self.approved();
        let text = format!("#!/bin/sh\nread proposal\nwhile [ ! -e {} ]; do sleep 0.05; done\n", approved.display());
        executable(&script, &text)
    }

    fn approved(&self) -> PathBuf {
        self.folder.path().join("approved")
    }

    fn rows(&self) -> Vec<Map<String, Value>> {
        if !self.data().join("valence.db").exists() {
            return Vec::new();
        }
        self.run(&["ps", "--all", "--output", "json-compact"]).expect(0).objects()
    }

    /// Waits until an instance is in this state.
    #[track_caller]
    fn until(&self, name: &str, state: &str) {
        let begun = Instant::now();
        loop {
            let rows = self.rows();
            if rows.iter().any(|row| row["instance"] == name && row["state"] == state) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{name} does not become {state}: {rows:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn owner(&self) -> Option<String> {
        let process = fs::read_to_string(self.data().join("lock")).ok()?.trim().to_owned();
        let same = fs::read_to_string(format!("/proc/{process}/cmdline")).ok()?.contains("valence");
        same.then_some(process)
    }

    fn signal(&self, name: &str) {
        if let Some(process) = self.owner() {
            Command::new("kill").args([name, &process]).status().unwrap();
        }
    }

    fn until_nobody_owns(&self) {
        let begun = Instant::now();
        while self.owner().is_some() && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn chains(&self) -> Vec<String> {
        let files = fs::read_dir(self.data().join("chains")).into_iter().flatten();
        files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".db"))
            .collect()
    }

    fn host_entries(&self) -> Vec<HostEntry> {
        let store = SqliteStore::open_read_only(&self.data().join("valence.db")).unwrap();
        store.load(HOST).unwrap().blocks.iter().map(|block| block.body().unwrap()).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.signal("-KILL");
    }
}

fn executable(path: &Path, text: &str) -> String {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn a_run_in_the_background_is_listed_paused_resumed_and_cancelled() {
    let world = World::new();
    assert_eq!(world.run(&["run", &world.flow(), "--detach"]).expect(0).out, "slow-1\n");
    world.until("slow-1", "waiting");
    let list = world.run(&["ps"]).expect(0).out;
    assert!(list.contains("slow-1") && list.contains("waiting") && list.contains("is reached"), "{list}");
    assert_eq!(world.run(&["pause", "slow"]).expect(0).out, "slow-1 is paused\n");
    assert!(world.run(&["pause", "slow"]).expect(2).err.contains("is paused already"));
    world.until("slow-1", "paused");
    assert_eq!(world.run(&["resume", "1", "--detach"]).expect(0).out, "slow-1\n");
    world.until("slow-1", "waiting");
    assert_eq!(world.chains().len(), 1);
    assert_eq!(world.run(&["cancel", "slow-1"]).expect(0).out, "slow-1 is cancelled\n");
    assert!(!world.run(&["ps"]).expect(0).out.contains("slow-1"));
    assert!(world.run(&["ps", "--state", "cancelled"]).expect(0).out.contains("slow-1"));
    assert!(world.run(&["cancel", "slow-1"]).expect(2).err.contains("has ended: cancelled"));
    assert!(world.chains().is_empty(), "a chain goes with its instance: {:?}", world.chains());

    let did: Vec<String> = world
        .host_entries()
        .into_iter()
        .map(|entry| match entry {
            HostEntry::Operator { action, instance, by, .. } => {
                assert!(!by.is_empty());
                format!("{action} {instance}")
            }
            HostEntry::Ended { instance, head, outcome } => {
                assert!(head.starts_with("bafy"), "{head}");
                format!("{instance} {outcome}")
            }
        })
        .collect();
    assert_eq!(did, ["pause slow-1", "resume slow-1", "slow-1 cancelled", "cancel slow-1"]);
}

#[test]
fn operators_need_no_owner() {
    let world = World::new();
    world.run(&["run", &world.flow(), "--detach"]).expect(0);
    world.until("slow-1", "waiting");
    world.signal("-TERM");
    world.until_nobody_owns();
    assert!(!world.data().join("socket").exists(), "an owner that ends takes its socket along");
    assert_eq!(world.run(&["pause", "slow-1"]).expect(0).out, "slow-1 is paused\n");
    let ran = world.run(&["resume", "slow-1"]).expect(0);
    assert!(ran.out.contains("done: 2 steps landed"), "{ran:?}");
    assert!(world.chains().is_empty());
    assert!(world.run(&["resume", "slow-1"]).expect(2).err.contains("has ended: done"));
    assert!(world.run(&["retry", "slow-1"]).expect(2).err.contains("has not failed: it is done"));
    assert!(world.run(&["cancel", "fast"]).expect(2).err.contains("there is no instance `fast`"));
}

#[test]
fn an_owner_that_is_killed_loses_nothing() {
    let world = World::new();
    for name in ["slow-1", "slow-2", "slow-3"] {
        assert_eq!(world.run(&["run", &world.flow(), "--detach"]).expect(0).out.trim(), name);
        world.until(name, "waiting");
    }
    world.run(&["pause", "slow-3"]).expect(0);
    world.signal("-KILL");
    world.until_nobody_owns();
    assert!(fs::metadata(world.data().join("socket")).unwrap().file_type().is_socket(), "it had no time to remove it");
    let served = world.run(&["serve", "--pace", "virtual", "--until-idle"]).expect(0);
    assert!(served.out.contains("2 chains, 2 instances wait"), "{served:?}");
    for row in world.rows() {
        let expected = if row["instance"] == "slow-3" { "paused" } else { "completed" };
        assert_eq!(row["state"], expected, "{row:?}");
    }
    assert_eq!(world.chains().len(), 1, "the paused one's");
}

#[test]
fn a_second_run_on_the_same_data_dir_is_handed_over_and_looks_the_same() {
    let world = World::new();
    let alone = World::new().run(&["run", &world.flow(), "--output", "json-compact"]).expect(0).objects();
    // Its first step waits for a signature.
    let first = world.start(&["run", &world.flow(), "--signer", &world.signer()]);
    world.until("slow-1", "waiting-for-signature");
    let mut second = world.start(&["run", &world.flow(), "--output", "json-compact"]);
    world.until("slow-2", "waiting-for-signature");
    assert!(second.try_wait().unwrap().is_none(), "it follows");
    assert!(world.run(&["run", &world.flow(), "--signer", "true"]).expect(2).err.contains("its signer decides"));
    let listed = world.run(&["ps"]).expect(0).out;
    assert!(listed.contains("slow-1") && listed.contains("slow-2"), "{listed}");
    fs::write(world.approved(), "").unwrap();
    let second = ended(second).expect(0).objects();
    let names = |events: &[Map<String, Value>]| -> Vec<String> {
        events.iter().map(|event| format!("{} {}", event["event"], event["slot"])).collect()
    };
    assert_eq!(names(&second), names(&alone));
    let keys =
        |events: &[Map<String, Value>]| events.iter().map(|e| e.keys().cloned().collect()).collect::<Vec<Vec<_>>>();
    assert_eq!(keys(&second), keys(&alone));
    assert!(ended(first).expect(0).out.contains("done: 2 steps landed"));
}

#[test]
fn whoever_is_interrupted_says_how_to_go_on_and_goes_on() {
    let world = World::new();
    let run = world.start(&["run", &world.flow(), "--signer", &world.signer()]);
    world.until("slow-1", "waiting-for-signature");
    Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    let ran = ended(run).expect(130);
    assert!(ran.out.contains("suspended:"), "{ran:?}");
    assert!(ran.err.contains("valence resume slow-1") && ran.err.contains("valence cancel slow-1"), "{ran:?}");
    fs::write(world.approved(), "").unwrap();
    let ran = world.run(&["resume", "slow-1", "--signer", &world.signer()]).expect(0);
    assert!(ran.out.contains("done: 2 steps landed"), "{ran:?}");
}

#[test]
fn a_follower_that_is_interrupted_stops_following_only() {
    let world = World::new();
    let first = world.start(&["run", &world.flow(), "--signer", &world.signer()]);
    world.until("slow-1", "waiting-for-signature");
    let second = world.start(&["run", &world.flow()]);
    world.until("slow-2", "waiting-for-signature");
    // The row is there before the follower has heard of it.
    std::thread::sleep(Duration::from_millis(300));
    Command::new("kill").args(["-INT", &second.id().to_string()]).status().unwrap();
    let second = ended(second).expect(130);
    assert!(second.err.contains("slow-2 goes on in process"), "{second:?}");
    fs::write(world.approved(), "").unwrap();
    // The owner stays until both are over.
    ended(first).expect(0);
    assert!(world.rows().iter().all(|row| row["state"] == "completed"), "{:?}", world.rows());
}

#[test]
fn a_signer_that_says_no_is_asked_once_and_its_reason_is_told() {
    let world = World::new();
    let seen = world.folder.path().join("seen");
    let script = world.folder.path().join("no");
    let text = format!("#!/bin/sh\ncat >> {}\necho too much money\nexit 3\n", seen.display());
    let ran = world.run(&["run", &world.flow(), "--signer", &executable(&script, &text)]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("too much money"), "{ran:?}");
    let seen = fs::read_to_string(seen).unwrap();
    assert_eq!(seen.lines().count(), 1, "{seen}");
    let proposal: Map<String, Value> = serde_json::from_str(&seen).unwrap();
    assert_eq!(proposal["instance"], "slow-1");
    assert_eq!(proposal["step"], "first");
    assert!(proposal["transaction"].as_str().unwrap().starts_with("AQAAAA"));
}

#[test]
fn a_signer_that_cannot_be_started_is_the_hosts_trouble() {
    let world = World::new();
    let ran = world.run(&["run", &world.flow(), "--signer", "/nowhere/signer"]).expect(8);
    assert!(ran.out.contains("/nowhere/signer") && ran.err.contains("valence resume slow-1"), "{ran:?}");
    assert!(world.run(&["resume", "slow-1"]).expect(0).out.contains("done: 2 steps landed"));
}

#[test]
fn a_socket_that_nobody_serves_is_replaced() {
    let world = World::new();
    fs::create_dir(world.data()).unwrap();
    drop(UnixListener::bind(world.data().join("socket")).unwrap());
    world.run(&["run", &world.flow()]).expect(0);
    fs::write(world.data().join("socket"), "no socket at all").unwrap();
    assert_eq!(world.run(&["run", &world.flow(), "--detach"]).expect(0).out, "slow-2\n");
    let socket = fs::metadata(world.data().join("socket")).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o600, "nobody else may ask");
}

#[test]
fn nonsense_on_the_socket_is_answered_in_one_line_and_the_owner_goes_on() {
    let world = World::new();
    world.run(&["run", &world.flow(), "--detach"]).expect(0);
    let long = format!("{}\n", "x".repeat(2 << 20));
    let many = format!(
        "{{\"request\":\"upgrade\",\"instance\":\"1\",\"by\":\"me\",\"version\":{{\"sizes\":[{}]}}}}\n",
        u64::MAX
    );
    for (said, answer) in [
        ("hello\n", "this is no request"),
        ("{\"request\":\"dance\"}\n", "this is no request"),
        ("{\"request\":\"cancel\",\"instance\":\"nobody\",\"by\":\"me\"}\n", "there is no instance `nobody`"),
        ("{\"request\":\"cancel\",\"instance\":\"\",\"by\":\"me\"}\n", "there is no instance ``"),
        (long.as_str(), "more than 1048576 bytes"),
        (many.as_str(), "is more than"),
        ("\u{0}\u{1}\u{2}\n", "this is no request"),
    ] {
        let mut stream = UnixStream::connect(world.data().join("socket")).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().contains("\"hello\""));
        // It may hang up before it has heard it all.
        let _ = stream.write_all(said.as_bytes());
        let reply = lines.next().unwrap().unwrap();
        let reply: Map<String, Value> = serde_json::from_str(&reply).unwrap();
        assert_eq!(reply["reply"], "error", "{reply:?}");
        assert!(reply["message"].as_str().unwrap().contains(answer), "{reply:?}");
    }
    // One that says nothing, and one that has gone before its answer, are nobody's trouble.
    let silent = UnixStream::connect(world.data().join("socket")).unwrap();
    let mut gone = UnixStream::connect(world.data().join("socket")).unwrap();
    gone.write_all(b"{\"request\":\"follow\",\"instance\":\"slow-1\"}\n").unwrap();
    drop(gone);
    assert_eq!(world.run(&["cancel", "slow-1"]).expect(0).out, "slow-1 is cancelled\n");
    drop(silent);
}

#[test]
fn an_owner_that_cannot_start_is_reported_with_its_last_line() {
    let world = World::new();
    fs::create_dir(world.data()).unwrap();
    fs::write(world.data().join("valence.db"), "this is no database").unwrap();
    let ran = world.run(&["run", &world.flow(), "--detach"]).expect(8);
    let message = ran.err.strip_prefix("error: ").unwrap().trim_end();
    assert!(!message.contains('\n') && message.contains("not a database of valence"), "{message}");
    assert!(message.contains("serve.log"), "{message}");
}

#[test]
fn a_data_dir_whose_path_is_too_long_for_a_socket_has_one_all_the_same() {
    let mut world = World::new();
    let deep = world.folder.path().join("a".repeat(120));
    fs::create_dir(&deep).unwrap();
    let data = deep.join("data");
    let run = |args: &[&str]| {
        let mut command = valence(args);
        command.env("VALENCE_DATA_DIR", &data);
        finish(command, PATIENCE)
    };
    assert_eq!(run(&["run", &world.flow(), "--detach"]).expect(0).out, "slow-1\n");
    assert_eq!(run(&["cancel", "slow-1"]).expect(0).out, "slow-1 is cancelled\n");
    std::os::unix::fs::symlink(&data, world.data()).unwrap();
    world.signal("-KILL");
    world.folder.disable_cleanup(false);
}

#[test]
fn a_run_that_records_nothing_leaves_nothing() {
    let world = World::new();
    world.run(&["run", &world.flow(), "--ephemeral"]).expect(0);
    assert!(!world.data().exists());
    let none = world.run(&["cancel", "slow-1"]).expect(2);
    assert!(none.err.contains("nothing was recorded here"), "{none:?}");
    assert!(!world.data().exists());
}

#[test]
fn a_kept_chain_is_shared_by_its_instances_and_stays() {
    let world = World::new();
    world.run(&["run", &world.flow(), "--chain", "mine"]).expect(0);
    world.run(&["run", &world.flow(), "--chain", "mine", "--detach", "--pace", "virtual"]).expect(0);
    world.until("slow-2", "completed");
    assert_eq!(world.chains(), ["mine.db"]);
    assert!(world.run(&["run", &world.flow(), "--chain", "_7"]).expect(2).err.contains("take another name"));
}

#[test]
fn a_flow_that_reached_a_limit_goes_on_with_more() {
    let world = World::new();
    let chain = support::chain();
    let mut args = support::scenario(chain.path(), "get-repeatedly", "key=payer number=5000");
    args.extend(["--limit", "calls=1000"].map(str::to_owned));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    world.run(&args).expect(4);
    let list = world.run(&["ps"]).expect(0).out;
    assert!(list.contains("paused") && list.contains("limit: "), "{list}");
    // Not enough, then enough.
    world.run(&["resume", "1", "--limit", "calls=2000"]).expect(4);
    assert!(world.run(&["resume", "1", "--limit", "calls=many"]).expect(2).err.contains("whole number"));
    assert!(
        world.run(&["resume", "1", "--limit", "patience=2"]).expect(2).err.contains("there is no limit `patience`")
    );
    world.run(&["resume", "conf", "--limit", "calls=10K", "--fuel", "10G"]).expect(0);
    let limits: Vec<String> = world
        .host_entries()
        .into_iter()
        .filter_map(|entry| match entry {
            HostEntry::Operator { action, detail, .. } => Some(format!("{action} {detail}")),
            HostEntry::Ended { .. } => None,
        })
        .collect();
    assert_eq!(limits, ["resume calls=2000", "resume calls=10240 fuel=10737418240"]);
}

#[test]
fn a_flow_that_panicked_is_tried_again_on_its_chain() {
    let world = World::new();
    let chain = support::chain();
    let args = support::scenario(chain.path(), "panic", "");
    let ran = world.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).expect(5);
    assert!(ran.err.contains("valence retry conformance-1"), "{ran:?}");
    assert_eq!(world.chains().len(), 1, "its chain stays for another try");
    world.run(&["retry", "conformance-1"]).expect(5);
    let with = support::conformance().to_str().unwrap();
    world.run(&["retry", "conformance-1", "--with", with]).expect(5);
    let other = world.run(&["retry", "conformance-1", "--with", "nowhere.wasm"]).expect(2);
    assert!(other.err.contains("nowhere.wasm cannot be read"), "{other:?}");
    let row = &world.rows()[0];
    assert_eq!((row["state"].as_str(), row["outcome"].as_str()), (Some("failed"), Some("trapped")));
}

#[test]
fn an_upgrade_is_kept_for_the_next_episode_and_must_be_of_the_same_flow() {
    let world = World::new();
    world.run(&["run", &world.flow(), "--detach"]).expect(0);
    world.until("slow-1", "waiting");
    let file = Path::new(&world.flow()).join("flow.toml");
    fs::write(&file, SLOW.replace("text:two", "text:three")).unwrap();
    let said = world.run(&["upgrade", "slow-1", &world.flow()]).expect(0).out;
    assert!(said.starts_with("slow-1 is waiting; its next episode"), "{said}");
    fs::write(&file, SLOW.replace("\"slow\"", "\"quick\"")).unwrap();
    let other = world.run(&["upgrade", "slow-1", &world.flow()]).expect(2);
    assert!(other.err.contains("runs flow `slow`, and this is `quick`"), "{other:?}");
    fs::write(&file, "id = 7").unwrap();
    world.run(&["upgrade", "slow-1", &world.flow()]).expect(2);
    world.run(&["cancel", "slow-1"]).expect(0);
}

#[test]
fn ps_lists_what_is_asked_for_and_refuses_what_is_no_state() {
    let world = World::new();
    assert!(world.run(&["ps"]).expect(2).err.contains("nothing was recorded here"));
    world.run(&["run", &world.flow()]).expect(0);
    assert_eq!(world.run(&["ps"]).expect(0).out.lines().count(), 1, "only the head of the table");
    assert!(world.run(&["ps", "--all", "--flow", "slow"]).expect(0).out.contains("slow-1"));
    assert!(!world.run(&["ps", "--all", "--flow", "fast"]).expect(0).out.contains("slow-1"));
    assert!(world.run(&["ps", "--state", "tired"]).expect(2).err.contains("there is no state `tired`"));
    let row = &world.rows()[0];
    for field in ["instance", "number", "flow", "chain", "state", "episode", "entries", "head", "created", "ended"] {
        assert!(!row[field].is_null(), "{field}: {row:?}");
    }
}
