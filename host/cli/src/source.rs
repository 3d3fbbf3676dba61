//! SOURCE, a folder or a `.wasm`, becomes a component with the drivers that it names; a declared flow's file becomes its text.

use crate::{args::Source, exit::Fail, show};
use std::{
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
};
use valence_build::{BuildRequest, Built, Progress};
use valence_runtime::{Digest, Flow, FlowSource};

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
                unused(path);
            }
        }
    }
}

/// A flow to hand to a host.
pub struct Given {
    pub flow: FlowSource,
    /// Its source folder, where its chain.toml and run.toml lie.
    pub folder: Option<PathBuf>,
    drivers: Vec<(Digest, PathBuf)>,
}

impl Given {
    /// Says which drivers stayed out of the flow: whoever names one means it to be used.
    pub fn tell_unused(&self, flow: &Flow) {
        for (digest, path) in &self.drivers {
            if !flow.drivers().iter().any(|used| used.digest == *digest) {
                unused(path);
            }
        }
    }
}

fn unused(path: &Path) {
    show::note(&format!("the driver {} is not used: the flow imports nothing that it exports", path.display()));
}

/// Reads or builds what SOURCE names.
pub fn given(source: &Source) -> Result<Given, Fail> {
    if let Some(path) = declared(&source.source) {
        if let Some(driver) = source.drivers.first() {
            let driver = driver.display();
            return Err(Fail::input(format!("a declared flow takes no drivers; leave out `--driver {driver}`")));
        }
        let folder = folder(&source.source);
        let text = fs::read_to_string(&path).map_err(|e| {
            Fail::input(format!("{} cannot be read: {e}; give a flow's .toml or .json file", path.display()))
        })?;
        return Ok(Given { flow: FlowSource::Declared { text, path }, folder, drivers: Vec::new() });
    }
    let Components { flow, drivers, paths, folder } = components(source)?;
    let known = drivers.iter().map(|driver| Digest::of(driver)).zip(paths).collect();
    Ok(Given { flow: FlowSource::Component { flow, drivers }, folder, drivers: known })
}

/// The file of a declared flow, where this is one or a folder with one.
pub fn declared(source: &Path) -> Option<PathBuf> {
    if source.is_dir() {
        return ["flow.toml", "flow.json"].into_iter().map(|name| source.join(name)).find(|file| file.is_file());
    }
    source.extension().is_some_and(|e| e == "toml" || e == "json").then(|| source.to_owned())
}

/// The folder in which chain.toml and run.toml may lie.
pub fn folder(source: &Path) -> Option<PathBuf> {
    match declared(source) {
        Some(file) if !source.is_dir() => file
            .parent()
            .map(|folder| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }),
        _ => source.is_dir().then(|| source.to_owned()),
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
