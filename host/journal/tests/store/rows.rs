//! Rows: they move with the entries, in one step.

use crate::{Note, Place, at, note, write};
use valence_journal::{
    Change, Episode, HOST, Instance, InstanceFilter, Journal, JournalError, JournalId, ProposalRow, StoreError,
};

pub fn the_row_follows_the_blocks_and_the_changes(place: Place) {
    let mut journal = place.begin("one");
    let id = journal.id().instance;
    write(&mut journal, &["a"]);
    let row = place.store().instance(id).unwrap().unwrap();
    assert_eq!((row.entries, row.head, row.state.as_str()), (1, journal.head(), "running"));
    journal.append(at(1), note("b")).unwrap();
    journal.change(Change { state: Some("waiting".into()), step: Some("pay".into()), ..Change::default() });
    journal.change(Change { state: Some("paused".into()), crashes: Some(2), ..Change::default() });
    let digests = vec![[1; 32], [2; 32]];
    journal.change(Change {
        components: Some(digests.clone()),
        upgrade: Some(vec![[3; 32], [4; 32]]),
        ..Change::default()
    });
    journal.barrier().wait().unwrap();
    let place = place.reopened();
    let row = place.store().instance_named("one").unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.step.as_str(), row.crashes), ("paused", "pay", 2));
    assert_eq!((row.entries, row.head, row.id), (2, journal.head(), id));
    assert_eq!((row.components, row.upgrade), (digests, vec![[3; 32], [4; 32]]));
    assert!(row.changed > 1_600_000_000_000, "{}", row.changed);
    let mut journal = place.resume(journal.id());
    let done = Change { outcome: Some("done".into()), result: Some("paid".into()), ..Change::default() };
    journal.change(Change { ended: Some(Some(5)), upgrade: Some(Vec::new()), ..done });
    journal.barrier().wait().unwrap();
    let place = place.reopened();
    let row = place.store().instance(id).unwrap().unwrap();
    assert_eq!(
        (row.ended, row.upgrade, row.outcome.as_str(), row.result.as_str()),
        (Some(5), Vec::new(), "done", "paid")
    );
    assert_eq!((row.damage, row.pruned), (None, false));
    place.sound();
}

pub fn names_and_ids_are_given_once(place: Place) {
    write(&mut place.begin("one"), &["a"]);
    let mut second = place.begin("one");
    second.append(at(0), note("b")).unwrap();
    let taken = StoreError::Taken { what: "name", value: "one".into() };
    assert_eq!(second.barrier().wait(), Err(JournalError::Store(taken)));
    assert_eq!(place.store().instance(second.id().instance).unwrap(), None);
    let again = Instance { id: 1, name: "two".into(), ..Instance::default() };
    let mut third: Journal<Note> = Journal::create(&place.writer, JournalId { instance: 1, episode: 0 }, Some(again));
    third.append(at(0), note("b")).unwrap();
    let taken = StoreError::Taken { what: "id", value: "1".into() };
    assert_eq!(third.barrier().wait(), Err(JournalError::Store(taken)));
    assert_eq!(place.store().instance(1).unwrap().unwrap().name, "one");
    place.sound();
}

pub fn an_episode_ends_in_one_step_with_the_next(place: Place) {
    let mut journal = place.begin("one");
    let (first, id) = (journal.id(), journal.id().instance);
    write(&mut journal, &["a", "b"]);
    let over = Episode { episode: 0, entries: 3, head: None };
    journal.append(at(2), note("end")).unwrap();
    journal.change(Change { episode: Some(1), state: Some("pending".into()), ..Change::default() });
    journal.barrier().wait().unwrap();
    let over = Episode { head: journal.head(), ..over };
    let row = place.store().instance(id).unwrap().unwrap();
    assert_eq!((row.episode, row.entries, row.head), (1, 0, None));
    let place = place.reopened();
    assert_eq!(place.store().episodes(id).unwrap(), std::slice::from_ref(&over));
    // And once more, by the first entry of the next.
    let second = JournalId { instance: id, episode: 1 };
    write(&mut place.resume(second), &["c"]);
    let third = JournalId { instance: id, episode: 2 };
    let mut journal: Journal<Note> = Journal::create(&place.writer, third, None);
    journal.append(at(0), note("d")).unwrap();
    journal.change(Change { episode: Some(2), ..Change::default() });
    journal.barrier().wait().unwrap();
    assert_eq!(place.words(first), ["a", "b", "end"]);
    assert_eq!(place.words(second), ["c"]);
    assert_eq!(place.words(third), ["d"]);
    let row = place.store().instance(id).unwrap().unwrap();
    assert_eq!((row.episode, row.entries, row.head), (2, 1, journal.head()));
    assert_eq!(place.store().episodes(id).unwrap().len(), 2);
    place.sound();
}

pub fn an_episode_cannot_be_skipped(place: Place) {
    let mut journal = place.begin("one");
    write(&mut journal, &["a"]);
    journal.append(at(0), note("b")).unwrap();
    journal.change(Change { episode: Some(2), ..Change::default() });
    let error = journal.barrier().wait().unwrap_err();
    assert!(matches!(error, JournalError::Store(StoreError::Conflict { .. })), "{error}");
    // Nor is an old one gone on with.
    let id = journal.id();
    let mut journal = place.resume(id);
    journal.change(Change { episode: Some(1), ..Change::default() });
    journal.barrier().wait().unwrap();
    journal.append(at(0), note("late")).unwrap();
    let error = journal.barrier().wait().unwrap_err();
    assert!(matches!(error, JournalError::Store(StoreError::Conflict { has_episode: 1, .. })), "{error}");
    assert_eq!(place.words(id), ["a"]);
    place.sound();
}

fn waiting(place: &Place, chain: &str) -> Vec<(u64, Vec<u8>)> {
    let mut all = Vec::new();
    place.store().waiting(chain, &mut |id, waits| all.push((id, waits.to_vec()))).unwrap();
    all.sort();
    all
}

pub fn what_waits_is_listed_by_chain_until_it_does_not(place: Place) {
    let mut all: Vec<_> = ["a", "b", "c"].into_iter().map(|name| place.begin(name)).collect();
    for (n, journal) in (0u8..).zip(&mut all) {
        journal.append(at(0), note("wait")).unwrap();
        journal.change(Change { waits: Some(Some(vec![n; 5])), ..Change::default() });
        journal.barrier().wait().unwrap();
    }
    let [a, b, c] = [0, 1, 2].map(|n: usize| all[n].id().instance);
    let place = place.reopened();
    assert_eq!(waiting(&place, "local"), [(a, vec![0; 5]), (b, vec![1; 5]), (c, vec![2; 5])]);
    assert_eq!(waiting(&place, "devnet"), []);
    let mut journals: Vec<_> = all.iter().map(|journal| place.resume(journal.id())).collect();
    journals[0].change(Change { waits: Some(None), ..Change::default() });
    // What has ended waits for nothing, whatever it says.
    journals[1].change(Change { waits: Some(Some(vec![9])), ended: Some(Some(1)), ..Change::default() });
    journals[2].change(Change { waits: Some(Some(vec![8])), ..Change::default() });
    journals.iter_mut().for_each(|journal| journal.barrier().wait().unwrap());
    assert_eq!(waiting(&place, "local"), [(c, vec![8])]);
    place.sound();
}

pub fn proposals_are_written_with_the_entries_and_replaced(place: Place) {
    let mut journal = place.begin("one");
    let id = journal.id().instance;
    let row = |name: &str, seq, state: &str| ProposalRow {
        id: name.into(),
        instance: id,
        seq,
        step: "pay".into(),
        state: state.into(),
        slot: 9,
        ..ProposalRow::default()
    };
    journal.append(at(0), note("intent")).unwrap();
    journal.proposal(row("p2", 5, "proposed"));
    journal.proposal(row("p1", 0, "proposed"));
    journal.proposal(row("p1", 0, "signed"));
    journal.barrier().wait().unwrap();
    let place = place.reopened();
    assert_eq!(place.store().proposals(id).unwrap(), [row("p1", 0, "signed"), row("p2", 5, "proposed")]);
    let mut journal = place.resume(journal.id());
    journal.proposal(row("p2", 5, "confirmed"));
    journal.barrier().wait().unwrap();
    assert_eq!(place.store().proposals(id).unwrap(), [row("p1", 0, "signed"), row("p2", 5, "confirmed")]);
    assert_eq!(place.store().proposals(id + 1).unwrap(), []);
    place.sound();
}

pub fn ids_go_on_behind_the_last_one(place: Place) {
    write(&mut place.begin("one"), &["a"]);
    let mut two = place.begin("two");
    write(&mut two, &["a"]);
    assert_eq!(two.id().instance, 2);
    let place = place.reopened();
    assert_eq!(place.store().last_instance().unwrap(), 2);
    if place.outlives() {
        assert_eq!(place.writer.next_instance(), 3);
    }
}

pub fn the_host_has_a_journal_of_its_own(place: Place) {
    let mut journal: Journal<Note> = Journal::create(&place.writer, HOST, None);
    write(&mut journal, &["policy"]);
    let place = place.reopened();
    assert_eq!(place.words(HOST), ["policy"]);
    assert_eq!(place.store().instance(0).unwrap().unwrap().name, "host");
    assert_eq!(place.store().instances(&InstanceFilter::default()).unwrap(), []);
    let mut one = place.begin("host");
    one.append(at(0), note("a")).unwrap();
    assert!(one.barrier().wait().is_err());
}

pub fn rows_are_filtered_and_paged(place: Place) {
    for n in 0..10 {
        let mut journal = place.begin(&format!("i{n}"));
        let state = if n % 2 == 0 { "waiting" } else { "running" };
        let ended = (n >= 8).then_some(n);
        journal.change(Change { state: Some(state.into()), ended: Some(ended), ..Change::default() });
        journal.barrier().wait().unwrap();
    }
    let ids = |filter: InstanceFilter| {
        let rows = place.store().instances(&filter).unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let all = InstanceFilter::default;
    assert_eq!(ids(all()), (1..=10).collect::<Vec<_>>());
    assert_eq!(ids(InstanceFilter { states: vec!["waiting".into()], ..all() }), [1, 3, 5, 7, 9]);
    assert_eq!(ids(InstanceFilter { states: vec!["waiting".into(), "running".into()], ..all() }).len(), 10);
    assert_eq!(ids(InstanceFilter { ended: Some(true), ..all() }), [9, 10]);
    assert_eq!(ids(InstanceFilter { ended: Some(false), after: 6, ..all() }), [7, 8]);
    assert_eq!(ids(InstanceFilter { after: 3, limit: 2, ..all() }), [4, 5]);
    assert_eq!(ids(InstanceFilter { chain: Some("devnet".into()), ..all() }), []);
    assert_eq!(ids(InstanceFilter { chain: Some("local".into()), flow: Some(String::new()), ..all() }).len(), 10);
}
