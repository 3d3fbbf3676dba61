//! Components out of WebAssembly text, so that these tests need no compiler of any language: the hostile guests of
//! `guests/hostile`, and components put together by hand. What is expected of each is not here.

use anyhow::{Context as _, Result};
use std::path::PathBuf;
use valence_sandbox::{Context, inspect};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The part of WASI 0.2 that the tests' guests import; what it means is WASI's matter.
const WASI: &str = include_str!("wasi.wit");

/// A place in this repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Text of `guests/hostile`.
fn read(name: &str) -> Result<String> {
    let file = repository("guests/hostile").join(format!("{name}.wat"));
    std::fs::read_to_string(&file).with_context(|| file.display().to_string())
}

/// The text with what it includes.
fn included(text: &str) -> Result<String> {
    let text = text.replace(";; include prelude\n", &read("prelude")?);
    Ok(text.replace(";; include describe\n", &read("describe")?))
}

/// A core module as a component of the flow world, which may import WASI as well.
pub fn component(module: &str) -> Result<Vec<u8>> {
    component_of("", FLOW, module)
}

/// The same, of the first WASI 0.2, which older compilers name.
pub fn component_of_first_wasi(module: &str) -> Result<Vec<u8>> {
    built(&WASI.replace("0.2.12", "0.2.0"), "", FLOW, &module.replace("0.2.12", "0.2.0"))
}

/// A core module as a component of a world of its own: what the world imports and exports, and the packages that it needs
/// beside the contract and WASI. A package may stand in for the contract.
pub fn component_of(packages: &str, items: &str, module: &str) -> Result<Vec<u8>> {
    built(WASI, packages, items, module)
}

fn built(wasi: &str, packages: &str, items: &str, module: &str) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    if !packages.contains("package valence:flow@0.1.0") {
        resolve.push_dir(repository("wit/flow"))?;
    }
    resolve.push_source("wasi.wit", wasi)?;
    let wit = format!("package test:guest;\n{packages}\nworld of-tests {{ {items} }}");
    let package = resolve.push_source("test.wit", &wit)?;
    let world = resolve.select_world(&[package], Some("of-tests"))?;
    let mut bytes = wat::parse_str(module)?;
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().validate(true).module(&bytes)?.encode()
}

/// What a flow of the tests may import and must export.
pub const FLOW: &str = "include valence:flow/protocol-flow@0.1.0; include test:wasi/everything;";

/// Fields of a module, with the valid prelude and descriptor, as the text of a flow. Imports come first in a module.
pub fn flow_text(imports: &str, fields: &str) -> Result<String> {
    included(&format!("(module {imports}\n;; include prelude\n;; include describe\n{fields})"))
}

/// A hostile guest by its file's name.
pub fn hostile(name: &str) -> Result<Vec<u8>> {
    component(&included(&read(name)?)?).with_context(|| format!("guests/hostile/{name}.wat"))
}

/// A flow that means no harm.
pub fn good() -> Vec<u8> {
    hostile("good").unwrap()
}

fn leb(mut n: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = u8::try_from(n & 0x7f).unwrap();
        n >>= 7;
        if n == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

/// A section of a module or component.
pub fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], leb(content.len()).as_slice(), content].concat()
}

/// The good flow with another component inside it, given as text, that is instantiated together with it.
pub fn good_with(inside: &str) -> Result<Vec<u8>> {
    let inside = wat::parse_str(inside)?;
    let mut flow = good();
    let mut components = 0;
    let mut depth = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&flow) {
        match payload? {
            wasmparser::Payload::ComponentSection { .. } => {
                components += usize::from(depth == 0);
                depth += 1;
            }
            wasmparser::Payload::ModuleSection { .. } => depth += 1,
            wasmparser::Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    flow.extend(section(4, &inside));
    // One instance: instantiate that component with no arguments.
    flow.extend(section(5, &[&[1, 0], leb(components).as_slice(), &[0]].concat()));
    Ok(flow)
}

/// A core module with so many functions that do nothing, or globals that hold nothing. By hand: as text it would be long.
pub fn module_of_many(functions: usize, globals: usize) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(section(1, &[1, 0x60, 0, 0]));
    module.extend(section(3, &[leb(functions), vec![0; functions]].concat()));
    module.extend(section(6, &[leb(globals), [0x7f, 0, 0x41, 0, 0x0b].repeat(globals)].concat()));
    module.extend(section(10, &[leb(functions), [2, 0, 0x0b].repeat(functions)].concat()));
    module
}

/// A component that is nothing but this core module.
pub fn around(module: &[u8]) -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.extend(section(1, module));
    component
}

/// What a run is given where it does not matter.
pub fn context() -> Context {
    Context { instance: "test".to_owned(), episode: 0, params: Vec::new(), roles: Vec::new(), state: None }
}

#[test]
fn what_is_put_together_by_hand_is_valid() -> Result<()> {
    let valid = |bytes: &[u8]| wasmparser::Validator::new().validate_all(bytes).map(drop);
    valid(&good())?;
    valid(&good_with("(component (core module $m (memory 1)) (core instance (instantiate $m)))")?)?;
    valid(&around(&module_of_many(300, 200)))?;
    let anatomy = inspect(&around(&module_of_many(300, 200)), &valence_sandbox::Limits::DEFAULT)?;
    assert_eq!((anatomy.modules, anatomy.functions, anatomy.globals), (1, 300, 200));
    Ok(())
}
