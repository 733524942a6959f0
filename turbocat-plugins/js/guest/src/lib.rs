//! QuickJS as a WASM module: the inside of the `code` agent.
//!
//! The module is set up once, when it is built (`wizer-initialize`), and written as it is then.
//! A call (`evaluate`) starts from there, evaluates one piece of code and reports; the instance
//! is thrown away afterwards, so nothing here is ever put back in order.
//!
//! It must not know what a workflow is, and has no way out: the clock, the log and the bytes of
//! the call are all that it imports.

mod capture;
mod engine;
mod extism;
mod frame;
mod report;

mod evaluate;

use std::cell::OnceCell;

use engine::Engine;

thread_local! {
    static ENGINE: OnceCell<Engine> = const { OnceCell::new() };
}

/// Sets the engine up. Called once, when the module is built.
#[unsafe(export_name = "wizer-initialize")]
pub extern "C" fn wizer_initialize() {
    match Engine::new() {
        Ok(engine) => ENGINE.with(|slot| {
            let _ = slot.set(engine);
        }),
        Err(message) => {
            extism::fail(&message);
            core::arch::wasm32::unreachable()
        }
    }
}

/// Evaluates the code of the call's input and writes the report as its output.
#[unsafe(no_mangle)]
pub extern "C" fn evaluate() -> i32 {
    let input = extism::input();
    let report = ENGINE.with(|engine| {
        Some(evaluate::evaluate(engine.get()?, &frame::Frame::read(&input)?))
    });
    match report {
        Some(report) => {
            extism::output(report.as_bytes());
            0
        }
        None => {
            extism::fail("the module is not set up, or the input is no frame of the code agent");
            1
        }
    }
}
