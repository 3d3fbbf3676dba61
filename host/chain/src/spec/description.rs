//! `chain.toml`: its schema, and from it a [`ChainSpec`]. What the fields mean is said in `spec`.

use super::{
    ChainSpec, Placed, TOKEN, TOKEN_2022,
    amount::Decimal,
    associated_address, derived_address,
    event::{Action, Event, Key, Target, Token},
    token::{self, WRAPPED_SOL},
};
use crate::SpecError;
use serde::Deserialize;
use solana_account::Account;
use solana_sdk::pubkey::Pubkey;
use std::{collections::BTreeMap, path::Path};
use toml::Spanned;

const SOL_DECIMALS: u8 = 9;

type Table<T> = BTreeMap<String, Spanned<T>>;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    #[serde(default)]
    clock: Clock,
    #[serde(default)]
    wallets: Table<Wallet>,
    #[serde(default)]
    mints: Table<Mint>,
    #[serde(default)]
    token_accounts: Table<TokenAccount>,
    #[serde(default)]
    accounts: Vec<Spanned<AccountFile>>,
    #[serde(default)]
    programs: Vec<Spanned<ProgramFile>>,
    #[serde(default)]
    later: Vec<Spanned<Later>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Clock {
    unix_time: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Wallet {
    sol: Option<Decimal>,
    address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Mint {
    decimals: u8,
    #[serde(default)]
    program: Program,
    authority: Option<String>,
    freeze_authority: Option<String>,
    address: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Program {
    #[default]
    Token,
    #[serde(rename = "token-2022")]
    Token2022,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TokenAccount {
    mint: String,
    owner: String,
    amount: Option<Decimal>,
    associated: Option<bool>,
    address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AccountFile {
    file: String,
    address: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ProgramFile {
    id: String,
    file: String,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Later {
    slot: u64,
    mint: Option<MintLater>,
    airdrop: Option<Airdrop>,
    transfer: Option<Transfer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MintLater {
    token: String,
    to: String,
    amount: Decimal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Airdrop {
    to: String,
    sol: Decimal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    from: String,
    to: String,
    token: Option<String>,
    amount: Option<Decimal>,
    sol: Option<Decimal>,
}

pub(super) fn parse(text: &str, path: &Path) -> Result<ChainSpec, SpecError> {
    let error = |start: Option<usize>, what: String| SpecError {
        place: path.into(),
        line: start.map(|start| line(text, start)),
        what,
    };
    let file: File = toml::from_str(text).map_err(|bad| {
        // The parser's message can go over several lines; its first says it all.
        let what = bad.message().lines().collect::<Vec<_>>().join(", ");
        error(bad.span().map(|span| span.start), what)
    })?;
    let mut reader = Reader::default();
    reader.spec.genesis_time = file.clock.unix_time.unwrap_or(super::GENESIS_TIME);
    let at = |start: usize| move |what| error(Some(start), what);
    for (name, entry) in &file.wallets {
        reader.wallet(name, entry.get_ref()).map_err(at(entry.span().start))?;
    }
    for (name, entry) in &file.mints {
        reader.mint(name, entry.get_ref()).map_err(at(entry.span().start))?;
    }
    for (name, entry) in &file.token_accounts {
        reader.token_account(name, entry.get_ref()).map_err(at(entry.span().start))?;
    }
    for entry in &file.mints {
        reader.place_mint(entry.0).map_err(at(entry.1.span().start))?;
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    for entry in &file.accounts {
        let at = at(entry.span().start);
        let AccountFile { file, address, name } = entry.get_ref();
        let address = address.as_deref().map(address_of).transpose().map_err(&at)?;
        let key = reader.spec.add_account_file(address, &folder.join(file))?;
        if let Some(name) = name {
            reader.spec.add_name(name, key).map_err(at)?;
        }
    }
    for entry in &file.programs {
        let at = at(entry.span().start);
        let ProgramFile { id, file, name } = entry.get_ref();
        let id = address_of(id).map_err(&at)?;
        reader.spec.add_program_file(id, &folder.join(file))?;
        if let Some(name) = name {
            reader.spec.add_name(name, id).map_err(at)?;
        }
    }
    for entry in &file.later {
        reader.later(entry.get_ref()).map_err(at(entry.span().start))?;
    }
    reader.spec.events.sort_by_key(|event| event.slot);
    Ok(reader.spec)
}

fn line(text: &str, start: usize) -> usize {
    let before = text.as_bytes().iter().take(start);
    before.filter(|byte| **byte == b'\n').count().saturating_add(1)
}

fn address_of(text: &str) -> Result<Pubkey, String> {
    text.parse().map_err(|_| format!("`{text}` is no address: it must be 32 bytes in base58"))
}

/// A mint while the file is read; its supply grows with each token account.
#[derive(Clone)]
struct MintInfo {
    token: Token,
    authority: Pubkey,
    freeze: Option<Pubkey>,
    supply: u64,
}

#[derive(Default)]
struct Reader {
    spec: ChainSpec,
    wallets: BTreeMap<String, Pubkey>,
    mints: BTreeMap<String, MintInfo>,
    token_accounts: BTreeMap<String, (Pubkey, Pubkey)>,
}

impl Reader {
    fn place(&mut self, key: Pubkey, account: Account, what: &str) -> Result<(), String> {
        let placed = Placed { value: account, file: what.into() };
        match self.spec.accounts.insert(key, placed) {
            None => Ok(()),
            Some(other) => {
                Err(format!("{what} and {} have the same address {key}: give one of them another", other.file))
            }
        }
    }

    fn wallet(&mut self, name: &str, wallet: &Wallet) -> Result<(), String> {
        let address = match &wallet.address {
            Some(text) => address_of(text)?,
            None => derived_address("wallet", name),
        };
        self.spec.add_name(name, address)?;
        self.wallets.insert(name.into(), address);
        let lamports = wallet.sol.as_ref().map_or(Ok(0), |sol| sol.units(SOL_DECIMALS))?;
        if lamports == 0 {
            return Ok(());
        }
        let account = Account { lamports, rent_epoch: u64::MAX, ..Account::default() };
        self.place(address, account, &format!("wallet `{name}`"))
    }

    fn mint(&mut self, name: &str, mint: &Mint) -> Result<(), String> {
        let address = match &mint.address {
            Some(text) => address_of(text)?,
            None => derived_address("mint", name),
        };
        self.spec.add_name(name, address)?;
        if address == WRAPPED_SOL && mint.decimals != SOL_DECIMALS {
            return Err("wrapped SOL has 9 decimals".into());
        }
        let program = match mint.program {
            Program::Token => TOKEN,
            Program::Token2022 => TOKEN_2022,
        };
        // An authority need not be listed: it is only a seat, and the embedded chain asks nobody for signatures.
        let authority = match &mint.authority {
            Some(text) => match self.wallet_of(text) {
                Ok(address) => address,
                Err(_) => {
                    let address = derived_address("wallet", text);
                    self.spec.add_name(text, address)?;
                    self.wallets.insert(text.clone(), address);
                    address
                }
            },
            None => derived_address("wallet", name),
        };
        let freeze = mint.freeze_authority.as_deref();
        let freeze = freeze.map(|text| self.wallet_of(text)).transpose()?;
        let token = Token { mint: Key(address), program: Key(program), decimals: mint.decimals };
        let info = MintInfo { token, authority, freeze, supply: 0 };
        self.mints.insert(name.into(), info);
        Ok(())
    }

    /// Once all token accounts are known, and with them the supply.
    fn place_mint(&mut self, name: &str) -> Result<(), String> {
        let Some(mint) = self.mints.get(name).cloned() else {
            return Ok(());
        };
        let Token { mint: key, program, decimals } = mint.token;
        let account = token::mint(program.0, mint.authority, mint.freeze, decimals, mint.supply);
        self.place(key.0, account, &format!("mint `{name}`"))
    }

    fn token_account(&mut self, name: &str, account: &TokenAccount) -> Result<(), String> {
        let owner = self.wallet_of(&account.owner)?;
        let mint = self.mint_of(&account.mint)?.clone();
        let Token { mint: key, program, decimals } = mint.token;
        let amount = account.amount.as_ref().map_or(Ok(0), |amount| amount.units(decimals))?;
        let associated = associated_address(&owner, &key.0, &program.0);
        let address = match (&account.address, account.associated) {
            (Some(_), Some(true)) => {
                return Err("`address` and `associated = true` contradict: leave one out".into());
            }
            (Some(text), _) => address_of(text)?,
            (None, Some(false)) => derived_address("token-account", name),
            (None, _) => associated,
        };
        self.spec.add_name(name, address)?;
        if key.0 != WRAPPED_SOL
            && let Some(mint) = self.mints.get_mut(&account.mint)
        {
            mint.supply = mint.supply.checked_add(amount).ok_or_else(|| {
                format!("the supply of `{}` is more than the {} base units that fit", account.mint, u64::MAX)
            })?;
        }
        self.token_accounts.insert(name.into(), (address, key.0));
        let state = token::token_account(program.0, key.0, owner, amount, address == associated);
        self.place(address, state, &format!("token account `{name}`"))
    }

    fn later(&mut self, later: &Later) -> Result<(), String> {
        if later.slot < 2 {
            return Err(format!("slot {} is not later: the chain starts at slot 1, so take 2 or more", later.slot));
        }
        if later.slot > crate::local::MAX_SLOT {
            return Err(format!("slot {} is never reached: the last one is {}", later.slot, crate::local::MAX_SLOT));
        }
        let (action, what) = match (&later.mint, &later.airdrop, &later.transfer) {
            (Some(mint), None, None) => self.mint_later(mint)?,
            (None, Some(Airdrop { to, sol }), None) => {
                let lamports = sol.units(SOL_DECIMALS)?;
                let to_key = Key(self.wallet_of(to)?);
                (Action::Airdrop { to: to_key, lamports }, format!("airdrop of {} SOL to {to}", sol.0))
            }
            (None, None, Some(transfer)) => self.transfer(transfer)?,
            _ => return Err("a [[later]] needs exactly one of `mint`, `airdrop` and `transfer`".into()),
        };
        let text = format!("the {what} at slot {}", later.slot);
        self.spec.events.push(Event { slot: later.slot, text, action });
        Ok(())
    }

    fn mint_later(&self, MintLater { token, to, amount }: &MintLater) -> Result<(Action, String), String> {
        let mint = self.mint_of(token)?;
        let action = Action::Mint {
            token: mint.token,
            authority: Key(mint.authority),
            to: self.target(to, &mint.token, token)?,
            amount: amount.units(mint.token.decimals)?,
        };
        Ok((action, format!("mint of {} {token} to {to}", amount.0)))
    }

    fn transfer(&self, transfer: &Transfer) -> Result<(Action, String), String> {
        let Transfer { from, to, token, amount, sol } = transfer;
        match (token, amount, sol) {
            (None, None, Some(sol)) => {
                let action = Action::TransferSol {
                    from: Key(self.wallet_of(from)?),
                    to: Key(self.wallet_of(to)?),
                    lamports: sol.units(SOL_DECIMALS)?,
                };
                Ok((action, format!("transfer of {} SOL from {from} to {to}", sol.0)))
            }
            (Some(token), Some(amount), None) => {
                let mint = self.mint_of(token)?;
                let action = Action::TransferToken {
                    token: mint.token,
                    from: self.target(from, &mint.token, token)?.account,
                    to: self.target(to, &mint.token, token)?,
                    amount: amount.units(mint.token.decimals)?,
                };
                Ok((action, format!("transfer of {} {token} from {from} to {to}", amount.0)))
            }
            _ => Err("a `transfer` needs `sol`, or both `token` and `amount`".into()),
        }
    }

    fn wallet_of(&self, text: &str) -> Result<Pubkey, String> {
        if let Some(address) = self.wallets.get(text) {
            return Ok(*address);
        }
        let known = list(self.wallets.keys());
        text.parse()
            .map_err(|_| format!("there is no wallet `{text}`: add [wallets.{text}], or take one of these: {known}"))
    }

    fn mint_of(&self, text: &str) -> Result<&MintInfo, String> {
        let known = || list(self.mints.keys());
        self.mints
            .get(text)
            .ok_or_else(|| format!("there is no mint `{text}`: add [mints.{text}], or take one of these: {}", known()))
    }

    /// A token account by name, or a wallet's associated one. An address that is no wallet's counts as a wallet's too.
    fn target(&self, text: &str, token: &Token, token_name: &str) -> Result<Target, String> {
        if let Some((account, mint)) = self.token_accounts.get(text) {
            if *mint != token.mint.0 {
                return Err(format!("the token account `{text}` is of another mint than `{token_name}`"));
            }
            return Ok(Target { account: Key(*account), wallet: None });
        }
        let wallet = self.wallet_of(text).map_err(|_| {
            let known = list(self.token_accounts.keys().chain(self.wallets.keys()));
            format!("there is no token account or wallet `{text}`: take one of these: {known}")
        })?;
        let account = Key(associated_address(&wallet, &token.mint.0, &token.program.0));
        Ok(Target { account, wallet: Some(Key(wallet)) })
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.map(String::as_str).collect();
    if names.is_empty() { "none yet".into() } else { names.join(", ") }
}
