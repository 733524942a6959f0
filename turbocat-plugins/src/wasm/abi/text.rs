//! Configuration and variables.

use wasmtime::{Caller, Linker, Result};

use super::ENV;
use crate::wasm::guest::Guest;

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap(ENV, "config_get", |mut caller: Caller<'_, Guest>, key: u64| -> Result<u64> {
        let guest = caller.data_mut();
        let key = guest.take_text(key)?;
        match guest.setting(&key)? {
            None => Ok(0),
            Some(value) => Ok(guest.put(value.as_bytes())?),
        }
    })?;
    linker.func_wrap(ENV, "var_get", |mut caller: Caller<'_, Guest>, key: u64| -> Result<u64> {
        let guest = caller.data_mut();
        let key = guest.take_text(key)?;
        // taken out for as long as it is copied
        match guest.vars.remove_entry(&key) {
            None => Ok(0),
            Some((key, value)) => {
                let offset = guest.put(&value);
                guest.vars.insert(key, value);
                Ok(offset?)
            }
        }
    })?;
    linker.func_wrap(
        ENV,
        "var_set",
        |mut caller: Caller<'_, Guest>, key: u64, value: u64| -> Result<()> {
            let guest = caller.data_mut();
            let key = guest.take_text(key)?;
            let value = if value == 0 { None } else { Some(guest.take(value)?) };
            Ok(guest.set_var(key, value)?)
        },
    )?;
    Ok(())
}
