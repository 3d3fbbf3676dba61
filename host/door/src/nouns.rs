//! The nouns that calls and replies are made of. They mirror `wit/flow/*.wit` one to one; what each means is said there.
//! All of them can be journaled: bytes are byte strings, addresses too, and equality is what replay compares.

use crate::failure::Failure;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A list that mostly has one element, which then costs no allocation.
pub type Few<T> = smallvec::SmallVec<[T; 1]>;

/// Bytes that are journaled as one byte string.
pub type Bytes = serde_bytes::ByteBuf;

/// A Solana address of 32 bytes, written in base58.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 32]);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        solana_sdk::pubkey::Pubkey::from(self.0).fmt(f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Key {
    type Err = solana_sdk::pubkey::ParsePubkeyError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        solana_sdk::pubkey::Pubkey::from_str(s).map(Key::from)
    }
}

impl From<solana_sdk::pubkey::Pubkey> for Key {
    fn from(key: solana_sdk::pubkey::Pubkey) -> Self {
        Key(key.to_bytes())
    }
}

impl From<Key> for solana_sdk::pubkey::Pubkey {
    fn from(key: Key) -> Self {
        Self::from(key.0)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(d)?;
        <[u8; 32]>::try_from(bytes.as_slice()).map(Key).map_err(|_| de::Error::invalid_length(bytes.len(), &"32 bytes"))
    }
}

/// When a reply was true: a slot, and that slot's time in seconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The slot.
    pub slot: u64,
    /// Seconds since 1970-01-01T00:00:00Z, by the cluster's clock sysvar.
    pub time: i64,
}

/// An account's state. Its data is shared with the chain that it was read from: a read copies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Balance in lamports.
    pub lamports: u64,
    /// The program that owns it.
    pub owner: Key,
    /// Its data, or the slice of it that was asked for.
    pub data: bytes::Bytes,
    /// Whether it is a program.
    pub executable: bool,
    /// The epoch when rent is next due; `u64::MAX` for a rent-exempt account.
    pub rent_epoch: u64,
}

// Journaled as lists of their fields: a map would have to be sorted every time, and these are what flows read most.

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        (self.slot, self.time).serialize(s)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (slot, time) = Deserialize::deserialize(d)?;
        Ok(Moment { slot, time })
    }
}

impl Serialize for Account {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let data = serde_bytes::Bytes::new(&self.data);
        (self.lamports, self.owner, data, self.executable, self.rent_epoch).serialize(s)
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (lamports, owner, data, executable, rent_epoch): (_, _, Bytes, _, _) = Deserialize::deserialize(d)?;
        Ok(Account { lamports, owner, data: data.into_vec().into(), executable, rent_epoch })
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        (self.moment, &self.accounts).serialize(s)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (moment, accounts) = Deserialize::deserialize(d)?;
        Ok(Snapshot { moment, accounts })
    }
}

/// Accounts read at one slot, in the order asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The slot.
    pub moment: Moment,
    /// None where an account does not exist.
    pub accounts: Few<Option<Account>>,
}

macro_rules! nouns {
    ($($(#[$doc:meta])* $kind:ident $name:ident $body:tt)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub $kind $name $body
    )*};
}

nouns! {
    /// `length` bytes of an account's data from `offset`, cut at the data's end.
    struct Slice {
        /// First byte.
        pub offset: u64,
        /// Bytes.
        pub length: u64,
    }

    /// Bytes that an account's data must hold.
    struct Memcmp {
        /// Where.
        pub offset: u64,
        /// What.
        pub bytes: Bytes,
    }

    /// Which accounts of a program to find.
    struct ProgramQuery {
        /// The owner.
        pub program: Key,
        /// Exact data size in bytes.
        pub size: Option<u64>,
        /// All must match.
        pub memcmp: Vec<Memcmp>,
        /// Which part of the data to return.
        pub slice: Option<Slice>,
    }

    /// Accounts found at one slot, ordered by address.
    struct Found {
        /// The slot.
        pub moment: Moment,
        /// The accounts.
        pub accounts: Vec<(Key, Account)>,
    }

    /// An address that is known, or a role's.
    enum Seat {
        /// This address.
        Key(Key),
        /// The role's address.
        Role(String),
    }

    /// One seed of a program-derived address.
    enum Seed {
        /// These bytes.
        Bytes(Bytes),
        /// An address's bytes.
        Seat(Seat),
    }

    /// How an instruction names an account.
    enum AccountRef {
        /// A known address.
        Key(Key),
        /// A role's address.
        Role(String),
        /// A program-derived address.
        Pda {
            /// The program that it is derived from.
            program: Key,
            /// Its seeds without the bump.
            seeds: Vec<Seed>,
        },
        /// An associated token account.
        AssociatedToken {
            /// Whose.
            wallet: Seat,
            /// Of which mint.
            mint: Key,
        },
        /// The token program that owns this mint.
        TokenProgramOf(Key),
    }

    /// An account of an instruction before its address is resolved.
    struct AccountTemplate {
        /// Which.
        pub account: AccountRef,
        /// Must it sign?
        pub signer: bool,
        /// May it change?
        pub writable: bool,
    }

    /// Which program an instruction calls.
    enum ProgramRef {
        /// This program.
        Key(Key),
        /// The token program that owns this mint.
        TokenProgramOf(Key),
    }

    /// An instruction before its accounts are resolved.
    struct InstructionTemplate {
        /// The program.
        pub program: ProgramRef,
        /// Its accounts, in order.
        pub accounts: Vec<AccountTemplate>,
        /// Its data.
        pub data: Bytes,
    }

    /// A predicate over the chain that the host watches for.
    enum Condition {
        /// The account exists.
        AccountExists(Key),
        /// Its data has these bytes there.
        DataEquals {
            /// The account.
            key: Key,
            /// First byte.
            offset: u64,
            /// The bytes.
            data: Bytes,
        },
        /// Strictly more lamports.
        LamportsAbove {
            /// The account.
            key: Key,
            /// In lamports.
            lamports: u64,
        },
        /// Strictly fewer lamports.
        LamportsBelow {
            /// The account.
            key: Key,
            /// In lamports.
            lamports: u64,
        },
        /// Strictly more of the token.
        TokenAmountAbove {
            /// The token account.
            key: Key,
            /// In the token's smallest units.
            amount: u64,
        },
        /// Strictly less of the token.
        TokenAmountBelow {
            /// The token account.
            key: Key,
            /// In the token's smallest units.
            amount: u64,
        },
        /// Changed in a slot after this one.
        ChangedSince {
            /// The account.
            key: Key,
            /// The slot.
            slot: u64,
        },
        /// The chain reached this slot.
        SlotReached(u64),
        /// The chain's clock reached this time, in seconds since 1970.
        TimeReached(i64),
    }

    /// The latest moment to wait for.
    enum Deadline {
        /// This slot.
        Slot(u64),
        /// This time, in seconds since 1970.
        Time(i64),
    }

    /// Why a flow was woken.
    enum Reason {
        /// The condition at this index holds.
        Condition(u32),
        /// The deadline passed first.
        Deadline,
    }

    /// The answer to a wait.
    struct Wake {
        /// When.
        pub moment: Moment,
        /// Why.
        pub reason: Reason,
    }

    /// What happens when the last try of a step has failed.
    #[derive(Copy, Eq, Default)]
    enum Exhausted {
        /// The instance is paused for an operator.
        #[default]
        Pause,
        /// The flow is told.
        Tell,
    }

    /// How often a step is tried.
    struct RetryPolicy {
        /// Tries in all.
        pub max_attempts: u32,
        /// Milliseconds of chain time after the first failure.
        pub delay_ms: u64,
        /// Growth of the delay, in thousandths.
        pub backoff_milli: u32,
        /// When no try is left.
        pub exhausted: Exhausted,
    }

    /// A named list of instructions that becomes one transaction.
    struct Step {
        /// Its name.
        pub name: String,
        /// One line for the signer.
        pub description: String,
        /// The instructions.
        pub instructions: Vec<InstructionTemplate>,
        /// All must hold when it is emitted.
        pub conditions: Vec<Condition>,
        /// The role that pays.
        pub fee_payer: String,
        /// How often it is tried.
        pub retry: RetryPolicy,
        /// Compute units; none: measured.
        pub compute_unit_limit: Option<u32>,
        /// Micro-lamports per compute unit; none: the host's.
        pub priority_fee: Option<u64>,
    }

    /// A transaction that nobody has signed.
    struct UnsignedTransaction {
        /// Wire form with zeroed signatures.
        pub wire: Bytes,
        /// What signers sign.
        pub message: Bytes,
        /// Who must sign, fee payer first.
        pub signers: Vec<Key>,
        /// In compute units.
        pub compute_unit_limit: u32,
        /// In micro-lamports per compute unit.
        pub priority_fee: u64,
        /// The whole fee in lamports.
        pub fee: u64,
        /// The blockhash in it.
        pub blockhash: Key,
        /// The last block height at which it may land.
        pub last_valid_block_height: u64,
    }

    /// A transaction on chain.
    struct Landed {
        /// In which slot.
        pub slot: u64,
        /// The proposal's id.
        pub proposal: String,
        /// The first signature, base58; none where the chain executes unsigned.
        pub signature: Option<String>,
        /// Consumed.
        pub compute_units: u64,
        /// In lamports.
        pub fee: u64,
    }

    /// How an offer ended.
    enum Outcome {
        /// It is on chain.
        Landed(Landed),
        /// It was executed and failed.
        Failed(Failure),
        /// The give-up condition at this index held first.
        Withdrawn(u32),
        /// A signer refused it, and why.
        Rejected(String),
    }

    /// What a program returned.
    struct ReturnData {
        /// Which program.
        pub program: Key,
        /// What.
        pub data: Bytes,
    }

    /// An account as a transaction would leave it.
    struct PostAccount {
        /// Which.
        pub key: Key,
        /// None where it would not exist.
        pub account: Option<Account>,
    }

    /// A lamport balance that changes.
    struct BalanceChange {
        /// Whose.
        pub key: Key,
        /// In lamports.
        pub before: u64,
        /// In lamports.
        pub after: u64,
    }

    /// A token balance that changes.
    struct TokenChange {
        /// The token account.
        pub key: Key,
        /// Its mint.
        pub mint: Key,
        /// Its owner.
        pub owner: Key,
        /// The mint's decimals, where it could be read.
        pub decimals: Option<u8>,
        /// In smallest units.
        pub before: u64,
        /// In smallest units.
        pub after: u64,
    }

    /// What a transaction would do.
    struct Simulation {
        /// When.
        pub moment: Moment,
        /// Whether it would succeed.
        pub outcome: Result<(), Failure>,
        /// Consumed.
        pub compute_units: u64,
        /// In lamports.
        pub fee: u64,
        /// The program logs.
        pub logs: Vec<String>,
        /// What it would return.
        pub return_data: Option<ReturnData>,
        /// The writable accounts; empty where it would fail.
        pub accounts: Vec<PostAccount>,
        /// Lamports, fee included.
        pub balances: Vec<BalanceChange>,
        /// Tokens.
        pub tokens: Vec<TokenChange>,
    }

    /// How important a log line is.
    #[derive(Copy, Eq)]
    enum Level {
        /// For the flow's author.
        Debug,
        /// For the operator.
        Info,
        /// Something is odd.
        Warn,
        /// Something is wrong.
        Error,
    }
}
