//! What only Turbocat serves, for the official runtime: progress, secrets, state. Each call has a
//! context of its own, in which a denial is left for the host to find.

use std::sync::{Arc, Mutex, PoisonError};

use extism::{CurrentPlugin, Error, Function, UserData, Val, ValType};
use serde_json::json;
use turbocat_core::{FailureKind, Secrets, StepFailure};
use turbocat_pdk::wire::{Capability, HOST_MODULE};
use turbocat_plugins::wasm::{Grants, StateStore};

/// What a call may do, and how it ended if not by itself.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) plugin: String,
    pub(crate) grants: Grants,
    pub(crate) secrets: Option<Arc<dyn Secrets>>,
    pub(crate) state: Arc<dyn StateStore>,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) ended: Arc<Mutex<Option<StepFailure>>>,
}

impl Context {
    fn demand(&self, capability: &Capability) -> Result<(), Error> {
        if self.grants.allow(capability) {
            return Ok(());
        }
        self.end(denied(&self.plugin, capability))
    }

    fn end<T>(&self, failure: StepFailure) -> Result<T, Error> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        Err(Error::msg("the host ended the call"))
    }
}

/// The failure of a call that did what it may not.
pub(crate) fn denied(plugin: &str, capability: &Capability) -> StepFailure {
    let message = format!("plugin `{plugin}` may not do `{capability}`; grant it `{capability}`");
    StepFailure::new(FailureKind::new("denied"), message)
        .permanent()
        .detail(json!({ "grant": capability.to_string() }))
}

/// The functions.
pub(crate) fn all() -> Vec<Function> {
    let function = |name: &str, parameters: usize, results: usize, body: Body| {
        let (parameters, results) = (vec![ValType::I64; parameters], vec![ValType::I64; results]);
        Function::new(name, parameters, results, UserData::<()>::default(), move |plugin, given, answer, _| {
            body(plugin, given, answer)
        })
        .with_namespace(HOST_MODULE)
    };
    vec![
        function("turbocat_progress", 1, 0, |_, _, _| Ok(())),
        function("turbocat_secret", 1, 1, secret),
        function("turbocat_state_get", 1, 1, state_get),
        function("turbocat_state_set", 2, 0, state_set),
    ]
}

type Body = fn(&mut CurrentPlugin, &[Val], &mut [Val]) -> Result<(), Error>;

fn text(plugin: &mut CurrentPlugin, given: &[Val], at: usize) -> Result<String, Error> {
    let offset = given.get(at).ok_or_else(|| Error::msg("a parameter is missing"))?;
    plugin.memory_get_val(offset)
}

fn give(plugin: &mut CurrentPlugin, answer: &mut [Val], bytes: Option<Vec<u8>>) -> Result<(), Error> {
    let Some(place) = answer.first_mut() else { return Ok(()) };
    match bytes {
        None => *place = Val::I64(0),
        Some(bytes) => plugin.memory_set_val(place, bytes)?,
    }
    Ok(())
}

fn context(plugin: &mut CurrentPlugin) -> Result<Context, Error> {
    plugin.host_context::<Context>().cloned()
}

fn secret(plugin: &mut CurrentPlugin, given: &[Val], answer: &mut [Val]) -> Result<(), Error> {
    let name = text(plugin, given, 0)?;
    let context = context(plugin)?;
    context.demand(&Capability::Secret(name.clone()))?;
    let value = match &context.secrets {
        None => None,
        Some(secrets) => context.runtime.block_on(secrets.secret(&name)),
    };
    give(plugin, answer, value.map(String::into_bytes))
}

fn state_get(plugin: &mut CurrentPlugin, given: &[Val], answer: &mut [Val]) -> Result<(), Error> {
    let key = text(plugin, given, 0)?;
    let context = context(plugin)?;
    context.demand(&Capability::State)?;
    match context.runtime.block_on(context.state.get(&context.plugin, &key)) {
        Ok(value) => give(plugin, answer, value),
        Err(failure) => context.end(failure),
    }
}

fn state_set(plugin: &mut CurrentPlugin, given: &[Val], _: &mut [Val]) -> Result<(), Error> {
    let key = text(plugin, given, 0)?;
    let value = match given.get(1) {
        Some(Val::I64(0)) | None => None,
        Some(offset) => Some(plugin.memory_get_val::<Vec<u8>>(offset)?),
    };
    let context = context(plugin)?;
    context.demand(&Capability::State)?;
    let state = &context.state;
    let done = context.runtime.block_on(async {
        match value {
            None => state.delete(&context.plugin, &key).await,
            Some(value) => state.set(&context.plugin, &key, value).await,
        }
    });
    done.or_else(|failure| context.end(failure))
}
