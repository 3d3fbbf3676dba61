//! A name becomes a new project that builds and runs at once: the template (`templates/flow`) and a copy of the SDK and of
//! the contract, which are on no registry and so travel inside the binary.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cache::unique;

/// Sources of the SDK, its macros and the contract: path in the repository, bytes. See `build.rs`.
static SOURCES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// The project itself; `{{name}}` and `{{title}}` are filled in.
static TEMPLATE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../templates/flow/Cargo.toml.in")),
    ("README.md", include_str!("../templates/flow/README.md")),
    (".gitignore", include_str!("../templates/flow/gitignore")),
    ("chain.toml", include_str!("../templates/flow/chain.toml")),
    ("run.toml", include_str!("../templates/flow/run.toml")),
    ("src/lib.rs", include_str!("../templates/flow/src/lib.rs")),
];

/// The longest name of a flow, in bytes.
const LONGEST_NAME: usize = 64;

/// Names that cargo or the compiler would stumble over: crates a flow is built with, and words of the language.
const TAKEN: [&str; 51] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "std",
    "struct",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "unsafe",
    "use",
    "valence-flow",
    "valence-flow-macros",
    "wit-bindgen",
];

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewError {
    /// The name cannot be a flow's.
    #[error(
        "{name:?} cannot be a flow's name: {problem}; use lowercase letters, digits and '-', such as treasury-sweep"
    )]
    BadName {
        /// As given.
        name: String,
        /// Which rule it breaks.
        problem: &'static str,
    },
    /// There is something of that name already.
    #[error("{} exists already; choose another name, or remove it first", .0.display())]
    Exists(PathBuf),
    /// The file system refused.
    #[error("cannot write {}: {source}", .path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Makes the folder `dir/name` with a small flow that builds and runs as it is, and returns it.
///
/// # Errors
/// [`NewError`], each one line. Nothing is left behind then.
pub fn new_flow(name: &str, dir: &Path) -> Result<PathBuf, NewError> {
    check_name(name)?;
    let project = dir.join(name);
    // Also a link that leads nowhere is something.
    if fs::symlink_metadata(&project).is_ok() {
        return Err(NewError::Exists(project));
    }
    let draft = dir.join(format!(".{name}.{}.{}", std::process::id(), unique()));
    let written = write_project(name, &draft).and_then(|()| {
        fs::rename(&draft, &project).map_err(|source| match source.kind() {
            std::io::ErrorKind::DirectoryNotEmpty | std::io::ErrorKind::AlreadyExists => {
                NewError::Exists(project.clone())
            }
            _ => NewError::Io { path: project.clone(), source },
        })
    });
    if written.is_err() {
        let _ = fs::remove_dir_all(&draft);
    }
    written.map(|()| project)
}

fn check_name(name: &str) -> Result<(), NewError> {
    let bad = |problem| Err(NewError::BadName { name: name.into(), problem });
    if name.is_empty() {
        return bad("it is empty");
    }
    if name.len() > LONGEST_NAME {
        return bad("it is longer than 64 letters");
    }
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return bad("it does not start with a lowercase letter");
    }
    if name.contains(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')) {
        return bad("it has a letter that is not allowed");
    }
    if name.ends_with('-') || name.contains("--") {
        return bad("a '-' stands between two words");
    }
    if TAKEN.contains(&name) {
        return bad("the compiler has that word for itself");
    }
    Ok(())
}

fn write_project(name: &str, draft: &Path) -> Result<(), NewError> {
    let title = title(name);
    for (path, text) in TEMPLATE {
        let text = text.replace("{{name}}", name).replace("{{title}}", &title);
        write(&draft.join(path), text.as_bytes())?;
    }
    for (path, bytes) in SOURCES {
        write(&draft.join("valence").join(path), bytes)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), NewError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes));
    written.map_err(|source| NewError::Io { path: path.to_path_buf(), source })
}

/// "treasury-sweep" → "Treasury sweep".
fn title(name: &str) -> String {
    let words = name.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
