//! Any text, as the lock file of plugins. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-plugins/tests/fuzz-cases/plugins_lock.rs"]
mod plugins_lock;

libfuzzer_sys::fuzz_target!(|data: &[u8]| plugins_lock::check(data));
