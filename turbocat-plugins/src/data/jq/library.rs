//! The functions a filter may use: jaq's, without those that reach outside, and our own.

use jaq_core::load::parse::Def;
use jaq_core::native::Fun;

use super::context::Bounded;
use super::{native, sorting};

/// Functions of jaq's library that are ours (patterns of bounded cost, lists that pay for their
/// memory while they are sorted, nothing that ends the program or writes to its terminal) or
/// nobody's (the environment, the time zone of the machine).
const NOT_JAQS: [&str; 13] = [
    "matches",
    "split_matches",
    "split_",
    "sort_by",
    "group_by",
    "min_by_or_empty",
    "max_by_or_empty",
    "halt",
    "debug_empty",
    "stderr_empty",
    "env",
    "localtime",
    "strflocaltime",
];

/// Functions in Rust.
pub(super) fn functions() -> impl Iterator<Item = Fun<Bounded>> {
    let std = jaq_std::funs::<Bounded>().filter(|(name, ..)| !NOT_JAQS.contains(name));
    jaq_core::funs::<Bounded>().chain(std).chain(native::functions()).chain(sorting::functions())
}

/// Functions in jq.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let own = jaq_core::load::parse(include_str!("library.jq"), |parser| parser.defs());
    jaq_core::defs().chain(jaq_std::defs()).chain(own.into_iter().flatten())
}
