//! Regular expressions that cost linear time, of a bounded size.

use std::sync::{Arc, LazyLock};

use regex::{Regex, RegexBuilder};

use super::cache::Cache;

/// The longest pattern in bytes.
const LONGEST: usize = 2_000;

/// The memory a compiled pattern may have.
const SIZE: usize = 1 << 20;

/// The longest text a pattern is matched against: time is the product of both lengths at worst.
pub(super) const LONGEST_TEXT: usize = 1 << 20;

/// How a pattern is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    pub(super) multi_line: bool,
    pub(super) dot_matches_new_line: bool,
    pub(super) swap_greed: bool,
    pub(super) ignore_whitespace: bool,
}

/// A pattern, compiled once.
pub(super) fn pattern(text: &str, flags: Flags) -> Result<Arc<Regex>, String> {
    static PATTERNS: LazyLock<Cache<(String, Flags), Regex>> = LazyLock::new(Cache::default);
    if text.len() > LONGEST {
        return Err(format!("a pattern may have {LONGEST} bytes, and this one has {}", text.len()));
    }
    PATTERNS.get_or((text.to_owned(), flags), |_| {
        let built = RegexBuilder::new(text)
            .size_limit(SIZE)
            .dfa_size_limit(SIZE)
            .nest_limit(50)
            .case_insensitive(flags.ignore_case)
            .multi_line(flags.multi_line)
            .dot_matches_new_line(flags.dot_matches_new_line)
            .swap_greed(flags.swap_greed)
            .ignore_whitespace(flags.ignore_whitespace)
            .build();
        built.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => format!("the pattern `{}` is too large", shown(text)),
            // The last line says what, those above it draw where.
            error => {
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                format!("the pattern `{}` is wrong: {reason}", shown(text))
            }
        })
    })
}

fn shown(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_pattern_is_explained() {
        let check = |text: &str, expected: &str| {
            assert_eq!(pattern(text, Flags::default()).unwrap_err(), expected);
        };
        check("a(", "the pattern `a(` is wrong: unclosed group");
        check(
            "(?=a)b",
            "the pattern `(?=a)b` is wrong: look-around, including look-ahead and look-behind, is not supported",
        );
        check("(a{1000}){1000}", "the pattern `(a{1000}){1000}` is too large");
        check(&"a".repeat(2_001), "a pattern may have 2000 bytes, and this one has 2001");
        assert!(pattern(&"(".repeat(60), Flags::default()).unwrap_err().contains("wrong"));
    }

    #[test]
    fn a_catastrophic_pattern_ends() {
        let pattern = pattern("(a+)+$", Flags::default()).unwrap();
        assert!(!pattern.is_match(&("a".repeat(100_000) + "b")));
    }
}
