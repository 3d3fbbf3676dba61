//! Tests that need a process of their own: the test's binary runs one of its ignored tests again, as a child.
#![allow(dead_code)]

use anyhow::{Context, Result};
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// The variable that names the child's folder.
pub const DIR: &str = "VALENCE_TEST_DIR";

/// The folder that the child works in.
pub fn dir() -> std::path::PathBuf {
    std::env::var_os(DIR).expect("this test runs only as the child of another one").into()
}

/// The child that runs the ignored test `name` in `dir`. `wrap`, a program and its arguments, runs it if it is not empty.
pub fn child(name: &str, dir: &Path, wrap: &[&str]) -> Result<Command> {
    let own = std::env::current_exe()?;
    let mut command = match wrap.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(own);
            command
        }
        None => Command::new(own),
    };
    command.args([name, "--exact", "--ignored", "--nocapture", "--test-threads=1"]).env(DIR, dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// Runs the child to its end; it must succeed.
pub fn finish(mut command: Command) -> Result<()> {
    let output = command.output().context("the child did not start")?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    anyhow::ensure!(output.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", output.status);
    Ok(())
}
