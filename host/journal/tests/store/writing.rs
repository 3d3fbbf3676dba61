//! Journals: what goes in comes out, in order, or is refused.

use crate::{Note, Place, at, note, write};
use std::{
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake},
    thread,
};
use valence_journal::{Change, Journal, JournalError, JournalId, ProposalRow, Resume, StoreError, Write, verify};

pub fn what_was_appended_is_loaded_in_order(place: Place) {
    let mut journal = place.begin("one");
    write(&mut journal, &["a", "b", "c"]);
    let (id, head) = (journal.id(), journal.head());
    assert_eq!(journal.weight(), 39);
    drop(journal);
    let place = place.reopened();
    assert_eq!(place.words(id), ["a", "b", "c"]);
    let loaded = place.store().load(id).unwrap();
    assert_eq!(verify(&loaded.blocks, head), Ok(()));
    assert_eq!(loaded.blocks[2].stamp(), at(2));
    assert_eq!(loaded.blocks[2].prev(), Some(loaded.blocks[1].cid()));
    place.sound();
}

pub fn a_journal_goes_on_where_it_was_taken_up(place: Place) {
    let mut journal = place.begin("one");
    write(&mut journal, &["a", "b"]);
    let id = journal.id();
    drop(journal);
    let place = place.reopened();
    let mut journal = place.resume(id);
    assert_eq!((journal.entries(), journal.weight()), (2, 26));
    write(&mut journal, &["c"]);
    assert_eq!(place.words(id), ["a", "b", "c"]);
    place.sound();
}

pub fn a_second_handle_that_is_behind_is_refused_and_the_first_stands(place: Place) {
    let mut journal = place.begin("one");
    write(&mut journal, &["a"]);
    let id = journal.id();
    let mut second = place.resume(id);
    write(&mut journal, &["b"]);
    second.append(at(1), note("other")).unwrap();
    let error = second.barrier().wait().unwrap_err();
    assert!(
        matches!(error, JournalError::Store(StoreError::Conflict { instance, seq: 1, has: 2, .. }) if instance == id.instance)
    );
    write(&mut journal, &["c"]);
    assert_eq!(place.words(id), ["a", "b", "c"]);
}

fn blocks(words: &[&str]) -> (Vec<valence_journal::Block>, Place) {
    let other = Place::memory();
    let mut journal = other.begin("elsewhere");
    write(&mut journal, words);
    (other.store().load(journal.id()).unwrap().blocks, other)
}

pub fn others_of_the_same_commit_stand_when_one_is_refused(place: Place) {
    let (mut one, mut two) = (place.begin("one"), place.begin("two"));
    write(&mut one, &["a"]);
    write(&mut two, &["a"]);
    let (chain, _other) = blocks(&["a", "b", "c"]);
    let of = |journal: &Journal<Note>, from: usize| Write {
        journal: journal.id(),
        blocks: chain[from..=from].to_vec(),
        durable: true,
        ..Write::default()
    };
    // The chains are the same, for their records are: entry 1 follows, entry 2 does not, and nothing behind it is written either.
    let change = Write {
        journal: one.id(),
        change: Some(Box::new(Change { state: Some("lost".into()), ..Change::default() })),
        ..Write::default()
    };
    let results = place.store().commit(vec![of(&one, 2), change, of(&two, 1)]);
    assert!(matches!(results[0], Err(StoreError::Conflict { seq: 2, has: 1, .. })));
    assert!(matches!(results[1], Err(StoreError::Conflict { seq: 2, has: 1, .. })));
    assert_eq!(results[2], Ok(()));
    assert_eq!(place.words(one.id()), ["a"]);
    assert_eq!(place.words(two.id()), ["a", "b"]);
    assert_eq!(place.store().instance(one.id().instance).unwrap().unwrap().state, "running");
    place.sound();
}

pub fn a_poisoned_journal_says_so_at_every_append_and_barrier(place: Place) {
    // It has no row, and brings none.
    let id = JournalId { instance: 77, episode: 0 };
    let mut journal: Journal<Note> = Journal::create(&place.writer, id, None);
    journal.append(at(0), note("a")).unwrap();
    let none = JournalError::Store(StoreError::NoSuchInstance(77));
    assert_eq!(journal.barrier().wait(), Err(none.clone()));
    assert_eq!(journal.append(at(0), note("b")), Err(none.clone()));
    journal.change(Change::default());
    assert_eq!(journal.barrier().wait(), Err(none.clone()));
    let told = Arc::new(Mutex::new(None));
    let tell = told.clone();
    journal.then(move |result| *tell.lock().unwrap() = Some(result.cloned()));
    assert_eq!(journal.barrier().wait(), Err(none.clone()));
    assert_eq!(*told.lock().unwrap(), Some(Err(none)));
}

trait Cloned {
    fn cloned(self) -> Result<(), JournalError>;
}

impl Cloned for Result<(), &JournalError> {
    fn cloned(self) -> Result<(), JournalError> {
        self.map_err(Clone::clone)
    }
}

pub fn followers_come_in_order_after_what_they_follow(place: Place) {
    let mut journal = place.begin("one");
    let told = Arc::new(Mutex::new(Vec::new()));
    let (store, id) = (place.writer.store().clone(), journal.id());
    for n in 0..600u64 {
        journal.append(at(n), note("a")).unwrap();
        let (told, store) = (told.clone(), store.clone());
        if n % 50 == 0 {
            journal.then(move |result| {
                result.unwrap();
                told.lock().unwrap().push((n, store.entries(id, n, 1).unwrap().len()));
            });
        }
        if n == 120 {
            journal.flush();
        }
    }
    journal.barrier().wait().unwrap();
    let told = told.lock().unwrap();
    assert_eq!(*told, (0..12).map(|n| (n * 50, 1)).collect::<Vec<_>>());
}

pub fn more_than_a_batch_is_written_in_order(place: Place) {
    let mut journal = place.begin("one");
    for n in 0..5000 {
        journal.append(at(n), note(&n.to_string())).unwrap();
    }
    journal.barrier().wait().unwrap();
    let words: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    assert_eq!(place.words(journal.id()), words);
    assert_eq!(place.store().instance(journal.id().instance).unwrap().unwrap().entries, 5000);
    place.sound();
}

pub fn a_dropped_journal_keeps_what_was_handed_over(place: Place) {
    let mut journal = place.begin("one");
    let id = journal.id();
    write(&mut journal, &["a"]);
    journal.append(at(1), note("b")).unwrap();
    journal.flush();
    journal.append(at(2), note("lost")).unwrap();
    drop(journal);
    let place = place.reopened();
    assert_eq!(place.words(id), ["a", "b"]);
}

pub fn many_journals_from_many_threads_are_all_whole(place: Place) {
    thread::scope(|scope| {
        for t in 0..4 {
            let place = &place;
            scope.spawn(move || {
                let mut all: Vec<_> = (0..5).map(|n| place.begin(&format!("{t}-{n}"))).collect();
                for round in 0..20 {
                    for journal in &mut all {
                        journal.append(at(round), note(&round.to_string())).unwrap();
                        if round % 3 == 0 {
                            journal.flush();
                        }
                    }
                    if round % 7 == 0 {
                        all[round as usize % 5].barrier().wait().unwrap();
                    }
                }
                all.iter_mut().for_each(|journal| journal.barrier().wait().unwrap());
            });
        }
    });
    let rows = place.store().instances(&Default::default()).unwrap();
    assert_eq!(rows.len(), 20);
    let words: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for row in rows {
        assert_eq!(place.words(JournalId { instance: row.id, episode: 0 }), words);
    }
    place.sound();
}

pub fn nothing_of_a_refused_write_is_kept(place: Place) {
    let mut one = place.begin("one");
    write(&mut one, &["a"]);
    // A new instance whose first entry is not entry 0: neither row nor proposal remain, and the name is free.
    let (chain, _other) = blocks(&["a", "b"]);
    let id = JournalId { instance: place.writer.next_instance(), episode: 0 };
    let row = valence_journal::Instance { id: id.instance, name: "two".into(), ..Default::default() };
    let proposal = ProposalRow { id: "p".into(), instance: id.instance, ..Default::default() };
    let bad = Write {
        journal: id,
        create: Some(Box::new(row.clone())),
        blocks: chain[1..].to_vec(),
        proposals: vec![proposal],
        ..Write::default()
    };
    assert!(place.store().commit(vec![bad])[0].is_err());
    assert_eq!(place.store().instance(id.instance).unwrap(), None);
    assert_eq!(place.store().instance_named("two").unwrap(), None);
    assert_eq!(place.store().proposals(id.instance).unwrap(), []);
    let mut journal: Journal<Note> = Journal::create(&place.writer, id, Some(row));
    write(&mut journal, &["a", "b"]);
    let place = place.reopened();
    assert_eq!(place.words(id), ["a", "b"]);
    assert_eq!(place.resume(one.id()).entries(), Resume { entries: 1, ..Resume::default() }.entries);
    place.sound();
}

/// Waits for a future as a runtime does: asleep until it is woken.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Thread(thread::Thread);
    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Thread(thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

pub fn a_barrier_wakes_whoever_awaits_it(place: Place) {
    let mut journal = place.begin("one");
    for n in 0..100 {
        journal.append(at(n), note("a")).unwrap();
        let barrier = journal.barrier();
        // One that nobody waits for is no harm.
        drop(journal.barrier());
        block_on(barrier).unwrap();
        assert_eq!(place.store().entries(journal.id(), n, 9).unwrap().len(), 1);
    }
}

pub fn a_follower_that_panics_harms_nobody(place: Place) {
    let mut journal = place.begin("one");
    journal.append(at(0), note("a")).unwrap();
    journal.then(|_| panic!("on purpose"));
    let told = Arc::new(Mutex::new(false));
    let tell = told.clone();
    journal.then(move |_| *tell.lock().unwrap() = true);
    journal.barrier().wait().unwrap();
    assert!(*told.lock().unwrap());
    write(&mut journal, &["b"]);
    assert_eq!(place.words(journal.id()), ["a", "b"]);
}

pub fn a_write_beside_a_journal_keeps_its_place(place: Place) {
    let mut journal = place.begin("one");
    write(&mut journal, &["a"]);
    for n in 0..20 {
        let change = Change { state: Some(n.to_string()), ..Change::default() };
        let write = Write { journal: journal.id(), change: Some(Box::new(change)), durable: true, ..Write::default() };
        let barrier = place.writer.write(write);
        if n % 5 == 0 {
            barrier.wait().unwrap();
        }
    }
    write(&mut journal, &["b"]);
    let row = place.store().instance(journal.id().instance).unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.entries), ("19", 2));
    let none = Write { journal: JournalId { instance: 99, episode: 0 }, ..Write::default() };
    assert!(place.writer.write(none).wait().is_err());
    place.sound();
}
