//! The file of a kept chain: a SQLite database, `DIR/NAME.db`, that anybody may query with `sqlite3` while the chain runs. This
//! is its version 1. What writes and reads it is in `kept` and `rows`.
//!
//! | table | what is in it |
//! |---|---|
//! | `genesis` | one row, written once: `hash` (what tells this chain from every other one, base58), `unix_time` of slot 1, `events` (all that was scheduled at the start, JSON) |
//! | `names` | what the description's names stand for |
//! | `programs` | the programs that were loaded at the start; those that every embedded chain has are not here |
//! | `accounts` | all accounts but the built-in ones: `lamports`, `owner` (base58), `executable`, `rent_epoch` (−1: exempt), `data`, and the `slot` in which it last changed (0: at the start). One with 0 lamports is gone |
//! | `executions` | what became of each intent: `slot`, `unix_time`, `landed`, `failure` (none: it succeeded), `fee` in lamports, `units` of compute, and the rest of the `report` as JSON (see `told`) |
//! | `landed` | messages that landed in the newest 150 slots and may not land again: hash (base58) and slot |
//! | `state` | one row: the `slot` at which the chain stands, `events_left` of the scheduled ones, `commits` so far, and the sums below |
//!
//! Views: `balances` (names beside addresses, in SOL), `failures` (executions that failed).
//!
//! Integers are 64 bits as they are; one that is larger than SQLite's largest reads as negative (two's complement).
//!
//! # Damage
//! SQLite does not checksum its pages. So `genesis`, `programs`, `executions` and `state` rows carry a `seal`: the first 16 bytes
//! of a SHA-256 over the row. `accounts`, `landed` and the names of `executions` are summed up instead: each row's seal, as
//! a little-endian number, added modulo 2^128; the sums stand in `state` and follow every change, so a row that is altered, lost or doubled is found
//! when the chain is opened. Those tables have no second index that could differ from them; the index of `executions` is the one that is summed up. `DIR/NAME.lock`, locked while a process has the chain, says how many commits are durable: SQLite drops what
//! stands behind a damaged frame of its write-ahead log without a word, and only this number tells.

/// The version of the schema. Another one is refused, never misread.
pub(super) const VERSION: i64 = 1;

/// Marks the file as a kept chain: `VLCH`.
pub(super) const APPLICATION: i64 = 0x564c_4348;

pub(super) const SCHEMA: &str = "
CREATE TABLE genesis (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    hash TEXT NOT NULL, unix_time INTEGER NOT NULL, events TEXT NOT NULL, seal BLOB NOT NULL
);
CREATE TABLE names (name TEXT PRIMARY KEY, address TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE programs (address TEXT NOT NULL, code BLOB NOT NULL, seal BLOB NOT NULL);
CREATE TABLE accounts (
    address TEXT PRIMARY KEY,
    lamports INTEGER NOT NULL, owner TEXT NOT NULL, executable INTEGER NOT NULL, rent_epoch INTEGER NOT NULL,
    slot INTEGER NOT NULL, data BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE executions (
    number INTEGER PRIMARY KEY,
    intent TEXT NOT NULL UNIQUE,
    slot INTEGER NOT NULL, unix_time INTEGER NOT NULL, landed INTEGER NOT NULL, failure TEXT,
    fee INTEGER NOT NULL, units INTEGER NOT NULL, report TEXT NOT NULL, seal BLOB NOT NULL
);
CREATE TABLE landed (message TEXT PRIMARY KEY, slot INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    slot INTEGER NOT NULL, events_left INTEGER NOT NULL, commits INTEGER NOT NULL,
    accounts_sum BLOB NOT NULL, landed_sum BLOB NOT NULL, intents_sum BLOB NOT NULL, seal BLOB NOT NULL
);
CREATE VIEW balances AS
    SELECT name, address, lamports / 1e9 AS sol, lamports, owner, slot AS changed_in
    FROM accounts LEFT JOIN names USING (address) WHERE lamports != 0 ORDER BY name IS NULL, name, address;
CREATE VIEW failures AS
    SELECT slot, datetime(unix_time, 'unixepoch') AS time, intent, failure, fee FROM executions WHERE failure IS NOT NULL;
";
