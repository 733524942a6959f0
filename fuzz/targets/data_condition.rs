//! Any condition about any item. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-plugins/tests/fuzz-cases/data.rs"]
mod data;
#[path = "../../turbocat-plugins/tests/fuzz-cases/data_condition.rs"]
mod data_condition;

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_condition::check(data));
