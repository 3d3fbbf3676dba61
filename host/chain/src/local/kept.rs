//! Kept chains: the files of a chain that outlives the process.
//!
//! `DIR/NAME/genesis.json` is written once: what the chain was started from, programs included, so that it opens without
//! its description. `DIR/NAME/state.json` is replaced after every change: slot, events left, messages that landed, and the
//! accounts that differ from genesis. `DIR/NAME/lock` is locked while a process has the chain. Each file is written beside
//! itself, synced and renamed, so a crash leaves the old one or the new one.

use super::{
    clock::FIRST_SLOT,
    world::{Resumed, World},
};
use crate::{
    Account, ChainError, ChainSpec,
    spec::{Event, Key, Placed},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use solana_sdk::hash::Hash;
use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The version of both files. A chain of another version is refused, never misread.
const VERSION: u32 = 1;

pub(super) struct Kept {
    name: String,
    folder: PathBuf,
    state: State,
    /// The slot that the file says.
    saved: u64,
    /// Held for its lock; gone once the chain is closed.
    lock: Option<File>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Genesis {
    version: u32,
    unix_time: i64,
    names: BTreeMap<String, Key>,
    accounts: BTreeMap<Key, Stored>,
    programs: BTreeMap<Key, Bytes>,
    events: Vec<Event>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    slot: u64,
    events_left: usize,
    /// Message hash → slot.
    landed: BTreeMap<Key, u64>,
    accounts: BTreeMap<Key, Changed>,
}

/// An account that differs from genesis.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    /// In which slot it last changed.
    slot: u64,
    /// Nothing if it is gone.
    account: Option<Stored>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    lamports: u64,
    owner: Key,
    executable: bool,
    rent_epoch: u64,
    data: Bytes,
}

/// Bytes that are written in base64.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Bytes(Vec<u8>);

impl Clone for Bytes {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl TryFrom<String> for Bytes {
    type Error = base64::DecodeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        BASE64_STANDARD.decode(text).map(Self)
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        BASE64_STANDARD.encode(bytes.0)
    }
}

impl From<Account> for Stored {
    fn from(account: Account) -> Self {
        Self {
            lamports: account.lamports,
            owner: Key(account.owner),
            executable: account.executable,
            rent_epoch: account.rent_epoch,
            data: Bytes(account.data.to_vec()),
        }
    }
}

impl From<Stored> for solana_account::Account {
    fn from(stored: Stored) -> Self {
        Self {
            lamports: stored.lamports,
            data: stored.data.0,
            owner: stored.owner.0,
            executable: stored.executable,
            rent_epoch: stored.rent_epoch,
        }
    }
}

impl Kept {
    /// Locks and reads the chain, or starts it. The description that comes back is the one it was started from.
    pub fn open(dir: &Path, name: &str, spec: ChainSpec) -> Result<(Self, ChainSpec), ChainError> {
        let error = |reason: String| ChainError::Kept { name: name.into(), reason };
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(valid) {
            return Err(error("this is no name: take 1 to 64 letters, digits, `-` and `_`".into()));
        }
        let folder = dir.join(name);
        let at = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
        fs::create_dir_all(&folder).map_err(|bad| error(at(&folder, bad)))?;
        let lock = folder.join("lock");
        let lock_file = File::create(&lock).map_err(|bad| error(at(&lock, bad)))?;
        match lock_file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(error(
                    "another process has it open: wait for that one to end, or take another name".into(),
                ));
            }
            Err(TryLockError::Error(bad)) => return Err(error(at(&lock, bad))),
        }
        let path = folder.join("genesis.json");
        let genesis: Option<Genesis> = read(&path).map_err(error)?;
        let state: Option<State> = read(&folder.join("state.json")).map_err(error)?;
        let mut kept = Self { name: name.into(), folder, state: State::default(), saved: 0, lock: Some(lock_file) };
        let spec = match genesis {
            Some(genesis) => {
                let known = genesis.spec();
                if !spec.is_empty() && spec.digest() != known.digest() {
                    let folder = kept.folder.display();
                    return Err(error(format!(
                        "it was started from another chain.toml (or other account or program files): take another name, or remove {folder} to start it again"
                    )));
                }
                known
            }
            None if state.is_some() => {
                return Err(error(format!(
                    "{} is missing: restore it, or remove the folder to start again",
                    path.display()
                )));
            }
            None => {
                kept.write("genesis.json", &Genesis::new(&spec))?;
                spec
            }
        };
        kept.state = state.unwrap_or_else(|| State {
            version: VERSION,
            slot: FIRST_SLOT,
            events_left: spec.events.len(),
            ..State::default()
        });
        kept.saved = kept.state.slot;
        Ok((kept, spec))
    }

    pub fn slot(&self) -> u64 {
        self.state.slot
    }

    /// What was read, once; `None` afterwards.
    pub fn resumed(&mut self) -> Option<Resumed> {
        let state = std::mem::take(&mut self.state);
        Some(Resumed {
            slot: state.slot,
            events_left: state.events_left,
            landed: state
                .landed
                .into_iter()
                .map(|(hash, slot)| (Hash::new_from_array(hash.0.to_bytes()), slot))
                .collect(),
            accounts: state
                .accounts
                .into_iter()
                .map(|(key, changed)| (key.0, changed.slot, changed.account.map(Into::into)))
                .collect(),
        })
    }

    /// The slot that would be found after a crash now.
    pub fn saved(&self) -> u64 {
        self.saved
    }

    /// Lets go of the files: from here on another process may have the chain.
    pub fn close(&mut self) {
        self.lock = None;
    }

    pub fn save(&mut self, world: &World) -> Result<(), ChainError> {
        if self.lock.is_none() || self.saved == world.slot() {
            return Ok(());
        }
        let changed = |(key, slot, account): (_, _, Option<Account>)| {
            (Key(key), Changed { slot, account: account.map(Into::into) })
        };
        let landed = world.landed().iter().map(|(hash, slot)| (Key(hash.to_bytes().into()), *slot));
        let state = State {
            version: VERSION,
            slot: world.slot(),
            events_left: world.events_left(),
            landed: landed.collect(),
            accounts: world.touched().map(changed).collect(),
        };
        self.write("state.json", &state)?;
        self.saved = world.slot();
        Ok(())
    }

    fn write(&self, file: &str, value: &impl Serialize) -> Result<(), ChainError> {
        let path = self.folder.join(file);
        let write = || -> io::Result<()> {
            let new = self.folder.join(format!("{file}.new"));
            let mut out = File::create(&new)?;
            out.write_all(&serde_json::to_vec(value)?)?;
            out.sync_all()?;
            fs::rename(&new, &path)?;
            // The rename itself must last too.
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| ChainError::Kept {
            name: self.name.clone(),
            reason: format!("cannot save {}: {error}; free some space or make the folder writable", path.display()),
        })
    }
}

/// Reads one of the files; `None` if it is not there.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    let damaged = |what: String| {
        format!("{} is damaged ({what}): restore it, or remove the folder to start again", path.display())
    };
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let Versioned { version } = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if version != VERSION {
        return Err(format!(
            "{} has version {version}, and this build reads version {VERSION}: open it with the build that wrote it",
            path.display()
        ));
    }
    serde_json::from_slice(&text).map(Some).map_err(|error| damaged(error.to_string()))
}

impl Genesis {
    fn new(spec: &ChainSpec) -> Self {
        let stored = |account: &solana_account::Account| Stored::from(Account::from(account.clone()));
        Self {
            version: VERSION,
            unix_time: spec.genesis_time,
            names: spec.names.iter().map(|(name, key)| (name.clone(), Key(*key))).collect(),
            accounts: spec.accounts.iter().map(|(key, account)| (Key(*key), stored(&account.value))).collect(),
            programs: spec.programs.iter().map(|(key, code)| (Key(*key), Bytes(code.value.to_vec()))).collect(),
            events: spec.events.clone(),
        }
    }

    fn spec(self) -> ChainSpec {
        let file = || "the kept chain".to_string();
        let accounts =
            self.accounts.into_iter().map(|(key, account)| (key.0, Placed { value: account.into(), file: file() }));
        let programs =
            self.programs.into_iter().map(|(key, code)| (key.0, Placed { value: Arc::new(code.0), file: file() }));
        ChainSpec {
            accounts: accounts.collect(),
            programs: programs.collect(),
            names: self.names.into_iter().map(|(name, key)| (name, key.0)).collect(),
            events: self.events,
            genesis_time: self.unix_time,
        }
    }
}
