//! What `Params` and `Roles` share: a struct with named fields, and the frame of the implementation.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, Result};

/// The fields of a struct with names; an error for anything else.
pub fn fields<'a>(input: &'a DeriveInput, what: &str) -> Result<Vec<(&'a Ident, &'a Field)>> {
    let refuse = || Error::new_spanned(&input.ident, format!("{what} are a struct with named fields"));
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, format!("{what} cannot be generic")));
    }
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => {
                named.named.iter().map(|field| Ok((field.ident.as_ref().ok_or_else(refuse)?, field))).collect()
            }
            Fields::Unit => Ok(Vec::new()),
            Fields::Unnamed(_) => Err(refuse()),
        },
        _ => Err(refuse()),
    }
}

/// Refuses two fields of one name, which only `name = "…"` can make.
pub fn no_duplicates<'a>(names: impl IntoIterator<Item = (&'a String, &'a Ident)>) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for (name, ident) in names {
        if !seen.insert(name) {
            return Err(Error::new_spanned(ident, format!("there is another field with the name `{name}`")));
        }
    }
    Ok(())
}

/// The implementation of `Argument`, from what each field declares and how it is read.
pub fn implement(ident: &Ident, declare: &[TokenStream], take: &[TokenStream]) -> TokenStream {
    quote! {
        impl ::valence_flow::params::Argument for #ident {
            fn declare(declaration: &mut ::valence_flow::params::Declaration) {
                let _ = &declaration;
                #(#declare)*
            }

            fn take(
                context: &::valence_flow::entry::Context,
            ) -> ::core::result::Result<Self, ::valence_flow::error::FlowError> {
                let _ = &context;
                ::core::result::Result::Ok(Self { #(#take)* })
            }
        }
    }
}
