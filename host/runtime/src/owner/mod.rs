//! Who owns the instances of a data dir.
//!
//! | file | idea |
//! |---|---|
//! | `data_dir.rs` | the folder: its lock, its store, its register of attempts |

mod data_dir;

pub use data_dir::{DataDir, DataDirError};
