//! The scripted guest as a component, in several builds, and runtimes that keep their journals in a folder.

use super::run_building;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};
use tempfile::TempDir;
use valence_runtime::{
    Allocation, ChainSpec, Concurrency, DataDir, Flow, Inputs, Limits, LocalChain, Pace, ProposalSigner, RunRequest,
    Runtime, RuntimeConfig, RuntimeOptions,
};

/// The scripted guest, built once a process.
pub fn scripted() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_folder, component) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let component = folder.path().join("scripted.wasm");
        run_building(["build", "guests/scripted", "-o", component.to_str().unwrap()]).expect(0);
        (folder, component)
    });
    component
}

/// Another build of it: see the guest's head.
pub fn build(letter: u8) -> Vec<u8> {
    let mut bytes = std::fs::read(scripted()).unwrap();
    let marker = b"this is build A of the scripted flow";
    let places: Vec<usize> = (0..bytes.len() - marker.len()).filter(|i| bytes[*i..].starts_with(marker)).collect();
    assert_eq!(places.len(), 1, "the marker is once in the component");
    bytes[places[0] + 14] = letter;
    bytes
}

/// What the scripted flow's chain starts with.
pub const CHAIN: &str = "[wallets.payer]\nsol = \"10\"\n[wallets.friend]\nsol = \"1\"\n";

/// A host that can be stopped and started again in its folder.
pub struct Host {
    pub runtime: Runtime,
    pub flow: Arc<Flow>,
}

/// How a host is set up.
#[derive(Clone)]
pub struct Setup {
    pub pace: Pace,
    pub concurrency: Concurrency,
    pub signer: Option<Arc<dyn ProposalSigner>>,
    pub chain: String,
    pub limits: Limits,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            pace: Pace::Virtual,
            concurrency: Concurrency::default(),
            signer: None,
            chain: CHAIN.to_owned(),
            limits: Limits::DEFAULT,
        }
    }
}

impl Host {
    /// The process ends here: nothing is told to stop, nothing is waited for.
    pub async fn die(self) {
        drop(self);
        // What was dropped with the executor's tasks is let go of at its next step.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }
}

impl Setup {
    /// Nobody waits in memory longer than this.
    pub fn grace(grace: Duration) -> Setup {
        Setup { concurrency: Concurrency { grace, ..Concurrency::default() }, ..Setup::default() }
    }

    /// A host in this folder, or one in memory.
    pub async fn open(&self, folder: Option<&Path>) -> Host {
        let spec = ChainSpec::parse(&self.chain, Path::new(".")).unwrap();
        let names = spec.names();
        let (chain, data) = match folder {
            None => (LocalChain::new(spec, self.pace), None),
            Some(folder) => {
                let data = Arc::new(DataDir::open(folder).unwrap());
                (LocalChain::open(data.chains(), "local", spec, self.pace).unwrap(), Some(data))
            }
        };
        let options = RuntimeOptions {
            chain: Some(Arc::new(chain)),
            names,
            allocation: Some(Allocation::Pool(64)),
            ceiling: Some(self.limits.clone()),
            data,
            signer: self.signer.clone(),
            concurrency: self.concurrency,
            cache: Some(scripted().with_file_name("compiled")),
            ..RuntimeOptions::default()
        };
        let runtime = Runtime::with_options(RuntimeConfig::default(), options).unwrap();
        runtime.start().await.unwrap();
        let component = std::fs::read(scripted()).unwrap();
        let flow = runtime.load(&component, &[], &Limits::default()).await.unwrap();
        Host { runtime, flow }
    }
}

/// A run of a script.
pub fn script(script: &str) -> RunRequest {
    let mut inputs = Inputs::default();
    inputs.roles.insert("payer".to_owned(), "payer".to_owned());
    inputs.params.insert("script".to_owned(), script.to_owned());
    inputs.params.insert("key".to_owned(), "friend".to_owned());
    RunRequest { inputs, ..RunRequest::default() }
}
