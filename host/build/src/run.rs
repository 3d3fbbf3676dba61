//! Running a helper program to its end, within a time limit, with its output kept.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::one_line;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// The line most likely to say why it failed: the first that speaks of an error, else the last.
    pub(crate) fn last_error(&self) -> String {
        let lines = || self.stderr.lines().chain(self.stdout.lines()).filter(|line| !line.trim().is_empty());
        let speaks = |line: &&str| {
            let line = line.trim_start();
            ["error:", "E:", "Err:"].iter().any(|start| line.starts_with(start))
        };
        let line = lines().find(speaks).or_else(|| lines().next_back());
        one_line(line.unwrap_or("it failed without a message"))
    }
}

/// Runs to the end, or kills it when `limit` has passed. The error is one line.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<Finished, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {name}: {error}"))?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let status =
        wait(&mut child, limit).ok_or_else(|| format!("{name} did not end within {} seconds", limit.as_secs()))?;
    let text = |thread: JoinHandle<String>| thread.join().unwrap_or_default();
    Ok(Finished { success: status, stdout: text(stdout), stderr: text(stderr) })
}

fn wait(child: &mut Child, limit: Duration) -> Option<bool> {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_program_that_hangs_is_ended_at_the_limit() {
        let before = Instant::now();
        let problem = run_within(Command::new("sleep").arg("60"), Duration::from_millis(100)).unwrap_err();
        assert!(problem.contains("sleep did not end within"), "{problem}");
        assert!(before.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn the_error_line_is_found_among_the_noise() {
        let finished = Finished {
            success: false,
            stdout: String::new(),
            stderr: "info: syncing\nerror: could not download\n\nbacktrace disabled\n".into(),
        };
        assert_eq!(finished.last_error(), "error: could not download");
    }
}
