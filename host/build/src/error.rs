//! What can go wrong while a folder becomes a component, each as one line: what, where, what to do.
//! The compiler's own messages are not here: they go through `Progress` as the compiler wrote them.

use std::path::PathBuf;

/// Why a source folder did not become a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The path names nothing.
    #[error("{} does not exist; give the folder of a flow's source, or a .wasm file", .0.display())]
    SourceMissing(PathBuf),
    /// The path names a file.
    #[error("{} is not a folder; give the folder that holds the flow's Cargo.toml", .0.display())]
    SourceNotAFolder(PathBuf),
    /// The folder is not a Rust project.
    #[error(
        "{} has no Cargo.toml, and Rust is the only language built from source today; \
         compile it to a component yourself and give the .wasm file, or start with `valence new flow NAME`",
        .0.display()
    )]
    NotRust(PathBuf),
    /// The manifest cannot be read as TOML, or lacks what every package has.
    #[error("{}: {problem}", .manifest.display())]
    Manifest {
        /// The Cargo.toml.
        manifest: PathBuf,
        /// What is wrong with it, in one line.
        problem: String,
    },
    /// A workspace root without a package of its own.
    #[error("{} is a workspace without a [package]; give the folder of one of its flows", .0.display())]
    Virtual(PathBuf),
    /// The package's library is not a cdylib.
    #[error("{} does not build a component; add `[lib]` with `crate-type = [\"cdylib\"]` to it", .0.display())]
    NotACdylib(PathBuf),
    /// `[package.metadata.valence] drivers` names something that is not there.
    #[error("{}: the driver {driver:?} is not there; correct `drivers` in [package.metadata.valence]", .manifest.display())]
    DriverMissing {
        /// The Cargo.toml that names it.
        manifest: PathBuf,
        /// As written there.
        driver: String,
    },
    /// Neither a flag nor the environment says where the cache may live.
    #[error("no place for the cache: set VALENCE_CACHE_DIR (or HOME) to a folder that can be written")]
    NoCacheDir,
    /// There is no cargo at all.
    #[error("cargo was not found on PATH; install Rust from rustup.rs, then try again")]
    NoCargo,
    /// `VALENCE_BUILD_WAY` has a value that means nothing.
    #[error(
        "VALENCE_BUILD_WAY={0:?} is no way to a compiler; use one of installed, rustup, own-source, system, fetched, or unset it"
    )]
    UnknownWay(String),
    /// No way to a `wasm32-unknown-unknown` standard library worked.
    #[error(
        "no way to compile Rust to wasm32-unknown-unknown on this machine ({tried}); run \
         `rustup target add wasm32-unknown-unknown`, or as root `apt-get install rustc-web rust-web-src`, and try again"
    )]
    NoToolchain {
        /// Every way tried and why it failed, in one line.
        tried: String,
    },
    /// A compiler with its own source is there, but nothing that links WebAssembly.
    #[error(
        "{} can compile for WebAssembly but no linker for it was found; install `lld` \
         (`apt-get install lld`) or a rustup toolchain, which brings rust-lld, and try again",
        .0.display()
    )]
    NoLinker(PathBuf),
    /// The compiler ran and refused the source.
    #[error("{} does not build; cargo's messages above say why", .source_dir.display())]
    Compile {
        /// The folder.
        source_dir: PathBuf,
        /// The last 64 KiB of what cargo wrote, for callers that did not print it.
        output: String,
    },
    /// Cargo succeeded but made no module for this package.
    #[error("cargo built {} but made no .wasm; is the library switched off by a feature?", .0.display())]
    NoArtifact(PathBuf),
    /// The module is not one that can become a component.
    #[error(
        "{} compiles to WebAssembly but says nothing of its world ({problem}); use the valence-flow SDK or wit-bindgen 0.61 in it",
        .source_dir.display()
    )]
    NotAComponent {
        /// The folder.
        source_dir: PathBuf,
        /// Why, in one line.
        problem: String,
    },
    /// The file system refused.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// A verb: "read", "write", "lock", "start".
        action: &'static str,
        /// What was acted on.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl BuildError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// A text squeezed into one line of bounded length, for use inside an error.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_one_line_that_says_what_to_do() {
        let path = || PathBuf::from("/flows/sweep");
        let io = std::io::Error::other("disk full");
        let cases = [
            (BuildError::SourceMissing(path()), "give the folder"),
            (BuildError::SourceNotAFolder(path()), "give the folder"),
            (BuildError::NotRust(path()), "valence new flow"),
            (BuildError::Manifest { manifest: path(), problem: "add a name".into() }, "add a name"),
            (BuildError::Virtual(path()), "give the folder of one"),
            (BuildError::NotACdylib(path()), "add `[lib]`"),
            (BuildError::DriverMissing { manifest: path(), driver: "x".into() }, "correct `drivers`"),
            (BuildError::NoCacheDir, "set VALENCE_CACHE_DIR"),
            (BuildError::NoCargo, "install Rust"),
            (BuildError::UnknownWay("x".into()), "use one of"),
            (BuildError::NoToolchain { tried: "rustup: offline".into() }, "rustup target add"),
            (BuildError::NoLinker(path()), "apt-get install lld"),
            (BuildError::Compile { source_dir: path(), output: "a\nb".into() }, "cargo's messages"),
            (BuildError::NoArtifact(path()), "a feature"),
            (BuildError::NotAComponent { source_dir: path(), problem: "x".into() }, "use the valence-flow SDK"),
            (BuildError::io("read", path())(io), "disk full"),
        ];
        for (error, advice) in cases {
            let message = error.to_string();
            assert!(message.contains(advice), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_long_text_becomes_one_short_line() {
        assert_eq!(one_line("a\n  b\tc"), "a b c");
        assert_eq!(one_line(&"é".repeat(1000)).chars().count(), 401);
    }
}
