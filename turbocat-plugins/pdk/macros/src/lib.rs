//! The macros of `turbocat-pdk`: a function becomes an agent, agents become a plugin.
//!
//! What they write stands in `turbocat_pdk`: the macros only join names, types and texts.

use proc_macro::TokenStream;

mod agent;
mod plugin;

/// Makes an agent of a function.
///
/// The function takes the inputs of a step, as a type that serde can read and schemars can
/// describe, and a `&Context`; either may be left out. It answers with a `Result` of a type that
/// serde can write. It stays an ordinary function, to be called in unit tests.
///
/// | option | |
/// |---|---|
/// | `name = "say-hello"` | the agent's name; by default the function's, with `-` for `_` |
/// | `description = "…"` | what it does; by default the first paragraph of its documentation |
/// | `capabilities("http GET api.example.com", "secret KEY")` | what it asks for |
/// | `config = Settings` | the type of its configuration, for its schema |
/// | `max_concurrent = 4` | how many attempts may be made at once |
#[proc_macro_attribute]
pub fn agent(options: TokenStream, function: TokenStream) -> TokenStream {
    agent::expand(options.into(), function.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a plugin of agents: their exports, the manifest, and a test that the manifest is right.
///
/// ```text
/// turbocat_pdk::plugin! {
///     agents: [greet, fetch],              // all else may be left out
///     name: "greet",                       // the package's name
///     version: "1.2.0",                    // the package's version
///     description: "Greets people",        // the package's description
///     capabilities: ["state"],             // and what the agents ask for
///     limits: { memory_bytes: 16 << 20, time_ms: 500, output_bytes: 4096 },
///     state: execution,                    // memory lives as long as the execution: `call`
/// }
/// ```
#[proc_macro]
pub fn plugin(input: TokenStream) -> TokenStream {
    plugin::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
