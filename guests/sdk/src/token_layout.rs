//! The data of token accounts and mints, decoded: the base layout that Token and Token-2022 share.
//!
//! Extensions of Token-2022 are not decoded here. Reading the accounts lives in `account`.

use std::fmt;

use crate::Pubkey;

/// How many bytes a token account has without extensions.
pub const ACCOUNT_LEN: usize = 165;
/// How many bytes a mint has without extensions.
pub const MINT_LEN: usize = 82;
/// Where Token-2022 says what an account with extensions is: after the length of the larger base layout.
const KIND_AT: usize = ACCOUNT_LEN;
const KIND_MINT: u8 = 1;
const KIND_ACCOUNT: u8 = 2;
/// A multisig of the token programs has this length and no kind byte.
const MULTISIG_LEN: usize = 355;

/// What a token account holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAccount {
    /// The mint of its tokens.
    pub mint: Pubkey,
    /// Who may transfer them.
    pub owner: Pubkey,
    /// How many, in the token's smallest units.
    pub amount: u64,
    /// Who else may transfer, up to `delegated_amount`.
    pub delegate: Option<Pubkey>,
    /// In the token's smallest units.
    pub delegated_amount: u64,
    /// Whether the freeze authority has frozen it.
    pub frozen: bool,
    /// For wrapped SOL: the lamports that it keeps to be rent-exempt.
    pub native_reserve: Option<u64>,
    /// Who may close it, if not the owner.
    pub close_authority: Option<Pubkey>,
}

/// What a mint says of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mint {
    /// Who may mint more; none: nobody ever.
    pub mint_authority: Option<Pubkey>,
    /// How many there are, in smallest units.
    pub supply: u64,
    /// How many digits there are after the point.
    pub decimals: u8,
    /// Who may freeze accounts; none: nobody ever.
    pub freeze_authority: Option<Pubkey>,
}

/// Why bytes are not what they were taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// The data is not as long as the layout, or says that it is something else; here is its length in bytes.
    NotThis(usize),
    /// The length is right but it was never initialised.
    NotInitialised,
    /// A field has a value that the program never writes.
    Corrupt,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThis(len) => write!(f, "its {len} bytes of data have another layout"),
            Self::NotInitialised => f.write_str("it is not initialised"),
            Self::Corrupt => f.write_str("its data has a value that a token program never writes"),
        }
    }
}

impl std::error::Error for LayoutError {}

impl TokenAccount {
    /// Reads the data of a token account, with or without extensions.
    pub fn decode(data: &[u8]) -> Result<Self, LayoutError> {
        let mut fields = Fields(base(data, ACCOUNT_LEN, KIND_ACCOUNT)?);
        let mint = fields.pubkey()?;
        let owner = fields.pubkey()?;
        let amount = fields.u64()?;
        let delegate = fields.optional(Fields::pubkey)?;
        let frozen = match fields.u8()? {
            0 => return Err(LayoutError::NotInitialised),
            1 => false,
            2 => true,
            _ => return Err(LayoutError::Corrupt),
        };
        let native_reserve = fields.optional(Fields::u64)?;
        let delegated_amount = fields.u64()?;
        let close_authority = fields.optional(Fields::pubkey)?;
        Ok(Self { mint, owner, amount, delegate, delegated_amount, frozen, native_reserve, close_authority })
    }
}

impl Mint {
    /// Reads the data of a mint, with or without extensions.
    pub fn decode(data: &[u8]) -> Result<Self, LayoutError> {
        let mut fields = Fields(base(data, MINT_LEN, KIND_MINT)?);
        let mint_authority = fields.optional(Fields::pubkey)?;
        let supply = fields.u64()?;
        let decimals = fields.u8()?;
        match fields.u8()? {
            0 => return Err(LayoutError::NotInitialised),
            1 => {}
            _ => return Err(LayoutError::Corrupt),
        }
        let freeze_authority = fields.optional(Fields::pubkey)?;
        Ok(Self { mint_authority, supply, decimals, freeze_authority })
    }
}

/// The base layout's bytes, if the data is of this kind.
fn base(data: &[u8], len: usize, kind: u8) -> Result<&[u8], LayoutError> {
    let extended = data.len() > KIND_AT && data.len() != MULTISIG_LEN && data.get(KIND_AT) == Some(&kind);
    match data.get(..len) {
        Some(base) if data.len() == len || extended => Ok(base),
        _ => Err(LayoutError::NotThis(data.len())),
    }
}

/// Reads fields from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], LayoutError> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(LayoutError::Corrupt)?;
        self.0 = rest;
        Ok(*field)
    }

    fn u8(&mut self) -> Result<u8, LayoutError> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u64(&mut self) -> Result<u64, LayoutError> {
        self.take().map(u64::from_le_bytes)
    }

    fn pubkey(&mut self) -> Result<Pubkey, LayoutError> {
        self.take().map(Pubkey::new)
    }

    /// A four-byte tag and the value, whose bytes are there either way.
    fn optional<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, LayoutError>) -> Result<Option<T>, LayoutError> {
        let tag = self.take().map(u32::from_le_bytes)?;
        let value = read(self)?;
        match tag {
            0 => Ok(None),
            1 => Ok(Some(value)),
            _ => Err(LayoutError::Corrupt),
        }
    }
}
