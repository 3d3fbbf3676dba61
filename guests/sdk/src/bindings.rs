//! The world of a flow (wit/flow/world.wit), generated: the host's functions, and the trait behind `#[flow]`.
//!
//! A flow author needs none of this; the other modules wrap it.

#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::restriction)]

wit_bindgen::generate!({
    world: "valence:flow/protocol-flow",
    path: "../../wit/flow",
    with: { "valence:flow/types@0.1.0": crate::types },
    generate_unused_types: true,
    additional_derives: [PartialEq, Eq],
    pub_export_macro: true,
    export_macro_name: "__export_flow",
    default_bindings_module: "valence_flow::bindings",
});
