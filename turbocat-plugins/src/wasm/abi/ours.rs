//! What only Turbocat serves: progress, secrets, state.

use std::time::Duration;

use turbocat_core::StepFailure;
use turbocat_pdk::wire::Capability;
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
    // The name that is judged is the name that is read.
    let Ok(wanted @ Capability::Secret(_)) = format!("secret {name}").parse::<Capability>() else {
        return Err(guest.misused("asks for a secret by a name that is none"));
    };
    guest.demand(&wanted)?;
    let Capability::Secret(name) = wanted else { return Ok(0) };
    let world = guest.right.world.clone();
    let Some(secrets) = &world.secrets else { return Ok(0) };
    match in_time(guest, secrets.secret(&name)).await? {
        None => Ok(0),
        Some(value) => {
            guest.blackout.add(&value);
            guest.put(value.as_bytes())
        }
    }
}

async fn state_get(guest: &mut Guest, key: u64) -> Result<u64, Stop> {
    let key = guest.take_text(key)?;
    guest.demand(&Capability::State)?;
    let right = guest.right.clone();
    let value = in_time(guest, right.world.state.get(&right.name, &key)).await?.map_err(Stop::failed)?;
    value.map_or(Ok(0), |value| guest.put(&value))
}

async fn state_set(guest: &mut Guest, key: u64, value: u64) -> Result<(), Stop> {
    let key = guest.take_text(key)?;
    let value = if value == 0 { None } else { Some(guest.take(value)?) };
    guest.demand(&Capability::State)?;
    let right = guest.right.clone();
    let store = &right.world.state;
    let done: Result<(), StepFailure> = match value {
        None => in_time(guest, store.delete(&right.name, &key)).await?,
        Some(value) => {
            let most = guest.limits.state_bytes;
            if (key.len() + value.len()) as u64 > most {
                return Err(guest.exceeded("state", "keeps a value that is too large", most));
            }
            in_time(guest, store.set(&right.name, &key, value)).await?
        }
    };
    done.map_err(Stop::failed)
}

/// Waits no longer than the call may take: while the host waits, the plugin's own clock stands.
pub(super) async fn in_time<T>(guest: &Guest, work: impl Future<Output = T>) -> Result<T, Stop> {
    // what is ready needs no timer
    let left = guest.time_left().unwrap_or(Duration::MAX);
    tokio::time::timeout(left, work).await.map_err(|_| guest.timed_out())
}
