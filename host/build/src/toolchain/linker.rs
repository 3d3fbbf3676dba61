//! Something that links WebAssembly, for a compiler that did not bring it: the `rust-lld` of any rustup toolchain, or
//! an `lld` on the system.

use std::path::{Path, PathBuf};

use super::{Rustc, on_path};

/// The linker for `rustc`: its own, that of the toolchain `near`, of any other rustup toolchain, or the system's.
pub(super) fn find(rustc: &Rustc, near: &Rustc) -> Option<PathBuf> {
    in_rustlib(&rustc.rustlib())
        .or_else(|| in_rustlib(&near.rustlib()))
        .or_else(in_any_rustup_toolchain)
        .or_else(|| ["rust-lld", "wasm-ld", "lld"].into_iter().find_map(on_path))
        .or_else(in_llvm_folders)
}

fn in_rustlib(rustlib: &Path) -> Option<PathBuf> {
    folders(rustlib)
        .into_iter()
        .map(|host| host.join("bin").join("rust-lld").with_extension(std::env::consts::EXE_EXTENSION))
        .find(|file| file.is_file())
}

fn in_any_rustup_toolchain() -> Option<PathBuf> {
    let home = std::env::var_os("RUSTUP_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".rustup")))?;
    let mut toolchains = folders(&home.join("toolchains"));
    toolchains.reverse();
    toolchains.into_iter().find_map(|toolchain| in_rustlib(&toolchain.join("lib").join("rustlib")))
}

/// Debian and Ubuntu keep a versioned lld here: `/usr/lib/llvm-19/bin/wasm-ld`. The newest comes last.
fn in_llvm_folders() -> Option<PathBuf> {
    let mut llvms: Vec<PathBuf> = folders(Path::new("/usr/lib"))
        .into_iter()
        .filter(|dir| dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with("llvm-")))
        .collect();
    llvms.reverse();
    llvms.into_iter().map(|llvm| llvm.join("bin").join("wasm-ld")).find(|file| file.is_file())
}

/// The entries of a folder, sorted by name; none when it cannot be read.
fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
