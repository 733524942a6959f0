//! HTTP: requests, and what is told of the last answer.

use wasmtime::{Caller, Linker, Result};

use super::ENV;
use crate::wasm::guest::Guest;
use crate::wasm::request;
use crate::wasm::stop::Stop;

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap_async(
        ENV,
        "http_request",
        |mut caller: Caller<'_, Guest>, (request, body): (u64, u64)| {
            Box::new(async move { Ok::<_, wasmtime::Error>(send(caller.data_mut(), request, body).await?) })
        },
    )?;
    linker.func_wrap(ENV, "http_status_code", |caller: Caller<'_, Guest>| -> i32 {
        i32::from(caller.data().http.status)
    })?;
    linker.func_wrap(ENV, "http_headers", |mut caller: Caller<'_, Guest>| -> Result<u64> {
        let guest = caller.data_mut();
        match guest.http.headers.take() {
            None => Ok(0),
            Some(headers) => {
                let offset = guest.put(&headers);
                guest.http.headers = Some(headers);
                Ok(offset?)
            }
        }
    })?;
    Ok(())
}

async fn send(guest: &mut Guest, asked: u64, body: u64) -> Result<u64, Stop> {
    let asked = guest.take(asked)?;
    let body = if body == 0 { None } else { Some(guest.take(body)?) };
    let answer = request::send(guest, &asked, body).await?;
    guest.put(&answer)
}
