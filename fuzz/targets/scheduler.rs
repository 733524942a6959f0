//! Any workflow, told anything in any order. What is promised stands with the regression tests, which keep the same promises.
#![no_main]

#[path = "../../turbocat-core/tests/fuzz-cases/scheduler.rs"]
mod scheduler;

libfuzzer_sys::fuzz_target!(|data: &[u8]| scheduler::check(data));
