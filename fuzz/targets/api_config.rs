//! Any JSON, as the configuration of the `api` agent. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-plugins/tests/fuzz-cases/api_config.rs"]
mod api_config;

libfuzzer_sys::fuzz_target!(|data: &[u8]| api_config::check(data));
