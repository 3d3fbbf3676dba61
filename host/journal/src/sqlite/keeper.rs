//! The keeper of the log: a thread that moves what is in the log to the database while others write, so that nobody who appends
//! pays for it. It is started when there is something to do for the first time.

use rusqlite::Connection;
use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

/// Pages that come to the log between two moves.
const SOFT: u64 = 1024;
/// Pages from which on the writer helps.
const HARD: u64 = 4096;

pub(super) struct Keeper {
    path: PathBuf,
    /// Pages of the log when it was told last.
    told: u64,
    thread: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Keeper {
    pub(super) fn of(path: PathBuf) -> Keeper {
        Keeper { path, told: 0, thread: None }
    }

    /// The log has so many pages. Where there is no thread to be had, the writer does it later.
    ///
    /// Gives whether the writer is to do it itself: under a load that never ends, the keeper never comes to the end, and the log
    /// never begins anew. Most of it is moved by then.
    pub(super) fn see(&mut self, pages: u64) -> bool {
        if pages < self.told {
            // It began anew.
            self.told = 0;
        }
        if pages.saturating_sub(self.told) < SOFT {
            return false;
        }
        self.told = pages;
        if pages >= HARD {
            return true;
        }
        if self.thread.is_none() {
            let (sender, receiver) = sync_channel(1);
            let path = self.path.clone();
            let named = thread::Builder::new().name("valence-keeper".into());
            self.thread = named.spawn(move || keep(&path, &receiver)).ok().map(|handle| (sender, handle));
        }
        if let Some((sender, _)) = &self.thread {
            // Full: it has been told.
            let _ = sender.try_send(());
        }
        false
    }

    pub(super) fn stop(&mut self) {
        if let Some((sender, handle)) = self.thread.take() {
            drop(sender);
            let _ = handle.join();
        }
    }
}

fn keep(path: &PathBuf, told: &Receiver<()>) {
    let Ok(connection) = Connection::open(path) else { return };
    let _ = connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    let _ = connection.execute_batch("PRAGMA synchronous = NORMAL");
    while told.recv().is_ok() {
        // What fails now is done later, by the keeper or the writer: the log only grows until then.
        let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}
