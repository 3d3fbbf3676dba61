//! `valence new`, `valence build` and completions.

use crate::{
    args::{Args, Build, Kind, New, Output},
    exit::Fail,
    show, source,
};
use clap::CommandFactory;
use std::{io::Write, process::ExitCode};

pub fn new(args: New, output: Output) -> Result<ExitCode, Fail> {
    let folder = match args.kind {
        Kind::Flow => valence_build::new_flow(&args.name, &args.dir)?,
    };
    show::created(&folder, output);
    Ok(ExitCode::SUCCESS)
}

pub fn build(args: Build, output: Output) -> Result<ExitCode, Fail> {
    let built = source::build(&args.source, args.offline, args.force)?;
    let mut component = built.component;
    if let Some(out) = args.out {
        std::fs::write(&out, &built.bytes)
            .map_err(|e| Fail::input(format!("{} cannot be written: {e}", out.display())))?;
        component = out;
    }
    show::built(&component, built.bytes.len(), built.fresh, output);
    Ok(ExitCode::SUCCESS)
}

pub fn completions(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "valence", &mut script);
    // Whoever reads may have gone; there is nobody left to tell.
    let _ = std::io::stdout().write_all(&script);
}
