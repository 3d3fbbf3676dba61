//! The System program: lamports, and accounts.

use crate::types::{AccountRef, InstructionTemplate};
use crate::{Pubkey, pubkey};

/// The program's address.
pub const ID: Pubkey = pubkey!("11111111111111111111111111111111");

/// The program's own instruction numbers (its enum, in order).
mod tag {
    pub const CREATE_ACCOUNT: u32 = 0;
    pub const ASSIGN: u32 = 1;
    pub const TRANSFER: u32 = 2;
    pub const CREATE_ACCOUNT_WITH_SEED: u32 = 3;
    pub const ALLOCATE: u32 = 8;
    pub const ALLOCATE_WITH_SEED: u32 = 9;
}

/// Instruction data: a four-byte tag, then fields as bincode writes them.
struct Data(Vec<u8>);

impl Data {
    fn new(tag: u32) -> Self {
        Self(tag.to_le_bytes().to_vec())
    }

    fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn key(mut self, key: Pubkey) -> Self {
        self.0.extend(key.as_bytes());
        self
    }

    fn text(self, text: &str) -> Self {
        let mut data = self.u64(u64::try_from(text.len()).unwrap_or(u64::MAX));
        data.0.extend(text.as_bytes());
        data
    }
}

/// Moves lamports. `from` signs.
pub fn transfer(from: impl Into<AccountRef>, to: impl Into<AccountRef>, lamports: u64) -> InstructionTemplate {
    InstructionTemplate::new(ID, Data::new(tag::TRANSFER).u64(lamports).0).writable_signer(from).writable(to)
}

/// Creates an account with so many bytes, owned by this program. `payer` and `new` sign.
pub fn create_account(
    payer: impl Into<AccountRef>,
    new: impl Into<AccountRef>,
    lamports: u64,
    space: u64,
    owner: Pubkey,
) -> InstructionTemplate {
    let data = Data::new(tag::CREATE_ACCOUNT).u64(lamports).u64(space).key(owner);
    InstructionTemplate::new(ID, data.0).writable_signer(payer).writable_signer(new)
}

/// Creates the account at the address that `base`, `seed` and `owner` give (see `address::with_seed`), so that only `payer`
/// and `base` sign; they may be the same.
pub fn create_account_with_seed(
    payer: impl Into<AccountRef>,
    new: impl Into<AccountRef>,
    base: impl Into<AccountRef> + Into<Pubkey> + Copy,
    seed: &str,
    lamports: u64,
    space: u64,
    owner: Pubkey,
) -> InstructionTemplate {
    let (payer, base_account) = (payer.into(), base.into());
    let data = Data::new(tag::CREATE_ACCOUNT_WITH_SEED).key(base.into()).text(seed).u64(lamports).u64(space).key(owner);
    let same = payer == base_account;
    let template = InstructionTemplate::new(ID, data.0).writable_signer(payer).writable(new);
    if same { template } else { template.signer(base_account) }
}

/// Gives an account, which signs, so many bytes.
pub fn allocate(account: impl Into<AccountRef>, space: u64) -> InstructionTemplate {
    InstructionTemplate::new(ID, Data::new(tag::ALLOCATE).u64(space).0).writable_signer(account)
}

/// Gives the account at the address that `base`, `seed` and `owner` give so many bytes, and gives it to `owner`.
/// `base` signs.
pub fn allocate_with_seed(
    account: impl Into<AccountRef>,
    base: impl Into<AccountRef> + Into<Pubkey> + Copy,
    seed: &str,
    space: u64,
    owner: Pubkey,
) -> InstructionTemplate {
    let data = Data::new(tag::ALLOCATE_WITH_SEED).key(base.into()).text(seed).u64(space).key(owner);
    InstructionTemplate::new(ID, data.0).writable(account).signer(base)
}

/// Gives an account, which signs, to a program.
pub fn assign(account: impl Into<AccountRef>, owner: Pubkey) -> InstructionTemplate {
    InstructionTemplate::new(ID, Data::new(tag::ASSIGN).key(owner).0).writable_signer(account)
}
