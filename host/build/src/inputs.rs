//! What a build depended on: the files that cargo's dep-info names, and the manifests and settings it does not name.
//! Whether they have changed since is for `stamp` to say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::BuildError;
use crate::project::Project;

/// Every file whose change (or creation) makes another build necessary.
///
/// `artifact` is the module, whose dep-info file lies beside it; `manifests` are those of all path dependencies.
pub(crate) fn inputs<'a>(
    artifact: &Path,
    project: &Project,
    manifests: impl Iterator<Item = &'a Path>,
) -> Result<BTreeSet<PathBuf>, BuildError> {
    let dep_info = artifact.with_extension("d");
    let text = fs::read_to_string(&dep_info).map_err(BuildError::io("read", &dep_info))?;
    let mut inputs = dep_info_files(&text, &project.dir);

    let mut packages: BTreeSet<PathBuf> = [project.dir.clone()].into();
    packages.extend(manifests.filter_map(Path::parent).map(Path::to_path_buf));
    for dir in &packages {
        inputs.insert(dir.join("Cargo.toml"));
        // A build script may read any file of its package unless it says which; cargo assumes so, and so do we.
        if dir.join("build.rs").is_file() {
            add_all_files(dir, &mut inputs, 0);
        }
    }
    for dir in project.dir.ancestors() {
        for name in ["Cargo.toml", "Cargo.lock", "rust-toolchain", "rust-toolchain.toml"] {
            inputs.insert(dir.join(name));
        }
        for name in ["config", "config.toml"] {
            inputs.insert(dir.join(".cargo").join(name));
        }
    }
    // Folders (a build script may watch one) have no content to compare.
    inputs.retain(|path| !path.is_dir());
    Ok(inputs)
}

/// The files of a Makefile rule `target: file file`, where a space in a name is `\ `.
fn dep_info_files(text: &str, base: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for line in text.lines() {
        let Some((_, list)) = line.split_once(": ") else { continue };
        let mut name = String::new();
        let mut letters = list.chars();
        loop {
            match letters.next() {
                Some('\\') => match letters.next() {
                    Some(' ') => name.push(' '),
                    Some(other) => name.extend(['\\', other]),
                    None => name.push('\\'),
                },
                Some(letter) if letter != ' ' => name.push(letter),
                end => {
                    if !name.is_empty() {
                        files.insert(base.join(std::mem::take(&mut name)));
                    }
                    if end.is_none() {
                        break;
                    }
                }
            }
        }
    }
    files
}

/// The files of a package, without hidden folders and build output; deep or huge trees are cut off.
fn add_all_files(dir: &Path, files: &mut BTreeSet<PathBuf>, depth: usize) {
    const DEEPEST: usize = 16;
    const MOST: usize = 10_000;
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with('.') || name == "target";
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !hidden && depth < DEEPEST => {
                add_all_files(&entry.path(), files, depth.saturating_add(1));
            }
            Ok(kind) if kind.is_file() && files.len() < MOST => {
                files.insert(entry.path());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_dep_info_are_found_even_with_spaces() {
        let files = dep_info_files("/t/x.wasm: /a/lib.rs /my\\ flow/b.rs src/c.rs\n", Path::new("/base"));
        let wanted = ["/a/lib.rs", "/my flow/b.rs", "/base/src/c.rs"].map(PathBuf::from);
        assert_eq!(files, wanted.into());
    }
}
