//! The `valence` binary: arguments in, words out. What is behind the words is in `valence-runtime` and `valence-build`.
//!
//! | file | idea |
//! |---|---|
//! | `args.rs` | what can be said on the command line |
//! | `exit.rs` | what went wrong, as a line and an exit code |
//! | `source.rs` | SOURCE, a folder or a `.wasm`, becomes a component with its drivers |
//! | `run.rs`, `serve.rs`, `control.rs`, `ps.rs`, `inspect.rs`, `project.rs` | the commands |
//! | `seat.rs` | whose the data dir is |
//! | `follow.rs` | a run to its end, here or in its owner |
//! | `signer.rs` | `--signer` |
//! | `show/` | events as a person or as a program reads them |

mod args;
mod audit;
mod control;
mod exit;
mod follow;
mod history;
mod inspect;
mod logs;
mod project;
mod prune;
mod ps;
mod receipt;
mod record;
mod replay;
mod run;
mod seat;
mod serve;
mod show;
mod signer;
mod source;
mod verify;

use args::{Args, Command};
use clap::Parser;
use follow::Say;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = Args::parse();
    let output = args.output;
    let result = match args.command {
        Command::Run(run) => run::run(run, output, args.verbose),
        Command::Ps(ps) => ps::ps(&ps, output),
        Command::Cancel(which) => control::act(&control::Act::Cancel, &which, output),
        Command::Pause(which) => control::act(&control::Act::Pause, &which, output),
        Command::Resume(resume) => control::resume(&resume, Say { output, verbose: args.verbose }),
        Command::Retry(retry) => control::retry(&retry, Say { output, verbose: args.verbose }),
        Command::Upgrade(upgrade) => control::upgrade(&upgrade, output),
        Command::Serve(serve) => serve::serve(&serve, output),
        Command::Inspect(inspect) => inspect::inspect(inspect, output),
        Command::Build(build) => project::build(build, output),
        Command::New(new) => project::new(new, output),
        Command::History(history) => history::history(&history, output, args.verbose),
        Command::Replay(replay) => replay::replay(&replay, output),
        Command::Receipt(receipt) => receipt::receipt(&receipt, output),
        Command::Verify(verify) => verify::verify(&verify, output),
        Command::Export(export) => receipt::export(&export, output),
        Command::Logs(logs) => logs::logs(&logs, output),
        Command::Audit(audit) => audit::audit(&audit, output),
        Command::Prune(prune) => prune::prune(&prune, output),
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
