//! Log messages.

use turbocat_core::Level;
use wasmtime::{Caller, Linker, Result};

use super::ENV;
use crate::wasm::guest::Guest;

/// Extism counts trace, debug, info, warn, error from zero. What is traced goes nowhere, so plugins
/// need not make it.
const LEAST: i32 = 1;

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let levels = [
        ("log_trace", None),
        ("log_debug", Some(Level::Debug)),
        ("log_info", Some(Level::Info)),
        ("log_warn", Some(Level::Warn)),
        ("log_error", Some(Level::Error)),
    ];
    for (name, level) in levels {
        linker.func_wrap(ENV, name, move |mut caller: Caller<'_, Guest>, message: u64| -> Result<()> {
            let guest = caller.data_mut();
            let message = guest.take_said(message)?;
            if let Some(level) = level {
                guest.tell(level, String::from_utf8_lossy(&message).into_owned());
            }
            Ok(())
        })?;
    }
    linker.func_wrap(ENV, "get_log_level", || -> i32 { LEAST })?;
    Ok(())
}
