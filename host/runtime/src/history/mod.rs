//! What is on record of an instance, told to people and programs. It reads a store and never writes, so it works beside the
//! owner of a data dir and without one.
//!
//! | file | idea |
//! |---|---|
//! | `record.rs` | an instance's whole record: its row and its episodes |
//! | `names.rs` | who is who, learned from the record alone |
//! | `words.rs` | calls and replies on one line |
//! | `step.rs` | steps and their instruction templates, line by line |
//! | `transaction.rs` | transactions on record, decoded |
//! | `line.rs` | the timeline: what each entry says |
//! | `said.rs` | its shapes |
//! | `brief.rs` | an entry on one line |
//! | `tail.rs` | the end of a record, followed |
//! | `links.rs` | whether each episode names the one before |
//! | `fold.rs` | runs of the same call, folded |

mod brief;
mod fold;
mod line;
mod links;
mod names;
mod record;
mod said;
mod step;
mod tail;
mod transaction;
mod words;

pub use fold::{Fold, Folded};
pub use line::{Line, Timeline};
pub(crate) use line::{host_line, line};
pub use links::links;
pub(crate) use names::Known;
pub use record::{Chapter, Record, RecordError, find};
pub use said::{Began, Built as BuiltOnRecord, Said, Version};
pub(crate) use step::lines as step_lines;
pub use tail::{More, Tail};
pub(crate) use words::{call as call_in_words, outcome as outcome_in_words};
