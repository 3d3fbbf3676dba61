//! What every store must do. Each case runs against every store there is; a new store is one more line in `suite!`.
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

mod large;
mod pruning;
mod queries;
mod rows;
mod writing;

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, sync::Arc};
use tempfile::TempDir;
use valence_journal::{
    Instance, Journal, JournalId, MemoryStore, Options, Record, Resume, SqliteStore, Stamp, Store, Writer,
};

/// A record of the tests: a word, bytes and what it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub word: String,
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
    pub about: Option<String>,
}

pub fn note(word: &str) -> Note {
    Note { word: word.to_owned(), bytes: vec![7; 3], about: None }
}

impl Record for Note {
    fn kind(&self) -> &'static str {
        match self.word.as_str() {
            "intent" => "intent",
            _ => "call",
        }
    }
    fn key(&self) -> Option<Cow<'_, str>> {
        self.about.as_deref().map(Cow::Borrowed)
    }
    fn weight(&self) -> u64 {
        self.bytes.len() as u64 + 10
    }
}

/// A store with all that it stands on.
pub struct Place {
    pub writer: Writer,
    folder: Option<TempDir>,
}

impl Place {
    fn memory() -> Place {
        Place { writer: Writer::new(Arc::new(MemoryStore::new())).unwrap(), folder: None }
    }

    fn sqlite() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("valence.db"), &Options::default()).unwrap();
        Place { writer: Writer::new(Arc::new(store)).unwrap(), folder: Some(folder) }
    }

    pub fn store(&self) -> &dyn Store {
        &**self.writer.store()
    }

    /// As after a crash, where the store outlives the process; else the same. The files are copied as they lie, for journals
    /// may still hold the store open.
    pub fn reopened(self) -> Place {
        let Some(before) = self.folder else { return self };
        drop(self.writer);
        let folder = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(before.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        let store = SqliteStore::open(&folder.path().join("valence.db"), &Options::default()).unwrap();
        assert_eq!(store.damage().unwrap(), Vec::<String>::new());
        Place { writer: Writer::new(Arc::new(store)).unwrap(), folder: Some(folder) }
    }

    pub fn outlives(&self) -> bool {
        self.folder.is_some()
    }

    /// A new instance of this name with an empty journal; its row is written with the first hand-over.
    pub fn begin(&self, name: &str) -> Journal<Note> {
        let id = self.writer.next_instance();
        let row =
            Instance { id, name: name.into(), chain: "local".into(), state: "running".into(), ..Instance::default() };
        Journal::create(&self.writer, JournalId { instance: id, episode: 0 }, Some(row))
    }

    /// The journal taken up where the store has it.
    pub fn resume(&self, id: JournalId) -> Journal<Note> {
        let blocks = self.store().load(id).unwrap().blocks;
        let weight = blocks.iter().map(|block| block.body::<Note>().unwrap().weight()).sum();
        let resume = Resume { entries: blocks.len() as u64, head: blocks.last().map(|b| b.cid()), weight };
        Journal::resume(&self.writer, id, resume)
    }

    pub fn words(&self, id: JournalId) -> Vec<String> {
        let loaded = self.store().load(id).unwrap();
        assert_eq!(loaded.damage, None);
        loaded.blocks.iter().map(|block| block.body::<Note>().unwrap().word).collect()
    }

    pub fn sound(&self) {
        self.store().check(&mut |damage| panic!("{damage}")).unwrap();
    }
}

pub fn at(slot: u64) -> Stamp {
    Stamp { slot, time: 1_000 + slot as i64 }
}

/// Appends words and waits until they are durable.
pub fn write(journal: &mut Journal<Note>, words: &[&str]) {
    for word in words {
        journal.append(at(journal.entries()), note(word)).unwrap();
    }
    journal.barrier().wait().unwrap();
}

macro_rules! suite {
    ($($room:ident: $($case:ident),*;)*) => {
        suite!(@memory $($room: $($case),*;)*);
        suite!(@sqlite $($room: $($case),*;)*);
    };
    (@$store:ident $($room:ident: $($case:ident),*;)*) => {
        mod $store {
            $($(#[test] fn $case() { super::$room::$case(super::Place::$store()); })*)*
        }
    };
}

suite! {
    writing:
        what_was_appended_is_loaded_in_order,
        a_journal_goes_on_where_it_was_taken_up,
        a_second_handle_that_is_behind_is_refused_and_the_first_stands,
        others_of_the_same_commit_stand_when_one_is_refused,
        a_poisoned_journal_says_so_at_every_append_and_barrier,
        followers_come_in_order_after_what_they_follow,
        more_than_a_batch_is_written_in_order,
        a_dropped_journal_keeps_what_was_handed_over,
        many_journals_from_many_threads_are_all_whole,
        nothing_of_a_refused_write_is_kept,
        a_barrier_wakes_whoever_awaits_it,
        a_follower_that_panics_harms_nobody,
        a_write_beside_a_journal_keeps_its_place;
    rows:
        the_row_follows_the_blocks_and_the_changes,
        names_and_ids_are_given_once,
        an_episode_ends_in_one_step_with_the_next,
        an_episode_cannot_be_skipped,
        what_waits_is_listed_by_chain_until_it_does_not,
        proposals_are_written_with_the_entries_and_replaced,
        ids_go_on_behind_the_last_one,
        the_host_has_a_journal_of_its_own,
        rows_are_filtered_and_paged;
    large:
        a_large_value_is_stored_once_and_put_back,
        a_value_just_below_the_limit_stays_inside,
        a_component_is_kept_by_its_digest;
    queries:
        entries_are_found_by_kind_key_time_slot_and_instance,
        a_page_of_entries_is_read;
    pruning:
        a_pruned_journal_leaves_its_row_and_what_others_name,
        what_has_not_ended_is_never_pruned;
}
