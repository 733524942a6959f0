//! Any bytes, as what a plugin answers. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-plugins/tests/fuzz-cases/plugin_reply.rs"]
mod plugin_reply;

libfuzzer_sys::fuzz_target!(|data: &[u8]| plugin_reply::check(data));
