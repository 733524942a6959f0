//! Which texts may be names.

/// The longest name of a plugin, an agent or a kind of failure, in bytes.
pub(super) const NAME: usize = 64;

/// Whether a text may be the name of an agent, a plugin or a kind of failure: up to 64 letters
/// and digits of ASCII, `-`, `_` and `.`, the first of them a letter or a digit.
///
/// ```
/// use turbocat_pdk::wire::is_agent_name;
/// assert!(is_agent_name("hn-search"));
/// assert!(!is_agent_name("hn search"));
/// assert!(!is_agent_name("-search"));
/// ```
pub fn is_agent_name(text: &str) -> bool {
    text.len() <= NAME
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Whether a text may be the name of a secret: up to 128 letters and digits of ASCII, `-`, `_`
/// and `.`.
pub(super) fn is_secret_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Whether a text may be the name of an export that does an agent's work. The kit of AssemblyScript,
/// C++ and others have exports of their own that begin with `_`.
pub(super) fn is_function_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with('_')
        && text != super::MANIFEST_EXPORT
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a text is a version such as `1.4.0`, `1.4.0-rc.1` or `1.4.0+built.7`.
pub(super) fn is_version(text: &str) -> bool {
    fn number(text: &str) -> bool {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'))
            && text.parse::<u64>().is_ok()
    }
    fn word(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }
    if text.len() > NAME {
        return false;
    }
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (text, pre) = text.split_once('-').map_or((text, None), |(text, pre)| (text, Some(pre)));
    let whole_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').count() == 3
        && text.split('.').all(number)
        && pre
            .is_none_or(|pre| pre.split('.').all(|part| word(part) && (!whole_number(part) || number(part))))
        && build.is_none_or(|build| build.split('.').all(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_an_agent_is_a_plain_word() {
        for good in ["a", "hn-search", "Words_2", "geo.near", "3d", &"x".repeat(64)] {
            assert!(is_agent_name(good), "{good}");
        }
        for bad in ["", "-a", ".a", "_a", "a b", "a@1", "ä", "a/b", "a\n", &"x".repeat(65)] {
            assert!(!is_agent_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_version_is_three_numbers_and_what_semver_lets_follow() {
        for good in ["0.0.0", "1.20.300", "1.0.0-rc.1", "1.0.0-0a", "1.0.0+b.07", "1.0.0-x-y+b-1"] {
            assert!(is_version(good), "{good}");
        }
        for bad in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "v1.0.0",
            "01.0.0",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0-a..b",
            "1.0.0+",
            "1.0.ä",
        ] {
            assert!(!is_version(bad), "{bad}");
        }
    }

    #[test]
    fn a_function_is_no_export_of_the_kit() {
        for good in ["greet", "count_vowels", "a-b"] {
            assert!(is_function_name(good), "{good}");
        }
        for bad in ["", "_start", "__wasm_call_ctors", "turbocat_manifest", "a b", "ä"] {
            assert!(!is_function_name(bad), "{bad}");
        }
    }
}
