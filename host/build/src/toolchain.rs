//! The ladder to a compiler for `wasm32-unknown-unknown`: each way is tried in order, without root and without
//! changing the system, and one line says which was taken.
//!
//! 1. [`Way::Installed`]: the target is installed for the rustc in use.
//! 2. [`Way::Rustup`]: rustup adds it (which changes rustup's own folder only). A failure is remembered for a day.
//! 3. A rustc with its own standard library source, which cargo then compiles too: the user's own with `rust-src`
//!    ([`Way::OwnSource`]), the distribution's ([`Way::System`]), or Debian's pair fetched into the cache
//!    ([`Way::Fetched`], in `debian`).
//!
//! What a build then does with the compiler is in `cargo`.

mod debian;
mod linker;
mod rustup;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, lock};
use crate::cargo::clean_environment;
use crate::error::one_line;
use crate::{BuildError, BuildRequest, Progress};

/// The target every flow is compiled to.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The oldest compiler that wit-bindgen 0.61 and the 2024 edition accept.
const OLDEST: (u32, u32) = (1, 85);

/// A way to a compiler, in the order they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// The target is installed for the rustc in use.
    Installed,
    /// `rustup target add`.
    Rustup,
    /// The rustc in use, with `rust-src`: the standard library is compiled too.
    OwnSource,
    /// The distribution's rustc and its source (`/usr/bin/rustc`), likewise.
    System,
    /// Debian's rustc-web and its source in the cache, likewise.
    Fetched,
}

impl Way {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Installed, "installed"),
        (Self::Rustup, "rustup"),
        (Self::OwnSource, "own-source"),
        (Self::System, "system"),
        (Self::Fetched, "fetched"),
    ];

    /// What `VALENCE_BUILD_WAY` asks for; unset or empty asks for nothing.
    fn from_environment() -> Result<Option<Self>, BuildError> {
        let named = std::env::var_os("VALENCE_BUILD_WAY").unwrap_or_default();
        if named.is_empty() {
            return Ok(None);
        }
        let way = Self::ALL.into_iter().find(|(_, name)| named == *name).map(|(way, _)| way);
        way.map(Some).ok_or_else(|| BuildError::UnknownWay(named.to_string_lossy().into_owned()))
    }
}

/// A compiler, ready to be given to cargo.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// Cargo, from PATH: a rustup proxy picks the toolchain of the folder, as the author expects.
    pub(crate) cargo: PathBuf,
    /// The compiler, where it is not cargo's own.
    pub(crate) rustc: Option<PathBuf>,
    /// Folders of shared libraries that compiler needs.
    pub(crate) libraries: Vec<PathBuf>,
    /// Compile the standard library as well.
    pub(crate) build_std: bool,
    /// What links, where rustc would not find it by itself.
    pub(crate) linker: Option<PathBuf>,
    /// What `rustc -vV` says: release, commit and host.
    pub(crate) identity: String,
    /// `(1, 95)`.
    pub(crate) version: (u32, u32),
    /// Where its libraries lie.
    pub(crate) sysroot: PathBuf,
}

/// Finds (or fetches) a compiler for a project in `dir`.
pub(crate) fn find(
    request: &BuildRequest,
    cache: &Cache,
    dir: &Path,
    report: &mut dyn FnMut(Progress),
) -> Result<Toolchain, BuildError> {
    let cargo = on_path("cargo")
        .or_else(|| std::env::var_os("CARGO").map(PathBuf::from).filter(|path| path.is_file()))
        .ok_or(BuildError::NoCargo)?;
    let only = match request.way {
        Some(way) => Some(way),
        None => Way::from_environment()?,
    };
    let wanted = |way: Way| only.is_none_or(|only| only == way);
    let own = Rustc::probe(Path::new("rustc"), &[], dir);
    let mut tried = Vec::new();

    if let Ok(own) = &own {
        if wanted(Way::Installed) && own.has_target() {
            report(Progress::Toolchain(format!("compiling with {} and its {TARGET} target", own.title())));
            return Ok(own.clone().toolchain(cargo, false, None));
        }
    } else if let Err(problem) = &own {
        tried.push(format!("rustc: {problem}"));
    }

    // From here on things may be fetched: one process at a time, and the second finds what the first brought.
    let _held = lock(&cache.toolchains().join("lock"), "prepares a compiler", report)?;
    if let Ok(own) = &own {
        if own.has_target() && (wanted(Way::Installed) || wanted(Way::Rustup)) {
            return Ok(own.clone().toolchain(cargo, false, None));
        }
        if wanted(Way::Rustup) {
            let fetched_before = only.is_none() && debian::newest(cache).is_some();
            if request.offline {
                tried.push("rustup: offline".into());
            } else if !fetched_before {
                match rustup::add_target(own, cache, report) {
                    Ok(()) => return Ok(own.clone().toolchain(cargo, false, None)),
                    Err(problem) => tried.push(format!("rustup: {problem}")),
                }
            }
        }
        if wanted(Way::OwnSource) {
            if !own.has_source() {
                tried.push("own source: rust-src is not installed".into());
            } else if own.version >= OLDEST {
                let why = format!("compiling with {} and the standard library from its rust-src", own.title());
                return with_source(own.clone(), cargo, own, why, report);
            }
        }
    }
    if wanted(Way::System) {
        match Rustc::probe(Path::new("/usr/bin/rustc"), &[], dir) {
            Ok(system) if system.has_source() && system.version >= OLDEST => {
                let why =
                    format!("compiling with the system's {} and the standard library from its source", system.title());
                let near = own.as_ref().unwrap_or(&system);
                return with_source(system.clone(), cargo, near, why, report);
            }
            Ok(system) => tried.push(format!("system: {} has no source or is too old", system.title())),
            Err(_) => tried.push("system: no /usr/bin/rustc".into()),
        }
    }
    if wanted(Way::Fetched) {
        match debian::find_or_fetch(cache, request.offline, dir, report) {
            Ok(fetched) => {
                let why = format!(
                    "compiling with Debian's {} in the cache and the standard library from its source",
                    fetched.title()
                );
                let near = own.as_ref().unwrap_or(&fetched);
                return with_source(fetched.clone(), cargo, near, why, report);
            }
            Err(problem) => tried.push(format!("Debian: {problem}")),
        }
    }
    Err(BuildError::NoToolchain { tried: tried.join("; ") })
}

/// A compiler that makes its own standard library also needs a linker; `near` is the toolchain most likely to have one.
fn with_source(
    rustc: Rustc,
    cargo: PathBuf,
    near: &Rustc,
    why: String,
    report: &mut dyn FnMut(Progress),
) -> Result<Toolchain, BuildError> {
    let linker = linker::find(&rustc, near).ok_or_else(|| BuildError::NoLinker(rustc.path.clone()))?;
    report(Progress::Toolchain(why));
    Ok(rustc.toolchain(cargo, true, Some(linker)))
}

/// A compiler that answered.
#[derive(Debug, Clone)]
struct Rustc {
    path: PathBuf,
    libraries: Vec<PathBuf>,
    sysroot: PathBuf,
    identity: String,
    version: (u32, u32),
}

impl Rustc {
    /// Asks a compiler who it is, in `dir`, where a `rust-toolchain.toml` may choose another.
    fn probe(path: &Path, libraries: &[PathBuf], dir: &Path) -> Result<Self, String> {
        let ask = |arguments: &[&str]| -> Result<String, String> {
            let mut command = Command::new(path);
            clean_environment(&mut command);
            add_libraries(&mut command, libraries);
            let output = command.args(arguments).current_dir(dir).output().map_err(|error| error.to_string())?;
            if !output.status.success() {
                return Err(one_line(&String::from_utf8_lossy(&output.stderr)));
            }
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let (identity, sysroot) = std::thread::scope(|scope| {
            let identity = scope.spawn(|| ask(&["-vV"]));
            let sysroot = ask(&["--print", "sysroot"]);
            let identity = identity.join().unwrap_or_else(|_| Err("rustc could not be asked".into()));
            (identity, sysroot)
        });
        let (identity, sysroot) = (identity?, sysroot?);
        let version = identity
            .lines()
            .find_map(|line| line.strip_prefix("release: "))
            .and_then(parse_version)
            .ok_or("rustc does not say its release")?;
        Ok(Self {
            path: path.to_path_buf(),
            libraries: libraries.to_vec(),
            sysroot: PathBuf::from(sysroot.trim_end_matches(['\n', '\r'])),
            identity,
            version,
        })
    }

    fn title(&self) -> String {
        let (major, minor) = self.version;
        format!("rustc {major}.{minor}")
    }

    fn rustlib(&self) -> PathBuf {
        self.sysroot.join("lib").join("rustlib")
    }

    fn has_target(&self) -> bool {
        let folder = self.rustlib().join(TARGET).join("lib");
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
    }

    fn has_source(&self) -> bool {
        let library = self.rustlib().join("src").join("rust").join("library");
        library.join("Cargo.lock").is_file() && library.join("std").join("Cargo.toml").is_file()
    }

    fn toolchain(self, cargo: PathBuf, build_std: bool, linker: Option<PathBuf>) -> Toolchain {
        Toolchain {
            cargo,
            // The plain name is cargo's own choice already.
            rustc: (self.path.components().count() > 1).then_some(self.path),
            libraries: self.libraries,
            build_std,
            linker,
            identity: self.identity,
            version: self.version,
            sysroot: self.sysroot,
        }
    }
}

/// "1.95.0-nightly" → (1, 95).
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Puts folders first in the search path of shared libraries.
pub(crate) fn add_libraries(command: &mut Command, libraries: &[PathBuf]) {
    if libraries.is_empty() {
        return;
    }
    let mut all: Vec<PathBuf> = libraries.to_vec();
    let before: OsString = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    all.extend(std::env::split_paths(&before).filter(|path| !path.as_os_str().is_empty()));
    if let Ok(joined) = std::env::join_paths(all) {
        command.env("LD_LIBRARY_PATH", joined);
    }
}

/// The first file of that name in a folder of PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::parse_version;

    #[test]
    fn a_release_is_read_with_and_without_a_channel() {
        assert_eq!(parse_version("1.95.0"), Some((1, 95)));
        assert_eq!(parse_version("1.97.0-nightly"), Some((1, 97)));
        assert_eq!(parse_version("unknown"), None);
    }
}
