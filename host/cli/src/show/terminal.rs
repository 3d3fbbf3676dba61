//! What a person sees, as it happens. Colours go when stdout is no terminal.

use crate::{args::Output, exit::Fail};
use anstyle::{AnsiColor, Style};
use std::{io::Write, path::Path, process::ExitCode, time::Duration};
use valence_runtime::{
    Anatomy, Built, Descriptor, Event, EventKind, Flow, Limits, ProtocolFlow, RuntimeError, ShownBalance,
    ShownInstruction, ShownToken, Use, units,
};

// The macros of this name panic when whoever reads has gone (`valence … | head`); then there is nobody left to tell.
macro_rules! println {
    ($($words:tt)*) => {{ let _ = writeln!(anstream::stdout(), $($words)*); }};
}
macro_rules! eprintln {
    ($($words:tt)*) => {{ let _ = writeln!(anstream::stderr(), $($words)*); }};
}

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();
pub(super) const ODD: Style = AnsiColor::Yellow.on_default();

/// Text from a flow or a chain may hold anything; on a terminal it must not move the cursor.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A line of an answer, to stdout.
pub(super) fn say(line: &str) {
    println!("{line}");
}

pub(super) fn paint(style: Style, text: &str) -> String {
    format!("{style}{}{style:#}", clean(text))
}

/// A line of an answer.
pub fn line(text: &str) {
    println!("{}", clean(text));
}

/// Something odd, to stderr.
pub fn warning(text: &str) {
    eprintln!("{} {}", paint(ODD, "warning:"), clean(text));
}

/// Something on the side, to stderr.
pub fn note(line: &str) {
    eprintln!("{}", paint(DIM, line));
}

/// A line of the compiler's, as it wrote it, to stderr.
pub fn compiler(line: &str) {
    eprintln!("{line}");
}

/// The line of an error, and its exit code.
pub fn error(fail: &Fail) -> ExitCode {
    eprintln!("{} {}", paint(BAD.bold(), "error:"), clean(&format!("{:#}", fail.error)));
    ExitCode::from(fail.code)
}

/// Prints an event.
pub fn event(event: &Event, verbose: bool) {
    let at = paint(DIM, &format!("slot {:<6}", event.slot));
    match &event.kind {
        EventKind::FlowStarted { flow, name, version, digest, drivers, chain, params, roles } => {
            println!(
                "{} {version}  {}",
                paint(BOLD, name),
                paint(DIM, &format!("{flow}, sha256 {}, on {chain}", short(digest)))
            );
            if let Some(instance) = &event.instance {
                println!("  instance {}", paint(BOLD, instance));
            }
            for driver in drivers {
                println!("  driver  {}", paint(DIM, &format!("sha256 {}", short(driver))));
            }
            for (name, value) in params {
                println!("  param   {name} = {}", clean(value));
            }
            for (name, key) in roles {
                println!("  role    {name} = {key}");
            }
            println!();
        }
        EventKind::EpisodeStarted { episode } => println!("{at} episode {episode} begins"),
        EventKind::Waiting { conditions, deadline } => {
            let mut all: Vec<String> = conditions.iter().map(|c| clean(c)).collect();
            all.extend(deadline.as_ref().map(|d| format!("{d} has come")));
            println!("{at} waits until {}", all.join(", or "));
        }
        EventKind::Woken { reason } => println!("{at} woken: {}", clean(reason)),
        EventKind::Log { level, message } => {
            let style = match *level {
                "warn" => ODD,
                "error" => BAD,
                _ => DIM,
            };
            println!("{at} {} {}", paint(style, level), clean(message));
        }
        EventKind::TransactionBuilt(built) => transaction(&at, built, verbose),
        EventKind::TransactionSubmitted { .. } => {}
        EventKind::TransactionConfirmed { error: Some(error), logs, .. } => {
            println!("           {} {}", paint(BAD, "failed on chain:"), clean(error));
            print_logs(logs);
        }
        EventKind::TransactionConfirmed { .. } => {}
        EventKind::FlowStepCompleted { step, success, outcome } => {
            let style = if *success { GOOD } else { BAD };
            println!("{at} step {} {}\n", paint(BOLD, step), paint(style, outcome));
        }
        EventKind::FlowCompleted { success, outcome, result, used } => {
            println!("{} {}", paint(if *success { GOOD } else { BAD }.bold(), &format!("{outcome}:")), clean(result));
            usage(used);
        }
        EventKind::FlowPaused { outcome, result, used } => {
            println!("{} {}", paint(BAD.bold(), &format!("{outcome}:")), clean(result));
            usage(used);
        }
        EventKind::Warning { message } => eprintln!("{} {}", paint(ODD, "warning:"), clean(message)),
        EventKind::Error { message } => eprintln!("{} {}", paint(BAD, "error:"), clean(message)),
        _ => {}
    }
}

fn usage(used: &Use) {
    let usage = format!(
        "  fuel {}   memory {}   running {}   wall {}   journal {} entries, head {}",
        grouped(used.fuel),
        bytes(used.memory),
        time(used.running_us),
        time(used.duration_us),
        used.entries,
        used.head,
    );
    println!("{}", paint(DIM, &usage));
}

fn transaction(at: &str, built: &Built, verbose: bool) {
    let again = if built.attempt > 1 { format!(" (try {})", built.attempt) } else { String::new() };
    println!("{at} step {}{again}  {}", paint(BOLD, &built.step), clean(&built.description));
    for (place, instruction) in (1..).zip(&built.instructions) {
        show_instruction(place, instruction, verbose);
    }
    println!(
        "           compute {} of a limit of {} CU   fee {} SOL",
        grouped(built.compute_units),
        grouped(built.compute_unit_limit.into()),
        units(built.fee, 9)
    );
    built.balances.iter().for_each(show_balance);
    built.tokens.iter().for_each(show_token);
    let signers: Vec<String> = built
        .signers
        .iter()
        .map(|s| s.role.clone().map_or_else(|| s.address.clone(), |role| format!("{role} {}", s.address)))
        .collect();
    println!("           signers {}", signers.join(", "));
    if verbose {
        print_logs(&built.logs);
    }
    println!("           unsigned transaction {}", built.transaction);
}

pub(super) fn show_instruction(place: usize, i: &ShownInstruction, verbose: bool) {
    let fields: Vec<String> = i.fields.iter().map(|f| format!("{} {}", f.name, clean(&f.value))).collect();
    match &i.action {
        Some(action) => {
            println!("         {place} {} {}  {}", paint(BOLD, &i.program), clean(action), fields.join("  "))
        }
        None => println!("         {place} {}  data {}", paint(BOLD, &i.program), i.data),
    }
    if verbose || i.action.is_none() {
        for account in &i.accounts {
            let flags = match (account.signer, account.writable) {
                (true, true) => "signs, changes",
                (true, false) => "signs",
                (false, true) => "changes",
                (false, false) => "is read",
            };
            let name = account.name.clone().map(|n| format!("{} ", clean(&n))).unwrap_or_default();
            println!("             {name}{} {}", account.address, paint(DIM, flags));
        }
    }
}

fn show_balance(b: &ShownBalance) {
    let who = b.name.clone().unwrap_or_else(|| b.address.clone());
    println!("           {}  {} → {} SOL", clean(&who), units(b.before, 9), units(b.after, 9));
}

fn show_token(t: &ShownToken) {
    let who = t.name.clone().unwrap_or_else(|| t.address.clone());
    let amount = |n| t.decimals.map_or_else(|| format!("{n} units"), |d| units(n, d));
    println!("           {}  {} → {} {}", clean(&who), amount(t.before), amount(t.after), clean(&t.token));
}

fn print_logs(logs: &[String]) {
    for line in logs {
        println!("             {}", paint(DIM, line));
    }
}

/// What a flow says of itself.
fn descriptor(d: &Descriptor) {
    println!("{} {}  {}", paint(BOLD, &d.name), clean(&d.version), paint(DIM, &d.id));
    println!("  {}", clean(&d.description));
    for p in &d.params {
        let need = match (&p.default, p.required) {
            (Some(default), _) => format!("default {}", clean(default)),
            (None, true) => "required".to_owned(),
            (None, false) => "optional".to_owned(),
        };
        println!(
            "  param   {}  {}  {}",
            paint(BOLD, &p.name),
            clean(&p.help),
            paint(DIM, &format!("{}, {need}", p.kind))
        );
    }
    for r in &d.roles {
        println!("  role    {}  {}", paint(BOLD, &r.name), clean(&r.help));
    }
    if !d.steps.is_empty() {
        println!("  steps   {}", d.steps.join(", "));
    }
}

/// What a declared flow is.
pub fn declared(flow: &ProtocolFlow, digest: &str, size: usize, output: Output) {
    let d = flow.descriptor();
    if output.is_json() {
        let value =
            serde_json::json!({ "digest": digest, "size": size, "declared": true, "fits": true, "descriptor": d });
        return super::json::line(output, &value);
    }
    descriptor(&d);
    println!("  digest  sha256 {digest}");
    println!("  {}", paint(GOOD, "a declared flow: this host runs it"));
}

/// What a component is.
pub fn anatomy(a: &Anatomy, loaded: Result<&Flow, &RuntimeError>, output: Output) {
    if output.is_json() {
        let fits = loaded.is_ok();
        let value = serde_json::json!({
            "digest": a.digest.to_string(), "size": a.size, "imports": a.imports, "exports": a.exports,
            "modules": a.modules, "functions": a.functions, "globals": a.globals, "fits": fits,
            "why-not": loaded.as_ref().err().map(ToString::to_string),
            "descriptor": loaded.as_ref().ok().map(|f| f.descriptor()),
            "drivers": loaded.as_ref().ok().map(|f| f.drivers().iter().map(|d| d.digest.to_string()).collect::<Vec<_>>()),
        });
        return super::json::line(output, &value);
    }
    if let Ok(flow) = loaded {
        descriptor(flow.descriptor());
        for driver in flow.drivers() {
            println!(
                "  driver  {}  {}",
                driver.exports.join(", "),
                paint(DIM, &format!("sha256 {}", short(&driver.digest.to_string())))
            );
        }
    }
    println!("  digest  sha256 {}", a.digest);
    println!(
        "  size    {}, {} core modules, {} functions, {} globals",
        bytes(a.size),
        a.modules,
        a.functions,
        a.globals
    );
    println!("  imports {}", if a.imports.is_empty() { "nothing".to_owned() } else { a.imports.join("\n          ") });
    match loaded {
        Ok(_) => println!("  {}", paint(GOOD, "this host runs it")),
        Err(why) => println!("  {} {}", paint(BAD, "this host does not run it:"), clean(&why.to_string())),
    }
}

/// The limits with their reasons.
pub fn limits(output: Output) {
    for &limit in Limits::ALL {
        if output.is_json() {
            let value = serde_json::json!({
                "limit": limit.name(), "default": Limits::DEFAULT.get(limit), "icn": Limits::ICN.get(limit),
                "unit": limit.unit(), "why": limit.why(),
            });
            super::json::line(output, &value);
            continue;
        }
        println!(
            "{:<15} {:>13}  icn {:>9}  {}",
            paint(BOLD, limit.name()),
            Limits::DEFAULT.get(limit),
            Limits::ICN.get(limit),
            limit.why()
        );
    }
}

/// A project was made.
pub fn created(folder: &Path, output: Output) {
    if output.is_json() {
        return super::json::line(output, &serde_json::json!({ "created": folder.display().to_string() }));
    }
    println!("{} {}", paint(GOOD, "created"), folder.display());
    println!("  run it:      valence run {}", folder.display());
    println!("  change it:   {}", folder.join("src/lib.rs").display());
}

/// A component was built.
pub fn built(component: &Path, size: usize, fresh: bool, output: Output) {
    if output.is_json() {
        let value =
            serde_json::json!({ "component": component.display().to_string(), "size": size, "unchanged": fresh });
        return super::json::line(output, &value);
    }
    let what = if fresh { "unchanged" } else { "built" };
    println!(
        "{} {}  {}",
        paint(GOOD, what),
        component.display(),
        paint(DIM, &bytes(u64::try_from(size).unwrap_or(u64::MAX)))
    );
}

pub(super) fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn bytes(n: u64) -> String {
    match n {
        0..1024 => format!("{n} B"),
        1024..1_048_576 => format!("{}.{} KiB", n >> 10, ((n & 1023) * 10) >> 10),
        _ => format!("{}.{} MiB", n >> 20, (((n >> 10) & 1023) * 10) >> 10),
    }
}

fn time(micros: u64) -> String {
    let time = Duration::from_micros(micros);
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..1_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1000.0),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}
