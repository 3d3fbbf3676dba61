//! The contract's nouns (wit/flow/types.wit), generated: addresses, accounts, templates, steps, conditions.
//!
//! The conveniences on top of them live in [`crate::instruction`], [`crate::condition`] and [`crate::pubkey`].

#[allow(missing_docs, clippy::all, clippy::pedantic, clippy::restriction)]
mod generated {
    wit_bindgen::generate!({
        inline: "package valence:sdk; world vocabulary { import valence:flow/types@0.1.0; }",
        path: "../../wit/flow",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq, Eq],
    });
}

pub use generated::valence::flow::types::{
    Account, AccountRef, AccountTemplate, AssociatedToken, ChainError, ChangeSince, Condition, DataMatch, Deadline,
    Excess, Exhausted, InstructionTemplate, Lamports, LamportsLimit, Moment, Pda, ProgramRef, RetryPolicy, Seat, Seed,
    Slice, Slot, Step, StepOptions, Timestamp, TokenLimit,
};

/// An address as the contract carries it: 32 bytes as four little-endian words. [`crate::Pubkey`] is the same with base58.
pub use generated::valence::flow::types::Pubkey;
