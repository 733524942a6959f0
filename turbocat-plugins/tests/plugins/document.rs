//! What docs/plugins.md shows of other languages is cut out of plugins that are tested; its Rust is
//! compiled with the documentation tests of the kit.

use serde_json::Value;
use turbocat_pdk::wire::{Context, Manifest};

const DOCUMENT: &str = include_str!("../../../docs/plugins.md");

/// The blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = DOCUMENT.lines();
    while lines.any(|line| line == format!("```{language}")) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(block.join("\n"));
    }
    assert!(!blocks.is_empty(), "no {language}");
    blocks
}

#[test]
fn samples_are_cut_out_of_what_is_tested() {
    for (language, source) in [
        ("ts", include_str!("../../../plugins/words/words.ts")),
        ("c", include_str!("../../../plugins/sum/sum.c")),
        ("rust,ignore", include_str!("../../examples/wasm_plugin.rs")),
    ] {
        let mut rest = source;
        for line in blocks(language).iter().flat_map(|block| block.lines()).filter(|line| !line.is_empty()) {
            let at = rest
                .find(line)
                .unwrap_or_else(|| panic!("{language}: `{line}` is not there, or stands before the others"));
            rest = &rest[at + line.len()..];
        }
    }
}

#[test]
fn its_json_is_what_it_says_it_is() {
    let [case, manifest, context] = &blocks("json")[..] else { panic!("another block of JSON") };
    Manifest::read(manifest.as_bytes()).unwrap();
    let context: Context = serde_json::from_str(context).unwrap();
    assert_eq!(context.idempotency_key, format!("{}/{}", context.execution, context.path));
    let case: Value = serde_json::from_str(case).unwrap();
    assert!(case["agent"].is_string() && case["output"].is_object());
}

#[test]
fn it_names_every_import_that_plugins_use() {
    for plugin in ["greet", "words", "sum", "plain", "hostile"] {
        let bytes = std::fs::read(crate::called::file(plugin)).unwrap();
        let names = imports(&bytes);
        assert!(names.len() > 5, "{plugin}: {names:?}");
        for name in names {
            assert!(DOCUMENT.contains(&format!("`{name}")), "{plugin} imports `{name}`");
        }
    }
}

/// The names that a module imports from Extism, found by what stands before them: the length and
/// name of the import's module.
fn imports(bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for module in [&b"extism:host/env"[..], b"extism:host/user"] {
        for (at, _) in bytes.windows(module.len()).enumerate().filter(|(_, window)| *window == module) {
            let after = &bytes[at + module.len()..];
            let Some((length, after)) = after.split_first() else { continue };
            names.push(String::from_utf8_lossy(&after[..usize::from(*length)]).into_owned());
        }
    }
    names
}
