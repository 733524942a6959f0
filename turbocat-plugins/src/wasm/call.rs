//! One call: a clean instance or the one of the execution, inputs in, the function, output or failure
//! out. Drop the future and the plugin stops at the next tick.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use turbocat_core::{AttemptRequest, StepFailure};
use wasmtime::{Instance, InstancePre, ModuleExport, Store};

use super::guest::{Guest, Right, Spent};
use super::host::Host;
use super::kept::{Alive, Key};
use super::limits::{self, Limits};
use super::outcome;
use super::runtime::{Runnable, Session};

/// What is called.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) right: &'a Arc<Right>,
    pub(super) pre: &'a InstancePre<Guest>,
    pub(super) start: Option<&'static str>,
    /// The same code on another runtime, if the host has one.
    pub(super) elsewhere: Option<&'a Arc<dyn Runnable>>,
    pub(super) export: &'a ModuleExport,
    /// The name of the export, for messages.
    pub(super) function: &'a str,
}

/// With what, and how far it may go.
pub(super) struct Given<'a> {
    pub(super) input: Input<'a>,
    pub(super) request: Option<&'a AttemptRequest>,
    /// In place of the configuration of the request.
    pub(super) config: Option<Arc<Value>>,
    pub(super) limits: Limits,
}

/// What the function reads as its input.
pub(super) enum Input<'a> {
    Nothing,
    Json(&'a Value),
    Bytes(&'a [u8]),
}

/// What came of it, and what it took.
pub(super) struct Done {
    pub(super) output: Result<Value, StepFailure>,
    /// How long the output was, in bytes.
    pub(super) length: u64,
    pub(super) spent: Spent,
}

/// Calls a fresh instance.
pub(super) async fn once(host: &Host, target: Target<'_>, given: Given<'_>) -> Done {
    let slot = match host.slot().await {
        Ok(slot) => slot,
        Err(failure) => return Done::failed(failure),
    };
    if let Some(runnable) = target.elsewhere {
        let session = Session::new(Guest::new(target.right.clone(), given.limits.clone()), slot);
        return elsewhere(runnable.as_ref(), target.function, given, session).await;
    }
    let mut alive = Alive::new(host.store(Guest::new(target.right.clone(), given.limits.clone())), slot);
    call(host, target, given, &mut alive).await
}

/// Calls a fresh instance on another runtime.
async fn elsewhere(runnable: &dyn Runnable, function: &str, given: Given<'_>, mut session: Session) -> Done {
    let guest = &mut session.guest;
    guest.request = given.request.cloned();
    guest.config = given.config;
    if let Err(failure) = give(guest, &given.input) {
        return Done::failed(failure);
    }
    // The other runtime has its own place for it.
    let (offset, length) = std::mem::take(&mut guest.input);
    let input = guest.blocks.slice(offset, length).map(<[u8]>::to_vec).unwrap_or_default();
    guest.blocks.clear();
    let begun = Instant::now();
    guest.deadline = begun.checked_add(given.limits.time);
    match runnable.run(function, input, session).await {
        Ok((mut session, ended)) => {
            let cpu = begun.elapsed().saturating_sub(session.waited);
            let output = outcome::read_elsewhere(&mut session, function, ended);
            let guest = session.guest;
            let spent = Spent { cpu, peak_memory_bytes: 0, ..guest.spent };
            Done { output, length: guest.output.1, spent }
        }
        Err(words) => Done::failed(StepFailure::error(words)),
    }
}

/// Calls the instance of the execution, and keeps it for the next call if this one ends well.
pub(super) async fn kept(host: &Host, key: Key, target: Target<'_>, given: Given<'_>) -> Done {
    let mut place = host.kept.place(key).await;
    let mut alive = match place.take() {
        Some(mut alive) => {
            alive.store.data_mut().begin(given.limits.clone());
            alive
        }
        None => match host.slot().await {
            Ok(slot) => {
                let guest = Guest::new(target.right.clone(), given.limits.clone());
                Box::new(Alive::new(host.store(guest), slot))
            }
            Err(failure) => return Done::failed(failure),
        },
    };
    // Whoever is dropped here takes the instance along: nobody calls what was left half way.
    let done = call(host, target, given, &mut alive).await;
    if alive.is_sound {
        alive.store.data_mut().request = None;
        host.kept.keep(place, alive);
    }
    done
}

async fn call(host: &Host, target: Target<'_>, given: Given<'_>, alive: &mut Alive) -> Done {
    alive.is_sound = false;
    let _ticking = host.ticker.begin();
    let guest = alive.store.data_mut();
    guest.request = given.request.cloned();
    guest.config = given.config;
    if let Err(failure) = give(guest, &given.input) {
        // nothing of the plugin's was touched
        alive.is_sound = true;
        return Done::failed(failure);
    }
    // What lies too far ahead to be told is no deadline.
    guest.deadline = Instant::now().checked_add(given.limits.time);
    alive.store.set_epoch_deadline(1);
    let (ended, cpu) = metered(go(target, alive)).await;
    let (output, is_sound) = outcome::read(&mut alive.store, target.function, ended);
    alive.is_sound = is_sound;
    let guest = alive.store.data();
    let spent = Spent { cpu, ..guest.spent };
    Done { output, length: guest.output.1, spent }
}

impl Done {
    pub(super) fn failed(failure: StepFailure) -> Self {
        Self { output: Err(failure), length: 0, spent: Spent::default() }
    }
}

/// Writes the input where the function will read it.
fn give(guest: &mut Guest, input: &Input<'_>) -> Result<(), StepFailure> {
    let most = guest.limits.input_bytes;
    let mut too_large = false;
    let written = guest.blocks.write(|bytes| {
        let start = bytes.len();
        match input {
            Input::Nothing => return true,
            Input::Bytes(given) => bytes.extend_from_slice(given),
            // a value always has a JSON
            Input::Json(value) => {
                if serde_json::to_writer(&mut *bytes, value).is_err() {
                    return false;
                }
            }
        }
        too_large = (bytes.len() - start) as u64 > most;
        !too_large
    });
    match written {
        Some(place) => {
            guest.input = place;
            Ok(())
        }
        None if too_large => {
            Err(limits::exceeded(guest.name(), "input", "is given inputs that are too large", most))
        }
        None => {
            let most = guest.limits.memory_bytes;
            Err(limits::exceeded(guest.name(), "memory", "has no room for its inputs", most))
        }
    }
}

async fn go(target: Target<'_>, alive: &mut Alive) -> wasmtime::Result<i32> {
    let store = &mut alive.store;
    let instance = match alive.instance {
        Some(instance) => instance,
        None => {
            let instance = target.pre.instantiate_async(&mut *store).await?;
            if let Some(start) = target.start {
                instance.get_typed_func::<(), ()>(&mut *store, start)?.call_async(&mut *store, ()).await?;
            }
            alive.instance = Some(instance);
            instance
        }
    };
    function(&instance, store, target)?.call_async(store, ()).await
}

fn function(
    instance: &Instance,
    store: &mut Store<Guest>,
    target: Target<'_>,
) -> wasmtime::Result<wasmtime::TypedFunc<(), i32>> {
    match instance.get_module_export(&mut *store, target.export) {
        Some(wasmtime::Extern::Func(function)) => function.typed(store),
        _ => Err(wasmtime::Error::msg("the function is gone")),
    }
}

/// How long the work kept the processor, waiting not counted.
async fn metered<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let mut work = std::pin::pin!(work);
    let mut spent = Duration::ZERO;
    let value = std::future::poll_fn(|cx| {
        let begun = Instant::now();
        let poll = work.as_mut().poll(cx);
        spent += begun.elapsed();
        poll
    })
    .await;
    (value, spent)
}
