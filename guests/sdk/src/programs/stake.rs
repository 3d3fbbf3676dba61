//! The Stake program: stake accounts from their creation to their withdrawal. Lockups are none.

use crate::programs::sysvar;
use crate::types::{AccountRef, InstructionTemplate};
use crate::{Pubkey, pubkey};

/// The program's address.
pub const ID: Pubkey = pubkey!("Stake11111111111111111111111111111111111111");
/// The account of an old configuration that `delegate` still names.
const CONFIG: Pubkey = pubkey!("StakeConfig11111111111111111111111111111111");

/// How many bytes a stake account has.
pub const ACCOUNT_LEN: u64 = 200;

/// The program's own instruction numbers (its enum, in order).
mod tag {
    pub const INITIALIZE: u32 = 0;
    pub const DELEGATE: u32 = 2;
    pub const SPLIT: u32 = 3;
    pub const WITHDRAW: u32 = 4;
    pub const DEACTIVATE: u32 = 5;
}

/// What a stake account is, by the first number of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Allocated, nothing more.
    Uninitialized,
    /// It has authorities, and is not delegated.
    Initialized,
    /// Delegated to a vote account.
    Delegated,
    /// Rewards of an old scheme; of no more use.
    RewardsPool,
}

impl State {
    /// Reads the data of a stake account; none if it is not one.
    pub fn decode(data: &[u8]) -> Option<Self> {
        match u32::from_le_bytes(*data.first_chunk()?) {
            0 => Some(Self::Uninitialized),
            1 => Some(Self::Initialized),
            2 => Some(Self::Delegated),
            3 => Some(Self::RewardsPool),
            _ => None,
        }
    }
}

/// Makes a fresh account of [`ACCOUNT_LEN`] bytes a stake account with these authorities and no lockup.
pub fn initialize(
    stake: impl Into<AccountRef>,
    staker: impl Into<Pubkey>,
    withdrawer: impl Into<Pubkey>,
) -> InstructionTemplate {
    let mut data = tag::INITIALIZE.to_le_bytes().to_vec();
    data.extend(staker.into().as_bytes());
    data.extend(withdrawer.into().as_bytes());
    // The lockup: a time, an epoch and a custodian, all zero.
    data.extend([0; 8 + 8 + 32]);
    InstructionTemplate::new(ID, data).writable(stake).readonly(sysvar::RENT)
}

/// Moves so many lamports of stake into `new`, an account of [`ACCOUNT_LEN`] bytes that belongs to the program and is not
/// initialised. The staker signs.
pub fn split(
    stake: impl Into<AccountRef>,
    new: impl Into<AccountRef>,
    staker: impl Into<AccountRef>,
    lamports: u64,
) -> InstructionTemplate {
    let mut data = tag::SPLIT.to_le_bytes().to_vec();
    data.extend(lamports.to_le_bytes());
    InstructionTemplate::new(ID, data).writable(stake).writable(new).signer(staker)
}

/// Delegates to a vote account. The staker signs.
pub fn delegate(
    stake: impl Into<AccountRef>,
    vote: impl Into<AccountRef>,
    staker: impl Into<AccountRef>,
) -> InstructionTemplate {
    InstructionTemplate::new(ID, tag::DELEGATE.to_le_bytes())
        .writable(stake)
        .readonly(vote)
        .readonly(sysvar::CLOCK)
        .readonly(sysvar::STAKE_HISTORY)
        .readonly(CONFIG)
        .signer(staker)
}

/// Ends the delegation. The staker signs.
pub fn deactivate(stake: impl Into<AccountRef>, staker: impl Into<AccountRef>) -> InstructionTemplate {
    InstructionTemplate::new(ID, tag::DEACTIVATE.to_le_bytes()).writable(stake).readonly(sysvar::CLOCK).signer(staker)
}

/// Moves lamports that are not staked to `to`. The withdrawer signs.
pub fn withdraw(
    stake: impl Into<AccountRef>,
    to: impl Into<AccountRef>,
    withdrawer: impl Into<AccountRef>,
    lamports: u64,
) -> InstructionTemplate {
    let mut data = tag::WITHDRAW.to_le_bytes().to_vec();
    data.extend(lamports.to_le_bytes());
    InstructionTemplate::new(ID, data)
        .writable(stake)
        .writable(to)
        .readonly(sysvar::CLOCK)
        .readonly(sysvar::STAKE_HISTORY)
        .signer(withdrawer)
}
