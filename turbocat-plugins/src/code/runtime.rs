//! Which runtimes a configuration may name, and what they are here.

use turbocat_core::BadConfig;

/// What the code is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Language {
    JavaScript,
    TypeScript,
}

impl Language {
    /// The file that places are in.
    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::JavaScript => "code.js",
            Self::TypeScript => "code.ts",
        }
    }
}

/// Names that are taken, each with or without a version after it; the first of each group is
/// suggested.
const TAKEN: [(&str, Language); 12] = [
    ("nodejs", Language::JavaScript),
    ("javascript", Language::JavaScript),
    ("typescript", Language::TypeScript),
    ("deno", Language::TypeScript),
    ("node", Language::JavaScript),
    ("node.js", Language::JavaScript),
    ("js", Language::JavaScript),
    ("ecmascript", Language::JavaScript),
    ("quickjs", Language::JavaScript),
    ("ts", Language::TypeScript),
    ("bun", Language::TypeScript),
    ("tsx", Language::TypeScript),
];

/// Runtimes that others have.
const FOREIGN: [&str; 15] = [
    "python", "pypy", "go", "golang", "ruby", "php", "java", "dotnet", "csharp", "rust", "bash", "shell",
    "sh", "perl", "lua",
];

/// The language of a runtime such as `nodejs20`.
pub(super) fn language_of(runtime: &str) -> Result<Language, BadConfig> {
    let lower = runtime.trim().to_ascii_lowercase();
    let name = family(&lower);
    if let Some((_, language)) = TAKEN.iter().find(|(taken, _)| *taken == name) {
        return Ok(*language);
    }
    let message = format!("the runtime `{runtime}` is not available: code is JavaScript or TypeScript");
    if FOREIGN.contains(&name) {
        let help =
            "write it in JavaScript (`runtime: nodejs`), or compile it to WASM and load it as a plugin";
        return Err(BadConfig::at("/runtime", message).help(help));
    }
    Err(BadConfig::at("/runtime", message).suggest(name, TAKEN[..4].iter().map(|(taken, _)| *taken)))
}

/// The language that is named as such.
pub(super) fn language_named(name: &str) -> Result<Language, BadConfig> {
    match name {
        "javascript" | "js" => Ok(Language::JavaScript),
        "typescript" | "ts" => Ok(Language::TypeScript),
        _ => Err(BadConfig::at("/language", format!("the language `{name}` is not known"))
            .suggest(name, ["javascript", "typescript"])),
    }
}

/// The name without its version: `python3.11` is a `python`, `node-20-lts` is a `node`.
fn family(runtime: &str) -> &str {
    let end = runtime
        .char_indices()
        .find(|(at, c)| *at > 0 && (c.is_ascii_digit() || matches!(c, '-' | '_' | '@' | ':' | ' ')))
        .map_or(runtime.len(), |(at, _)| at);
    &runtime[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_known_with_and_without_its_version() {
        for name in
            ["nodejs", "nodejs20", "NodeJS", "node", "node-22", "javascript", "js", "node.js18", "quickjs"]
        {
            assert_eq!(language_of(name), Ok(Language::JavaScript), "{name}");
        }
        for name in ["deno", "deno1", "deno2", "typescript", "typescript5.4", "ts", "bun1"] {
            assert_eq!(language_of(name), Ok(Language::TypeScript), "{name}");
        }
    }

    #[test]
    fn a_runtime_that_is_not_here_is_refused_with_what_to_do() {
        for name in ["python", "python3.11", "go1.21", "ruby", "bash"] {
            let bad = language_of(name).unwrap_err();
            assert_eq!(bad.at, "/runtime");
            assert!(bad.message.contains(&format!("`{name}`")), "{}", bad.message);
            assert!(bad.help.unwrap().contains("plugin"));
        }
        assert_eq!(language_of("nodjs").unwrap_err().help.unwrap(), "did you mean `nodejs`?");
        assert!(language_of("").is_err());
        assert_eq!(language_named("typscript").unwrap_err().help.unwrap(), "did you mean `typescript`?");
    }
}
