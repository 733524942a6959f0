//! Any bytes as the reply of a provider. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-plugins/tests/fuzz-cases/llm_reply.rs"]
mod llm_reply;

libfuzzer_sys::fuzz_target!(|data: &[u8]| llm_reply::check(data));
