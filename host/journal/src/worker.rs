//! The one thread that encodes and hashes full batches, for all journals of a process, in the order in which they came.

use std::{
    sync::{
        OnceLock,
        mpsc::{Sender, channel},
    },
    thread,
};

type Job = Box<dyn FnOnce() + Send>;

/// Has a job done, here where there is no thread to be had.
pub(crate) fn submit(job: Job) {
    static JOBS: OnceLock<Option<Sender<Job>>> = OnceLock::new();
    let jobs = JOBS.get_or_init(|| {
        let (sender, receiver) = channel::<Job>();
        let work = move || receiver.into_iter().for_each(|job| job());
        thread::Builder::new().name("valence-journal".into()).spawn(work).ok().map(|_| sender)
    });
    let undone = match jobs {
        Some(jobs) => jobs.send(job).err().map(|refused| refused.0),
        None => Some(job),
    };
    if let Some(job) = undone {
        job();
    }
}
