//! Runs the real binary, as a person would, and takes down what it says. Each test file uses its own part of this.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

pub mod scripted;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What a run said.
#[derive(Debug)]
pub struct Ran {
    /// None: killed by a signal.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// No command may take longer, except one that builds: nothing hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// A first build may have to fetch a compiler or to build a standard library.
const PATIENCE_WITH_A_BUILD: Duration = Duration::from_secs(30 * 60);

/// The top of the source tree.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The binary, to be run at the top of the source tree, with none of the caller's settings but where builds are kept.
pub fn valence<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_valence"));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("VALENCE_") && name != "VALENCE_CACHE_DIR" && name != "VALENCE_BUILD_WAY" {
            command.env_remove(name);
        }
    }
    // How wide a terminal is, and whether it has colours, is not what these tests are about.
    command.env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1").env("COLUMNS", "100");
    command.env(DATA_DIR, own_data_dir());
    command
}

/// The variable that names the data dir.
const DATA_DIR: &str = "VALENCE_DATA_DIR";

/// A data dir of one command's own, so that none sees what another has left, and none the user's. Gone when `finish` returns.
fn own_data_dir() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("data-{}-{number}", std::process::id()))
}

/// Where it lies, if it is such a one.
fn data_dir_of(command: &Command) -> Option<PathBuf> {
    let mut set = command.get_envs().filter(|(name, _)| *name == DATA_DIR);
    let path = PathBuf::from(set.next()?.1?);
    path.starts_with(env!("CARGO_TARGET_TMPDIR")).then_some(path)
}

/// Runs it to its end.
pub fn run<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    finish(valence(args), PATIENCE)
}

/// Runs it to its end, with the patience that a first build needs.
pub fn run_building<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    finish(valence(args), PATIENCE_WITH_A_BUILD)
}

/// Runs a command to its end.
pub fn finish(mut command: Command, patience: Duration) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let out = drain(child.stdout.take());
    let err = drain(child.stderr.take());
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > patience {
            child.kill().unwrap();
            panic!("{command:?} hangs; it said {:?} {:?}", out.join().unwrap(), err.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    if let Some(data) = data_dir_of(&command) {
        // It may not have made one.
        let _ = std::fs::remove_dir_all(data);
    }
    let ran = Ran { code: status.code(), out: out.join().unwrap(), err: err.join().unwrap() };
    assert!(!ran.err.contains("panicked"), "{command:?} panicked: {}", ran.err);
    ran
}

fn drain(from: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.unwrap().read_to_string(&mut text).expect("what is printed is UTF-8");
        text
    })
}

impl Ran {
    /// The same, if it ended with this exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// The JSON objects on stdout, one a line, and nothing else.
    #[track_caller]
    pub fn objects(&self) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let object = |line: &str| match serde_json::from_str(line) {
            Ok(serde_json::Value::Object(object)) => object,
            other => panic!("not one JSON object a line: {line:?} is {other:?}"),
        };
        self.out.lines().map(object).collect()
    }
}

/// The conformance guest as a component, built once a process.
pub fn conformance() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_folder, component) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let component = folder.path().join("conformance.wasm");
        let out = component.to_str().unwrap();
        run_building(["build", "guests/conformance", "-o", out]).expect(0);
        (folder, component)
    });
    component
}

/// A chain on which something happens to everybody that the conformance scenarios look at.
pub const CHAIN: &str = r#"
[wallets.payer]
sol = "10"
[wallets.friend]      # no account before slot 5
[wallets.stranger]    # never one
[mints.usdc]
decimals = 6
[token-accounts.pot]
mint = "usdc"
owner = "payer"
amount = "5"
[[accounts]]
file = "note.json"
name = "note"
[[later]]
slot = 5
airdrop = { to = "friend", sol = "1" }
[[later]]
slot = 6
mint = { token = "usdc", to = "pot", amount = "5" }
[[later]]
slot = 7
transfer = { token = "usdc", from = "pot", to = "friend", amount = "8" }
[[later]]
slot = 8
transfer = { from = "payer", to = "friend", sol = "3" }
"#;

/// An account that says `hello`.
pub const NOTE: &str = r#"{"pubkey":"7Np41oeYqPefeNQEHSv1UDhYrehxin3NStELsSKCT4K2","account":{"lamports":2000000,"data":["aGVsbG8=","base64"],"owner":"MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr","executable":false,"rentEpoch":18446744073709551615,"space":5}}"#;

/// A folder with [`CHAIN`] as `chain.toml`, and [`NOTE`].
pub fn chain() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("chain.toml"), CHAIN).unwrap();
    std::fs::write(folder.path().join("note.json"), NOTE).unwrap();
    folder
}

/// The arguments that run a conformance scenario on [`chain`]; `params` are `name=value` with one space between.
pub fn scenario(chain: &Path, scenario: &str, params: &str) -> Vec<String> {
    let mut args: Vec<String> =
        ["run", conformance().to_str().unwrap(), "--role", "payer=payer", "--chain-file"].map(str::to_owned).to_vec();
    args.push(chain.join("chain.toml").to_str().unwrap().to_owned());
    let scenario = format!("scenario={scenario}");
    for param in std::iter::once(scenario.as_str()).chain(params.split(' ').filter(|p| !p.is_empty())) {
        args.extend(["--param".to_owned(), param.to_owned()]);
    }
    args
}
