//! Freshness without cargo: the stamp of a project lists every file its component was built from, with size, time and
//! digest, and the component's own digest. When all still hold, the component is read straight from the cache.
//!
//! What counts as an input: what rustc and cargo named in the dep-info file (sources of the project and of its path
//! dependencies, files included by macros), every manifest on the way, Cargo.lock, cargo configuration and toolchain
//! files, also those that do not exist yet. A newer compiler alone is not an input: it does not change what the author
//! wrote; `BuildRequest::force` asks for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::cache::{Cache, digest, write_atomically};

/// Raised whenever this crate would build different bytes from the same source.
const FORMAT: u32 = 2;

/// File times are only as fine as the kernel's tick; a file this much older than the build cannot have changed in it.
const TICK: Duration = Duration::from_millis(20);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stamp {
    format: u32,
    source: PathBuf,
    /// SHA-256 of the component.
    component: String,
    pub(crate) drivers: Vec<PathBuf>,
    pub(crate) notes: Vec<String>,
    inputs: Vec<Input>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Input {
    path: PathBuf,
    /// `None`: the file does not exist, and creating it is a change.
    state: Option<State>,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// Bytes.
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
    /// SHA-256.
    digest: String,
}

impl Stamp {
    /// The stamp of what was just built, or `None` when an input may have changed while the build ran: then the next
    /// build has to ask cargo again.
    pub(crate) fn take(
        source: &Path,
        component: &[u8],
        drivers: Vec<PathBuf>,
        notes: Vec<String>,
        inputs: BTreeSet<PathBuf>,
        started: SystemTime,
    ) -> Option<Self> {
        let mut states = Vec::with_capacity(inputs.len());
        for path in inputs {
            let state = match fs::metadata(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(_) => return None,
                Ok(metadata) => {
                    let modified = metadata.modified().ok()?;
                    // Cargo writes its lock file at the start of the very build we measure.
                    let by_cargo = path.file_name().is_some_and(|name| name == "Cargo.lock");
                    if !by_cargo && modified + TICK >= started {
                        return None;
                    }
                    Some(State {
                        size: metadata.len(),
                        modified: nanoseconds(modified)?,
                        digest: digest(&fs::read(&path).ok()?),
                    })
                }
            };
            states.push(Input { path, state });
        }
        Some(Self {
            format: FORMAT,
            source: source.to_path_buf(),
            component: digest(component),
            drivers,
            notes,
            inputs: states,
        })
    }

    pub(crate) fn save(&self, cache: &Cache, key: &str) -> Result<(), crate::BuildError> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        write_atomically(&cache.stamp(key), &text)
    }

    /// Removes components and stamps of folders that are gone. Looks at so many at most, for it is only housekeeping.
    pub(crate) fn forget_vanished(cache: &Cache) {
        const MOST: usize = 1000;
        for path in cache.stamps().take(MOST) {
            let Some(key) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            let Ok(stamp) = fs::read(&path).map(|bytes| serde_json::from_slice::<Self>(&bytes)) else { continue };
            let gone = |source: &Path| matches!(source.try_exists(), Ok(false));
            if stamp.is_err() || stamp.is_ok_and(|stamp| gone(&stamp.source)) {
                let _ = fs::remove_file(&path);
                let _ = fs::remove_file(cache.component(key));
            }
        }
    }

    /// The stamp and component of an unchanged project. Anything amiss (no stamp, a broken one, another format, a
    /// changed input, a component that is not the one stamped) is just "not fresh".
    pub(crate) fn fresh(cache: &Cache, key: &str, source: &Path) -> Option<(Self, Vec<u8>)> {
        let path = cache.stamp(key);
        let mut stamp: Self = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
        if stamp.format != FORMAT || stamp.source != source {
            return None;
        }
        let mut touched = false;
        for input in &mut stamp.inputs {
            touched |= input.holds()?;
        }
        if !stamp.drivers.iter().all(|driver| driver.exists()) {
            return None;
        }
        let bytes = fs::read(cache.component(key)).ok()?;
        if digest(&bytes) != stamp.component {
            return None;
        }
        if touched {
            // Only a time differed: keep the new one, so that the digest is not taken every time from now on.
            let _ = stamp.save(cache, key);
        }
        Some((stamp, bytes))
    }
}

impl Input {
    /// `None`: changed. `Some(true)`: same content under another time, which is now noted.
    fn holds(&mut self) -> Option<bool> {
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return self.state.is_none().then_some(false);
            }
            Err(_) => return None,
        };
        let state = self.state.as_mut()?;
        if metadata.len() != state.size {
            return None;
        }
        let modified = nanoseconds(metadata.modified().ok()?)?;
        if modified == state.modified {
            return Some(false);
        }
        if digest(&fs::read(&self.path).ok()?) != state.digest {
            return None;
        }
        state.modified = modified;
        Some(true)
    }
}

fn nanoseconds(time: SystemTime) -> Option<u64> {
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()
}
