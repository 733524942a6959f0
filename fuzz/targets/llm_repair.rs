//! Any text as the JSON of a model. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-plugins/tests/fuzz-cases/llm_repair.rs"]
mod llm_repair;

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_repair::check(data));
