//! What `inspect` says of a component, and of one that this host does not run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use support::{conformance, run, run_building};

#[test]
fn inspect_tells_what_a_flow_is_what_it_takes_and_that_it_fits() {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"sha256 [0-9a-f]{16,64}", "sha256 …");
    settings.add_filter(r"size +.*", "size    …");
    settings.bind(|| insta::assert_snapshot!(run_building(["inspect", "examples/treasury-sweep"]).expect(0).out));
}

#[test]
fn a_component_that_does_not_fit_is_described_all_the_same_and_says_why_not() {
    let ran = run_building(["inspect", "drivers/token"]).expect(3);
    assert!(
        ran.out.contains("this host does not run it: the component does not export `valence:flow/flow@0.1.0`"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("sha256"), "{}", ran.out);
    let ran = run(["inspect", conformance().to_str().unwrap(), "--limit", "functions=10"]).expect(3);
    assert!((ran.out.clone() + &ran.err).contains("`functions` of 10"), "{ran:?}");
}

#[test]
fn a_driver_that_the_flow_does_not_import_is_named_and_said_to_be_unused() {
    let flow = conformance().to_str().unwrap();
    let note = "the driver drivers/token is not used: the flow imports nothing that it exports";
    let ran = run_building(["inspect", flow, "--driver", "drivers/token"]).expect(0);
    assert_eq!(ran.err.lines().filter(|l| *l == note).count(), 1, "{ran:?}");
    // A driver that is used is nothing to talk about.
    let ran = run_building(["inspect", "examples/treasury-sweep", "--driver", "drivers/token"]).expect(0);
    assert!(!ran.err.contains("not used"), "{ran:?}");
}

#[test]
fn a_program_reads_the_same_as_one_object() {
    let objects = run_building(["inspect", "examples/treasury-sweep", "--output", "json"]).expect(0).objects();
    assert_eq!(objects.len(), 1);
    let flow = &objects[0];
    assert_eq!(flow["fits"], true);
    assert_eq!(flow["descriptor"]["id"], "treasury-sweep");
    assert_eq!(flow["drivers"].as_array().unwrap().len(), 1);
    assert_eq!(flow["digest"].as_str().unwrap().len(), 64);
    let objects = run_building(["inspect", "drivers/token", "--output", "json"]).expect(3).objects();
    assert_eq!((&objects[0]["fits"], objects[0]["why-not"].is_string()), (&false.into(), true));
}
