//! The sandbox from outside, as its only user sees it: what is loaded and what is refused, how flows end, and that no guest
//! takes the host with it. One binary, for each links all of wasmtime.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cache;
mod door;
mod drivers;
mod guests;
mod hostile;
mod loading;
mod wasi;
