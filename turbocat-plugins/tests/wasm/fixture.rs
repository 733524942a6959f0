//! Plugins as texts.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// A module in the making: imports of the ABI, texts, and functions that use both.
///
/// In the functions stand `TEXT(name)` for the offset and length of a text in the module's memory,
/// `$put` (offset, length → block), `$say` (offset, length: the output), `$fail` (offset, length: the
/// error).
pub(crate) struct Fixture {
    imports: String,
    texts: Vec<(String, String)>,
    functions: String,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self { imports: String::new(), texts: Vec::new(), functions: String::new() }
    }

    /// One with a manifest: a name, version 1.0.0, agents by name.
    pub(crate) fn with_agents(agents: &[&str]) -> Self {
        let agents: Vec<Value> = agents.iter().map(|name| json!({ "name": name })).collect();
        Self::with_manifest(&json!({ "name": "demo", "version": "1.0.0", "agents": agents }))
    }

    /// One with this manifest.
    pub(crate) fn with_manifest(manifest: &Value) -> Self {
        Self::new()
            .text("manifest", &manifest.to_string())
            .function("turbocat_manifest", "(call $say TEXT(manifest))")
    }

    /// Another import: `i64 -> i64` and such, as WAT has it.
    pub(crate) fn import(mut self, module: &str, name: &str, kind: &str) -> Self {
        writeln!(self.imports, r#"(import "{module}" "{name}" (func ${name} {kind}))"#).unwrap();
        self
    }

    /// An import of the ABI.
    pub(crate) fn env(self, name: &str, kind: &str) -> Self {
        self.import("extism:host/env", name, kind)
    }

    /// An import of our own.
    pub(crate) fn user(self, name: &str, kind: &str) -> Self {
        self.import("extism:host/user", name, kind)
    }

    pub(crate) fn text(mut self, name: &str, text: &str) -> Self {
        self.texts.push((name.to_owned(), text.to_owned()));
        self
    }

    /// A function that is called, and returns 0 if its body does not return.
    pub(crate) fn function(self, name: &str, body: &str) -> Self {
        let function = format!(r#"(func $do_{name} (export "{name}") (result i32) {body} (i32.const 0))"#);
        self.raw(&function)
    }

    /// Anything.
    pub(crate) fn raw(mut self, wat: &str) -> Self {
        self.functions.push_str(wat);
        self.functions.push('\n');
        self
    }

    pub(crate) fn wat(&self) -> String {
        let mut at = 1024;
        let (mut data, mut functions) = (String::new(), self.functions.clone());
        for (name, text) in &self.texts {
            let mut escaped = String::new();
            for byte in text.bytes() {
                write!(escaped, "\\{byte:02x}").unwrap();
            }
            writeln!(data, r#"(data (i32.const {at}) "{escaped}")"#).unwrap();
            let place = format!("(i32.const {at}) (i32.const {})", text.len());
            functions = functions.replace(&format!("TEXT({name})"), &place);
            at += text.len();
        }
        let pages = u32::try_from(at).unwrap() / 65536 + 2;
        let imports = &self.imports;
        format!(
            r#"(module
(import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
(import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
(import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
(import "extism:host/env" "error_set" (func $error_set (param i64)))
(import "extism:host/env" "length" (func $length (param i64) (result i64)))
(import "extism:host/env" "input_offset" (func $input_offset (result i64)))
(import "extism:host/env" "input_length" (func $input_length (result i64)))
{imports}
(memory (export "memory") {pages})
{data}
(func $put (param $at i32) (param $len i32) (result i64)
  (local $block i64) (local $i i32)
  (local.set $block (call $alloc (i64.extend_i32_u (local.get $len))))
  (block $end (loop $next
    (br_if $end (i32.ge_u (local.get $i) (local.get $len)))
    (call $store_u8 (i64.add (local.get $block) (i64.extend_i32_u (local.get $i)))
      (i32.load8_u (i32.add (local.get $at) (local.get $i))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next)))
  (local.get $block))
(func $say (param $at i32) (param $len i32)
  (call $output_set (call $put (local.get $at) (local.get $len)) (i64.extend_i32_u (local.get $len))))
(func $fail (param $at i32) (param $len i32) (call $error_set (call $put (local.get $at) (local.get $len))))
(func $show (param $block i64) (call $output_set (local.get $block) (call $length (local.get $block))))
(func $echo (call $output_set (call $input_offset) (call $input_length)))
{functions})"#
        )
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let wat = self.wat();
        wat::parse_str(&wat).unwrap_or_else(|error| panic!("{error}"))
    }
}
