//! Turns: at most so many instances run at once, and the rest queue fairly. Each flow has a queue of its own, and the flows
//! take turns, so that ten thousand instances of one flow do not keep the one instance of another waiting.

use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use tokio::sync::oneshot;

/// Who may run.
pub(crate) struct Turns {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    free: usize,
    /// Those who wait, by flow, the oldest first. No queue is empty.
    queues: BTreeMap<Arc<str>, VecDeque<oneshot::Sender<Turn>>>,
    /// The flow that was served last.
    last: Option<Arc<str>>,
}

/// The right to run, until it is dropped.
pub(crate) struct Turn(Option<Arc<Turns>>);

impl Turns {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Turns { state: Mutex::new(State { free: most.max(1), ..State::default() }) })
    }

    /// Waits for a turn.
    pub(crate) async fn take(self: &Arc<Self>, flow: &Arc<str>) -> Turn {
        let receiver = {
            let mut state = self.state.lock();
            if state.free > 0 {
                state.free -= 1;
                return Turn(Some(self.clone()));
            }
            let (sender, receiver) = oneshot::channel();
            state.queues.entry(flow.clone()).or_default().push_back(sender);
            receiver
        };
        // The sender lies in the queue until it is used; the queue lives as long as this.
        receiver.await.unwrap_or(Turn(None))
    }

    /// How many wait for a turn.
    pub(crate) fn queued(&self) -> usize {
        self.state.lock().queues.values().map(VecDeque::len).sum()
    }

    /// Hands a turn on to the flow after the one that was served last.
    fn hand_on(self: &Arc<Self>) {
        loop {
            let sender = {
                let mut state = self.state.lock();
                let Some(sender) = state.next() else {
                    state.free += 1;
                    return;
                };
                sender
            };
            match sender.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // Whoever waited has gone; the turn comes back without being handed on again.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl State {
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let after = self.last.as_ref().and_then(|last| {
            let later = (std::ops::Bound::Excluded(last.clone()), std::ops::Bound::Unbounded);
            self.queues.range(later).next().map(|(flow, _)| flow.clone())
        });
        let flow = after.or_else(|| self.queues.keys().next().cloned())?;
        let queue = self.queues.get_mut(&flow)?;
        let sender = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&flow);
        }
        self.last = Some(flow);
        sender
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.hand_on();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::pin::pin;

    #[tokio::test]
    async fn flows_take_turns_however_many_instances_one_of_them_has() {
        let turns = Turns::new(1);
        let first = turns.take(&"a".into()).await;
        let served = Arc::new(Mutex::new(String::new()));
        let mut tasks = Vec::new();
        for flow in ["a", "a", "a", "b", "c"] {
            let (turns, served) = (turns.clone(), served.clone());
            tasks.push(tokio::spawn(async move {
                let _turn = turns.take(&flow.into()).await;
                served.lock().push_str(flow);
            }));
            tokio::task::yield_now().await;
        }
        assert_eq!(turns.queued(), 5);
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*served.lock(), "abcaa");
        assert_eq!(turns.queued(), 0);
    }

    #[tokio::test]
    async fn a_turn_is_not_lost_on_somebody_who_has_gone() {
        let turns = Turns::new(1);
        let flow: Arc<str> = "a".into();
        let first = turns.take(&flow).await;
        {
            let mut gone = pin!(turns.take(&flow));
            assert!(futures_now(gone.as_mut()).is_none());
        }
        drop(first);
        let second = turns.take(&flow).await;
        drop(second);
        assert_eq!(turns.state.lock().free, 1);
    }

    fn futures_now<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
