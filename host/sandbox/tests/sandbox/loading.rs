//! What is no flow, or none that this host runs, is refused in one line; no bytes at all make the sandbox panic.

use crate::{
    door::RecordingDoor,
    guests::{FLOW, component_of, context, flow_text, good, good_with},
};
use anyhow::{Context as _, Result, ensure};
use proptest::prelude::{Just, ProptestConfig, Strategy as _, any, prop, proptest};
use std::fmt::Write as _;
use valence_sandbox::{Limits, Sandbox, SandboxConfig};

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxConfig::default()).unwrap()
}

/// A module that exports these functions and a memory.
fn exporting(functions: &str) -> String {
    format!(
        "(module (memory (export \"memory\") 1) \
         (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 0)) {functions})"
    )
}

/// A flow that imports one function more.
fn importing(packages: &str, import: &str, core: &str) -> Result<Vec<u8>> {
    let run = "(func (export \"valence:flow/flow@0.1.0#run\") (type $run) (call $done))";
    component_of(packages, &format!("{FLOW} import {import};"), &flow_text(core, run)?)
}

/// What is no flow, and what it is called.
fn refused() -> Result<Vec<(&'static str, Vec<u8>)>> {
    let greet = "interface greet { hello: func(); }";
    let hello = exporting("(func (export \"test:guest/greet#hello\"))");
    let own = |functions: &str| format!("package valence:flow@0.1.0 {{ interface flow {{ {functions} }} }}");
    let flow = "export valence:flow/flow@0.1.0;";
    let run = "(func (export \"valence:flow/flow@0.1.0#run\"))";
    let describe = "(func (export \"valence:flow/flow@0.1.0#describe\") (result i32) (i32.const 0))";
    let core = |name: &str| format!("(import \"{name}\" \"f\" (func))");
    let inside = |module: &str| good_with(&format!("(component (core module {module}))"));
    let other_log = "package valence:flow@0.1.0 {
        interface log { write: func(loudness: u64); }
        interface flow { run: func(); } }";
    let log = "(import \"valence:flow/log@0.1.0\" \"write\" (func $write (param i64)))";
    let uses_log = format!("(module {log} {})", &exporting(run)["(module ".len()..exporting(run).len() - 1]);
    Ok(vec![
        ("no bytes", Vec::new()),
        ("text", b"fn main() {}".to_vec()),
        ("four bytes", b"\0asm".to_vec()),
        ("a core module", wat::parse_str("(module)")?),
        ("an empty component", wat::parse_str("(component)")?),
        ("another world", component_of(greet, "export greet;", &hello)?),
        ("no `run`", component_of(&own("describe: func() -> string;"), flow, &exporting(describe))?),
        (
            "a `run` of other types",
            component_of(
                &own("describe: func() -> string; run: func();"),
                flow,
                &exporting(&format!("{describe} {run}")),
            )?,
        ),
        (
            "an unknown import",
            importing(
                "package acme:tools@1.2.0 { interface saw { f: func(); } }",
                "acme:tools/saw@1.2.0",
                &core("acme:tools/saw@1.2.0"),
            )?,
        ),
        (
            "another version of the contract",
            importing(
                "package valence:flow@9.0.0 { interface log { f: func(); } }",
                "valence:flow/log@9.0.0",
                &core("valence:flow/log@9.0.0"),
            )?,
        ),
        (
            "a part of WASI that is not here",
            importing(
                "package wasi:http@0.2.0 { interface types { f: func(); } }",
                "wasi:http/types@0.2.0",
                &core("wasi:http/types@0.2.0"),
            )?,
        ),
        (
            "a function that WASI does not have",
            importing(
                "package wasi:cli@0.2.0 { interface exit { f: func(); } }",
                "wasi:cli/exit@0.2.0",
                &core("wasi:cli/exit@0.2.0"),
            )?,
        ),
        (
            "a contract's function of other types",
            component_of(other_log, &format!("import valence:flow/log@0.1.0; {flow}"), &uses_log)?,
        ),
        ("threads", inside("(memory 1 1 shared)")?),
        ("memory64", inside("(memory i64 1)")?),
        ("relaxed SIMD", inside("(func (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0)))")?),
        ("exceptions", inside("(tag) (func (throw 0))")?),
        ("garbage collection", inside("(type (struct (field i32))) (func (drop (struct.new_default 0)))")?),
        ("truncated bytes", good()[..500].to_vec()),
        ("bytes that follow the end", [good(), b"and more".to_vec()].concat()),
    ])
}

#[tokio::test]
async fn what_is_no_flow_is_refused_in_one_line() -> Result<()> {
    let sandbox = sandbox();
    let mut told = String::new();
    for (name, bytes) in refused()? {
        let Err(error) = sandbox.load(&bytes, &[], &Limits::DEFAULT).await else {
            anyhow::bail!("{name}: this was loaded");
        };
        let message = error.to_string();
        ensure!(message.lines().count() == 1 && message.len() < 500, "{name}: {message}");
        writeln!(told, "{name}\n    {message}")?;
    }
    insta::assert_snapshot!("refused", told);
    Ok(())
}

#[tokio::test]
async fn a_component_cut_off_at_any_byte_is_an_error() -> Result<()> {
    let (sandbox, whole) = (sandbox(), good());
    for length in 0..whole.len() {
        let cut = sandbox.load(&whole[..length], &[], &Limits::DEFAULT).await;
        // Names for error messages come last, and what lacks only them is whole.
        if let Ok(flow) = cut {
            let ending = flow.run(context(), RecordingDoor::forgetful(0), &Limits::DEFAULT).await.ending;
            ensure!(ending.to_string() == "done", "cut off at byte {length} it loads, and ends with: {ending}");
        }
    }
    sandbox.load(&whole, &[], &Limits::DEFAULT).await.map(drop).context("the whole of it is a flow")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_end_in_an_error_or_a_run_and_never_in_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        whole in Just(()).prop_map(|()| good()),
    ) {
        let mut bytes = whole;
        for (place, value) in changes {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        let limits = Limits { fuel: 1_000_000, deadline: 5_000, ..Limits::DEFAULT };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            if let Ok(flow) = sandbox().load(&bytes, &[], &limits).await {
                flow.run(context(), RecordingDoor::forgetful(0), &limits).await;
            }
        });
    }
}
