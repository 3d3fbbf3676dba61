//! The deadline: a guest's own running time, measured and ended. What fuel bounds is not here.

use crate::gauge::Gauge;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Adds up the time that a future runs, not the time that it waits, and gives up after a limit. A guest yields every
/// tenth of a millisecond, so it is looked at often; a clock is cheaper than a timer.
pub(crate) struct Timed<'a, F> {
    work: F,
    spent: Duration,
    /// The part of it that counts: not the part in which calls were answered from a record.
    live: Duration,
    most: Duration,
    gauge: Option<&'a Gauge>,
}

impl<'a, F> Timed<'a, F> {
    /// The limit is in milliseconds.
    pub(crate) fn new(work: F, most: u64, gauge: Option<&'a Gauge>) -> Self {
        Timed { work, spent: Duration::ZERO, live: Duration::ZERO, most: Duration::from_millis(most), gauge }
    }
}

impl<F: Future + Unpin> Future for Timed<'_, F> {
    type Output = (Option<F::Output>, Duration);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let start = Instant::now();
        let polled = Pin::new(&mut self.work).poll(cx);
        let took = start.elapsed();
        self.spent = self.spent.saturating_add(took);
        if !self.gauge.is_some_and(Gauge::is_replaying) {
            self.live = self.live.saturating_add(took);
        }
        match polled {
            Poll::Ready(output) => Poll::Ready((Some(output), self.spent)),
            Poll::Pending if self.live > self.most => Poll::Ready((None, self.spent)),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    /// Runs for five milliseconds each time it is looked at.
    struct Slow(u32);

    impl Future for Slow {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            std::thread::sleep(Duration::from_millis(5));
            self.0 = self.0.saturating_sub(1);
            if self.0 == 0 { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    #[test]
    fn time_in_which_calls_are_answered_from_a_record_does_not_count() {
        let gauge = Gauge::default();
        gauge.replaying(true);
        let mut context = Context::from_waker(Waker::noop());
        let mut timed = Timed::new(Slow(u32::MAX), 12, Some(&gauge));
        for _ in 0..10 {
            assert!(Pin::new(&mut timed).poll(&mut context).is_pending(), "fifty milliseconds of replay");
        }
        gauge.replaying(false);
        let mut live = 0;
        let (ended, spent) = loop {
            live += 1;
            if let Poll::Ready(over) = Pin::new(&mut timed).poll(&mut context) {
                break over;
            }
        };
        assert_eq!(ended, None);
        assert!(live <= 3, "five milliseconds each, and twelve are allowed");
        assert!(spent >= Duration::from_millis(60), "what it took is told all the same");
    }
}
