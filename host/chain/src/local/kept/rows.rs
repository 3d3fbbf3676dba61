//! The rows of a kept chain's file: written and read, each with its seal. When they are written is decided in `kept`; what
//! they are is in `schema`.

use super::told::Row;
use crate::{
    Account, Execution,
    spec::{Event, Placed},
};
use rusqlite::{Connection, OptionalExtension, params};
use solana_sdk::{
    hash::{Hash, Hasher},
    pubkey::Pubkey,
};
use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
    sync::Arc,
};

/// Why a row could not be read or written.
pub(super) enum Bad {
    Sql(rusqlite::Error),
    /// What is damaged.
    Damaged(&'static str),
}

impl From<rusqlite::Error> for Bad {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// The first 16 bytes of a SHA-256 over the parts, each with its length before it, as a little-endian number.
pub(super) fn seal(parts: &[&[u8]]) -> u128 {
    let mut hasher = Hasher::default();
    for part in parts {
        hasher.hash(&part.len().to_le_bytes());
        hasher.hash(part);
    }
    let bytes = hasher.result().to_bytes();
    bytes.first_chunk().map_or(0, |first: &[u8; 16]| u128::from_le_bytes(*first))
}

/// Seals added up: whatever the order, the same sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum(u128);

impl Sum {
    pub fn add(&mut self, seal: u128) {
        self.0 = self.0.wrapping_add(seal);
    }

    pub fn remove(&mut self, seal: u128) {
        self.0 = self.0.wrapping_sub(seal);
    }

    fn expect(self, found: Sum, what: &'static str) -> Result<(), Bad> {
        if self == found { Ok(()) } else { Err(Bad::Damaged(what)) }
    }
}

fn parse<T: FromStr>(text: &str, what: &'static str) -> Result<T, Bad> {
    text.parse().map_err(|_| Bad::Damaged(what))
}

/// The one row of `state`.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub slot: u64,
    pub events_left: u64,
    pub commits: u64,
    pub accounts: Sum,
    pub landed: Sum,
    pub intents: Sum,
}

impl State {
    fn seal(&self) -> u128 {
        let numbers = [self.slot, self.events_left, self.commits].map(u64::to_le_bytes);
        let sums = [self.accounts, self.landed, self.intents].map(|sum| sum.0.to_le_bytes());
        seal(&[b"state", &numbers.concat(), &sums.concat()])
    }

    pub fn read(db: &Connection) -> Result<Self, Bad> {
        let sql = "SELECT slot, events_left, commits, accounts_sum, landed_sum, intents_sum, seal FROM state";
        let (state, seal) = db.query_row(sql, [], |row| {
            let number = |at| row.get(at).map(i64::cast_unsigned);
            let sum = |at| row.get(at).map(u128::from_le_bytes).map(Sum);
            let state = Self {
                slot: number(0)?,
                events_left: number(1)?,
                commits: number(2)?,
                accounts: sum(3)?,
                landed: sum(4)?,
                intents: sum(5)?,
            };
            Ok((state, sum(6)?))
        })?;
        if Sum(state.seal()) == seal { Ok(state) } else { Err(Bad::Damaged("its state")) }
    }

    pub fn write(&self, db: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?, ?, ?)";
        let numbers = [self.slot, self.events_left, self.commits].map(u64::cast_signed);
        let [slot, events_left, commits] = numbers;
        let sums = [self.accounts.0, self.landed.0, self.intents.0, self.seal()].map(u128::to_le_bytes);
        let [accounts, landed, intents, seal] = sums;
        db.prepare_cached(sql)?.execute(params![slot, events_left, commits, accounts, landed, intents, seal])?;
        Ok(())
    }
}

/// What a chain was started from, without accounts and programs.
pub(super) struct Genesis {
    pub hash: Hash,
    pub time: i64,
    pub events: Vec<Event>,
    pub names: BTreeMap<String, Pubkey>,
}

impl Genesis {
    fn seal(hash: &str, time: i64, events: &str, names: &BTreeMap<String, Pubkey>) -> u128 {
        let names: Vec<u8> =
            names.iter().flat_map(|(name, key)| [name.as_bytes(), b" ", key.as_ref()].concat()).collect();
        seal(&[b"genesis", hash.as_bytes(), &time.to_le_bytes(), events.as_bytes(), &names])
    }

    pub fn read(db: &Connection) -> Result<Self, Bad> {
        let mut names = BTreeMap::new();
        let mut rows = db.prepare("SELECT name, address FROM names")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            names.insert(row.get(0)?, parse(row.get_ref(1)?.as_str().map_err(|_| Bad::Damaged("a name"))?, "a name")?);
        }
        let (hash, time, events, seal): (String, i64, String, [u8; 16]) =
            db.query_row("SELECT hash, unix_time, events, seal FROM genesis", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
        if Self::seal(&hash, time, &events, &names) != u128::from_le_bytes(seal) {
            return Err(Bad::Damaged("its start"));
        }
        let events = serde_json::from_str(&events).map_err(|_| Bad::Damaged("what is scheduled"))?;
        Ok(Self { hash: parse(&hash, "its hash")?, time, events, names })
    }

    pub fn write(&self, db: &Connection) -> rusqlite::Result<()> {
        for (name, key) in &self.names {
            db.prepare_cached("INSERT INTO names VALUES (?, ?)")?.execute(params![name, key.to_string()])?;
        }
        let events = serde_json::to_string(&self.events)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let hash = self.hash.to_string();
        let seal = Self::seal(&hash, self.time, &events, &self.names).to_le_bytes();
        db.execute("INSERT INTO genesis VALUES (1, ?, ?, ?, ?)", params![hash, self.time, events, seal])?;
        Ok(())
    }
}

fn program_seal(address: &str, code: &[u8]) -> u128 {
    seal(&[b"program", address.as_bytes(), code])
}

pub(super) type Programs = BTreeMap<Pubkey, Placed<Arc<Vec<u8>>>>;

pub(super) fn read_programs(db: &Connection) -> Result<Programs, Bad> {
    let mut programs = BTreeMap::new();
    let mut rows = db.prepare("SELECT address, code, seal FROM programs")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let (address, code, seal): (String, Vec<u8>, [u8; 16]) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if program_seal(&address, &code) != u128::from_le_bytes(seal) {
            return Err(Bad::Damaged("a program"));
        }
        let file = "the kept chain".to_owned();
        programs.insert(parse(&address, "a program")?, Placed { value: Arc::new(code), file });
    }
    Ok(programs)
}

pub(super) fn write_program(db: &Connection, id: &Pubkey, code: &[u8]) -> rusqlite::Result<()> {
    let address = id.to_string();
    let seal = program_seal(&address, code).to_le_bytes();
    db.prepare_cached("INSERT INTO programs VALUES (?, ?, ?)")?.execute(params![address, code, seal])?;
    Ok(())
}

fn account_seal(key: &Pubkey, slot: u64, account: &Account) -> u128 {
    seal(&[
        b"account",
        key.as_ref(),
        &slot.to_le_bytes(),
        &account.lamports.to_le_bytes(),
        account.owner.as_ref(),
        &[u8::from(account.executable)],
        &account.rent_epoch.to_le_bytes(),
        &account.data,
    ])
}

/// Writes an account as it is since `slot`, and says its seal.
pub(super) fn write_account(
    db: &Connection,
    key: &Pubkey,
    slot: u64,
    account: Option<&Account>,
) -> rusqlite::Result<u128> {
    let gone = || Account::from(solana_account::Account::default());
    let account = account.cloned().unwrap_or_else(gone);
    let sql = "INSERT INTO accounts (address, lamports, owner, executable, rent_epoch, slot, data)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (address) DO UPDATE SET lamports = excluded.lamports, owner = excluded.owner,
            executable = excluded.executable, rent_epoch = excluded.rent_epoch, slot = excluded.slot,
            data = excluded.data";
    db.prepare_cached(sql)?.execute(params![
        key.to_string(),
        account.lamports.cast_signed(),
        account.owner.to_string(),
        account.executable,
        account.rent_epoch.cast_signed(),
        slot.cast_signed(),
        &*account.data,
    ])?;
    Ok(account_seal(key, slot, &account))
}

/// All accounts, `None` for one that is gone, and the slot in which each last changed.
pub(super) type Accounts = Vec<(Pubkey, u64, Option<solana_account::Account>)>;

/// Reads and checks all accounts, and gives their seals too.
pub(super) fn read_accounts(db: &Connection, state: &State) -> Result<(Accounts, HashMap<Pubkey, u128>), Bad> {
    let (mut accounts, mut seals, mut sum) = (Vec::new(), HashMap::new(), Sum::default());
    let sql = "SELECT address, lamports, owner, executable, rent_epoch, slot, data FROM accounts";
    let mut rows = db.prepare(sql)?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let text = |at| row.get_ref(at)?.as_str().map_err(|_| Bad::Damaged("an account"));
        let key: Pubkey = parse(text(0)?, "an account")?;
        let account = Account::from(solana_account::Account {
            lamports: row.get(1).map(i64::cast_unsigned)?,
            owner: parse(text(2)?, "an account")?,
            executable: row.get(3)?,
            rent_epoch: row.get(4).map(i64::cast_unsigned)?,
            data: row.get(6)?,
        });
        let slot = row.get(5).map(i64::cast_unsigned)?;
        let seal = account_seal(&key, slot, &account);
        sum.add(seal);
        seals.insert(key, seal);
        // At the start an account stands as it was described, even without lamports.
        let there = slot == 0 || account.lamports > 0;
        accounts.push((key, slot, there.then(|| (&account).into())));
    }
    state.accounts.expect(sum, "its accounts")?;
    Ok((accounts, seals))
}

fn landed_seal(message: &Hash, slot: u64) -> u128 {
    seal(&[b"landed", message.as_ref(), &slot.to_le_bytes()])
}

pub(super) fn read_landed(db: &Connection, state: &State) -> Result<BTreeMap<Hash, u64>, Bad> {
    let (mut landed, mut sum) = (BTreeMap::new(), Sum::default());
    let mut rows = db.prepare("SELECT message, slot FROM landed")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let message = parse(row.get_ref(0)?.as_str().map_err(|_| Bad::Damaged("a message"))?, "a message")?;
        let slot = row.get(1).map(i64::cast_unsigned)?;
        sum.add(landed_seal(&message, slot));
        landed.insert(message, slot);
    }
    state.landed.expect(sum, "the messages that landed")?;
    Ok(landed)
}

/// Brings `landed` from what it was to what it is.
pub(super) fn write_landed(
    db: &Connection,
    was: &BTreeMap<Hash, u64>,
    is: &BTreeMap<Hash, u64>,
    sum: &mut Sum,
) -> rusqlite::Result<()> {
    for (message, slot) in was.iter().filter(|(message, slot)| is.get(*message) != Some(*slot)) {
        db.prepare_cached("DELETE FROM landed WHERE message = ?")?.execute([message.to_string()])?;
        sum.remove(landed_seal(message, *slot));
    }
    for (message, slot) in is.iter().filter(|(message, slot)| was.get(*message) != Some(*slot)) {
        let row = params![message.to_string(), slot.cast_signed()];
        db.prepare_cached("INSERT INTO landed VALUES (?, ?)")?.execute(row)?;
        sum.add(landed_seal(message, *slot));
    }
    Ok(())
}

/// What the name of an intent adds to the sum.
pub(super) fn intent_seal(intent: &str) -> u128 {
    seal(&[b"intent", intent.as_bytes()])
}

/// Checks that the names of all intents are there. Only the index is read.
pub(super) fn check_intents(db: &Connection, state: &State) -> Result<(), Bad> {
    let mut sum = Sum::default();
    let mut rows = db.prepare("SELECT intent FROM executions ORDER BY intent")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        sum.add(intent_seal(row.get_ref(0)?.as_str().map_err(|_| Bad::Damaged("an intent"))?));
    }
    state.intents.expect(sum, "its intents")
}

fn execution_seal(intent: &str, row: &Row) -> u128 {
    let numbers = [row.slot, row.unix_time.cast_unsigned(), u64::from(row.landed), row.fee, row.units];
    let failure = row.failure.as_deref().map(str::as_bytes);
    seal(&[
        b"execution",
        intent.as_bytes(),
        &numbers.map(u64::to_le_bytes).concat(),
        &[u8::from(failure.is_some())],
        failure.unwrap_or_default(),
        row.report.as_bytes(),
    ])
}

pub(super) fn write_execution(db: &Connection, intent: &str, report: &Execution) -> rusqlite::Result<()> {
    let row = Row::of(report).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let sql = "INSERT INTO executions (intent, slot, unix_time, landed, failure, fee, units, report, seal)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    db.prepare_cached(sql)?.execute(params![
        intent,
        row.slot.cast_signed(),
        row.unix_time,
        row.landed,
        row.failure,
        row.fee.cast_signed(),
        row.units.cast_signed(),
        row.report,
        execution_seal(intent, &row).to_le_bytes(),
    ])?;
    Ok(())
}

pub(super) fn read_execution(db: &Connection, intent: &str) -> Result<Option<Execution>, Bad> {
    let sql =
        "SELECT intent, slot, unix_time, landed, failure, fee, units, report, seal FROM executions WHERE intent = ?";
    let found = db
        .prepare_cached(sql)?
        .query_row([intent], |row| {
            let number = |at| row.get(at).map(i64::cast_unsigned);
            let found = Row {
                slot: number(1)?,
                unix_time: row.get(2)?,
                landed: row.get(3)?,
                failure: row.get(4)?,
                fee: number(5)?,
                units: number(6)?,
                report: row.get(7)?,
            };
            Ok((row.get::<_, String>(0)?, found, row.get(8).map(u128::from_le_bytes)?))
        })
        .optional()?;
    let Some((named, row, seal)) = found else {
        return Ok(None);
    };
    if named != intent || execution_seal(&named, &row) != seal {
        return Err(Bad::Damaged("what became of an intent"));
    }
    row.report().map(Some).map_err(|_| Bad::Damaged("what became of an intent"))
}
