//! What can be said on the command line. The texts here are what `--help` teaches.

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Try it:
  valence new flow my-flow          a project that runs at once
  valence run my-flow               build it, start an embedded chain, run it
  valence run my-flow -v            with program logs
  valence inspect my-flow           what it is, what it may do, what it takes

Exit codes:
  0    the flow is done
  1    the flow says that it failed
  2    something on the command line or in a file is wrong
  3    the component is not a flow that this host runs
  4    a limit stopped the flow
  5    the flow panicked or trapped
  6    the flow waits for what cannot come
  7    the source could not be built
  8    the host or its chain is in trouble
  9    the flow is paused and needs somebody
  130  cancelled, or suspended by Ctrl-C";

/// Runs Solana protocol flows in a sandbox. It never holds a key.
#[derive(Parser)]
#[command(name = "valence", version, after_help = EXAMPLES, propagate_version = true, disable_help_subcommand = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
    /// How to print: for people, or one JSON object a line (host/cli/EVENTS.md has the schema)
    #[arg(long, global = true, value_enum, default_value_t = Output::Display)]
    pub output: Output,
    /// Print program logs and all accounts as well
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Display,
    /// One JSON object a line
    Json,
    /// The same without spaces
    JsonCompact,
}

impl Output {
    pub fn is_json(self) -> bool {
        self != Output::Display
    }
}

#[derive(Subcommand)]
pub enum Command {
    /// Run a flow to its end
    Run(Run),
    /// List instances, and where they stand
    Ps(crate::ps::Ps),
    /// End an instance for ever; what has landed stays landed
    Cancel(crate::control::Which),
    /// Stop an instance where it is, until it is resumed
    Pause(crate::control::Which),
    /// Have a paused or unfinished instance go on
    Resume(crate::control::Resume),
    /// Have an instance that failed or trapped go on before the place where it failed
    Retry(crate::control::Retry),
    /// Give an instance another version of its flow, for its next episode
    Upgrade(crate::control::Upgrade),
    /// Own a data dir: run what is unfinished in it, and take requests
    Serve(crate::serve::Serve),
    /// Show what a flow is, what it imports, and whether this host runs it
    Inspect(Inspect),
    /// Build a flow's or a driver's source folder to a component
    Build(Build),
    /// Start a new project
    New(New),
    /// Tell what happened to an instance
    History(crate::history::History),
    /// Run a past run once more, from its record alone
    Replay(crate::replay::Replay),
    /// Print the proof of a run
    Receipt(crate::receipt::Receipt),
    /// Check a receipt, or everything that was recorded
    Verify(crate::verify::Verify),
    /// Write an instance's journal as a CAR file, which IPFS tools read
    Export(crate::receipt::Export),
    /// Print the lines that a flow wrote
    Logs(crate::logs::Logs),
    /// Search everything that was done
    Audit(crate::audit::Audit),
    /// Forget the journals of instances that ended long ago
    Prune(crate::prune::Prune),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Where a flow comes from.
#[derive(Group)]
pub struct Source {
    /// A folder with a flow's source, a component (.wasm), or a declared flow's file (.toml, .json)
    #[arg(value_name = "SOURCE")]
    pub source: PathBuf,
    /// A driver that the flow imports: a folder or a .wasm; those that its Cargo.toml names are found by themselves
    #[arg(long = "driver", value_name = "SOURCE")]
    pub drivers: Vec<PathBuf>,
    /// Do not use the network for building
    #[arg(long)]
    pub offline: bool,
}

/// What a flow may use.
#[derive(Group)]
pub struct Bounds {
    /// Start from these limits
    #[arg(long = "limits", value_enum, value_name = "PROFILE", default_value_t = Profile::Default)]
    pub profile: Profile,
    /// Set one limit, e.g. fuel=10M or memory=64M (powers of 1024); `--limit list` lists them with their reasons
    #[arg(long = "limit", value_name = "NAME=N")]
    pub limits: Vec<String>,
}

/// Sets of limits.
#[derive(Clone, Copy, ValueEnum)]
pub enum Profile {
    /// Enough to start a flow written in JavaScript or Python
    Default,
    /// The ICN runtime's numbers: 1M fuel, 10 MiB
    Icn,
}

#[derive(Group)]
#[command(after_help = "\
A folder's `chain.toml` describes the embedded chain, its `run.toml` gives params and roles; flags override them.
Every run starts a fresh chain; with --chain NAME it goes on where the last run with that name left it. The run is recorded in
the data dir: what ends early goes on with `valence resume`.

  valence run examples/treasury-sweep --param threshold=2000
  valence run flow.wasm --role owner=7Np41oeYqPefeNQEHSv1UDhYrehxin3NStELsSKCT4K2")]
pub struct Run {
    #[command(flatten)]
    pub source: Source,
    /// Give a param a value
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// Read params and roles from a TOML or JSON file instead of the folder's run.toml
    #[arg(long = "params", value_name = "FILE")]
    pub run_file: Option<PathBuf>,
    /// Bind a role to an address, or to a name of chain.toml
    #[arg(long = "role", value_name = "NAME=PUBKEY")]
    pub roles: Vec<String>,
    /// Describe the embedded chain by this file instead of the folder's chain.toml
    #[arg(long, value_name = "FILE")]
    pub chain_file: Option<PathBuf>,
    /// Keep the chain under this name, and go on with it next time
    #[arg(long, value_name = "NAME")]
    pub chain: Option<String>,
    /// Put an account on the chain, from a Solana account-JSON file; `-` for ADDRESS takes the file's own
    #[arg(long = "account", num_args = 2, value_names = ["ADDRESS", "FILE"], action = clap::ArgAction::Append)]
    pub accounts: Vec<String>,
    /// Put a program on the chain, from its .so file
    #[arg(long = "bpf-program", num_args = 2, value_names = ["ADDRESS", "FILE"], action = clap::ArgAction::Append)]
    pub programs: Vec<String>,
    /// Leave the run to an owner in the background, which is started where there is none, and print the instance's name
    #[arg(short, long, conflicts_with = "ephemeral")]
    pub detach: bool,
    /// How slots move under an owner that --detach starts: `virtual`, or one slot each MS milliseconds
    #[arg(long, value_name = "virtual|MS", requires = "detach")]
    pub pace: Option<String>,
    /// Record nothing: all is gone with the process
    #[arg(long, conflicts_with = "chain")]
    pub ephemeral: bool,
    #[command(flatten)]
    pub signing: crate::signer::Signing,
    #[command(flatten)]
    pub home: crate::record::Home,
    #[command(flatten)]
    pub bounds: Bounds,
}

#[derive(Group)]
pub struct Inspect {
    #[command(flatten)]
    pub source: Source,
    #[command(flatten)]
    pub bounds: Bounds,
}

#[derive(Group)]
pub struct Build {
    /// The folder with the source
    pub source: PathBuf,
    /// Write the component here as well
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Do not use the network
    #[arg(long)]
    pub offline: bool,
    /// Ask cargo even when nothing changed
    #[arg(long)]
    pub force: bool,
}

#[derive(Group)]
pub struct New {
    /// What to start
    pub kind: Kind,
    /// Its name: lowercase letters, digits and `-`
    pub name: String,
    /// In this folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// Kinds of projects.
#[derive(Clone, Copy, ValueEnum)]
pub enum Kind {
    /// A flow in Rust
    Flow,
}
