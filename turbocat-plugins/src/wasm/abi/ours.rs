//! What only Turbocat serves: progress, secrets, state.

use wasmtime::{Caller, Linker, Result};

use super::USER;
use crate::wasm::guest::Guest;
use crate::wasm::stop::Stop;

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap(
        USER,
        "turbocat_progress",
        |mut caller: Caller<'_, Guest>, json: u64| -> Result<()> {
            let guest = caller.data_mut();
            let progress = guest.take_said(json)?;
            Ok(guest.progress(&progress)?)
        },
    )?;
    linker.func_wrap_async(USER, "turbocat_secret", |mut caller: Caller<'_, Guest>, (name,): (u64,)| {
        Box::new(async move { Ok::<_, wasmtime::Error>(secret(caller.data_mut(), name).await?) })
    })?;
    linker.func_wrap_async(USER, "turbocat_state_get", |mut caller: Caller<'_, Guest>, (key,): (u64,)| {
        Box::new(async move { Ok::<_, wasmtime::Error>(state_get(caller.data_mut(), key).await?) })
    })?;
    linker.func_wrap_async(
        USER,
        "turbocat_state_set",
        |mut caller: Caller<'_, Guest>, (key, value): (u64, u64)| {
            Box::new(async move { Ok::<_, wasmtime::Error>(state_set(caller.data_mut(), key, value).await?) })
        },
    )?;
    Ok(())
}

async fn secret(guest: &mut Guest, name: u64) -> Result<u64, Stop> {
    let name = guest.take_text(name)?;
    guest.secret(&name).await?.map_or(Ok(0), |value| guest.put(value.as_bytes()))
}

async fn state_get(guest: &mut Guest, key: u64) -> Result<u64, Stop> {
    let key = guest.take_text(key)?;
    guest.state_get(&key).await?.map_or(Ok(0), |value| guest.put(&value))
}

async fn state_set(guest: &mut Guest, key: u64, value: u64) -> Result<(), Stop> {
    let key = guest.take_text(key)?;
    let value = if value == 0 { None } else { Some(guest.take(value)?) };
    guest.state_set(&key, value).await
}
