//! `rustup target add`, with a time limit, and the memory of its failures: a machine that cannot download pays for
//! finding that out once a day, not at every build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Rustc, TARGET, on_path};
use crate::Progress;
use crate::cache::{Cache, short_digest, write_atomically};
use crate::cargo::clean_environment;
use crate::run::{Finished, run_within};

/// The target is some 20 MB; a line that needs longer than this is slower than the next way.
const LIMIT: Duration = Duration::from_secs(180);

/// How long a failure is believed.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// Adds the target to the toolchain of `rustc`, or says in one line why not.
pub(super) fn add_target(rustc: &Rustc, cache: &Cache, report: &mut dyn FnMut(Progress)) -> Result<(), String> {
    let toolchain = toolchain_name(&rustc.sysroot).ok_or("this rustc is not rustup's")?;
    let rustup = on_path("rustup").ok_or("not installed")?;
    let memory = memory(cache, &rustc.sysroot);
    if let Some(failure) = remembered(&memory) {
        return Err(failure);
    }
    report(Progress::Toolchain(format!("adding {TARGET} to {toolchain} with rustup")));
    let mut command = Command::new(rustup);
    clean_environment(&mut command);
    command.args(["target", "add", "--toolchain", &toolchain, TARGET]);
    let problem = match run_within(&mut command, LIMIT) {
        Ok(Finished { success: true, .. }) if rustc.has_target() => return Ok(()),
        Ok(Finished { success: true, .. }) => "it added the target but no library is there".into(),
        Ok(finished) => finished.last_error(),
        Err(problem) => problem,
    };
    let _ = write_atomically(&memory, problem.as_bytes());
    Err(problem)
}

/// rustup's name for the toolchain in `…/toolchains/NAME`.
fn toolchain_name(sysroot: &Path) -> Option<String> {
    let inside = sysroot.parent()?.file_name()? == "toolchains";
    let name = sysroot.file_name()?.to_str()?;
    inside.then(|| name.to_owned())
}

fn memory(cache: &Cache, sysroot: &Path) -> PathBuf {
    let key = short_digest(sysroot.as_os_str().as_encoded_bytes());
    cache.toolchains().join(format!("rustup-failed-{key}"))
}

/// What failed less than a day ago.
fn remembered(memory: &Path) -> Option<String> {
    let age = std::fs::metadata(memory).ok()?.modified().ok()?.elapsed().ok()?;
    let problem = std::fs::read_to_string(memory).ok()?;
    (age < REMEMBERED).then_some(problem)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_a_sysroot_of_rustup_has_a_toolchain_name() {
        let name = |path: &str| toolchain_name(Path::new(path));
        assert_eq!(name("/h/.rustup/toolchains/stable-x"), Some("stable-x".into()));
        assert_eq!(name("/usr"), None);
    }

    #[test]
    fn a_failure_is_remembered_for_a_day_and_no_longer() {
        let dir = tempfile::tempdir().unwrap();
        let memory = dir.path().join("failed");
        assert_eq!(remembered(&memory), None);
        std::fs::write(&memory, "no network").unwrap();
        assert_eq!(remembered(&memory).as_deref(), Some("no network"));
        let old = std::time::SystemTime::now() - REMEMBERED - Duration::from_secs(1);
        std::fs::File::options().write(true).open(&memory).unwrap().set_modified(old).unwrap();
        assert_eq!(remembered(&memory), None);
    }
}
