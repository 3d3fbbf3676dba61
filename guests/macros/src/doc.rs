//! Doc comments as one-line texts, and Rust names as the contract's names.

use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta};

/// The first paragraph of a doc comment, on one line.
pub fn first_paragraph(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let text: Vec<String> = lines.collect();
    let lines = text.iter().flat_map(|text| text.split('\n')).map(str::trim);
    let paragraph: Vec<&str> = lines.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}

/// `cold_wallet` as the contract writes it: `cold-wallet`.
pub fn kebab(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").unwrap_or(&name).replace('_', "-").to_lowercase()
}
