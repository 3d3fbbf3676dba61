//! The cache folder: where everything this crate writes lives, and how several processes share it.
//!
//! ```text
//! CACHE/components/NAME-PROJECT.wasm   the component last built from a project
//! CACHE/projects/NAME-PROJECT.json     its stamp: the inputs it was built from (see `stamp`)
//! CACHE/target/KEY/                    cargo's target folder, one per toolchain, shared by all projects
//! CACHE/target/KEY.lock                held from cargo's start until its artifact is read
//! CACHE/toolchains/                    compilers fetched from Debian, cargo's wrapper, what failed and when
//! ```
//! A source folder is never written to, except for the `Cargo.lock` that cargo itself keeps there.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::{BuildError, Progress};

/// The folders below one cache root.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens (and creates, readable to its owner only) the cache at `chosen`, else at `$VALENCE_CACHE_DIR`, else at
    /// `$XDG_CACHE_HOME/valence`, else at `~/.cache/valence`.
    pub(crate) fn open(chosen: Option<&Path>) -> Result<Self, BuildError> {
        let root = match chosen {
            Some(dir) => dir.to_path_buf(),
            None => default_cache_dir().ok_or(BuildError::NoCacheDir)?,
        };
        make_private(&root)?;
        let root = root.canonicalize().map_err(BuildError::io("open", &root))?;
        Ok(Self { root })
    }

    pub(crate) fn component(&self, project: &str) -> PathBuf {
        self.root.join("components").join(format!("{project}.wasm"))
    }

    pub(crate) fn stamp(&self, project: &str) -> PathBuf {
        self.root.join("projects").join(format!("{project}.json"))
    }

    /// Every project's stamp.
    pub(crate) fn stamps(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(self.root.join("projects")).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|extension| extension == "json"))
    }

    pub(crate) fn target(&self, key: &str) -> PathBuf {
        self.root.join("target").join(key)
    }

    /// Removes the target folders of compilers that nobody has built with for two months; each is some 300 MB. The
    /// caller has just locked one of its own, which is therefore not among them.
    pub(crate) fn drop_stale_targets(&self) {
        const STALE: Duration = Duration::from_secs(60 * 24 * 60 * 60);
        for entry in fs::read_dir(self.root.join("target")).into_iter().flatten().flatten() {
            let lock = entry.path();
            let name = entry.file_name();
            let Some(key) = name.to_str().and_then(|name| name.strip_suffix(".lock")) else { continue };
            let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
            if !matches!(age, Ok(Ok(age)) if age > STALE) {
                continue;
            }
            if let Ok(file) = File::open(&lock)
                && file.try_lock().is_ok()
            {
                let _ = fs::remove_dir_all(self.target(key));
                let _ = fs::remove_file(&lock);
            }
        }
    }

    pub(crate) fn toolchains(&self) -> PathBuf {
        self.root.join("toolchains")
    }
}

/// Where the cache lives when nobody says otherwise.
///
/// `$VALENCE_CACHE_DIR`, else `$XDG_CACHE_HOME/valence`, else `~/.cache/valence`; `None` without any of them. A
/// relative value of the last two is ignored, as the XDG specification asks.
#[must_use]
pub fn default_cache_dir() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    if let Some(dir) = folder("VALENCE_CACHE_DIR").filter(|dir| !dir.as_os_str().is_empty()) {
        return std::path::absolute(dir).ok();
    }
    if let Some(dir) = folder("XDG_CACHE_HOME").filter(|dir| dir.is_absolute()) {
        return Some(dir.join("valence"));
    }
    let home = std::env::home_dir().filter(|dir| dir.is_absolute())?;
    Some(home.join(".cache").join("valence"))
}

/// Creates a folder and its parents; the last one is the owner's alone, since compilers are run from below it.
pub(crate) fn make_private(dir: &Path) -> Result<(), BuildError> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(BuildError::io("create", dir))
}

/// Writes a file so that a reader sees the old one or the new one, never a part.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    make_private(parent)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = parent.join(format!(".{name}.{}.{}", std::process::id(), unique()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        BuildError::io("write", path)(error)
    })
}

/// A number no other call in this process gets.
pub(crate) fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Holds `path` locked against other processes (and threads) until the returned file is dropped.
pub(crate) fn lock(path: &Path, what: &str, report: &mut dyn FnMut(Progress)) -> Result<File, BuildError> {
    make_private(path.parent().unwrap_or(Path::new(".")))?;
    let file = File::create(path).map_err(BuildError::io("open", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            report(Progress::Waiting(format!("waiting for another valence that {what}")));
            file.lock().map_err(BuildError::io("lock", path))?;
        }
        Err(TryLockError::Error(error)) => return Err(BuildError::io("lock", path)(error)),
    }
    // Says when it was last wanted; see `drop_stale_targets`.
    let _ = file.set_modified(SystemTime::now());
    Ok(file)
}

/// The SHA-256 of some bytes, as hex.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A short name for a text: the first 16 hex digits of its SHA-256.
pub(crate) fn short_digest(text: &[u8]) -> String {
    digest(text).chars().take(16).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
