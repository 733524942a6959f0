//! Any filter of jq on any input. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-plugins/tests/fuzz-cases/data.rs"]
mod data;
#[path = "../../turbocat-plugins/tests/fuzz-cases/data_jq.rs"]
mod data_jq;

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_jq::check(data));
