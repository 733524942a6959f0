//! As much of WASI as languages need to start and to print: clocks, randomness, two outputs that
//! become log messages, exit. There are no files, no arguments and no environment; everything else
//! answers that it is not there.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use wasmtime::{Caller, Extern, FuncType, Linker, Memory, Result, Val, ValType};

use crate::wasm::guest::Guest;
use crate::wasm::stop::Stop;

const WASI: &str = "wasi_snapshot_preview1";

const SUCCESS: i32 = 0;
/// No such file descriptor.
const BADF: i32 = 8;
/// An address outside of memory.
const FAULT: i32 = 21;
/// An argument that is none.
const INVAL: i32 = 28;
/// No such function.
const NOSYS: i32 = 52;

/// The most random bytes at once, and the most buffers written at once.
const RANDOM: u32 = 64 << 10;
const VECTORS: u32 = 1024;

/// The functions that answer always the same, with their parameters: `i` and `I` for 32 and 64 bits.
/// That no file descriptor is open ends the search for folders a libc begins with.
const SAME: [(&str, &str, i32); 37] = [
    ("args_get", "ii", SUCCESS),
    ("environ_get", "ii", SUCCESS),
    ("sched_yield", "", SUCCESS),
    ("fd_advise", "iIIi", BADF),
    ("fd_allocate", "iII", BADF),
    ("fd_close", "i", BADF),
    ("fd_datasync", "i", BADF),
    ("fd_fdstat_get", "ii", BADF),
    ("fd_fdstat_set_flags", "ii", BADF),
    ("fd_fdstat_set_rights", "iII", BADF),
    ("fd_filestat_get", "ii", BADF),
    ("fd_filestat_set_size", "iI", BADF),
    ("fd_filestat_set_times", "iIIi", BADF),
    ("fd_pread", "iiiIi", BADF),
    ("fd_prestat_get", "ii", BADF),
    ("fd_prestat_dir_name", "iii", BADF),
    ("fd_pwrite", "iiiIi", BADF),
    ("fd_read", "iiii", BADF),
    ("fd_readdir", "iiiIi", BADF),
    ("fd_renumber", "ii", BADF),
    ("fd_seek", "iIii", BADF),
    ("fd_sync", "i", BADF),
    ("fd_tell", "ii", BADF),
    ("path_create_directory", "iii", NOSYS),
    ("path_filestat_get", "iiiii", NOSYS),
    ("path_filestat_set_times", "iiiiIIi", NOSYS),
    ("path_link", "iiiiiii", NOSYS),
    ("path_open", "iiiiiIIii", NOSYS),
    ("path_readlink", "iiiiii", NOSYS),
    ("path_remove_directory", "iii", NOSYS),
    ("path_rename", "iiiiii", NOSYS),
    ("path_symlink", "iiiii", NOSYS),
    ("path_unlink_file", "iii", NOSYS),
    ("poll_oneoff", "iiii", NOSYS),
    ("proc_raise", "i", NOSYS),
    ("sock_accept", "iii", NOSYS),
    ("sock_shutdown", "ii", NOSYS),
];

pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    for (name, parameters, answer) in SAME {
        let parameters =
            parameters.bytes().map(|kind| if kind == b'I' { ValType::I64 } else { ValType::I32 });
        let kind = FuncType::new(linker.engine(), parameters, [ValType::I32]);
        linker.func_new(WASI, name, kind, move |_, _, results| {
            if let Some(result) = results.first_mut() {
                *result = Val::I32(answer);
            }
            Ok(())
        })?;
    }
    for (name, parameters) in [("sock_recv", 6), ("sock_send", 5)] {
        let kind = FuncType::new(linker.engine(), vec![ValType::I32; parameters], [ValType::I32]);
        linker.func_new(WASI, name, kind, |_, _, results| {
            if let Some(result) = results.first_mut() {
                *result = Val::I32(NOSYS);
            }
            Ok(())
        })?;
    }
    for name in ["args_sizes_get", "environ_sizes_get"] {
        linker.func_wrap(WASI, name, |mut caller: Caller<'_, Guest>, count: u32, size: u32| -> i32 {
            write(&mut caller, count, &0u32.to_le_bytes())
                .and_then(|()| write(&mut caller, size, &0u32.to_le_bytes()))
                .map_or(FAULT, |()| SUCCESS)
        })?;
    }
    linker.func_wrap(WASI, "proc_exit", |_: Caller<'_, Guest>, code: i32| -> Result<()> {
        Err(Stop::Exited(code).into())
    })?;
    link_clocks(linker)?;
    linker.func_wrap(WASI, "random_get", |mut caller: Caller<'_, Guest>, at: u32, length: u32| -> i32 {
        // While the host fills it, nobody interrupts: no more than any seed needs.
        if length > RANDOM {
            return INVAL;
        }
        let Some(memory) = memory(&mut caller) else { return FAULT };
        let place = memory.data_mut(&mut caller).get_mut(at as usize..at as usize + length as usize);
        let Some(place) = place else { return FAULT };
        getrandom::fill(place).map_or(NOSYS, |()| SUCCESS)
    })?;
    linker.func_wrap(
        WASI,
        "fd_write",
        |mut caller: Caller<'_, Guest>, fd: u32, vectors: u32, count: u32, written: u32| -> Result<i32> {
            fd_write(&mut caller, fd, vectors, count, written)
        },
    )?;
    Ok(())
}

fn link_clocks(linker: &mut Linker<Guest>) -> Result<()> {
    let begun = Instant::now();
    linker.func_wrap(
        WASI,
        "clock_time_get",
        move |mut caller: Caller<'_, Guest>, clock: u32, _precision: u64, at: u32| -> i32 {
            let time = match clock {
                0 => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
                1..=3 => begun.elapsed(),
                _ => return INVAL,
            };
            let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            write(&mut caller, at, &nanos.to_le_bytes()).map_or(FAULT, |()| SUCCESS)
        },
    )?;
    linker.func_wrap(WASI, "clock_res_get", |mut caller: Caller<'_, Guest>, clock: u32, at: u32| -> i32 {
        if clock > 3 {
            return INVAL;
        }
        write(&mut caller, at, &1_000u64.to_le_bytes()).map_or(FAULT, |()| SUCCESS)
    })?;
    Ok(())
}

/// Lines to the two outputs become log messages.
fn fd_write(caller: &mut Caller<'_, Guest>, fd: u32, vectors: u32, count: u32, written: u32) -> Result<i32> {
    let output = match fd {
        1 => 0,
        2 => 1,
        _ => return Ok(BADF),
    };
    if count > VECTORS {
        return Ok(INVAL);
    }
    let Some(memory) = memory(caller) else { return Ok(FAULT) };
    let (bytes, guest) = memory.data_and_store_mut(&mut *caller);
    let mut total = 0u32;
    for at in 0..count {
        let Some(vector) = u64::from(vectors).checked_add(u64::from(at) * 8) else { return Ok(FAULT) };
        let (Some(start), Some(length)) = (word(bytes, vector), word(bytes, vector + 4)) else {
            return Ok(FAULT);
        };
        let (start, length) = (start as usize, length as usize);
        let Some(part) = bytes.get(start..start + length) else { return Ok(FAULT) };
        guest.write_lines(output, part)?;
        let Some(sum) = u32::try_from(length).ok().and_then(|length| total.checked_add(length)) else {
            return Ok(INVAL);
        };
        total = sum;
    }
    Ok(write(caller, written, &total.to_le_bytes()).map_or(FAULT, |()| SUCCESS))
}

fn word(bytes: &[u8], at: u64) -> Option<u32> {
    let at = usize::try_from(at).ok()?;
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

fn memory(caller: &mut Caller<'_, Guest>) -> Option<Memory> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Some(memory),
        _ => None,
    }
}

fn write(caller: &mut Caller<'_, Guest>, at: u32, bytes: &[u8]) -> Option<()> {
    let memory = memory(caller)?;
    memory.write(caller, at as usize, bytes).ok()
}
