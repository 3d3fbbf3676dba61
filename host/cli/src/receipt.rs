//! `valence receipt` and `valence export`: what a run did, to be given away.

use crate::{args::Output, exit::Fail, record::Home, show};
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};
use valence_runtime::{
    history::{RecordError, find},
    journal::export as write_car,
    receipt::Receipt as Claims,
};

/// Print the proof of a run
#[derive(clap::Args)]
#[command(after_help = "\
The receipt is one JSON object. Whoever has it and the flow checks it, without this machine and without the cluster:

  valence receipt treasury-sweep-7 > receipt.json
  valence verify receipt.json --flow examples/treasury-sweep")]
pub struct Receipt {
    /// The instance: its name, its number, or the beginning of its name
    #[arg(value_name = "ID")]
    pub id: String,
    /// Leave out the journal; `verify` then wants it from `export`
    #[arg(long)]
    pub without_journal: bool,
    #[command(flatten)]
    pub home: Home,
}

pub fn receipt(args: &Receipt, output: Output) -> Result<ExitCode, Fail> {
    let store = args.home.store()?;
    let receipt = Claims::of(&store, &args.id, !args.without_journal)?;
    if receipt.outcome.is_none() && !output.is_json() {
        show::note(&format!("{} has not ended: this receipt is about what it did so far", receipt.instance));
    }
    // A receipt is for programs, whatever a person sees otherwise.
    show::json_line(if output.is_json() { output } else { Output::Json }, &receipt);
    Ok(ExitCode::SUCCESS)
}

/// Write an instance's journal as a CAR file, which IPFS tools read
#[derive(clap::Args)]
pub struct Export {
    /// The instance: its name, its number, or the beginning of its name
    #[arg(value_name = "ID")]
    pub id: String,
    /// The file; `-` for stdout
    #[arg(long, value_name = "FILE")]
    pub car: PathBuf,
    #[command(flatten)]
    pub home: Home,
}

pub fn export(args: &Export, output: Output) -> Result<ExitCode, Fail> {
    let store = args.home.store()?;
    let row = find(&store, &args.id)?;
    if args.car == Path::new("-") {
        write_car(&store, row.id, &mut BufWriter::new(std::io::stdout().lock())).map_err(RecordError::from)?;
        return Ok(ExitCode::SUCCESS);
    }
    let wrong = |e: std::io::Error| Fail::input(format!("{} cannot be written: {e}", args.car.display()));
    // Beside it first: a file of this name is a whole one.
    let beside = args.car.with_added_extension("part");
    let written = (|| {
        let mut file = BufWriter::new(File::create(&beside).map_err(wrong)?);
        let head = write_car(&store, row.id, &mut file).map_err(RecordError::from)?;
        file.flush().map_err(wrong)?;
        std::fs::rename(&beside, &args.car).map_err(wrong)?;
        Ok::<_, Fail>(head)
    })();
    if written.is_err() {
        // There is nothing else to be done about it.
        let _ = std::fs::remove_file(&beside);
    }
    show::exported(&row.name, &args.car, &written?.to_string(), output);
    Ok(ExitCode::SUCCESS)
}
