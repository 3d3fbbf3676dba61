//! `NAME.lock`: who has a kept chain, and how many of its commits are durable. The file is one line, the number and its seal,
//! written over in place after each durable commit and never synced: after a crash of the machine it may say too few, never too
//! many.

use super::rows::seal;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

pub(super) struct Lock {
    file: File,
    path: PathBuf,
    durable: u64,
}

impl Lock {
    /// Locks the chain. The error is one line.
    pub fn take(path: PathBuf) -> Result<Self, String> {
        let at = |error: io::Error| format!("cannot lock {}: {error}; make the folder writable", path.display());
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(at)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err("another process has it open: wait for that one to end, or take another name".into());
            }
            Err(TryLockError::Error(error)) => return Err(at(error)),
        }
        let durable = read(&file, &path)?;
        Ok(Self { file, path, durable })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The commits that are durable, as far as the file knows. None: it was never written.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Notes that so many commits are durable now.
    pub fn note(&mut self, commits: u64) -> io::Result<()> {
        self.file.write_all_at(line(commits).as_bytes(), 0)?;
        self.durable = commits;
        Ok(())
    }
}

fn read(mut file: &File, path: &Path) -> Result<u64, String> {
    let path = path.display();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| format!("cannot read {path}: {error}"))?;
    // After a crash of the machine a new file may hold zeros: nothing was written that lasted.
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(0);
    }
    let text = std::str::from_utf8(&bytes).ok();
    let said = text.and_then(|text| text.split_once(' ')?.0.parse().ok());
    said.filter(|count| text == Some(&line(*count))).ok_or_else(|| {
        format!("{path} is damaged, so nobody can tell whether the chain is whole: remove that file if you know it is")
    })
}

/// Always equally long, so that a newer line covers an older one.
fn line(commits: u64) -> String {
    let seal = seal(&[b"durable", &commits.to_le_bytes()]);
    format!("{commits:020} {seal:032x}\n")
}
