//! The macros of `valence-flow`, which re-exports them: `#[flow]`, `#[derive(Params)]`, `#[derive(Roles)]`, `driver!`.
//!
//! One file each. All paths in what they write start with `::valence_flow`.

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, parse_macro_input};

mod declare;
mod doc;
mod driver;
mod flow;
mod params;
mod roles;

/// Makes a function the flow: `#[flow(id = "…", name = "…", steps = ["…"])]`.
///
/// Every part may be left out: the id is the package's name, the name is the id in words, and a flow may emit no step. The
/// version is the package's, the one-line description the function's doc comment or else the package's description.
/// The function takes any of `Flow`, one struct with `#[derive(Params)]` and one with `#[derive(Roles)]`, and returns
/// `FlowResult`. A crate has one flow.
#[proc_macro_attribute]
pub fn flow(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(attribute as flow::Options);
    flow::expand(&options, &parse_macro_input!(item as ItemFn)).into()
}

/// Declares a flow's params: one for each field, its doc comment is the help.
///
/// A field `cold_wallet` is the param `cold-wallet`. Its type is `String`, `bool`, a whole number of up to 64 bits,
/// `Pubkey`, `Decimal`, or an `Option` of one of them. `#[param(…)]` takes `default = "100"`, `range = 1..=10` for whole
/// numbers, `max_len = 64` (bytes) for texts, and `name = "…"`.
#[proc_macro_derive(Params, attributes(param))]
pub fn params(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as DeriveInput);
    params::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Declares a flow's roles: one for each field, all of type `Role`; a field's doc comment is the help.
///
/// A field `cold_wallet` is the role `cold-wallet`; `#[role(name = "…")]` gives another name.
#[proc_macro_derive(Roles, attributes(role))]
pub fn roles(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as DeriveInput);
    roles::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Imports a driver: `driver!(token = "../../drivers/token");` makes a module `token` with the driver's functions.
///
/// The path is the driver's folder, seen from the flow's, as in the flow's Cargo.toml:
/// `[package.metadata.valence] drivers = ["../../drivers/token"]`. The folder has a `wit` folder with one world; what
/// that world exports is imported here, with the types of `valence:flow/types` being those of `valence_flow::types`.
#[proc_macro]
pub fn driver(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as driver::Input);
    driver::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
