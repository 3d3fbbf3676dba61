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
