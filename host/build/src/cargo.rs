//! One run of cargo: a clean environment, the release profile for small deterministic modules, the wrapper that keeps
//! folders out of the bytes, and what cargo says about what it made and from what.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::cache::{Cache, lock, make_private, short_digest, write_atomically};
use crate::inputs::inputs;
use crate::project::Project;
use crate::toolchain::{TARGET, Toolchain, add_libraries};
use crate::{BuildError, BuildRequest, Progress};

/// The core module cargo made, and every file it depends on.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) bytes: Vec<u8>,
    pub(crate) inputs: BTreeSet<PathBuf>,
}

/// The compiler as cargo calls it: keeps the folder of the project, of its path dependencies and of the cache out of
/// paths in panics and out of symbol hashes, so that the same source gives the same bytes anywhere. A shell script,
/// because cargo would rebuild everything for every project if the same were said in RUSTFLAGS. Crates of a registry
/// keep their hash (two versions of one crate must differ), crates with a path get name and version for theirs.
const WRAPPER: &str = r#"#!/bin/sh
# Written by valence-build (host/build/src/cargo.rs); changes here are lost.
[ -n "$CARGO_MANIFEST_DIR" ] || exec "$@"
name="$CARGO_PKG_NAME-$CARGO_PKG_VERSION"
case "$CARGO_MANIFEST_DIR" in
*/registry/src/*|*/git/checkouts/*) ;;
*)
  left=$#
  while [ "$left" -gt 0 ]; do
    argument=$1
    shift
    left=$((left - 1))
    case "$argument" in metadata=*) argument="metadata=$name" ;; esac
    set -- "$@" "$argument"
  done ;;
esac
if [ "$CARGO_MANIFEST_DIR" = "$PWD" ]; then
  set -- "$@" "--remap-path-prefix=src=/$name/src"
else
  set -- "$@" "--remap-path-prefix=${CARGO_MANIFEST_DIR#"$PWD"/}=/$name"
fi
set -- "$@" "--remap-path-prefix=$CARGO_MANIFEST_DIR=/$name"
[ -z "$OUT_DIR" ] || set -- "$@" "--remap-path-prefix=$OUT_DIR=/$name/out"
exec "$@" @SCOPE@
"#;

/// Runs cargo in the project and reads the module. The target folder is locked until the module has been read.
pub(crate) fn build(
    request: &BuildRequest,
    cache: &Cache,
    toolchain: &Toolchain,
    project: &Project,
    report: &mut dyn FnMut(Progress),
) -> Result<Module, BuildError> {
    let wrapper = write_wrapper(cache, toolchain)?;
    let key = target_key(toolchain, wrapper.as_deref());
    let target = cache.target(&key);
    make_private(&target)?;
    let _held = lock(&cache.target(&format!("{key}.lock")), "compiles a flow", report)?;
    cache.drop_stale_targets();

    let mut command = Command::new(&toolchain.cargo);
    clean_environment(&mut command);
    command.current_dir(&project.dir);
    command.args(["build", "--release", "--lib", "--target", TARGET, "--target-dir"]);
    command.arg(&target);
    command.arg("--manifest-path").arg(&project.manifest);
    command.arg("--message-format=json-render-diagnostics");
    command.args(["--color", if request.color { "always" } else { "never" }]);
    if request.offline {
        command.arg("--offline");
    }
    // Small rather than fast: every host that loads a component compiles it, and a flow mostly waits. No LTO: on a
    // 95 KB flow it takes a sixth off and adds 0.8 s to each edit's 0.6 s. Symbol names stay, for readable traps, and
    // arithmetic that overflows traps, for flows reckon with money.
    command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s");
    command.env("CARGO_PROFILE_RELEASE_LTO", "off");
    command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    command.env("CARGO_PROFILE_RELEASE_PANIC", "abort");
    command.env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo");
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "false");
    command.env("CARGO_PROFILE_RELEASE_INCREMENTAL", "false");
    command.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    if let Some(wrapper) = &wrapper {
        command.env("RUSTC_WRAPPER", wrapper);
    }
    if let Some(rustc) = &toolchain.rustc {
        command.env("RUSTC", rustc);
    }
    if let Some(linker) = &toolchain.linker {
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    if toolchain.build_std {
        // The stable compiler refuses -Z without it.
        command.env("RUSTC_BOOTSTRAP", "1");
        command.arg("-Zbuild-std=std,panic_abort");
    }
    add_libraries(&mut command, &toolchain.libraries);

    let said = run(&mut command, toolchain, report)?;
    if !said.success {
        return Err(BuildError::Compile { source_dir: project.dir.clone(), output: said.output });
    }
    let artifact = said.artifact(project).ok_or_else(|| BuildError::NoArtifact(project.dir.clone()))?;
    let bytes = fs::read(&artifact).map_err(BuildError::io("read", &artifact))?;
    let inputs = inputs(&artifact, project, said.path_manifests())?;
    Ok(Module { bytes, inputs })
}

/// Removes what an outer cargo, or a shell set up for another build, would leak into this one. What says how to reach
/// registries and where cargo's home is stays, and so does RUSTUP_TOOLCHAIN: the same compiler as outside.
pub(crate) fn clean_environment(command: &mut Command) {
    const KEPT: [&str; 6] =
        ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_PROGRESS"];
    const REMOVED: [&str; 16] = [
        "RUSTC",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_BOOTSTRAP",
        "RUSTC_LINKER",
        "RUSTC_FORCE_INCREMENTAL",
        "RUSTFLAGS",
        "RUSTDOC",
        "RUSTDOCFLAGS",
        "RUST_LOG",
        "OUT_DIR",
        "MAKEFLAGS",
        "MFLAGS",
        "NUM_JOBS",
        "OPT_LEVEL",
        "__CARGO_DEFAULT_LIB_METADATA",
    ];
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let of_cargo = text == "CARGO" || text.starts_with("CARGO_");
        let kept = KEPT.iter().any(|kept| text.starts_with(kept));
        if (of_cargo && !kept) || REMOVED.contains(&text) {
            command.env_remove(&name);
        }
    }
}

/// The wrapper's path; its name says its content, so that another version is another compiler to cargo.
fn write_wrapper(cache: &Cache, toolchain: &Toolchain) -> Result<Option<PathBuf>, BuildError> {
    if !cfg!(unix) {
        return Ok(None);
    }
    // Before 1.95 there is no scope: then messages about path dependencies show the short path, too.
    let scope = if toolchain.version >= (1, 95) { "--remap-path-scope=object" } else { "" };
    let text = WRAPPER.replace("@SCOPE@", scope);
    let path = cache.toolchains().join(format!("rustc-{}", short_digest(text.as_bytes())));
    if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(Some(path));
    }
    // Made executable before it gets its name: another process may run it as soon as it is there.
    let temporary = path.with_extension(std::process::id().to_string());
    write_atomically(&temporary, text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o700))
            .map_err(BuildError::io("write", &temporary))?;
    }
    fs::rename(&temporary, &path).map_err(BuildError::io("write", &path))?;
    Ok(Some(path))
}

/// Names the target folder: one per compiler, so that a project does not throw out what another needs.
fn target_key(toolchain: &Toolchain, wrapper: Option<&Path>) -> String {
    let (major, minor) = toolchain.version;
    let facts = format!("{}\n{:?}\n{wrapper:?}", toolchain.identity, toolchain.sysroot);
    let std = if toolchain.build_std { "-std" } else { "" };
    format!("{major}.{minor}{std}-{}", short_digest(facts.as_bytes()))
}

/// What cargo said.
#[derive(Debug, Default)]
struct Said {
    success: bool,
    messages: Vec<Message>,
    output: String,
}

/// The parts of cargo's JSON messages that matter here.
#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

impl Said {
    /// The manifests of packages that come from a folder, not from a registry.
    fn path_manifests(&self) -> impl Iterator<Item = &Path> {
        let from_path = |message: &&Message| message.package_id.starts_with("path+file:");
        self.messages.iter().filter(from_path).map(|message| message.manifest_path.as_path())
    }

    fn artifact(&self, project: &Project) -> Option<PathBuf> {
        self.messages
            .iter()
            .filter(|message| message.reason == "compiler-artifact")
            .filter(|message| message.manifest_path == project.manifest)
            .flat_map(|message| &message.filenames)
            .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
            .cloned()
    }
}

fn run(command: &mut Command, toolchain: &Toolchain, report: &mut dyn FnMut(Progress)) -> Result<Said, BuildError> {
    const KEPT_OUTPUT: usize = 64 * 1024;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(BuildError::io("start", &toolchain.cargo))?;
    let messages = child.stdout.take().map(|pipe| std::thread::spawn(move || read_messages(pipe)));
    let mut said = Said::default();
    if let Some(pipe) = child.stderr.take() {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while pipe.read_until(b'\n', &mut bytes).map_err(BuildError::io("read", &toolchain.cargo))? > 0 {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            bytes.clear();
            if is_status(&line) {
                report(Progress::Status(line));
            } else {
                if said.output.len() < KEPT_OUTPUT {
                    said.output.push_str(&line);
                    said.output.push('\n');
                }
                report(Progress::Diagnostic(line));
            }
        }
    }
    let status = child.wait().map_err(BuildError::io("wait for", &toolchain.cargo))?;
    said.success = status.success();
    said.messages = messages.and_then(|thread| thread.join().ok()).unwrap_or_default();
    Ok(said)
}

fn read_messages(pipe: impl Read) -> Vec<Message> {
    let lines = BufReader::new(pipe).lines().map_while(Result::ok);
    lines.filter_map(|line| serde_json::from_str(&line).ok()).collect()
}

/// Whether a line is cargo telling what it does: a verb, right-aligned in twelve columns.
fn is_status(line: &str) -> bool {
    let plain = strip_colors(line);
    let Some((verb, _)) = plain.trim_start().split_once(' ') else { return false };
    let indent = plain.len().saturating_sub(plain.trim_start().len());
    indent.saturating_add(verb.len()) == 12 && verb.starts_with(|first: char| first.is_ascii_uppercase())
}

/// The line without terminal escapes (`ESC [ … letter`).
fn strip_colors(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = escape.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_told_from_a_diagnostic() {
        assert!(is_status("   Compiling flow v0.1.0 (/x)"));
        assert!(is_status("\u{1b}[1m\u{1b}[92m    Finished\u{1b}[0m `release` profile"));
        assert!(!is_status("error[E0308]: mismatched types"));
        assert!(!is_status("            x + 1"));
        assert!(!is_status(""));
    }
}
