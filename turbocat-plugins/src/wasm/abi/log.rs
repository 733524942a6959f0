//! Log messages.

use wasmtime::{Caller, Linker, Result};

use super::ENV;
use crate::wasm::guest::Guest;
use crate::wasm::report::Matter;

/// Extism counts trace, debug, info, warn, error from zero. What is traced goes nowhere, so plugins
/// need not make it.
const LEAST: i32 = 1;

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    let levels = [
        ("log_trace", None),
        ("log_debug", Some(Matter::Debug)),
        ("log_info", Some(Matter::Info)),
        ("log_warn", Some(Matter::Warn)),
        ("log_error", Some(Matter::Error)),
    ];
    for (name, matter) in levels {
        linker.func_wrap(ENV, name, move |mut caller: Caller<'_, Guest>, message: u64| -> Result<()> {
            let guest = caller.data_mut();
            let message = guest.take(message)?;
            match matter {
                Some(matter) => guest.log(matter, String::from_utf8_lossy(&message).into_owned())?,
                None => guest.count_logged(message.len())?,
            }
            Ok(())
        })?;
    }
    linker.func_wrap(ENV, "get_log_level", || -> i32 { LEAST })?;
    Ok(())
}
