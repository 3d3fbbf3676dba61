//! valence-build from outside: folders become components, names become projects, and everything else is refused in one
//! clear line. A compiler is fetched once, into the cache that `valence` itself uses (`VALENCE_CACHE_DIR`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod building;
mod compilers;
mod house;
mod refusals;
mod scaffolding;
