//! `#[derive(Params)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{DeriveInput, Error, Expr, ExprRange, Field, Lit, LitInt, LitStr, RangeLimits, Result};

use crate::{declare, doc};

/// What `#[param(…)]` says of a field.
#[derive(Default)]
struct Options {
    name: Option<String>,
    default: Option<String>,
    range: Option<(Expr, Expr)>,
    max_len: Option<LitInt>,
}

/// The implementation of `Argument` for the struct.
pub fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let mut declares = Vec::new();
    let mut takes = Vec::new();
    let mut names = Vec::new();
    for (ident, field) in declare::fields(input, "params")? {
        let options = Options::of(field)?;
        let name = options.name.unwrap_or_else(|| doc::kebab(ident));
        let help = doc::first_paragraph(&field.attrs);
        let kind = &field.ty;
        let default = match options.default {
            Some(text) => quote!(::core::option::Option::Some(#text)),
            None => quote!(::core::option::Option::None),
        };
        let range = match options.range {
            Some((least, most)) => {
                quote!(::core::option::Option::Some(((#least) as i128, (#most) as i128)))
            }
            None => quote!(::core::option::Option::None),
        };
        let max_len = match options.max_len {
            Some(bytes) => quote!(::core::option::Option::Some(#bytes)),
            None => quote!(::core::option::Option::None),
        };
        declares.push(quote! {
            const LIMITS: ::valence_flow::params::Limits =
                ::valence_flow::params::Limits { range: #range, max_len: #max_len };
            const { ::valence_flow::params::check_limits::<#kind>(LIMITS) };
            declaration.param::<#kind>(#name, #help, #default, LIMITS);
        });
        takes.push(quote!(#ident: ::valence_flow::params::take(context, #name)?,));
        names.push((name, ident));
    }
    declare::no_duplicates(names.iter().map(|(name, ident)| (name, *ident)))?;
    // A block each, so that every field has its own LIMITS.
    let declares: Vec<_> = declares.into_iter().map(|declare| quote!({ #declare })).collect();
    Ok(declare::implement(&input.ident, &declares, &takes))
}

impl Options {
    fn of(field: &Field) -> Result<Self> {
        let mut options = Self::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("param")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    options.name = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.path.is_ident("default") {
                    options.default = Some(default(&meta.value()?.parse()?)?);
                } else if meta.path.is_ident("range") {
                    options.range = Some(range(meta.value()?.parse()?)?);
                } else if meta.path.is_ident("max_len") {
                    options.max_len = Some(meta.value()?.parse()?);
                } else {
                    return Err(meta.error("a param has `name`, `default`, `range` and `max_len`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// A default is written as on a command line; a number or `true` may stand without quotes.
fn default(literal: &Expr) -> Result<String> {
    match literal {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Ok(text.value()),
            Lit::Int(number) => Ok(number.base10_digits().to_owned()),
            Lit::Float(number) => Ok(number.base10_digits().to_owned()),
            Lit::Bool(value) => Ok(value.value.to_string()),
            other => Err(Error::new_spanned(other, "write the default as a text, as on a command line")),
        },
        Expr::Unary(_) => Ok(literal.to_token_stream().to_string().replace([' ', '_'], "")),
        other => Err(Error::new_spanned(other, "write the default as a text, as on a command line")),
    }
}

fn range(range: ExprRange) -> Result<(Expr, Expr)> {
    let refuse = "write the range as `least..=most`, both included";
    let whole = range.clone();
    match (range.start, range.limits, range.end) {
        (Some(least), RangeLimits::Closed(_), Some(most)) => Ok((*least, *most)),
        _ => Err(Error::new_spanned(whole, refuse)),
    }
}
