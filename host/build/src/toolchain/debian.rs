//! Debian's `rustc-web` and `rust-web-src`: a compiler and its own source, of the same version by construction,
//! downloaded with the machine's own apt (which checks signatures) and unpacked into the cache. Nothing is installed:
//! apt works on private lists below the cache, and no step needs root.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{OLDEST, Rustc, on_path, parse_version};
use crate::Progress;
use crate::cache::{Cache, make_private, unique};
use crate::run::{Finished, run_within};

/// Compiler and source packages that are a pair, best first.
const PAIRS: [(&str, &str); 2] = [("rustc-web", "rust-web-src"), ("rustc", "rust-src")];

/// Packages that bring programs every Rust machine has (a linker and headers for build scripts), not libraries.
const NOT_FETCHED: [&str; 5] = ["gcc", "libc-dev", "libc6-dev", "binutils", "libc6"];

/// A bound on what a broken package list can make us fetch.
const MOST_PACKAGES: usize = 40;

const UPDATE_LIMIT: Duration = Duration::from_secs(5 * 60);
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(30 * 60);
const STEP_LIMIT: Duration = Duration::from_secs(5 * 60);

/// The folder of a compiler fetched before, the newest by version.
pub(super) fn newest(cache: &Cache) -> Option<PathBuf> {
    let entries = fs::read_dir(cache.toolchains()).ok()?.flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = parse_version(name.strip_prefix("debian-")?)?;
            Some((version, entry.path()))
        })
        .filter(|(_, path)| path.join("usr/bin/rustc").is_file())
        .max()
        .map(|(_, path)| path)
}

/// The compiler in the cache, fetched first if need be. The caller holds the toolchain lock. Errors are one line.
pub(super) fn find_or_fetch(
    cache: &Cache,
    offline: bool,
    dir: &Path,
    report: &mut dyn FnMut(Progress),
) -> Result<Rustc, String> {
    if let Some(rustc) = newest(cache).and_then(|root| probe(&root, dir).ok()) {
        return Ok(rustc);
    }
    if offline {
        return Err("not in the cache, and offline".into());
    }
    for tool in ["apt-get", "apt-cache", "apt-config", "dpkg-deb"] {
        on_path(tool).ok_or_else(|| format!("there is no {tool}"))?;
    }
    let work = cache.toolchains().join(format!(".fetch-{}-{}", std::process::id(), unique()));
    let fetched = fetch(cache, &work, dir, report);
    let _ = fs::remove_dir_all(&work);
    fetched
}

fn fetch(cache: &Cache, work: &Path, dir: &Path, report: &mut dyn FnMut(Progress)) -> Result<Rustc, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let root = work.join("root");
    let debs = work.join("debs");
    make_private(&root).map_err(|error| text(&error))?;
    make_private(&debs).map_err(|error| text(&error))?;

    // Lists of our own are never older than this fetch: the system's may name files the mirrors no longer have.
    let apt = Apt::private(work)?;
    report(Progress::Toolchain(
        "asking apt for Debian's rustc-web (private package lists, nothing is installed)".into(),
    ));
    let updated = apt.update();
    let (apt, plan) = match apt.plan() {
        Ok(plan) => (apt, plan),
        // Some mirrors are reachable only for downloads; the system's lists are the second best.
        Err(problem) => {
            let system = Apt::system();
            let plan = system.plan().map_err(|_| updated.err().unwrap_or(problem))?;
            (system, plan)
        }
    };
    report(Progress::Toolchain(format!(
        "fetching Debian's rustc {} with its source into the cache ({} MB, once)",
        plan.version,
        plan.bytes / 1_000_000
    )));
    apt.download(&plan, &debs)?;

    let mut files: Vec<PathBuf> =
        fs::read_dir(&debs).map_err(|error| text(&error))?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    for deb in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "deb")) {
        let mut command = Command::new("dpkg-deb");
        command.arg("-x").arg(deb).arg(&root);
        succeed(&mut command, STEP_LIMIT)?;
        let _ = fs::remove_file(deb);
    }
    drop_unneeded_source(&root);
    let rustc = probe(&root, dir).map_err(|problem| format!("the fetched rustc does not run: {problem}"))?;
    if !rustc.has_source() {
        return Err("the fetched packages hold no standard library source".into());
    }
    let place = cache.toolchains().join(format!("debian-{}", plan.version));
    let _ = fs::remove_dir_all(&place);
    fs::rename(&root, &place).map_err(|error| text(&error))?;
    probe(&place, dir)
}

fn probe(root: &Path, dir: &Path) -> Result<Rustc, String> {
    Rustc::probe(&root.join("usr/bin/rustc"), &library_folders(root), dir)
}

/// `usr/lib/x86_64-linux-gnu` and its like.
fn library_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for lib in ["usr/lib", "lib"] {
        let entries = fs::read_dir(root.join(lib)).into_iter().flatten().flatten();
        folders.extend(
            entries
                .map(|entry| entry.path())
                .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("-linux-"))),
        );
    }
    folders.sort();
    folders
}

/// The source package holds the whole compiler; only `library` is ever compiled.
fn drop_unneeded_source(root: &Path) {
    for release in fs::read_dir(root.join("usr/src")).into_iter().flatten().flatten() {
        for part in ["compiler", "src", "tests"] {
            let _ = fs::remove_dir_all(release.path().join(part));
        }
    }
}

/// What to download.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// The compiler's version without epoch: "1.96.0+dfsg1-1~deb12u2".
    version: String,
    /// `name=version`, all of them.
    packages: Vec<String>,
    /// Bytes to download.
    bytes: u64,
}

/// apt with a choice of lists.
struct Apt {
    /// A configuration in place of the system's; none: the system's.
    config: Option<PathBuf>,
}

impl Apt {
    fn system() -> Self {
        Self { config: None }
    }

    /// Lists and caches below `work`. The knowledge of what is installed stays the system's, and so do its sources, keys
    /// and proxies; its hooks do not, for they clean and rebuild the system's own caches.
    fn private(work: &Path) -> Result<Self, String> {
        let state = work.join("apt");
        for folder in ["lists/partial", "cache/archives/partial", "log"] {
            make_private(&state.join(folder)).map_err(|error| error.to_string())?;
        }
        let mut command = Command::new("apt-config");
        let dump = succeed(command.env("LC_ALL", "C").arg("dump"), STEP_LIMIT)?.stdout;
        let path = state.join("apt.conf");
        let text = private_config(&dump, &state).ok_or("the cache's path has a quote in it")?;
        fs::write(&path, text).map_err(|error| error.to_string())?;
        Ok(Self { config: Some(path) })
    }

    fn command(&self, tool: &str) -> Command {
        let mut command = Command::new(tool);
        command.env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
        if let Some(config) = &self.config {
            command.env("APT_CONFIG", config);
        }
        command
    }

    /// Fails softly: one source of many that cannot be reached does not matter if the packages are found.
    fn update(&self) -> Result<(), String> {
        succeed(self.command("apt-get").arg("update"), UPDATE_LIMIT).map(drop)
    }

    /// The candidate's record of a package.
    fn show(&self, package: &str) -> Option<BTreeMap<String, String>> {
        let mut command = self.command("apt-cache");
        let finished = succeed(command.args(["show", "--no-all-versions", package]), STEP_LIMIT).ok()?;
        Some(fields(&finished.stdout)).filter(|fields| fields.contains_key("Version"))
    }

    /// The pair and every library it needs that this machine lacks.
    fn plan(&self) -> Result<Plan, String> {
        let old = |version: &str| parse_version(version).is_none_or(|version| version < OLDEST);
        let mut found = None;
        for (compiler, source) in PAIRS {
            let records = (self.show(compiler), self.show(source));
            if let (Some(record), Some(source_record)) = records {
                let version = record.get("Version").cloned().unwrap_or_default();
                if source_record.get("Version") == Some(&version) && !old(&version) {
                    found = Some((compiler, source, version));
                    break;
                }
            }
        }
        let (compiler, source, version) = found.ok_or("apt knows no rustc-web with its source, 1.85 or newer")?;
        let plan = close(&[compiler, source], &installed(), |package| self.show(package))?;
        Ok(Plan { version, ..plan })
    }

    fn download(&self, plan: &Plan, into: &Path) -> Result<(), String> {
        let mut command = self.command("apt-get");
        command.arg("download").args(&plan.packages).current_dir(into);
        succeed(&mut command, DOWNLOAD_LIMIT).map(drop)
    }
}

/// What `apt-config dump` printed, without hooks, and with everything that is written to below `state`.
fn private_config(dump: &str, state: &Path) -> Option<String> {
    let state = state.to_str().filter(|path| !path.contains('"'))?;
    let kept =
        dump.lines().filter(|line| line.ends_with("\";") && !line.contains("Invoke") && !line.contains("Dir::Log"));
    let mut text: String = kept.flat_map(|line| [line, "\n"]).collect();
    for (name, value) in [
        // The system's files are in the dump already.
        ("Dir::Etc::main", "/dev/null"),
        ("Dir::Etc::parts", "/dev/null"),
        ("Dir::State", state),
        ("Dir::State::lists", "lists"),
        ("Dir::State::status", "/var/lib/dpkg/status"),
        ("Dir::Cache", &format!("{state}/cache")),
        ("Dir::Log", &format!("{state}/log")),
        // As root apt would download as another user, who cannot look into a private folder.
        ("APT::Sandbox::User", "root"),
        ("Acquire::Languages", "none"),
        ("Acquire::IndexTargets::deb::DEP-11::DefaultEnabled", "false"),
        ("Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled", "false"),
        ("Acquire::Retries", "2"),
        ("Acquire::http::Timeout", "30"),
        ("Acquire::https::Timeout", "30"),
    ] {
        text.push_str(&format!("{name} \"{value}\";\n"));
    }
    Some(text)
}

/// The packages named and all they depend on that is not installed, in one plan.
fn close(
    wanted: &[&str],
    installed: &BTreeSet<String>,
    show: impl Fn(&str) -> Option<BTreeMap<String, String>>,
) -> Result<Plan, String> {
    let mut plan = Plan { version: String::new(), packages: Vec::new(), bytes: 0 };
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut queue: VecDeque<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
    while let Some(package) = queue.pop_front() {
        if !seen.insert(package.clone()) {
            continue;
        }
        // A name without a record is provided by another package; what really lacks shows when the compiler is run.
        let Some(record) = show(&package) else { continue };
        let version = record.get("Version").cloned().unwrap_or_default();
        plan.packages.push(format!("{package}={version}"));
        if plan.packages.len() > MOST_PACKAGES {
            return Err(format!("apt wants more than {MOST_PACKAGES} packages for it"));
        }
        let size: u64 = record.get("Size").and_then(|size| size.parse().ok()).unwrap_or(0);
        plan.bytes = plan.bytes.saturating_add(size);
        let depends = ["Pre-Depends", "Depends"].into_iter().filter_map(|field| record.get(field));
        for dependency in depends.flat_map(|list| list.split(',')) {
            // "libllvm22 (>= 1:22) | other": any installed one will do, else the first.
            let names: Vec<&str> = dependency.split('|').filter_map(package_name).collect();
            let satisfied = names.iter().any(|name| installed.contains(*name) || NOT_FETCHED.contains(name));
            if let (false, Some(first)) = (satisfied, names.first()) {
                queue.push_back((*first).to_owned());
            }
        }
    }
    Ok(plan)
}

/// "libllvm22:any (>= 1:22)" → "libllvm22".
fn package_name(dependency: &str) -> Option<&str> {
    dependency.trim().split([' ', ':', '(']).next().filter(|name| !name.is_empty())
}

/// The fields of the first record of `apt-cache show`; continuation lines are not needed.
fn fields(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| !name.starts_with(' '))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn installed() -> BTreeSet<String> {
    let mut command = Command::new("dpkg-query");
    command.args(["-W", "-f", "${db:Status-Status} ${Package}\n"]);
    let listed = succeed(&mut command, STEP_LIMIT).map(|finished| finished.stdout).unwrap_or_default();
    listed.lines().filter_map(|line| line.strip_prefix("installed ")).map(str::to_owned).collect()
}

fn succeed(command: &mut Command, limit: Duration) -> Result<Finished, String> {
    let finished = run_within(command, limit)?;
    if finished.success { Ok(finished) } else { Err(finished.last_error()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn records(package: &str) -> Option<BTreeMap<String, String>> {
        let text = match package {
            "rustc-web" => {
                "Version: 1.96.0\nSize: 10\nDepends: libc6 (>= 2.34), gcc, std-dev (= 1.96.0), libz1 | libz2\n"
            }
            "rust-web-src" => "Version: 1.96.0\nSize: 20\n\nVersion: 1.85.0\nSize: 7\n",
            "std-dev" => "Version: 1.96.0\nSize: 5\nDepends: libllvm22 (>= 1:22), rustc-web\n",
            "libllvm22" => "Version: 1:22.1\nSize: 100\nDescription: x\n Size: 9\n",
            _ => return None,
        };
        Some(fields(text))
    }

    #[test]
    fn the_plan_holds_what_the_pair_needs_and_the_machine_lacks() {
        let installed = ["libz2".to_owned()].into();
        let plan = close(&["rustc-web", "rust-web-src"], &installed, records).unwrap();
        let wanted = ["rustc-web=1.96.0", "rust-web-src=1.96.0", "std-dev=1.96.0", "libllvm22=1:22.1"];
        assert_eq!(plan.packages, wanted);
        assert_eq!(plan.bytes, 135);
    }

    #[test]
    fn the_systems_hooks_are_not_run_on_private_lists() {
        let dump = "Acquire::http::Proxy \"http://proxy:3128\";\nAPT::Update::Post-Invoke \"\";\n\
                    APT::Update::Post-Invoke:: \"rm -f /var/cache/apt/*.bin\";\nDir::State \"var/lib/apt\";\n";
        let text = private_config(dump, Path::new("/c/apt")).unwrap();
        assert!(text.contains("Acquire::http::Proxy \"http://proxy:3128\";"), "{text}");
        assert!(!text.contains("Invoke"), "{text}");
        assert!(text.ends_with("\n") && text.rfind("Dir::State \"/c/apt\"") > text.find("Dir::State \"var"), "{text}");
        assert_eq!(private_config(dump, Path::new("/a\"b")), None);
    }

    #[test]
    fn an_endless_list_of_dependencies_is_refused() {
        let endless = |package: &str| {
            let number: u32 = package.trim_start_matches('p').parse().ok()?;
            Some(fields(&format!("Version: 1\nDepends: p{}\n", number.checked_add(1)?)))
        };
        let problem = close(&["p0"], &BTreeSet::new(), endless).unwrap_err();
        assert!(problem.contains("more than 40 packages"), "{problem}");
    }
}
