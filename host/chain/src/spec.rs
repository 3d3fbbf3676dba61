//! What an embedded chain starts with: [`ChainSpec`], read from a `chain.toml` and from account and program files, or built
//! in code. How the chain then runs is in `local`.
//!
//! # `chain.toml`
//! Everything is optional; unknown fields are errors. Amounts are strings or numbers and are taken exactly. A *wallet* is
//! named, or written as an address in base58.
//!
//! ```toml
//! [clock]
//! unix-time = 1767225600     # time of slot 1, in seconds since 1970; this is the default (2026-01-01)
//!
//! [wallets.owner]            # an account of the system program
//! sol = "10"                 # default 0: the name has an address, but no account yet
//! address = "…"              # default: sha256("valence:wallet:owner")
//!
//! [mints.usdc]
//! decimals = 6
//! program = "token"          # or "token-2022"; default "token"
//! authority = "faucet"       # a wallet, which need not be listed; default: one named after the mint
//! freeze-authority = "…"     # a wallet; default none
//! address = "…"              # default: sha256("valence:mint:usdc")
//!
//! [token-accounts.treasury]
//! mint = "usdc"              # a mint of this file
//! owner = "owner"            # a wallet
//! amount = "2500"            # in tokens; default 0; the mint's supply is the sum
//! associated = false         # default true: the address is the owner's associated token account; false: sha256("valence:token-account:treasury")
//! address = "…"              # instead
//!
//! [[accounts]]               # Solana account-JSON files; paths are relative to this file
//! file = "pool.json"
//! address = "…"              # default: the file's own `pubkey`
//! name = "pool"              # for display and for role bindings; default none
//!
//! [[programs]]
//! id = "…"
//! file = "lending.so"
//! name = "lending"
//!
//! [[later]]                  # transactions of the real programs that run when the chain moves to that slot (2 or later)
//! slot = 12
//! mint = { token = "usdc", to = "treasury", amount = "1200" }   # `to`: a token account, or a wallet (its associated account is created if need be)
//! [[later]]
//! slot = 20
//! airdrop = { to = "owner", sol = "1" }
//! [[later]]
//! slot = 25
//! transfer = { token = "usdc", from = "treasury", to = "owner", amount = "5" }   # or { from = "owner", to = "…", sol = "1" }
//! ```

mod account_file;
mod amount;
mod description;
mod event;
mod token;

use crate::SpecError;
pub(crate) use event::{Event, Key, instructions};
use solana_account::Account;
use solana_sdk::{
    hash::{Hash, Hasher, hashv},
    pubkey::Pubkey,
};
use std::{collections::BTreeMap, path::Path, sync::Arc};
pub(crate) use token::{ASSOCIATED_TOKEN, TOKEN, TOKEN_2022, associated_address};

/// Time of the first slot unless told: 2026-01-01, 00:00 UTC. Fixed, so that a run is the same every day.
pub(crate) const GENESIS_TIME: i64 = 1_767_225_600;

/// The address that a name stands for when none is given: `sha256("valence:KIND:NAME")`. Kinds are `wallet`, `mint` and
/// `token-account`. Nobody holds a key for it; the embedded chain needs none.
pub fn derived_address(kind: &str, name: &str) -> Pubkey {
    let text = ["valence:", kind, ":", name].map(str::as_bytes);
    Pubkey::from(hashv(&text).to_bytes())
}

/// What an embedded chain starts with. An empty one is a chain with the usual programs and nobody on it.
#[derive(Clone, Debug)]
pub struct ChainSpec {
    pub(crate) accounts: BTreeMap<Pubkey, Placed<Account>>,
    pub(crate) programs: BTreeMap<Pubkey, Placed<Arc<Vec<u8>>>>,
    pub(crate) names: BTreeMap<String, Pubkey>,
    /// Sorted by slot; those of one slot in the order of the file.
    pub(crate) events: Vec<Event>,
    pub(crate) genesis_time: i64,
}

/// Something and the file it came from, for errors that show only later.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub value: T,
    pub file: String,
}

impl Default for ChainSpec {
    fn default() -> Self {
        Self {
            accounts: BTreeMap::new(),
            programs: BTreeMap::new(),
            names: BTreeMap::new(),
            events: Vec::new(),
            genesis_time: GENESIS_TIME,
        }
    }
}

impl ChainSpec {
    /// Reads a `chain.toml` and the files it names.
    ///
    /// # Errors
    /// The first thing that is wrong, with file and line.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SpecError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| SpecError::new(path, format!("cannot read the chain's description: {error}")))?;
        Self::parse(&text, path)
    }

    /// Reads the text of a `chain.toml`. `path` is where it stands: other files are relative to it, and errors name it.
    ///
    /// # Errors
    /// As [`ChainSpec::load`].
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, SpecError> {
        description::parse(text, path.as_ref())
    }

    /// Adds the account of a Solana account-JSON file, in place of one that is there. `address` is needed only where the
    /// file names none, and must agree where it does.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn with_account_file(mut self, address: Option<Pubkey>, path: impl AsRef<Path>) -> Result<Self, SpecError> {
        self.add_account_file(address, path.as_ref())?;
        Ok(self)
    }

    /// Adds a program from its ELF file (`.so`), in place of one that is there.
    ///
    /// # Errors
    /// If the file cannot be read or is no ELF file. Whether the program can run shows when the chain is built.
    pub fn with_program_file(mut self, id: Pubkey, path: impl AsRef<Path>) -> Result<Self, SpecError> {
        self.add_program_file(id, path.as_ref())?;
        Ok(self)
    }

    /// Adds an account, in place of one that is there.
    pub fn with_account(mut self, address: Pubkey, account: Account) -> Self {
        let file = "the account given in code".into();
        self.accounts.insert(address, Placed { value: account, file });
        self
    }

    /// Adds a wallet with its derived address and this many lamports.
    ///
    /// # Errors
    /// If the name is taken or is no name.
    pub fn with_wallet(mut self, name: &str, lamports: u64) -> Result<Self, SpecError> {
        let address = derived_address("wallet", name);
        self.add_name(name, address).map_err(|what| SpecError::new("the wallet given in code", what))?;
        Ok(if lamports == 0 {
            self
        } else {
            self.with_account(address, Account { lamports, rent_epoch: u64::MAX, ..Account::default() })
        })
    }

    /// The addresses that names stand for: wallets, mints, token accounts, and whatever else was given one.
    pub fn names(&self) -> BTreeMap<String, Pubkey> {
        self.names.clone()
    }

    /// Whether nothing was described.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.programs.is_empty() && self.events.is_empty() && self.names.is_empty()
    }

    /// What tells this description from every other one.
    pub fn digest(&self) -> Hash {
        let mut hasher = Hasher::default();
        // Each part is preceded by its length, so that no two descriptions read the same.
        let mut part = |bytes: &[u8]| {
            hasher.hash(&bytes.len().to_le_bytes());
            hasher.hash(bytes);
        };
        part(b"valence:local:1");
        part(&self.genesis_time.to_le_bytes());
        for (key, Placed { value: account, .. }) in &self.accounts {
            part(key.as_ref());
            part(&account.lamports.to_le_bytes());
            part(account.owner.as_ref());
            part(&[u8::from(account.executable)]);
            part(&account.rent_epoch.to_le_bytes());
            part(&account.data);
        }
        part(b"programs");
        for (key, program) in &self.programs {
            part(key.as_ref());
            part(&program.value);
        }
        part(b"events");
        for event in &self.events {
            part(format!("{event:?}").as_bytes());
        }
        hasher.result()
    }

    fn add_account_file(&mut self, address: Option<Pubkey>, path: &Path) -> Result<Pubkey, SpecError> {
        let (key, account) = account_file::read(path, address)?;
        let file = path.display().to_string();
        self.accounts.insert(key, Placed { value: account, file });
        Ok(key)
    }

    fn add_program_file(&mut self, id: Pubkey, path: &Path) -> Result<(), SpecError> {
        let bytes = std::fs::read(path)
            .map_err(|error| SpecError::new(path, format!("cannot read the program file: {error}")))?;
        if !bytes.starts_with(b"\x7fELF") {
            return Err(SpecError::new(
                path,
                format!(
                    "is no program: {} bytes that are not an ELF file; give the .so that `cargo build-sbf` wrote, or one saved with `solana program dump`",
                    bytes.len()
                ),
            ));
        }
        let file = path.display().to_string();
        self.programs.insert(id, Placed { value: Arc::new(bytes), file });
        Ok(())
    }

    fn add_name(&mut self, name: &str, address: Pubkey) -> Result<(), String> {
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 32 || !name.chars().all(valid) {
            return Err(format!("`{name}` is no name: take 1 to 32 letters, digits, `-` and `_`"));
        }
        match self.names.insert(name.into(), address) {
            None => Ok(()),
            Some(_) => Err(format!(
                "the name `{name}` is used twice: wallets, mints, token accounts, accounts and programs share one set of names"
            )),
        }
    }
}
