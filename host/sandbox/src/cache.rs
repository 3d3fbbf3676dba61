//! Compiled components on disk, so that a component is compiled once per machine.
//!
//! A file is the compiled code followed by the sha2-256 of that code; its name is the digest of the component's parts and
//! of everything that compiling depends on (wasmtime's compatibility hash). Loading compiled code is as trusted as running a
//! program, so the folder must be ours alone (0700); what is short, changed or from another version is not believed, but
//! compiled anew. Two processes may race: each writes a file of its own and renames it into place.

use crate::Digest;
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use wasmtime::{Engine, component::Component};

/// Where compiled components are kept, or why they are not.
pub(crate) struct Cache {
    folder: Result<PathBuf, String>,
    compatibility: u64,
}

/// The digest at the end of a file.
const TRAILER: usize = 32;

impl Cache {
    pub(crate) fn open(folder: Option<&Path>, engine: &Engine) -> Cache {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let folder = match folder {
            Some(path) => private(path).map(|()| path.to_owned()),
            None => Err("no cache folder was given".to_owned()),
        };
        Cache { folder, compatibility: hasher.finish() }
    }

    pub(crate) fn compatibility(&self) -> String {
        format!("{:016x}", self.compatibility)
    }

    /// Why nothing is kept, if so.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.folder.as_ref().err().map(String::as_str)
    }

    fn file(&self, parts: &[Digest]) -> Option<PathBuf> {
        let folder = self.folder.as_ref().ok()?;
        let all: Vec<u8> = parts.iter().flat_map(|d| d.0).collect();
        Some(folder.join(format!("{}-{:016x}.cwasm", Digest::of(&all), self.compatibility)))
    }

    /// A component compiled before, if there is one that can be believed.
    pub(crate) fn load(&self, engine: &Engine, parts: &[Digest]) -> Option<Component> {
        let bytes = fs::read(self.file(parts)?).ok()?;
        let (code, digest) = bytes.split_at_checked(bytes.len().checked_sub(TRAILER)?)?;
        if Digest::of(code).0 != digest {
            return None;
        }
        // Sound as far as a file can be: the folder is ours alone, the code is what was written, and wasmtime checks
        // that it wrote it, in this version and with these settings.
        #[allow(unsafe_code)]
        unsafe {
            Component::deserialize(engine, code).ok()
        }
    }

    /// Keeps a compiled component. That it cannot be kept is no reason to fail: the next start compiles again.
    pub(crate) fn store(&self, component: &Component, parts: &[Digest]) {
        let (Some(file), Ok(code)) = (self.file(parts), component.serialize()) else { return };
        drop(write(&file, &code));
    }
}

/// Writes a file as a whole or not at all.
fn write(file: &Path, code: &[u8]) -> std::io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mine = file.with_extension(format!("{}-{}.tmp", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
    let result = (|| {
        let mut out = fs::File::create_new(&mine)?;
        out.write_all(code)?;
        out.write_all(&Digest::of(code).0)?;
        out.sync_all()?;
        fs::rename(&mine, file)
    })();
    if result.is_err() {
        drop(fs::remove_file(&mine));
    }
    result
}

/// Makes the folder if it is not there, and checks that nobody else can put code into it.
fn private(folder: &Path) -> Result<(), String> {
    let say = |e: std::io::Error| format!("compiled components are not kept: {}: {e}", folder.display());
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(say)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(say(e)),
        _ => {}
    }
    let meta = fs::symlink_metadata(folder).map_err(say)?;
    // A file that we just wrote has our user id; there is no safe call that tells it.
    let probe = folder.join(format!("{}.probe", std::process::id()));
    let ours = fs::File::create(&probe).and_then(|f| f.metadata()).map_err(say)?.uid();
    drop(fs::remove_file(&probe));
    if !meta.is_dir() || meta.uid() != ours {
        return Err(format!("compiled components are not kept: {} is not a folder of this user", folder.display()));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(format!(
            "compiled components are not kept: others can reach {}; run chmod 700 on it",
            folder.display()
        ));
    }
    Ok(())
}
