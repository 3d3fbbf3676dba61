//! Between the WIT's generated types and the door's nouns, field by field. No meaning is added here.

use crate::bindings::{account_watch as aw, flow as wf, log as wl, simulate as ws, tx_build as tb, types as t};
use valence_door as d;

/// A WIT pubkey: four little-endian words.
pub(crate) type Words = (u64, u64, u64, u64);

pub(crate) fn key(words: Words) -> d::Key {
    let mut bytes = [0u8; 32];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip([words.0, words.1, words.2, words.3]) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    d::Key(bytes)
}

pub(crate) fn words(key: &d::Key) -> Words {
    let mut words =
        key.0.chunks_exact(8).map(|c| c.iter().rev().fold(0u64, |word, byte| (word << 8) | u64::from(*byte)));
    let mut next = || words.next().unwrap_or(0);
    (next(), next(), next(), next())
}

/// `impl From` for the pairs that have the same fields on both sides.
macro_rules! records {
    (to host: $($wit:path => $host:path { $($field:ident $(: $how:expr)?),* $(,)? };)*) => {$(
        impl From<$wit> for $host {
            fn from(v: $wit) -> Self { Self { $($field: records!(@ v.$field $(, $how)?),)* } }
        }
    )*};
    (to guest: $($host:path => $wit:path { $($field:ident $(: $how:expr)?),* $(,)? };)*) => {$(
        impl From<$host> for $wit {
            fn from(v: $host) -> Self { Self { $($field: records!(@ v.$field $(, $how)?),)* } }
        }
    )*};
    (@ $value:expr) => { $value.into() };
    (@ $value:expr, $how:expr) => { $how($value) };
}

pub(crate) fn all<A: Into<B>, B>(list: Vec<A>) -> Vec<B> {
    list.into_iter().map(Into::into).collect()
}

fn option<A: Into<B>, B>(value: Option<A>) -> Option<B> {
    value.map(Into::into)
}

fn bytes(data: Vec<u8>) -> d::Bytes {
    d::Bytes::from(data)
}

fn plain(data: d::Bytes) -> Vec<u8> {
    data.into_vec()
}

fn keys_out(keys: Vec<d::Key>) -> Vec<Words> {
    keys.iter().map(words).collect()
}

fn key_out(key: d::Key) -> Words {
    words(&key)
}

pub(crate) fn account(account: &d::Account) -> t::Account {
    t::Account {
        lamports: account.lamports,
        owner: words(&account.owner),
        data: account.data.to_vec(),
        executable: account.executable,
        rent_epoch: account.rent_epoch,
    }
}

records! { to host:
    t::Slice => d::Slice { offset, length };
    aw::Memcmp => d::Memcmp { offset, bytes: bytes };
    aw::ProgramQuery => d::ProgramQuery { program: key, size, memcmp: all, slice: option };
    t::AccountTemplate => d::AccountTemplate { account, signer, writable };
    t::InstructionTemplate => d::InstructionTemplate { program, accounts: all, data: bytes };
    t::RetryPolicy => d::RetryPolicy { max_attempts, delay_ms, backoff_milli, exhausted };
}

impl From<t::Exhausted> for d::Exhausted {
    fn from(v: t::Exhausted) -> Self {
        match v {
            t::Exhausted::Pause => d::Exhausted::Pause,
            t::Exhausted::Tell => d::Exhausted::Tell,
        }
    }
}

impl From<t::Seat> for d::Seat {
    fn from(v: t::Seat) -> Self {
        match v {
            t::Seat::Key(k) => d::Seat::Key(key(k)),
            t::Seat::Role(r) => d::Seat::Role(r),
        }
    }
}

impl From<t::Seed> for d::Seed {
    fn from(v: t::Seed) -> Self {
        match v {
            t::Seed::Bytes(b) => d::Seed::Bytes(bytes(b)),
            t::Seed::Seat(s) => d::Seed::Seat(s.into()),
        }
    }
}

impl From<t::AccountRef> for d::AccountRef {
    fn from(v: t::AccountRef) -> Self {
        match v {
            t::AccountRef::Key(k) => d::AccountRef::Key(key(k)),
            t::AccountRef::Role(r) => d::AccountRef::Role(r),
            t::AccountRef::Pda(p) => d::AccountRef::Pda { program: key(p.program), seeds: all(p.seeds) },
            t::AccountRef::AssociatedToken(a) => {
                d::AccountRef::AssociatedToken { wallet: a.wallet.into(), mint: key(a.mint) }
            }
            t::AccountRef::TokenProgramOf(m) => d::AccountRef::TokenProgramOf(key(m)),
        }
    }
}

impl From<t::ProgramRef> for d::ProgramRef {
    fn from(v: t::ProgramRef) -> Self {
        match v {
            t::ProgramRef::Key(k) => d::ProgramRef::Key(key(k)),
            t::ProgramRef::TokenProgramOf(m) => d::ProgramRef::TokenProgramOf(key(m)),
        }
    }
}

impl From<t::Condition> for d::Condition {
    fn from(v: t::Condition) -> Self {
        use d::Condition as C;
        use t::Condition as W;
        match v {
            W::AccountExists(k) => C::AccountExists(key(k)),
            W::DataEquals(m) => C::DataEquals { key: key(m.key), offset: m.offset, data: bytes(m.data) },
            W::LamportsAbove(l) => C::LamportsAbove { key: key(l.key), lamports: l.lamports },
            W::LamportsBelow(l) => C::LamportsBelow { key: key(l.key), lamports: l.lamports },
            W::TokenAmountAbove(l) => C::TokenAmountAbove { key: key(l.key), amount: l.amount },
            W::TokenAmountBelow(l) => C::TokenAmountBelow { key: key(l.key), amount: l.amount },
            W::ChangedSince(c) => C::ChangedSince { key: key(c.key), slot: c.slot },
            W::SlotReached(s) => C::SlotReached(s),
            W::TimeReached(s) => C::TimeReached(s),
        }
    }
}

impl From<t::Deadline> for d::Deadline {
    fn from(v: t::Deadline) -> Self {
        match v {
            t::Deadline::Slot(s) => d::Deadline::Slot(s),
            t::Deadline::Time(s) => d::Deadline::Time(s),
        }
    }
}

impl From<t::Step> for d::Step {
    fn from(v: t::Step) -> Self {
        d::Step {
            name: v.name,
            description: v.description,
            instructions: all(v.instructions),
            conditions: all(v.conditions),
            fee_payer: v.fee_payer,
            retry: v.retry.into(),
            compute_unit_limit: v.options.compute_unit_limit,
            priority_fee: v.options.priority_fee,
        }
    }
}

impl From<wl::Level> for d::Level {
    fn from(v: wl::Level) -> Self {
        match v {
            wl::Level::Debug => d::Level::Debug,
            wl::Level::Info => d::Level::Info,
            wl::Level::Warn => d::Level::Warn,
            wl::Level::Error => d::Level::Error,
        }
    }
}

records! { to guest:
    d::Moment => t::Moment { slot, time };
    d::Excess => t::Excess { given, allowed };
    d::Place => tb::Place { instruction, account };
    d::Failure => tb::Failure { instruction, custom, message, logs };
    d::Wake => aw::Wake { moment, reason };
    d::Landed => tb::Landed { slot, proposal, signature, compute_units, fee };
    d::ReturnData => ws::ReturnData { program: key_out, data: plain };
    d::BalanceChange => ws::BalanceChange { key: key_out, before, after };
    d::TokenChange => ws::TokenChange { key: key_out, mint: key_out, owner: key_out, decimals, before, after };
}

impl From<d::Snapshot> for aw::Snapshot {
    fn from(v: d::Snapshot) -> Self {
        Self { moment: v.moment.into(), accounts: v.accounts.iter().map(|a| a.as_ref().map(account)).collect() }
    }
}

impl From<d::Found> for aw::Found {
    fn from(v: d::Found) -> Self {
        let one = |(k, a): &(d::Key, d::Account)| aw::KeyedAccount { key: words(k), account: account(a) };
        Self { moment: v.moment.into(), accounts: v.accounts.iter().map(one).collect() }
    }
}

impl From<d::Reason> for aw::Reason {
    fn from(v: d::Reason) -> Self {
        match v {
            d::Reason::Condition(i) => aw::Reason::Condition(i),
            d::Reason::Deadline => aw::Reason::Deadline,
        }
    }
}

impl From<d::ChainFault> for t::ChainError {
    fn from(v: d::ChainFault) -> Self {
        match v {
            d::ChainFault::Unavailable(why) => t::ChainError::Unavailable(why),
        }
    }
}

impl From<d::WatchError> for aw::WatchError {
    fn from(v: d::WatchError) -> Self {
        match v {
            d::WatchError::Chain(c) => aw::WatchError::Chain(c.into()),
            d::WatchError::TooMany(e) => aw::WatchError::TooMany(e.into()),
            d::WatchError::TooLarge(e) => aw::WatchError::TooLarge(e.into()),
            d::WatchError::NothingToWaitFor => aw::WatchError::NothingToWaitFor,
        }
    }
}

impl From<d::AddressError> for tb::AddressError {
    fn from(v: d::AddressError) -> Self {
        match v {
            d::AddressError::TooManySeeds(e) => tb::AddressError::TooManySeeds(e.into()),
            d::AddressError::SeedTooLong(i, e) => tb::AddressError::SeedTooLong((i, e.into())),
            d::AddressError::NoAddress => tb::AddressError::NoAddress,
        }
    }
}

impl From<d::BuildError> for tb::BuildError {
    fn from(v: d::BuildError) -> Self {
        use d::BuildError as E;
        use tb::BuildError as W;
        match v {
            E::Chain(c) => W::Chain(c.into()),
            E::EmptyStep => W::EmptyStep,
            E::UnknownRole(r) => W::UnknownRole(r),
            E::Address(p, e) => W::Address((p.into(), e.into())),
            E::NotAMint(p, k) => W::NotAMint((p.into(), words(&k))),
            E::NoProgram(p, k) => W::NoProgram((p.into(), words(&k))),
            E::TooLarge(p, e) => W::TooLarge((p.into(), e.into())),
            E::TooManyLocks(p, e) => W::TooManyLocks((p.into(), e.into())),
            E::BadComputeLimit(n) => W::BadComputeLimit(n),
            E::BadRetryPolicy => W::BadRetryPolicy,
            E::Simulation(f) => W::Simulation(f.into()),
        }
    }
}

impl From<d::UnsignedTransaction> for tb::UnsignedTransaction {
    fn from(v: d::UnsignedTransaction) -> Self {
        Self {
            wire: plain(v.wire),
            message: plain(v.message),
            signers: keys_out(v.signers),
            compute_unit_limit: v.compute_unit_limit,
            priority_fee: v.priority_fee,
            fee: v.fee,
            lifetime: tb::Lifetime {
                blockhash: words(&v.blockhash),
                last_valid_block_height: v.last_valid_block_height,
            },
        }
    }
}

impl From<d::Outcome> for tb::Outcome {
    fn from(v: d::Outcome) -> Self {
        match v {
            d::Outcome::Landed(l) => tb::Outcome::Landed(l.into()),
            d::Outcome::Failed(f) => tb::Outcome::Failed(f.into()),
            d::Outcome::Withdrawn(i) => tb::Outcome::Withdrawn(i),
            d::Outcome::Rejected(why) => tb::Outcome::Rejected(why),
        }
    }
}

impl From<d::EmitError> for tb::EmitError {
    fn from(v: d::EmitError) -> Self {
        match v {
            d::EmitError::Build(b) => tb::EmitError::Build(b.into()),
            d::EmitError::Condition(i) => tb::EmitError::Condition(i),
            d::EmitError::TooMany(e) => tb::EmitError::TooMany(e.into()),
        }
    }
}

impl From<d::Simulation> for ws::Simulation {
    fn from(v: d::Simulation) -> Self {
        let post =
            |p: &d::PostAccount| ws::PostAccount { key: words(&p.key), account: p.account.as_ref().map(account) };
        Self {
            moment: v.moment.into(),
            outcome: v.outcome.map_err(Into::into),
            compute_units: v.compute_units,
            fee: v.fee,
            logs: v.logs,
            return_data: option(v.return_data),
            accounts: v.accounts.iter().map(post).collect(),
            balances: all(v.balances),
            tokens: all(v.tokens),
        }
    }
}

impl From<d::SimulateError> for ws::SimulateError {
    fn from(v: d::SimulateError) -> Self {
        match v {
            d::SimulateError::Chain(c) => ws::SimulateError::Chain(c.into()),
            d::SimulateError::NotATransaction(why) => ws::SimulateError::NotATransaction(why),
            d::SimulateError::TooLarge(e) => ws::SimulateError::TooLarge(e.into()),
        }
    }
}

/// `flow-error` of the contract.
pub(crate) fn flow_error(v: wf::FlowError) -> crate::FlowError {
    match v {
        wf::FlowError::Param((name, message)) => crate::FlowError::Param { name, message },
        wf::FlowError::Step((name, message)) => crate::FlowError::Step { name, message },
        wf::FlowError::State(message) => crate::FlowError::State { message },
        wf::FlowError::Other((code, message)) => crate::FlowError::Other { code, message },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_way_through_words() {
        let bytes: [u8; 32] = std::array::from_fn(|i| u8::try_from(i * 7 % 251).unwrap());
        assert_eq!(key(words(&d::Key(bytes))).0, bytes);
        assert_eq!(words(&d::Key(bytes)).0, u64::from_le_bytes(bytes[..8].try_into().unwrap()));
    }
}
