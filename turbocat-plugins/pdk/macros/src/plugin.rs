//! `plugin!`: the exports of the agents it lists, and the manifest.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, Path, Result, Token};

struct Plugin {
    agents: Punctuated<Path, Token![,]>,
    name: Option<Expr>,
    version: Option<Expr>,
    description: Option<Expr>,
    capabilities: Punctuated<Expr, Token![,]>,
    limits: Vec<(Ident, Expr)>,
    state: Ident,
}

impl Parse for Plugin {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut plugin = Self {
            agents: Punctuated::new(),
            name: None,
            version: None,
            description: None,
            capabilities: Punctuated::new(),
            limits: Vec::new(),
            state: format_ident!("Call"),
        };
        let mut seen = Vec::new();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            if seen.contains(&key.to_string()) {
                return Err(Error::new(key.span(), format!("`{key}` is said twice")));
            }
            seen.push(key.to_string());
            input.parse::<Token![:]>()?;
            match &*key.to_string() {
                "agents" => plugin.agents = list(input, Path::parse)?,
                "name" => plugin.name = Some(input.parse()?),
                "version" => plugin.version = Some(input.parse()?),
                "description" => plugin.description = Some(input.parse()?),
                "capabilities" => plugin.capabilities = list(input, Expr::parse)?,
                "limits" => plugin.limits = limits(input)?,
                "state" => plugin.state = state(input)?,
                _ => {
                    return Err(Error::new(
                        key.span(),
                        format!(
                            "unknown setting `{key}`; a plugin has `agents`, `name`, `version`, `description`, \
                             `capabilities`, `limits` and `state`"
                        ),
                    ));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        if plugin.agents.is_empty() {
            return Err(Error::new(input.span(), "a plugin has agents: write `agents: [greet]`"));
        }
        Ok(plugin)
    }
}

fn list<T: Parse>(
    input: ParseStream<'_>,
    of: fn(ParseStream<'_>) -> Result<T>,
) -> Result<Punctuated<T, Token![,]>> {
    let content;
    syn::bracketed!(content in input);
    content.parse_terminated(of, Token![,])
}

fn limits(input: ParseStream<'_>) -> Result<Vec<(Ident, Expr)>> {
    let content;
    syn::braced!(content in input);
    let limits = content.parse_terminated(
        |input| {
            let key: Ident = input.parse()?;
            if !["memory_bytes", "time_ms", "output_bytes"].iter().any(|known| key == known) {
                let message =
                    format!("unknown limit `{key}`; limits are `memory_bytes`, `time_ms` and `output_bytes`");
                return Err(Error::new(key.span(), message));
            }
            input.parse::<Token![:]>()?;
            Ok((key, input.parse()?))
        },
        Token![,],
    )?;
    Ok(limits.into_iter().collect())
}

fn state(input: ParseStream<'_>) -> Result<Ident> {
    let word: Ident = input.parse()?;
    match &*word.to_string() {
        "call" => Ok(Ident::new("Call", word.span())),
        "execution" => Ok(Ident::new("Execution", word.span())),
        _ => Err(Error::new(word.span(), "the state of a plugin lives for a `call` or an `execution`")),
    }
}

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let plugin: Plugin = syn::parse2(input)?;
    let Plugin { agents, name, version, description, capabilities, limits, state } = plugin;
    let name = name.map_or_else(|| quote!(::core::env!("CARGO_PKG_NAME")), |name| quote!(#name));
    let version = version.map_or_else(|| quote!(::core::env!("CARGO_PKG_VERSION")), |text| quote!(#text));
    let description =
        description.map_or_else(|| quote!(::core::env!("CARGO_PKG_DESCRIPTION")), |text| quote!(#text));
    let agents: Vec<Path> = agents.into_iter().collect();
    let capabilities = capabilities.iter();
    let limits = limits.iter().map(|(key, value)| quote!(#key: ::core::option::Option::Some(#value),));

    let mut exports = Vec::new();
    let mut wrappers = Vec::new();
    for (number, agent) in agents.iter().enumerate() {
        let Some(last) = agent.segments.last() else { continue };
        let export = last.ident.to_string();
        if exports.contains(&export) {
            return Err(Error::new(agent.span(), format!("two agents would be exported as `{export}`")));
        }
        let wrapper = format_ident!("agent_{number}");
        wrappers.push(quote! {
            #[unsafe(export_name = #export)]
            extern "C" fn #wrapper() -> i32 {
                ::turbocat_pdk::export::call::<#agent>()
            }
        });
        exports.push(export);
    }

    Ok(quote! {
        /// What this plugin says of itself.
        ///
        /// # Errors
        /// If it breaks a rule of manifests, such as a capability that is none.
        #[allow(dead_code, reason = "outside of WebAssembly only tests ask for it")]
        pub fn turbocat_manifest()
        -> ::core::result::Result<::turbocat_pdk::wire::Manifest, ::turbocat_pdk::Failure> {
            ::turbocat_pdk::agent::Declaration {
                name: #name,
                version: #version,
                description: #description,
                limits: {
                    #[allow(clippy::needless_update, reason = "all limits may be given, or some")]
                    let limits = ::turbocat_pdk::wire::Limits {
                        #(#limits)*
                        ..::core::default::Default::default()
                    };
                    limits
                },
                state: ::turbocat_pdk::wire::StateKind::#state,
            }
            .manifest(
                ::std::vec![#(<#agents as ::turbocat_pdk::agent::Agent>::describe()),*],
                &[&[#(#capabilities),*], #(<#agents as ::turbocat_pdk::agent::Agent>::CAPABILITIES),*],
            )
        }

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "an export has a name that nobody else may have")]
        const _: () = {
            #[unsafe(export_name = "turbocat_manifest")]
            extern "C" fn manifest() -> i32 {
                ::turbocat_pdk::export::manifest(turbocat_manifest)
            }
            #(#wrappers)*
        };

        #[cfg(test)]
        #[test]
        fn the_manifest_of_the_plugin_keeps_the_rules() {
            if let ::core::result::Result::Err(failure) = turbocat_manifest() {
                ::core::panic!("{}", failure.message());
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_is_said_wrongly_is_refused() {
        let check = |input: &str, expected: &str| {
            let error = expand(input.parse().unwrap()).unwrap_err();
            assert!(error.to_string().contains(expected), "{input}: {error}");
        };
        assert!(expand("agents: [a, b::c], state: execution".parse().unwrap()).is_ok());
        check("", "a plugin has agents: write `agents: [greet]`");
        check("name: \"x\"", "a plugin has agents");
        check("agents: [a, b::a]", "two agents would be exported as `a`");
        check("agents: [a], agents: [b]", "`agents` is said twice");
        check("agents: [a], licence: \"x\"", "unknown setting `licence`");
        check("agents: [a], limits: { fuel: 1 }", "unknown limit `fuel`");
        check("agents: [a], state: forever", "lives for a `call` or an `execution`");
    }
}
