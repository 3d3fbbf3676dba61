//! Building instruction templates, and what may stand where an account or a program is wanted.
//!
//! The templates of real programs live in [`crate::programs`].

use crate::Pubkey;
use crate::types::{AccountRef, AccountTemplate, AssociatedToken, InstructionTemplate, Pda, ProgramRef, Seat, Seed};

impl InstructionTemplate {
    /// A call of this program with this data, and no account yet.
    pub fn new(program: impl Into<ProgramRef>, data: impl Into<Vec<u8>>) -> Self {
        Self { program: program.into(), accounts: Vec::new(), data: data.into() }
    }

    /// Calls this program instead, with the same accounts and data.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<ProgramRef>) -> Self {
        self.program = program.into();
        self
    }

    /// Adds an account that is only read.
    #[must_use]
    pub fn readonly(self, account: impl Into<AccountRef>) -> Self {
        self.account(account, false, false)
    }

    /// Adds an account that is written.
    #[must_use]
    pub fn writable(self, account: impl Into<AccountRef>) -> Self {
        self.account(account, false, true)
    }

    /// Adds an account that signs and is only read.
    #[must_use]
    pub fn signer(self, account: impl Into<AccountRef>) -> Self {
        self.account(account, true, false)
    }

    /// Adds an account that signs and is written.
    #[must_use]
    pub fn writable_signer(self, account: impl Into<AccountRef>) -> Self {
        self.account(account, true, true)
    }

    fn account(mut self, account: impl Into<AccountRef>, signer: bool, writable: bool) -> Self {
        self.accounts.push(AccountTemplate { account: account.into(), signer, writable });
        self
    }
}

/// The associated token account of a wallet and a mint; the host finds the address and the token program.
pub fn associated_token(wallet: impl Into<Seat>, mint: impl Into<Pubkey>) -> AssociatedToken {
    AssociatedToken { wallet: wallet.into(), mint: mint.into().into() }
}

/// The token program that owns this mint, Token or Token-2022; the host finds which.
pub fn token_program_of(mint: impl Into<Pubkey>) -> TokenProgramOf {
    TokenProgramOf(mint.into())
}

/// See [`token_program_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenProgramOf(pub Pubkey);

/// A program-derived address, whose bump the host finds: `pda(program).seed("vault").seat(roles.owner)`.
pub fn pda(program: impl Into<Pubkey>) -> Pda {
    Pda { program: program.into().into(), seeds: Vec::new() }
}

impl Pda {
    /// Adds a seed of at most 32 bytes.
    #[must_use]
    pub fn seed(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.seeds.push(Seed::Bytes(bytes.as_ref().to_vec()));
        self
    }

    /// Adds the 32 bytes of an address or of a role's address as a seed.
    #[must_use]
    pub fn seat(mut self, seat: impl Into<Seat>) -> Self {
        self.seeds.push(Seed::Seat(seat.into()));
        self
    }
}

impl From<Pubkey> for Seat {
    fn from(key: Pubkey) -> Self {
        Self::Key(key.into())
    }
}

impl From<Pubkey> for AccountRef {
    fn from(key: Pubkey) -> Self {
        Self::Key(key.into())
    }
}

impl From<Pda> for AccountRef {
    fn from(pda: Pda) -> Self {
        Self::Pda(pda)
    }
}

impl From<AssociatedToken> for AccountRef {
    fn from(associated: AssociatedToken) -> Self {
        Self::AssociatedToken(associated)
    }
}

impl From<TokenProgramOf> for AccountRef {
    fn from(program: TokenProgramOf) -> Self {
        Self::TokenProgramOf(program.0.into())
    }
}

impl From<Seat> for AccountRef {
    fn from(seat: Seat) -> Self {
        match seat {
            Seat::Key(key) => Self::Key(key),
            Seat::Role(role) => Self::Role(role),
        }
    }
}

impl From<Pubkey> for ProgramRef {
    fn from(key: Pubkey) -> Self {
        Self::Key(key.into())
    }
}

impl From<TokenProgramOf> for ProgramRef {
    fn from(program: TokenProgramOf) -> Self {
        Self::TokenProgramOf(program.0.into())
    }
}
