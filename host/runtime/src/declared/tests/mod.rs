//! Tests of declared flows, without a chain.
//!
//! | file | idea |
//! |---|---|
//! | `world.rs` | a door with a small world behind it, and one that answers from a record |
//! | `reading.rs` | files, and what is refused in them |
//! | `meaning.rs` | what a flow does, call by call |
//! | `random.rs` | properties of random flows and random texts |
//! | `example.rs` | the example's folder on the real embedded chain |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod meaning;
mod random;
mod reading;
mod world;

use super::{AccountTemplate, FlowStep, InstructionTemplate, ProtocolFlow, Seat};
use solana_sdk::pubkey::Pubkey;
use std::{collections::BTreeMap, time::Duration};

/// A step of one instruction that the owner signs.
fn step(name: &str) -> FlowStep {
    let owner = AccountTemplate::writable(Seat::Role("owner".to_owned())).signer();
    let instruction =
        InstructionTemplate { program_id: Pubkey::default().into(), accounts: vec![owner], data: vec![1, 2, 3].into() };
    FlowStep { name: name.to_owned(), instructions: vec![instruction], ..FlowStep::default() }
}

/// A flow of these steps, with a role `owner` and a timeout of a minute.
fn flow(steps: Vec<FlowStep>) -> ProtocolFlow {
    ProtocolFlow {
        id: "flow".to_owned(),
        steps,
        timeout: Duration::from_secs(60),
        roles: BTreeMap::from([("owner".to_owned(), "Pays.".to_owned())]),
        ..ProtocolFlow::default()
    }
}
