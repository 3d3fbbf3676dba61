//! The other process: this test binary again, told by its environment what to do.

use crate::world::{journal, step, writer};
use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

const WORK: &str = "VALENCE_TEST_WORK";
const FOLDER: &str = "VALENCE_TEST_FOLDER";

/// This binary as another process that does a work of [`child`] in a folder. What the shell runs before it may limit it.
pub fn command(work: &str, folder: &Path, before: Option<&str>) -> Command {
    let this = env::current_exe().unwrap();
    let args = ["child::child", "--exact", "--nocapture", "--test-threads=1"];
    let mut command = match before {
        None => Command::new(this),
        Some(before) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("{before}; exec \"$0\" \"$@\"")).arg(this);
            shell
        }
    };
    command.args(args).env(WORK, work).env(FOLDER, folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Its lines, without those of the test harness.
pub fn lines(out: ChildStdout) -> impl Iterator<Item = String> {
    BufReader::new(out).lines().map_while(Result::ok).filter_map(|line| Some(line.split_once("> ")?.1.to_owned()))
}

/// Starts it and waits for its first line.
pub fn start(work: &str, folder: &Path) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut child = command(work, folder, None).spawn().unwrap();
    let mut lines = lines(child.stdout.take().unwrap());
    assert_eq!(lines.next().as_deref(), Some("ready"));
    (child, lines)
}

/// Runs it to its end.
pub fn run(work: &str, folder: &Path, before: Option<&str>) -> Vec<String> {
    let mut child = command(work, folder, before).stderr(Stdio::inherit()).spawn().unwrap();
    let lines = lines(child.stdout.take().unwrap()).collect();
    assert!(child.wait().unwrap().success(), "{lines:?}");
    lines
}

pub fn say(what: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // A line of its own even behind the harness's, and at once: the next moment may be the last.
    writeln!(out, "\n> {what}").unwrap();
    out.flush().unwrap();
}

/// Is no test in its own process: without a work it has none.
#[test]
fn child() {
    let (Ok(work), Some(folder)) = (env::var(WORK), env::var_os(FOLDER)) else { return };
    let folder = Path::new(&folder);
    match work.as_str() {
        "append" => append(folder),
        "full" => crate::full::until_full(folder),
        "visit" => crate::folder::visit(folder),
        "read-only" => crate::folder::in_read_only_folder(folder),
        other => panic!("no such work: {other}"),
    }
}

/// Appends for ever and says each entry that is durable.
fn append(folder: &Path) {
    let writer = writer(folder);
    say("ready");
    std::thread::scope(|scope| {
        for id in 1..=3 {
            let writer = &writer;
            scope.spawn(move || {
                let mut journal = journal(writer, id);
                loop {
                    let seq = step(&mut journal).unwrap();
                    say(format!("{id} {seq}"));
                }
            });
        }
    });
}
