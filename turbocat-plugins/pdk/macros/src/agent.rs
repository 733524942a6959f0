//! `#[agent]`: beside the function a type of the same name, which plays the agent.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn, LitInt, LitStr, Result, ReturnType, Type};

#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    description: Option<LitStr>,
    capabilities: Vec<LitStr>,
    config: Option<Type>,
    max_concurrent: Option<LitInt>,
}

impl Options {
    fn parse(tokens: TokenStream) -> Result<Self> {
        let mut options = Self::default();
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("description") {
                options.description = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("config") {
                options.config = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("max_concurrent") {
                options.max_concurrent = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("capabilities") {
                let content;
                syn::parenthesized!(content in meta.input);
                let texts = content.parse_terminated(|input| input.parse::<LitStr>(), syn::Token![,])?;
                options.capabilities.extend(texts);
            } else {
                return Err(meta.error(
                    "unknown option; an agent has `name`, `description`, `capabilities`, `config` and \
                     `max_concurrent`",
                ));
            }
            Ok(())
        });
        parser.parse2(tokens)?;
        Ok(options)
    }
}

/// What a function takes, in its order.
enum Parameter {
    Input(Box<Type>),
    Context,
}

pub(crate) fn expand(options: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let options = Options::parse(options)?;
    let function: ItemFn = syn::parse2(function)?;
    let parameters = parameters(&function)?;
    let ReturnType::Type(_, answer) = &function.sig.output else {
        return Err(Error::new(function.sig.span(), "an agent answers with a `Result<_, Failure>`"));
    };

    let ident = &function.sig.ident;
    let visibility = &function.vis;
    let export = ident.to_string();
    let name = options.name.map_or_else(|| export.replace('_', "-"), |name| name.value());
    let description = options.description.map(|text| text.value()).or_else(|| documented(&function));
    let description = option(description.map(|text| quote!(#text)));
    let max_concurrent = option(options.max_concurrent.map(|number| quote!(#number)));
    let capabilities = &options.capabilities;
    let schema_of = |kind: TokenStream, ty: &Type| quote!(::turbocat_pdk::agent::#kind::<#ty>());
    let input = parameters.iter().find_map(|parameter| match parameter {
        Parameter::Input(ty) => Some(&**ty),
        Parameter::Context => None,
    });
    let input = option(input.map(|ty| schema_of(quote!(schema_of_what_is_read), ty)));
    let config = option(options.config.as_ref().map(|ty| schema_of(quote!(schema_of_what_is_read), ty)));
    let arguments = parameters.iter().map(|parameter| match parameter {
        Parameter::Input(_) => quote!(::turbocat_pdk::agent::read(inputs)?),
        Parameter::Context => quote!(context),
    });

    Ok(quote! {
        #[allow(clippy::needless_pass_by_value, reason = "the inputs of a step are the agent's own")]
        #function

        #[doc(hidden)]
        #[allow(non_camel_case_types, reason = "it has the name of the function that it stands for")]
        #[derive(Debug)]
        #visibility enum #ident {}

        impl ::turbocat_pdk::agent::Agent for #ident {
            const CAPABILITIES: &'static [&'static str] = &[#(#capabilities),*];

            fn describe() -> ::turbocat_pdk::wire::ManifestAgent {
                ::turbocat_pdk::agent::Description {
                    name: #name,
                    export: #export,
                    description: #description,
                    input: #input,
                    output: ::turbocat_pdk::agent::schema_of_answer::<#answer>(),
                    config: #config,
                    max_concurrent: #max_concurrent,
                }
                .into()
            }

            #[allow(unused_variables, reason = "an agent may need neither")]
            fn answer(
                inputs: &[u8],
                context: &::turbocat_pdk::Context,
            ) -> ::core::result::Result<::std::vec::Vec<u8>, ::turbocat_pdk::Failure> {
                ::turbocat_pdk::agent::Answer::write(#ident(#(#arguments),*))
            }
        }
    })
}

fn option(tokens: Option<TokenStream>) -> TokenStream {
    tokens.map_or_else(
        || quote!(::core::option::Option::None),
        |tokens| quote!(::core::option::Option::Some(#tokens)),
    )
}

fn parameters(function: &ItemFn) -> Result<Vec<Parameter>> {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness {
        return Err(Error::new(
            token.span(),
            "an agent is no `async` function: what it waits for, it waits for",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(signature.generics.span(), "an agent has no generic parameters"));
    }
    let mut parameters = Vec::new();
    for parameter in &signature.inputs {
        let FnArg::Typed(parameter) = parameter else {
            return Err(Error::new(parameter.span(), "an agent is a function, not a method"));
        };
        let next = match &*parameter.ty {
            Type::Reference(_) => Parameter::Context,
            ty => Parameter::Input(Box::new(ty.clone())),
        };
        let double = parameters.iter().any(|earlier| {
            std::mem::discriminant::<Parameter>(earlier) == std::mem::discriminant::<Parameter>(&next)
        });
        if double {
            let message = "an agent takes its inputs as one value, and a `&Context`";
            return Err(Error::new(parameter.span(), message));
        }
        parameters.push(next);
    }
    Ok(parameters)
}

/// The first paragraph of the documentation.
fn documented(function: &ItemFn) -> Option<String> {
    let lines =
        function.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
            match &attribute.meta.require_name_value().ok()?.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            }
        });
    let lines: Vec<String> =
        lines.map(|line| line.trim().to_owned()).take_while(|line| !line.is_empty()).collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_can_be_no_agent_is_refused() {
        let check = |options: &str, function: &str, expected: &str| {
            let error = expand(options.parse().unwrap(), function.parse().unwrap()).unwrap_err();
            assert_eq!(error.to_string(), expected, "{function}");
        };
        let fine = "fn a(input: In, cx: &Context) -> Result<Out, Failure> { todo() }";
        assert!(expand(TokenStream::new(), fine.parse().unwrap()).is_ok());
        check("", "fn a(x: In) {}", "an agent answers with a `Result<_, Failure>`");
        check(
            "",
            "async fn a() -> Out { b }",
            "an agent is no `async` function: what it waits for, it waits for",
        );
        check("", "fn a<T>(x: T) -> Out { b }", "an agent has no generic parameters");
        check("", "fn a(&self) -> Out { b }", "an agent is a function, not a method");
        let twice = "an agent takes its inputs as one value, and a `&Context`";
        check("", "fn a(x: In, y: In) -> Out { b }", twice);
        check("", "fn a(x: &In, y: &Context) -> Out { b }", twice);
        let options = "unknown option; an agent has `name`, `description`, `capabilities`, `config` and \
                       `max_concurrent`";
        check("title = \"x\"", fine, options);
    }
}
