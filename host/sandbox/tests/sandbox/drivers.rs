//! Pure drivers composed into a flow: which are taken, which stay out, which are refused.

use crate::{
    door::RecordingDoor,
    guests::{FLOW, component_of, context, flow_text, good},
};
use anyhow::Result;
use valence_sandbox::{Ending, Flow, Limits, LoadError, Sandbox, SandboxConfig};

const TOOLS: &str = "package test:tools@1.0.0 { interface sums { add: func(a: u32, b: u32) -> u32; } }";
const SUMS: &str = "test:tools/sums@1.0.0";

/// Asks a driver for 2 + 3, and traps where that is not 5.
fn asking() -> Result<Vec<u8>> {
    let import = format!("(import \"{SUMS}\" \"add\" (func $add (param i32 i32) (result i32)))");
    let run = "(func (export \"valence:flow/flow@0.1.0#run\") (type $run)
        (if (i32.ne (call $add (i32.const 2) (i32.const 3)) (i32.const 5)) (then (unreachable)))
        (call $done))";
    component_of(TOOLS, &format!("{FLOW} import {SUMS};"), &flow_text(&import, run)?)
}

/// A driver whose `add` has this body.
fn adding(body: &str) -> Result<Vec<u8>> {
    let module = format!("(module (func (export \"{SUMS}#add\") (param i32 i32) (result i32) {body}))");
    component_of(TOOLS, &format!("export {SUMS};"), &module)
}

fn good_driver() -> Result<Vec<u8>> {
    adding("(i32.add (local.get 0) (local.get 1))")
}

async fn load(flow: &[u8], drivers: &[Vec<u8>]) -> Result<Flow, LoadError> {
    Sandbox::new(SandboxConfig::default())?.load(flow, drivers, &Limits::DEFAULT).await
}

async fn refusal(drivers: &[Vec<u8>]) -> Result<String> {
    match load(&asking()?, drivers).await {
        Ok(_) => anyhow::bail!("these drivers were taken"),
        Err(error) => Ok(error.to_string()),
    }
}

#[tokio::test]
async fn a_pure_driver_answers_inside_the_flow() -> Result<()> {
    let flow = load(&asking()?, &[good_driver()?]).await?;
    let done = flow.run(context(), RecordingDoor::forgetful(0), &Limits::DEFAULT).await;
    assert_eq!(done.ending, Ending::Done("done".to_owned()));
    assert_eq!((flow.drivers().len(), done.calls.calls), (1, 0));
    Ok(())
}

#[tokio::test]
async fn a_driver_that_loops_burns_the_flows_fuel() -> Result<()> {
    let flow = load(&asking()?, &[adding("(loop $again (br $again)) (i32.const 0)")?]).await?;
    let limits = Limits { fuel: 1_000_000, ..Limits::DEFAULT };
    let ending = flow.run(context(), RecordingDoor::forgetful(0), &limits).await.ending.to_string();
    assert!(ending.contains("limit `fuel` of 1000000"), "{ending}");
    Ok(())
}

#[tokio::test]
async fn without_its_driver_a_flow_is_refused_and_the_import_named() -> Result<()> {
    insta::assert_snapshot!(refusal(&[]).await?, @r"the component imports `test:tools/sums@1.0.0`, which this host does not have; if a driver exports it, name the driver with --driver");
    Ok(())
}

#[tokio::test]
async fn a_driver_that_imports_more_than_types_is_refused_by_name() -> Result<()> {
    let module = format!(
        "(module (import \"valence:flow/log@0.1.0\" \"write\" (func $log (param i32 i32 i32)))
         (memory (export \"memory\") 1)
         (func (export \"{SUMS}#add\") (param i32 i32) (result i32)
           (call $log (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 5)))"
    );
    let driver = component_of(TOOLS, &format!("import valence:flow/log@0.1.0; export {SUMS};"), &module)?;
    insta::assert_snapshot!(refusal(&[driver]).await?, @r"the driver test:tools/sums@1.0.0 cannot be linked: it imports `valence:flow/log@0.1.0`; a driver that is composed into a flow may import `valence:flow/types` only");
    Ok(())
}

#[tokio::test]
async fn two_drivers_for_one_interface_are_refused() -> Result<()> {
    let message = refusal(&[good_driver()?, adding("(i32.const 5)")?]).await?;
    let others = valence_sandbox::Digest::of(&good_driver()?);
    assert_eq!(
        message,
        format!(
            "the driver {SUMS} cannot be linked: the driver {others} already gives the flow `{SUMS}`; keep one of the two"
        )
    );
    Ok(())
}

#[tokio::test]
async fn a_driver_whose_functions_have_other_types_is_refused() -> Result<()> {
    let other = "package test:tools@1.0.0 { interface sums { add: func(a: u64) -> u32; } }";
    let module = format!("(module (func (export \"{SUMS}#add\") (param i64) (result i32) (i32.const 5)))");
    let driver = component_of(other, &format!("export {SUMS};"), &module)?;
    insta::assert_snapshot!(refusal(&[driver]).await?, @r"the driver test:tools/sums@1.0.0 cannot be linked: its functions are not those that the flow imports (the socket component had no matching imports for the plugs that were provided); build both against the same WIT");
    Ok(())
}

#[tokio::test]
async fn a_driver_that_is_no_component_is_refused() -> Result<()> {
    insta::assert_snapshot!(refusal(&[b"text".to_vec()]).await?, @r"the driver 1 of 1 given cannot be linked: this is not WebAssembly: it does not start with `\0asm`; give a component (.wasm) or a flow's source folder");
    insta::assert_snapshot!(refusal(&[wat::parse_str("(module)")?]).await?, @r"the driver 1 of 1 given cannot be linked: this is a core WebAssembly module, not a component; build it with `valence build`, which makes the component");
    Ok(())
}

#[tokio::test]
async fn a_driver_that_nobody_needs_stays_out() -> Result<()> {
    let alone = load(&good(), &[]).await?;
    let flow = load(&good(), &[good_driver()?]).await?;
    assert!(flow.drivers().is_empty());
    assert_eq!(flow.digest(), alone.digest());
    Ok(())
}

#[tokio::test]
async fn the_order_of_drivers_does_not_matter() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = Some(folder.path().join("cache"));
    let sandbox = Sandbox::new(SandboxConfig { cache, ..SandboxConfig::default() })?;
    let other = wat::parse_str("(component (instance $i) (export \"test:tools/other@1.0.0\" (instance $i)))")?;
    let (one, two) = ([good_driver()?, other.clone()], [other, good_driver()?]);
    assert!(!sandbox.load(&asking()?, &one, &Limits::DEFAULT).await?.was_cached());
    assert!(sandbox.load(&asking()?, &two, &Limits::DEFAULT).await?.was_cached());
    Ok(())
}
