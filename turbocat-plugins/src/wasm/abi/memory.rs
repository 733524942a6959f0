//! Memory between plugin and host, the input, the output and the error.

use wasmtime::{Caller, Linker, Result};

use super::ENV;
use crate::wasm::guest::Guest;

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap(ENV, "alloc", |mut caller: Caller<'_, Guest>, length: u64| -> Result<u64> {
        Ok(caller.data_mut().alloc(length)?)
    })?;
    linker.func_wrap(ENV, "free", |mut caller: Caller<'_, Guest>, offset: u64| {
        caller.data_mut().blocks.free(offset);
    })?;
    for name in ["length", "length_unsafe"] {
        linker.func_wrap(ENV, name, |caller: Caller<'_, Guest>, offset: u64| -> u64 {
            caller.data().blocks.length(offset)
        })?;
    }
    linker
        .func_wrap(ENV, "memory_bytes", |caller: Caller<'_, Guest>| -> u64 { caller.data().blocks.len() })?;
    link_bytes(linker)?;
    link_input(linker)?;
    link_output(linker)
}

fn link_bytes(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap(ENV, "load_u8", |caller: Caller<'_, Guest>, offset: u64| -> Result<u32> {
        let guest = caller.data();
        let [byte] = guest.blocks.load(offset).map_err(|outside| guest.broken(outside))?;
        Ok(u32::from(byte))
    })?;
    linker.func_wrap(ENV, "load_u64", |caller: Caller<'_, Guest>, offset: u64| -> Result<u64> {
        let guest = caller.data();
        Ok(u64::from_le_bytes(guest.blocks.load(offset).map_err(|outside| guest.broken(outside))?))
    })?;
    linker.func_wrap(
        ENV,
        "store_u8",
        |mut caller: Caller<'_, Guest>, offset: u64, byte: u32| -> Result<()> {
            let guest = caller.data_mut();
            // The ABI has a byte in 32 bits; the others mean nothing.
            let [byte, ..] = byte.to_le_bytes();
            Ok(guest.blocks.store(offset, [byte]).map_err(|outside| guest.broken(outside))?)
        },
    )?;
    linker.func_wrap(
        ENV,
        "store_u64",
        |mut caller: Caller<'_, Guest>, offset: u64, bytes: u64| -> Result<()> {
            let guest = caller.data_mut();
            Ok(guest.blocks.store(offset, bytes.to_le_bytes()).map_err(|outside| guest.broken(outside))?)
        },
    )?;
    Ok(())
}

fn link_input(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap(ENV, "input_offset", |caller: Caller<'_, Guest>| -> u64 { caller.data().input.0 })?;
    linker.func_wrap(ENV, "input_length", |caller: Caller<'_, Guest>| -> u64 { caller.data().input.1 })?;
    linker.func_wrap(ENV, "input_load_u8", |caller: Caller<'_, Guest>, at: u64| -> Result<u32> {
        let guest = caller.data();
        let [byte] = load_input(guest, at)?;
        Ok(u32::from(byte))
    })?;
    linker.func_wrap(ENV, "input_load_u64", |caller: Caller<'_, Guest>, at: u64| -> Result<u64> {
        Ok(u64::from_le_bytes(load_input(caller.data(), at)?))
    })?;
    Ok(())
}

fn load_input<const N: usize>(guest: &Guest, at: u64) -> Result<[u8; N]> {
    let (offset, length) = guest.input;
    if at.checked_add(N as u64).is_none_or(|end| end > length) {
        return Err(guest
            .broken(format_args!("{N} bytes at {at} lie outside of its input of {length} bytes"))
            .into());
    }
    Ok(guest.blocks.load(offset + at).map_err(|outside| guest.broken(outside))?)
}

fn link_output(linker: &mut Linker<Guest>) -> Result<()> {
    linker.func_wrap(
        ENV,
        "output_set",
        |mut caller: Caller<'_, Guest>, offset: u64, length: u64| -> Result<()> {
            let guest = caller.data_mut();
            if length > guest.limits.output_bytes {
                return Err(guest.too_much_output().into());
            }
            guest.blocks.slice(offset, length).map_err(|outside| guest.broken(outside))?;
            guest.output = (offset, length);
            Ok(())
        },
    )?;
    linker.func_wrap(ENV, "output_offset", |caller: Caller<'_, Guest>| -> u64 { caller.data().output.0 })?;
    linker.func_wrap(ENV, "output_length", |caller: Caller<'_, Guest>| -> u64 { caller.data().output.1 })?;
    linker.func_wrap(ENV, "error_set", |mut caller: Caller<'_, Guest>, offset: u64| -> Result<()> {
        let guest = caller.data_mut();
        guest.blocks.block(offset).map_err(|outside| guest.broken(outside))?;
        guest.error = offset;
        Ok(())
    })?;
    linker.func_wrap(ENV, "error_get", |caller: Caller<'_, Guest>| -> u64 { caller.data().error })?;
    Ok(())
}
