//! Receipts: the proof of what a run did. A receipt names the flow by its digest, says what it was given and how it ended, and
//! carries the journal; whoever has the component runs it again from there, and every claim that does not follow is named.
//!
//! What it proves: exactly this component, given these params, roles, limits and these replies, makes these calls and ends so. That the
//! replies are what the cluster said is the host's word; what landed can be looked up there.
//!
//! | file | idea |
//! |---|---|
//! | `claims.rs` | what a receipt says, as a JSON object |
//! | `proof.rs` | whether it is so |

mod claims;
mod proof;

pub use claims::{EpisodeClaim, Receipt};
pub use proof::{Mismatch, Proof, Proved};
