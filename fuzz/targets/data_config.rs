//! Any configuration of `data` with any inputs. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-plugins/tests/fuzz-cases/data.rs"]
mod data;
#[path = "../../turbocat-plugins/tests/fuzz-cases/data_config.rs"]
mod data_config;

libfuzzer_sys::fuzz_target!(|data: &[u8]| data_config::check(data));
