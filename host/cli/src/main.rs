//! The `valence` binary: arguments in, words out. What is behind the words is in `valence-runtime` and `valence-build`.
//!
//! | file | idea |
//! |---|---|
//! | `args.rs` | what can be said on the command line |
//! | `exit.rs` | what went wrong, as a line and an exit code |
//! | `source.rs` | SOURCE, a folder or a `.wasm`, becomes a component with its drivers |
//! | `run.rs`, `inspect.rs`, `project.rs` | the commands |
//! | `show/` | events as a person or as a program reads them |

mod args;
mod exit;
mod history;
mod inspect;
mod project;
mod record;
mod replay;
mod run;
mod show;
mod source;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    let output = args.output;
    let result = match args.command {
        Command::Run(run) => run::run(run, output, args.verbose),
        Command::Inspect(inspect) => inspect::inspect(inspect, output),
        Command::Build(build) => project::build(build, output),
        Command::New(new) => project::new(new, output),
        Command::History(history) => history::history(&history, output, args.verbose),
        Command::Replay(replay) => replay::replay(&replay, output),
        Command::Completions { shell } => {
            project::completions(shell);
            Ok(ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|error| {
        if output.is_json() {
            show::json_error(output, &error);
        }
        show::error(&error)
    })
}
