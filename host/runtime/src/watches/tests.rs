//! Waiting, parking and virtual time, on the embedded chain and on one that does what the test says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::{scripted::Scripted, *};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, yield_now},
};
use valence_chain::{Advance, ChainSpec, LocalChain, Pace, Until};
use valence_door::{Bytes, Few, Key};

const A: Pubkey = Pubkey::new_from_array([1; 32]);
const B: Pubkey = Pubkey::new_from_array([2; 32]);

type Wakes = mpsc::UnboundedReceiver<(u64, Woken)>;

fn above(key: Pubkey, lamports: u64) -> Condition {
    Condition::LamportsAbove { key: key.into(), lamports }
}

fn by(place: u32, slot: u64) -> Woken {
    Woken::By(Reason::Condition(place), Scripted::at(slot))
}

/// Watches over a chain, and who is woken of the parked.
fn watches(chain: &Arc<impl Chain>) -> (Arc<Watches>, Wakes) {
    let watches = Watches::new(chain.clone());
    let (send, wakes) = mpsc::unbounded_channel();
    assert!(watches.on_wake(move |instance, woken| send.send((instance, woken)).unwrap()));
    (watches, wakes)
}

fn pumped(chain: &Arc<impl Chain>) -> (Arc<Watches>, Wakes) {
    let (watches, wakes) = watches(chain);
    tokio::spawn(watches.clone().pump());
    (watches, wakes)
}

/// A run that waits once, counted as an instance is.
fn waiting(watches: &Arc<Watches>, instance: u64, any_of: &[Condition]) -> JoinHandle<Result<Woken, ChainError>> {
    let (watches, any_of, running) = (watches.clone(), any_of.to_vec(), watches.run());
    tokio::spawn(async move {
        let _running = running;
        watches.wait(instance, &any_of, None).await
    })
}

/// Lets all others do what they can.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

fn running(watches: &Watches) -> i64 {
    watches.state.lock().running
}

fn unavailable() -> ChainError {
    ChainError::Unavailable { chain: "scripted".to_owned(), reason: "broken".to_owned() }
}

#[tokio::test]
async fn what_holds_already_ends_the_wait_at_once_and_in_order() {
    let chain = Arc::new(Scripted::new());
    chain.slot(&[(A, Some(5))]);
    // No pump runs: nothing else is needed.
    let (watches, _) = watches(&chain);
    let conditions = [above(A, 9), above(A, 4), Condition::SlotReached(1), above(A, 3)];
    assert_eq!(watches.wait(1, &conditions, Some(&Deadline::Slot(0))).await, Ok(by(1, 1)));
    let passed = watches.wait(1, &conditions[..1], Some(&Deadline::Time(1))).await;
    assert_eq!(passed, Ok(Woken::By(Reason::Deadline, Scripted::at(1))));
    let changed = Condition::ChangedSince { key: A.into(), slot: 0 };
    assert_eq!(watches.wait(1, &[changed], None).await, Ok(by(0, 1)));
    assert_eq!((watches.warm(), watches.parked(), watches.accounts(), running(&watches)), (0, 0, 0, 0));
}

#[tokio::test]
async fn an_update_wakes_whom_it_touches_and_nobody_else() {
    let chain = Arc::new(Scripted::new());
    let (watches, _) = pumped(&chain);
    let a = waiting(&watches, 1, &[above(A, 4)]);
    let b =
        waiting(&watches, 2, &[above(B, 4), Condition::DataEquals { key: A.into(), offset: 0, data: Bytes::new() }]);
    settle().await;
    assert_eq!((watches.warm(), watches.accounts(), running(&watches)), (2, 2, 0));
    chain.slot(&[(A, None), (B, Some(4))]);
    settle().await;
    assert!(!a.is_finished() && !b.is_finished());
    chain.slot(&[(B, Some(5))]);
    settle().await;
    assert_eq!(b.await.unwrap(), Ok(by(0, 2)));
    assert!(!a.is_finished());
    chain.slot(&[(A, Some(5))]);
    assert_eq!(a.await.unwrap(), Ok(by(0, 3)));
    assert_eq!((watches.accounts(), running(&watches)), (0, 0));
}

#[tokio::test]
async fn a_change_between_arming_and_looking_is_not_lost() {
    let chain = Arc::new(Scripted::gated());
    let (watches, _) = pumped(&chain);
    let wait = waiting(&watches, 1, &[above(A, 4)]);
    settle().await;
    // It looks, and counts as running. What is there only for a moment wakes it all the same.
    assert_eq!(running(&watches), 1);
    chain.slot(&[(A, Some(5))]);
    chain.slot(&[(A, Some(0))]);
    settle().await;
    assert_eq!((watches.warm(), running(&watches)), (0, 1));
    chain.let_reads(1);
    assert_eq!(wait.await.unwrap(), Ok(by(0, 1)));
    assert_eq!(running(&watches), 0);
}

#[tokio::test]
async fn an_update_that_is_older_than_the_wait_wakes_nobody() {
    let chain = Arc::new(Scripted::new());
    let (watches, mut wakes) = watches(&chain);
    watches.restore([(1, Waits::new(&[above(A, 4)], None))]);
    chain.slot(&[(A, Some(5))]);
    chain.slot(&[(A, Some(0))]);
    // The pump has read neither update yet. A wait that begins now has seen that the account is empty.
    let wait = waiting(&watches, 2, &[above(A, 4)]);
    settle().await;
    tokio::spawn(watches.clone().pump());
    settle().await;
    assert_eq!(wakes.try_recv(), Ok((1, by(0, 1))));
    assert!(!wait.is_finished());
    chain.slot(&[(A, Some(6))]);
    assert_eq!(wait.await.unwrap(), Ok(by(0, 3)));
}

#[tokio::test]
async fn a_parked_wait_is_called_back_once_and_its_future_never_resolves() {
    let chain = Arc::new(Scripted::new());
    let (watches, mut wakes) = pumped(&chain);
    let wait = waiting(&watches, 1, &[above(A, 4)]);
    settle().await;
    assert!(watches.park(1) && !watches.park(1));
    assert_eq!(running(&watches), 1, "until its guest is dropped");
    settle().await;
    assert!(!wait.is_finished());
    wait.abort();
    settle().await;
    assert_eq!((watches.warm(), watches.parked(), running(&watches)), (0, 1, 0));
    assert_eq!(watches.waits_of(1), Some(Waits::new(&[above(A, 4)], None)));
    chain.slot(&[(A, Some(5))]);
    chain.slot(&[(A, Some(6))]);
    settle().await;
    assert_eq!(wakes.try_recv(), Ok((1, by(0, 1))));
    assert!(wakes.try_recv().is_err());
    assert_eq!((watches.parked(), watches.waits_of(1)), (0, None));
}

#[tokio::test]
async fn who_has_been_woken_cannot_be_parked() {
    let chain = Arc::new(Scripted::new());
    let (watches, mut wakes) = pumped(&chain);
    let wait = waiting(&watches, 1, &[above(A, 4)]);
    settle().await;
    chain.slot(&[(A, Some(5))]);
    // The pump is to run, and then the wait.
    while watches.warm() == 1 {
        yield_now().await;
    }
    assert!(!watches.park(1));
    assert_eq!(wait.await.unwrap(), Ok(by(0, 1)));
    assert!(wakes.try_recv().is_err());
}

#[tokio::test]
async fn one_that_is_parked_while_it_still_looks_is_looked_for() {
    let chain = Arc::new(Scripted::gated());
    chain.slot(&[(A, Some(5))]);
    let (watches, mut wakes) = pumped(&chain);
    let wait = waiting(&watches, 1, &[above(A, 4)]);
    settle().await;
    assert!(watches.park(1));
    wait.abort();
    settle().await;
    assert!(wakes.try_recv().is_err());
    chain.let_reads(1);
    settle().await;
    assert_eq!(wakes.try_recv(), Ok((1, by(0, 1))));
    assert_eq!(running(&watches), 0);
}

#[tokio::test]
async fn a_wait_that_is_dropped_is_gone_and_a_parked_one_can_be_forgotten() {
    let chain = Arc::new(Scripted::new());
    let (watches, mut wakes) = pumped(&chain);
    let dropped = waiting(&watches, 1, &[above(A, 4)]);
    watches.restore([(2, Waits::new(&[above(A, 4)], Some(&Deadline::Slot(1))))]);
    settle().await;
    assert!(!watches.forget(1), "it is warm");
    dropped.abort();
    settle().await;
    assert_eq!((watches.warm(), watches.parked(), running(&watches)), (0, 1, 0));
    assert!(watches.forget(2) && !watches.forget(2));
    chain.slot(&[(A, Some(5))]);
    settle().await;
    assert!(wakes.try_recv().is_err());
    assert_eq!(watches.accounts(), 0);
}

#[tokio::test]
async fn those_restored_are_looked_at_once_and_woken_in_their_order() {
    let chain = Arc::new(Scripted::new());
    chain.slot(&[(A, Some(5))]);
    let (watches, mut wakes) = pumped(&chain);
    let key = |n: u64| Pubkey::new_from_array([n.to_le_bytes(); 4].as_flattened().try_into().unwrap());
    let rest = (10..1010).map(|n| (n, Waits::new(&[above(key(n), 0)], Some(&Deadline::Slot(n)))));
    let first = [
        (7, Waits::new(&[Condition::SlotReached(9), above(A, 4)], None)),
        (3, Waits::new(&[], Some(&Deadline::Time(1)))),
        (5, Waits::new(&[Condition::ChangedSince { key: A.into(), slot: 0 }], None)),
    ];
    watches.restore(first.into_iter().chain(rest));
    assert_eq!(watches.parked(), 1003);
    settle().await;
    assert_eq!(chain.reads(), 1002);
    let mut woken: Few<_> = std::iter::from_fn(|| wakes.try_recv().ok()).collect();
    woken.sort_by_key(|(instance, _)| *instance);
    let deadline = Woken::By(Reason::Deadline, Scripted::at(1));
    assert_eq!(woken[..], [(3, deadline), (5, by(0, 1)), (7, by(1, 1))]);
    assert_eq!(watches.parked(), 1000);
    let changed: Vec<_> = (10..1010).rev().map(|n| (key(n), Some(n))).collect();
    chain.slot(&changed);
    settle().await;
    let woken: Vec<u64> = std::iter::from_fn(|| wakes.try_recv().ok()).map(|(instance, _)| instance).collect();
    assert_eq!(woken, (10..1010).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_slow_pump_has_missed_is_looked_up() {
    let chain = Arc::new(Scripted::new());
    let (watches, mut wakes) = pumped(&chain);
    watches.restore([(1, Waits::new(&[above(A, 4)], None)), (2, Waits::new(&[above(B, 4)], None))]);
    settle().await;
    chain.slot(&[(A, Some(5))]);
    for _ in 0..2000 {
        chain.slot(&[]);
    }
    settle().await;
    let (instance, _) = wakes.try_recv().unwrap();
    assert_eq!(instance, 1);
    assert!(wakes.try_recv().is_err());
}

#[tokio::test]
async fn accounts_that_cannot_be_read_are_read_later_and_it_is_told_once() {
    let chain = Arc::new(Scripted::new());
    let (watches, mut wakes) = pumped(&chain);
    let (send, mut troubles) = mpsc::unbounded_channel();
    assert!(watches.on_trouble(move |_, what| send.send(what).unwrap()));
    chain.slot(&[(A, Some(5))]);
    chain.break_reads(usize::MAX);
    watches.restore([(1, Waits::new(&[above(A, 4)], None))]);
    settle().await;
    let what = troubles.try_recv().unwrap();
    assert!(what.starts_with("accounts that flows wait for cannot be read, which is tried again: "), "{what}");
    chain.slot(&[]);
    settle().await;
    assert!(wakes.try_recv().is_err() && troubles.try_recv().is_err());
    chain.break_reads(0);
    chain.slot(&[]);
    settle().await;
    assert_eq!(wakes.try_recv(), Ok((1, by(0, 3))));
}

#[tokio::test]
async fn a_wait_whose_accounts_cannot_be_read_says_so_and_is_gone() {
    let chain = Arc::new(Scripted::new());
    let (watches, _) = pumped(&chain);
    chain.break_reads(1);
    assert_eq!(waiting(&watches, 1, &[above(A, 4)]).await.unwrap(), Err(unavailable()));
    assert_eq!((watches.warm(), watches.accounts(), running(&watches)), (0, 0, 0));
}

#[tokio::test]
async fn when_the_chain_is_gone_nothing_can_end_a_warm_wait() {
    let chain = Arc::new(Scripted::new());
    let (watches, mut wakes) = pumped(&chain);
    let wait = waiting(&watches, 1, &[above(A, 4)]);
    watches.restore([(2, Waits::new(&[above(A, 4)], None))]);
    settle().await;
    chain.close();
    assert_eq!(wait.await.unwrap(), Ok(Woken::Never));
    assert_eq!(waiting(&watches, 3, &[above(A, 4)]).await.unwrap(), Ok(Woken::Never));
    assert_eq!(watches.parked(), 1);
    assert!(wakes.try_recv().is_err());
}

#[tokio::test]
async fn virtual_time_goes_to_the_nearest_moment_when_nobody_runs() {
    let chain = Arc::new(LocalChain::new(ChainSpec::default(), Pace::Virtual));
    let (watches, mut wakes) = pumped(&chain);
    let start = chain.moment();
    let far = waiting(&watches, 1, &[Condition::SlotReached(90)]);
    // Ten seconds are 25 slots.
    let near = waiting(&watches, 2, &[Condition::TimeReached(start.unix_time + 10)]);
    watches.restore([(3, Waits::new(&[], Some(&Deadline::Slot(60))))]);
    let holding = watches.run();
    settle().await;
    assert_eq!(chain.moment(), start);
    drop(holding);
    let slot = |woken| match woken {
        Ok(Woken::By(_, moment)) => moment.slot,
        other => panic!("{other:?}"),
    };
    assert_eq!(slot(near.await.unwrap()), 26);
    let (instance, woken) = wakes.recv().await.unwrap();
    assert_eq!((instance, slot(Ok(woken))), (3, 60));
    assert_eq!(slot(far.await.unwrap()), 90);
}

#[tokio::test]
async fn whoever_is_ready_gets_its_turn_before_time_moves() {
    let chain = Arc::new(LocalChain::new(ChainSpec::default(), Pace::Virtual));
    let (watches, mut wakes) = pumped(&chain);
    settle().await;
    // The pump's turn comes first, and then that of one who has not even begun to run.
    watches.restore([(1, Waits::new(&[Condition::SlotReached(90)], None))]);
    let other = watches.clone();
    let near = tokio::spawn(async move {
        let _running = other.run();
        settle().await;
        other.wait(2, &[Condition::SlotReached(50)], None).await
    });
    assert!(matches!(near.await.unwrap(), Ok(Woken::By(_, Moment { slot: 50, .. }))));
    assert!(matches!(wakes.recv().await, Some((1, Woken::By(_, Moment { slot: 90, .. })))));
}

#[tokio::test]
async fn where_nothing_is_to_come_warm_waits_never_end_and_parked_ones_stay() {
    let chain = Arc::new(LocalChain::new(ChainSpec::default(), Pace::Virtual));
    let (watches, mut wakes) = pumped(&chain);
    watches.restore([(1, Waits::new(&[above(A, 4)], Some(&Deadline::Slot(u64::MAX))))]);
    let wait = waiting(&watches, 2, &[above(B, 4)]);
    assert_eq!(wait.await.unwrap(), Ok(Woken::Never));
    settle().await;
    assert_eq!((watches.parked(), watches.warm(), running(&watches)), (1, 0, 0));
    // Another run comes, and time goes on.
    let wait = waiting(&watches, 3, &[Condition::SlotReached(7)]);
    assert!(matches!(wait.await.unwrap(), Ok(Woken::By(Reason::Condition(0), Moment { slot: 7, .. }))));
    assert!(wakes.try_recv().is_err());
}

#[tokio::test]
async fn an_event_that_failed_is_told_to_every_warm_wait_once() {
    let failed = || ChainError::EventFailed { event: "airdrop".to_owned(), reason: "no".to_owned() };
    let chain = Arc::new(Scripted::new());
    chain.script(Err(failed()));
    let (watches, _) = pumped(&chain);
    let both = [waiting(&watches, 1, &[above(A, 4)]), waiting(&watches, 2, &[above(B, 4)])];
    for wait in both {
        assert_eq!(wait.await.unwrap(), Err(failed()));
    }
    assert_eq!(running(&watches), 0);
}

#[tokio::test]
async fn where_only_parked_ones_wait_an_event_that_failed_is_trouble_and_time_goes_on() {
    let failed = ChainError::EventFailed { event: "airdrop".to_owned(), reason: "no".to_owned() };
    let chain = Arc::new(Scripted::new());
    chain.script(Err(failed.clone()));
    chain.script(Ok(Advance::Moved(Scripted::at(2))));
    let (watches, mut wakes) = pumped(&chain);
    let (send, mut troubles) = mpsc::unbounded_channel();
    assert!(watches.on_trouble(move |_, what| send.send(what).unwrap()));
    watches.restore([(1, Waits::new(&[Condition::SlotReached(2)], None))]);
    settle().await;
    assert_eq!(troubles.try_recv(), Ok(failed.to_string()));
    assert_eq!(wakes.try_recv(), Ok((1, by(0, 2))));
    assert_eq!(chain.asked(), [Some(Until::Slot(2)); 2]);
}

#[tokio::test]
async fn a_chain_that_cannot_move_for_parked_ones_is_not_asked_in_a_loop() {
    let chain = Arc::new(Scripted::new());
    for _ in 0..100 {
        chain.script(Err(unavailable()));
    }
    let (watches, mut wakes) = pumped(&chain);
    watches.restore([(1, Waits::new(&[Condition::SlotReached(2)], None))]);
    settle().await;
    let asked = chain.asked().len();
    // Once, and once more for the notice that was on its way.
    assert!((1..=2).contains(&asked), "{asked}");
    settle().await;
    assert_eq!(chain.asked().len(), asked);
    drop(watches.run());
    settle().await;
    assert_eq!(chain.asked().len(), asked + 1);
    assert!(wakes.try_recv().is_err());
}

#[tokio::test]
async fn time_stands_still_while_nobody_waits() {
    let chain = Arc::new(Scripted::new());
    let (watches, _) = pumped(&chain);
    drop(watches.run());
    settle().await;
    assert_eq!(chain.asked(), []);
}

#[tokio::test]
async fn a_pump_that_was_stopped_goes_on_where_it_was() {
    let chain = Arc::new(Scripted::new());
    let (watches, mut wakes) = watches(&chain);
    let first = tokio::spawn(watches.clone().pump());
    watches.restore([(1, Waits::new(&[above(A, 4)], None))]);
    settle().await;
    first.abort();
    settle().await;
    chain.slot(&[(A, Some(5))]);
    settle().await;
    assert!(wakes.try_recv().is_err());
    tokio::spawn(watches.clone().pump());
    settle().await;
    assert_eq!(wakes.try_recv(), Ok((1, by(0, 1))));
}

#[tokio::test]
async fn a_newer_wait_of_an_instance_takes_the_place_of_the_older() {
    let chain = Arc::new(Scripted::new());
    let (watches, mut wakes) = pumped(&chain);
    let older = waiting(&watches, 1, &[above(A, 4)]);
    settle().await;
    let newer = waiting(&watches, 1, &[above(B, 4)]);
    settle().await;
    assert_eq!((watches.warm(), watches.accounts()), (1, 1));
    chain.slot(&[(A, Some(5)), (B, Some(5))]);
    assert_eq!(newer.await.unwrap(), Ok(by(0, 1)));
    assert!(!older.is_finished());
    older.abort();
    settle().await;
    assert_eq!(running(&watches), 0);
    assert!(wakes.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_every_wait_ends_and_the_count_is_right() {
    let chain = Arc::new(LocalChain::new(ChainSpec::default(), Pace::Virtual));
    let (watches, mut wakes) = pumped(&chain);
    let runs: Vec<_> = (0..8u64)
        .map(|instance| {
            let (watches, chain, running) = (watches.clone(), chain.clone(), watches.run());
            tokio::spawn(async move {
                let mut running = Some(running);
                for step in 0..100 {
                    let until = chain.moment().slot + 1 + (instance + step) % 3;
                    let deadline = Deadline::Slot(until);
                    let any_of = [above(A, 4)];
                    let wait = watches.wait(instance, &any_of, Some(&deadline));
                    let park = async {
                        // Some are parked, some just miss it.
                        for _ in 0..step % 5 {
                            yield_now().await;
                        }
                        if step % 3 != 0 || !watches.park(instance) {
                            std::future::pending::<()>().await;
                        }
                    };
                    tokio::select! {
                        woken = wait => assert!(matches!(woken, Ok(Woken::By(Reason::Deadline, m)) if m.slot >= until)),
                        () = park => {
                            drop(running.take());
                            while watches.waits_of(instance).is_some() {
                                yield_now().await;
                            }
                            running = Some(watches.run());
                        }
                    }
                }
                drop(running);
            })
        })
        .collect();
    for run in runs {
        run.await.unwrap();
    }
    assert_eq!((watches.warm(), watches.parked(), watches.accounts(), running(&watches)), (0, 0, 0, 0));
    assert!(wakes.try_recv().is_ok());
    let key = Key([9; 32]);
    assert_eq!(watches.wait(1, &[Condition::AccountExists(key)], Some(&Deadline::Slot(0))).await.map(|_| ()), Ok(()));
}
