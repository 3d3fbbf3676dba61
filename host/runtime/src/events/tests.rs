//! The bus alone: bounds, gaps, filters, ends.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::{bus::QUEUE, *};
use std::sync::atomic::Ordering;

fn log(at: Option<u64>, message: &str) -> Event {
    let at = at.map(|entry| Position { instance: 1, episode: 0, entry });
    let kind = EventKind::Log { level: "info", message: message.to_owned() };
    Event { instance: Some("one".to_owned()), flow: Some("flow".into()), at, slot: 1, time: 2, kind }
}

#[test]
fn a_slow_reader_loses_nothing_up_to_the_bound_and_is_told_of_the_rest() {
    let bus = Bus::default();
    let mut slow = bus.subscribe(EventFilter::default());
    let most = u64::try_from(QUEUE).unwrap();
    for n in 0..most + 7 {
        bus.publish(log(Some(n), "x"));
    }
    for n in 0..most {
        let event = slow.try_next().unwrap().unwrap();
        assert_eq!(event.at.unwrap().entry, n);
    }
    // The gap stands where it was: after what came before it, before what comes behind it.
    bus.publish(log(Some(most + 7), "x"));
    assert_eq!(slow.try_next(), Some(Err(Lagged(7))));
    assert_eq!(slow.try_next().unwrap().unwrap().at.unwrap().entry, most + 7);
    assert_eq!(slow.try_next(), None);
    // One with nothing behind it is told as well.
    for n in 0..most + 2 {
        bus.publish(log(Some(n), "x"));
    }
    let told: Vec<_> = std::iter::from_fn(|| slow.try_next()).collect();
    assert_eq!((told.len(), told.last()), (QUEUE + 1, Some(&Err(Lagged(2)))));
}

#[test]
fn what_a_filter_leaves_out_takes_no_place_in_the_queue() {
    let bus = Bus::default();
    let classes = [EventClass::Flow].into();
    let mut flows = bus.subscribe(EventFilter { classes, ..EventFilter::default() });
    for n in 0..u64::try_from(QUEUE).unwrap() + 1 {
        bus.publish(log(Some(n), "x"));
    }
    bus.publish(Event { kind: EventKind::EpisodeStarted { episode: 1 }, ..log(None, "") });
    assert!(matches!(flows.try_next().unwrap().unwrap().kind, EventKind::EpisodeStarted { episode: 1 }));
    assert!(flows.try_next().is_none());
}

#[test]
fn only_events_that_no_entry_says_count_as_lost_for_whoever_reads_the_journal() {
    let bus = Bus::default();
    let (_listening, lost) = bus.subscribe_all();
    for n in 0..u64::try_from(QUEUE).unwrap() {
        bus.publish(log(Some(n), "x"));
    }
    bus.publish(log(Some(0), "on record"));
    bus.publish(log(None, "not on record"));
    assert_eq!(lost.load(Ordering::Relaxed), 1);
}

#[test]
fn filters_look_at_flow_instance_and_account() {
    let event = log(Some(0), "x");
    let named = |flow: Option<&str>, instance: Option<&str>, account: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let filter =
            EventFilter { flow: own(flow), instance: own(instance), account: own(account), ..EventFilter::default() };
        filter.takes(&event)
    };
    assert!(named(None, None, None) && named(Some("flow"), Some("one"), None));
    assert!(!named(Some("other"), None, None) && !named(None, Some("two"), None) && !named(None, None, Some("abc")));
    let update = EventKind::StateUpdate { account: "abc".to_owned(), lamports: None };
    let update = Event { kind: update, ..log(None, "") };
    assert!(EventFilter { account: Some("abc".to_owned()), ..EventFilter::default() }.takes(&update));
}
