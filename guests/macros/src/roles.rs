//! `#[derive(Roles)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, LitStr, Result};

use crate::{declare, doc};

/// The implementation of `Argument` for the struct.
pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let mut declares = Vec::new();
    let mut takes = Vec::new();
    let mut names = Vec::new();
    for (ident, field) in declare::fields(input, "roles")? {
        let mut name = doc::kebab(ident);
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("role")) {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("name") {
                    return Err(meta.error("a role has `name` only"));
                }
                name = meta.value()?.parse::<LitStr>()?.value();
                Ok(())
            })?;
        }
        let help = doc::first_paragraph(&field.attrs);
        declares.push(quote!(declaration.role(#name, #help);));
        takes.push(quote!(#ident: ::valence_flow::roles::Role::take(context, #name)?,));
        names.push((name, ident));
    }
    declare::no_duplicates(names.iter().map(|(name, ident)| (name, *ident)))?;
    Ok(declare::implement(&input.ident, &declares, &takes))
}
