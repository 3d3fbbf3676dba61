//! SOURCE, a folder or a `.wasm`, becomes a component with the drivers that it names.

use crate::{args::Source, exit::Fail, show};
use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
};
use valence_build::{BuildRequest, Built, Progress};
use valence_runtime::{Digest, Flow};

/// Components, ready to load.
pub struct Components {
    pub flow: Vec<u8>,
    pub drivers: Vec<Vec<u8>>,
    /// Where each driver came from.
    paths: Vec<PathBuf>,
    /// The flow's source folder, where its chain.toml and run.toml lie.
    pub folder: Option<PathBuf>,
}

impl Components {
    /// Says which drivers stayed out of the flow: whoever names one means it to be used.
    pub fn tell_unused(&self, flow: &Flow) {
        for (driver, path) in self.drivers.iter().zip(&self.paths) {
            let digest = Digest::of(driver);
            if !flow.drivers().iter().any(|used| used.digest == digest) {
                show::note(&format!(
                    "the driver {} is not used: the flow imports nothing that it exports",
                    path.display()
                ));
            }
        }
    }
}

/// Reads or builds a flow and its drivers.
pub fn components(source: &Source) -> Result<Components, Fail> {
    let (flow, named, folder) = if source.source.is_dir() {
        let built = build(&source.source, source.offline, false)?;
        (built.bytes, built.drivers, Some(source.source.clone()))
    } else {
        (read(&source.source)?, Vec::new(), None)
    };
    let (mut drivers, mut paths) = (Vec::<Vec<u8>>::new(), Vec::new());
    for driver in named.iter().chain(&source.drivers) {
        let bytes = if driver.is_dir() { build(driver, source.offline, false)?.bytes } else { read(driver)? };
        // A flag may name a driver that the flow's Cargo.toml names already.
        if !drivers.contains(&bytes) {
            drivers.push(bytes);
            paths.push(driver.clone());
        }
    }
    Ok(Components { flow, drivers, paths, folder })
}

/// Builds a folder, telling on stderr what takes time.
pub fn build(folder: &Path, offline: bool, force: bool) -> Result<Built, Fail> {
    let terminal = std::io::stderr().is_terminal();
    let mut request = BuildRequest::new(folder);
    request.offline = offline;
    request.force = force;
    request.color = terminal;
    let built = valence_build::build(&request, &mut |progress| match progress {
        Progress::Toolchain(line) | Progress::Waiting(line) => show::note(&line),
        Progress::Diagnostic(line) => show::compiler(&line),
        Progress::Status(line) if terminal => show::compiler(&line),
        _ => {}
    })?;
    for note in &built.notes {
        show::note(note);
    }
    Ok(built)
}

fn read(path: &Path) -> Result<Vec<u8>, Fail> {
    fs::read(path).map_err(|e| {
        Fail::input(format!(
            "{} cannot be read: {e}; give a flow's source folder or a component (.wasm)",
            path.display()
        ))
    })
}
