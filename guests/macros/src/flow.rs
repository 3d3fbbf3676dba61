//! `#[flow]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, LitStr, Result, Token, bracketed};

use crate::doc;

/// What stands in the attribute's parentheses.
#[derive(Default)]
pub struct Options {
    id: Option<LitStr>,
    name: Option<LitStr>,
    steps: Vec<LitStr>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            if key == "id" {
                options.id = Some(input.parse()?);
            } else if key == "name" {
                options.name = Some(input.parse()?);
            } else if key == "steps" {
                let list;
                bracketed!(list in input);
                let steps = Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?;
                options.steps = steps.into_iter().collect();
            } else {
                return Err(Error::new(key.span(), "a flow has `id`, `name` and `steps`"));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if let Some(id) = &options.id {
            check_id(id)?;
        }
        Ok(options)
    }
}

fn check_id(id: &LitStr) -> Result<()> {
    let text = id.value();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || !text.chars().all(fits) {
        return Err(Error::new(id.span(), "an id has lowercase letters, digits and `-`"));
    }
    Ok(())
}

/// The function as it was, and the component around it.
pub fn expand(options: &Options, function: &ItemFn) -> TokenStream {
    // Where something is wrong the function stays, so that the compiler complains of one thing only.
    let component = component(options, function).unwrap_or_else(Error::into_compile_error);
    quote! {
        #function
        #component
    }
}

fn component(options: &Options, function: &ItemFn) -> Result<TokenStream> {
    let ident = &function.sig.ident;
    if let Some(asyncness) = &function.sig.asyncness {
        return Err(Error::new_spanned(asyncness, "a flow is not async: its calls wait for their answers"));
    }
    if !function.sig.generics.params.is_empty() {
        return Err(Error::new_spanned(&function.sig.generics, "a flow cannot be generic"));
    }
    let mut arguments = Vec::new();
    for argument in &function.sig.inputs {
        match argument {
            FnArg::Typed(argument) => arguments.push(&*argument.ty),
            FnArg::Receiver(receiver) => {
                return Err(Error::new_spanned(receiver, "a flow is a free function"));
            }
        }
    }
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let id = match &options.id {
        Some(id) => id.value(),
        None => {
            let id = package.replace('_', "-").to_lowercase();
            check_id(&LitStr::new(&id, ident.span()))?;
            id
        }
    };
    let name = options.name.as_ref().map_or_else(|| in_words(&id), LitStr::value);
    let description = match doc::first_paragraph(&function.attrs) {
        text if text.is_empty() => quote!(::core::env!("CARGO_PKG_DESCRIPTION")),
        text => quote!(#text),
    };
    let steps = &options.steps;
    let takes = arguments
        .iter()
        .map(|kind| quote_spanned!(kind.span()=> <#kind as ::valence_flow::params::Argument>::take(context)?));
    let declares = arguments
        .iter()
        .map(|kind| quote_spanned!(kind.span()=> <#kind as ::valence_flow::params::Argument>::declare(declaration);));
    Ok(quote! {
        /// The component of this crate's flow.
        pub struct FlowComponent;

        impl ::valence_flow::entry::Definition for FlowComponent {
            const ID: &'static str = #id;
            const NAME: &'static str = #name;
            const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
            const DESCRIPTION: &'static str = #description;
            const STEPS: &'static [&'static str] = &[#(#steps),*];

            fn declare(declaration: &mut ::valence_flow::params::Declaration) {
                let _ = &declaration;
                #(#declares)*
            }

            fn call(context: &::valence_flow::entry::Context) -> ::valence_flow::flow::FlowResult {
                let _ = &context;
                #ident(#(#takes),*)
            }
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            impl ::valence_flow::entry::Guest for FlowComponent {
                fn describe() -> ::valence_flow::entry::Descriptor {
                    ::valence_flow::entry::describe::<Self>()
                }

                fn run(
                    context: ::valence_flow::entry::Context,
                ) -> ::core::result::Result<
                    ::valence_flow::entry::Outcome,
                    ::valence_flow::bindings::exports::valence::flow::flow::FlowError,
                > {
                    ::valence_flow::entry::run::<Self>(&context)
                }
            }

            ::valence_flow::bindings::__export_flow!(FlowComponent with_types_in ::valence_flow::bindings);
        };
    })
}

/// `treasury-sweep` for people: `Treasury sweep`.
fn in_words(id: &str) -> String {
    let words = id.replace('-', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}
