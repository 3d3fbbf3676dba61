//! `driver!`: the bindings of a driver's exports, for a flow that imports them.

use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Result, Token};
use wit_parser::{Resolve, WorldItem};

/// `token = "../../drivers/token"`.
pub struct Input {
    module: Ident,
    folder: LitStr,
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let module = input.parse()?;
        input.parse::<Token![=]>()?;
        let folder = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok(Self { module, folder })
    }
}

/// An interface that the driver exports.
struct Export {
    /// `valence:token/tokens@0.1.0`
    id: String,
    /// `valence::token::tokens`
    path: Vec<Ident>,
}

/// A module with the generated bindings.
pub fn expand(input: &Input) -> Result<TokenStream> {
    let fail = |message: String| Error::new(input.folder.span(), message);
    let package = std::env::var("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let driver = package.join(input.folder.value()).join("wit");
    // The contract stands beside this crate: wit/flow and guests/macros keep their places in a scaffold too.
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/flow");
    let exports = exports(&contract, &driver)
        .map_err(|error| fail(format!("the driver's interfaces in {} cannot be read: {error:#}", driver.display())))?;

    let module = &input.module;
    let inline = {
        let imports: String = exports.iter().map(|export| format!("import {}; ", export.id)).collect();
        // A name of its own for each driver, for it names a custom section of the component too.
        let name = module.to_string().replace("r#", "").replace('_', "-").to_lowercase();
        format!("package valence:drivers-of-a-flow; world uses-{name} {{ {imports}}}")
    };
    let (contract, driver) = (text(&contract, &fail)?, text(&driver, &fail)?);
    let paths = exports.iter().map(|export| &export.path);
    let reexports: Vec<_> = paths
        .map(|path| match exports.len() {
            1 => quote!(pub use self::generated::#(#path)::*::*;),
            _ => quote!(pub use self::generated::#(#path)::*;),
        })
        .collect();
    let doc = format!("The driver at `{}`.", input.folder.value());
    Ok(quote! {
        #[doc = #doc]
        #[allow(unused_imports, dead_code)]
        mod #module {
            #[allow(missing_docs, clippy::all, clippy::pedantic, clippy::restriction)]
            mod generated {
                ::valence_flow::wit_bindgen::generate!({
                    inline: #inline,
                    path: [#contract, #driver],
                    with: { "valence:flow/types@0.1.0": ::valence_flow::types },
                    generate_all,
                    generate_unused_types: true,
                    additional_derives: [PartialEq],
                    runtime_path: "::valence_flow::wit_bindgen::rt",
                });
            }
            #(#reexports)*
        }
    })
}

fn text(path: &Path, fail: &impl Fn(String) -> Error) -> Result<String> {
    let text = path.to_str().ok_or_else(|| fail(format!("{} is not UTF-8", path.display())))?;
    Ok(text.to_owned())
}

/// What the only world of the driver exports.
fn exports(contract: &Path, driver: &Path) -> std::result::Result<Vec<Export>, String> {
    let say = |error| format!("{error:#}");
    let mut resolve = Resolve::default();
    resolve.push_path(contract).map_err(say)?;
    let (package, _) = resolve.push_path(driver).map_err(say)?;
    let world = resolve.select_world(&[package], None).map_err(say)?;
    let mut exports = Vec::new();
    for item in resolve.worlds[world].exports.values() {
        let WorldItem::Interface { id, .. } = item else {
            return Err("its world exports a function or a type of its own; it must export interfaces".into());
        };
        let id = resolve.id_of(*id).ok_or("its world exports an interface without a name; give it one")?;
        exports.push(Export { path: path_of(&id), id });
    }
    if exports.is_empty() {
        return Err("its world exports no interface".into());
    }
    Ok(exports)
}

/// `valence:token/tokens@0.1.0` as Rust modules.
fn path_of(id: &str) -> Vec<Ident> {
    let name = id.split('@').next().unwrap_or(id);
    name.split([':', '/'])
        .map(|part| {
            let part = part.replace('-', "_");
            syn::parse_str::<Ident>(&part)
                .map_or_else(|_| format_ident!("{part}_"), |ident| Ident::new(&ident.to_string(), Span::call_site()))
        })
        .collect()
}
