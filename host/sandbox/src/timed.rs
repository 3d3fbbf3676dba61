//! The deadline: a guest's own running time, measured and ended. What fuel bounds is not here.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Adds up the time that a future runs, not the time that it waits, and gives up after a limit. A guest yields every
/// tenth of a millisecond, so it is looked at often; a clock is cheaper than a timer.
pub(crate) struct Timed<F> {
    work: F,
    spent: Duration,
    most: Duration,
}

impl<F> Timed<F> {
    /// The limit is in milliseconds.
    pub(crate) fn new(work: F, most: u64) -> Self {
        Timed { work, spent: Duration::ZERO, most: Duration::from_millis(most) }
    }
}

impl<F: Future + Unpin> Future for Timed<F> {
    type Output = (Option<F::Output>, Duration);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let start = Instant::now();
        let polled = Pin::new(&mut self.work).poll(cx);
        self.spent = self.spent.saturating_add(start.elapsed());
        match polled {
            Poll::Ready(output) => Poll::Ready((Some(output), self.spent)),
            Poll::Pending if self.spent > self.most => Poll::Ready((None, self.spent)),
            Poll::Pending => Poll::Pending,
        }
    }
}
