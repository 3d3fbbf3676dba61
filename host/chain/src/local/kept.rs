//! A kept chain: the file of a chain that outlives the process, who has it open, and when it is written. What is in it is in
//! `kept/schema`; reading and writing its rows in `kept/rows`.
//!
//! Each change is one transaction. One that executes is durable when it returns; one that only moves time is written, but not
//! synced: it survives this process, and a machine that crashes stands at the execution before it, from where time moves as it did.

mod lock;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod told;
mod trouble;

use super::{
    clock::FIRST_SLOT,
    world::{Resumed, World},
};
use crate::{Account, ChainError, ChainSpec, Changes, Execution};
use lock::Lock;
use rows::{Bad, Genesis, State};
use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};
use schema::{APPLICATION, SCHEMA, VERSION};
use solana_sdk::{hash::Hash, pubkey::Pubkey};
use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};
use trouble::Doing;

/// How long another program that writes to the file is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Kept {
    name: String,
    path: PathBuf,
    /// Nothing once the chain is closed.
    open: Option<Open>,
    /// As the file has them.
    state: State,
    seals: HashMap<Pubkey, u128>,
    landed: BTreeMap<Hash, u64>,
    /// Whether this made the folder.
    new_folder: bool,
    /// Whether the accounts of the start are in the description that [`Kept::open`] returned.
    described: bool,
}

// Closed in this order: nobody else may have the chain before the file is let go.
struct Open {
    db: Connection,
    /// How the connection syncs now.
    syncs: Option<Syncs>,
    lock: Lock,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Syncs {
    /// Not at all: while the file is made.
    Never,
    /// When the write-ahead log is carried over into the database.
    Sometimes,
    /// At every commit.
    Always,
}

impl Kept {
    /// Locks the chain and opens its file, or makes it. The description that comes back is the one it was started from,
    /// perhaps without accounts: [`Kept::load`] has them.
    pub fn open(dir: &Path, name: &str, spec: ChainSpec) -> Result<(Self, ChainSpec, Hash), ChainError> {
        let error = |reason: String| ChainError::Kept { name: name.into(), reason };
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(valid) {
            return Err(error("this is no name: take 1 to 64 letters, digits, `-` and `_`".into()));
        }
        let new_folder = !dir.exists();
        fs::create_dir_all(dir)
            .map_err(|bad| error(format!("cannot make {}: {bad}; give a folder that can be written", dir.display())))?;
        let lock = Lock::take(dir.join(format!("{name}.lock"))).map_err(error)?;
        let durable = lock.durable();
        let path = dir.join(format!("{name}.db"));
        // SQLite takes an empty file for a new database, and throws away the log beside it.
        let empty = fs::metadata(&path).map_or(true, |file| file.len() == 0);
        if empty && durable > 0 {
            return Err(error(format!(
                "{} is missing or empty: restore it, or remove {} to start again",
                path.display(),
                lock.path().display()
            )));
        }
        let mut kept = Self {
            name: name.into(),
            path,
            open: None,
            state: State::default(),
            seals: HashMap::new(),
            landed: BTreeMap::new(),
            new_folder,
            described: !spec.is_empty(),
        };
        let db = kept.connect().map_err(|bad| kept.error(Doing::Opening, bad))?;
        let made = kept.version(&db)?;
        kept.open = Some(Open { db, syncs: None, lock });
        if !made && durable > 0 {
            return Err(kept.error(Doing::Opening, Bad::Damaged("nothing is in it")));
        }
        if !made {
            let hash = spec.digest();
            kept.make(&spec, hash).map_err(|bad| kept.error(Doing::Saving, bad))?;
            kept.described = true;
            return Ok((kept, spec, hash));
        }
        let (spec, hash) = kept.read_start(spec, durable)?;
        Ok((kept, spec, hash))
    }

    fn connect(&self) -> Result<Connection, Bad> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.path, flags)?;
        db.busy_timeout(PATIENCE)?;
        // Until all of it is found to be whole, closing must not carry the log over: what is damaged stays as it is.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        db.pragma_update(None, "cell_size_check", true)?;
        Ok(db)
    }

    /// Whether the file holds a chain already.
    fn version(&self, db: &Connection) -> Result<bool, ChainError> {
        let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let read = || -> Result<_, Bad> {
            let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            Ok((number("application_id")?, number("user_version")?, tables))
        };
        let path = self.path.display();
        match read().map_err(|bad| self.error(Doing::Opening, bad))? {
            (0, 0, 0) => Ok(false),
            (APPLICATION, VERSION, _) => Ok(true),
            (APPLICATION, version, _) => Err(self.kept(format!(
                "{path} has version {version}, and this build reads version {VERSION}: open it with the build that wrote it"
            ))),
            _ => Err(self.kept(format!("{path} is a database, but no kept chain: take another name"))),
        }
    }

    /// Writes the start of a chain. Not synced yet: that is left to [`Kept::last`].
    fn make(&mut self, spec: &ChainSpec, hash: Hash) -> Result<(), Bad> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.sync(Syncs::Never)?;
        open.db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        let tx = open.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(SCHEMA)?;
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.pragma_update(None, "user_version", VERSION)?;
        let names = spec.names.clone();
        Genesis { hash, time: spec.genesis_time, events: spec.events.clone(), names }.write(&tx)?;
        for (id, program) in &spec.programs {
            rows::write_program(&tx, id, &program.value)?;
        }
        let events_left = u64::try_from(spec.events.len()).unwrap_or(u64::MAX);
        let mut state = State { slot: FIRST_SLOT, events_left, commits: 1, ..State::default() };
        for (key, account) in &spec.accounts {
            let account = Account::from(account.value.clone());
            state.accounts.add(rows::write_account(&tx, key, 0, Some(&account))?);
        }
        state.write(&tx)?;
        tx.commit()?;
        self.state = state;
        Ok(())
    }

    /// Reads what the chain was started from, and where it stands.
    fn read_start(&mut self, spec: ChainSpec, durable: u64) -> Result<(ChainSpec, Hash), ChainError> {
        let given = (!spec.is_empty()).then(|| spec.digest());
        let read = |db: &Connection| -> Result<_, Bad> {
            let state = State::read(db)?;
            let genesis = Genesis::read(db)?;
            let same = given == Some(genesis.hash);
            // The same programs lie in the file: they need no reading.
            let programs = if same || given.is_some() { None } else { Some(rows::read_programs(db)?) };
            Ok((state, genesis, programs))
        };
        let (state, genesis, programs) =
            self.db().map_or_else(|| Err(Bad::Damaged("it")), read).map_err(|bad| self.error(Doing::Opening, bad))?;
        if state.commits < durable {
            return Err(self.kept(format!(
                "{} is damaged: it lacks {} of {durable} saved changes; restore it, or remove {} to go on from what is left",
                self.path.display(),
                durable.saturating_sub(state.commits),
                self.path.with_extension("lock").display()
            )));
        }
        if given.is_some_and(|given| given != genesis.hash) {
            return Err(self.kept(format!(
                "it was started from another chain.toml (or other account or program files): take another name, or remove {} to start it again",
                self.path.with_extension("*").display()
            )));
        }
        self.state = state;
        let known = ChainSpec { names: genesis.names, events: genesis.events, genesis_time: genesis.time, ..spec };
        Ok((ChainSpec { programs: programs.unwrap_or(known.programs), ..known }, genesis.hash))
    }

    pub fn slot(&self) -> u64 {
        self.state.slot
    }

    /// Reads and checks all of the chain, as the file has it.
    pub fn load(&mut self) -> Result<Resumed, ChainError> {
        let read = |db: &Connection| -> Result<_, Bad> {
            let state = State::read(db)?;
            let accounts = rows::read_accounts(db, &state)?;
            let landed = rows::read_landed(db, &state)?;
            rows::check_intents(db, &state)?;
            db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
            Ok((state, accounts, landed))
        };
        let Some(db) = self.db() else {
            return Err(self.closed());
        };
        let (state, (mut accounts, seals), landed) = read(db).map_err(|bad| self.error(Doing::Opening, bad))?;
        if self.described {
            accounts.retain(|(_, slot, _)| *slot > 0);
        }
        let events_left = usize::try_from(state.events_left).unwrap_or(usize::MAX);
        let resumed = Resumed { slot: state.slot, events_left, landed: landed.clone(), accounts };
        (self.state, self.seals, self.landed) = (state, seals, landed);
        Ok(resumed)
    }

    /// Makes a file that was just made last: the file itself, and its place in the folder. Takes some syncs, so it is not done at
    /// once; the first change that must last waits for it.
    pub fn last(&mut self) -> Result<(), ChainError> {
        self.sync_all().map_err(|bad| self.error(Doing::Saving, bad))
    }

    fn sync_all(&mut self) -> Result<(), Bad> {
        let Some(open) = self.open.as_mut().filter(|open| open.lock.durable() == 0) else {
            return Ok(());
        };
        open.sync(Syncs::Sometimes)?;
        open.db.pragma_update_and_check(None, "wal_checkpoint", "passive", |_| Ok(()))?;
        // A folder that cannot be synced is no reason to do without the chain: some file systems have no such thing.
        let folder = self.path.parent();
        let above = folder.and_then(Path::parent).filter(|_| self.new_folder);
        for folder in [folder, above].into_iter().flatten() {
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        let _ = open.lock.note(self.state.commits);
        Ok(())
    }

    /// Saves what has changed since the last time, in one transaction. With `done`, an intent and its result, it lasts when this
    /// returns. After an error the file is as it was, and [`Kept::load`] must come next.
    pub fn save(
        &mut self,
        world: &World,
        changes: &Changes,
        durable: bool,
        done: Option<(&str, &Execution)>,
    ) -> Result<(), ChainError> {
        if self.open.is_none() {
            return Err(self.closed());
        }
        self.write(world, changes, durable, done).map_err(|bad| self.error(Doing::Saving, bad))
    }

    fn write(
        &mut self,
        world: &World,
        changes: &Changes,
        durable: bool,
        done: Option<(&str, &Execution)>,
    ) -> Result<(), Bad> {
        if durable {
            self.sync_all()?;
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.sync(if durable { Syncs::Always } else { Syncs::Sometimes })?;
        let tx = open.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let state = &mut self.state;
        for (key, account) in &changes.accounts {
            // Sysvars follow from the slot, and are not of the world's changes.
            let Some(slot) = world.last_change(key) else {
                continue;
            };
            let seal = rows::write_account(&tx, key, slot, account.as_ref())?;
            state.accounts.add(seal);
            if let Some(old) = self.seals.insert(*key, seal) {
                state.accounts.remove(old);
            }
        }
        rows::write_landed(&tx, &self.landed, world.landed(), &mut state.landed)?;
        if let Some((intent, report)) = done {
            rows::write_execution(&tx, intent, report)?;
            state.intents.add(rows::intent_seal(intent));
        }
        state.slot = world.slot();
        state.events_left = u64::try_from(world.events_left()).unwrap_or(u64::MAX);
        state.commits = state.commits.saturating_add(1);
        state.write(&tx)?;
        tx.commit()?;
        self.landed.clone_from(world.landed());
        if durable {
            // If this fails, only a missing tail would not be told.
            let _ = open.lock.note(state.commits);
        }
        Ok(())
    }

    /// Saves that the chain stands at `slot`, where nothing happened.
    pub fn save_slot(&mut self, slot: u64) -> Result<(), ChainError> {
        let Some(open) = &mut self.open else {
            return Err(self.closed());
        };
        let (slot, commits) = (slot, self.state.commits.saturating_add(1));
        let state = State { slot, commits, ..self.state.clone() };
        let saved = open.sync(Syncs::Sometimes).and_then(|()| Ok(state.write(&open.db)?));
        saved.map_err(|bad| self.error(Doing::Saving, bad))?;
        self.state = state;
        Ok(())
    }

    /// What became of an intent.
    pub fn recall(&self, intent: &str) -> Result<Option<Execution>, ChainError> {
        match self.db() {
            Some(db) => rows::read_execution(db, intent).map_err(|bad| self.error(Doing::Opening, bad)),
            None => Err(self.closed()),
        }
    }

    /// Lets go of the file: from here on another process may have the chain.
    pub fn close(&mut self) {
        self.open = None;
    }

    pub fn is_closed(&self) -> bool {
        self.open.is_none()
    }

    fn db(&self) -> Option<&Connection> {
        self.open.as_ref().map(|open| &open.db)
    }
}

impl Open {
    fn sync(&mut self, syncs: Syncs) -> Result<(), Bad> {
        if self.syncs != Some(syncs) {
            let mode = match syncs {
                Syncs::Never => "OFF",
                Syncs::Sometimes => "NORMAL",
                Syncs::Always => "FULL",
            };
            self.db.pragma_update(None, "synchronous", mode)?;
            self.syncs = Some(syncs);
        }
        Ok(())
    }
}
