//! What a plugin imports that leads out of it, in place of what the official runtime has under the
//! same names: its own HTTP goes to whom it likes, and its settings belong to no call.

use extism::{CurrentPlugin, EXTISM_ENV_MODULE, Error, Function, UserData, Val, ValType};
use turbocat_core::Level;
use turbocat_pdk::wire::HOST_MODULE;
use turbocat_plugins::wasm::Stopped;

use crate::desk::{self, Desk, Serving};
use crate::take::{Answer, peek, put, take};

type Done = Result<Answer, Error>;
type Body = fn(&mut CurrentPlugin, &mut Serving, &[Val]) -> Done;

/// The functions, which ask the session at the desk.
pub(crate) fn all(desk: &Desk) -> Vec<Function> {
    const BLOCK: &[ValType] = &[ValType::I64];
    const NUMBER: &[ValType] = &[ValType::I32];
    let env =
        |name, parameters, results, body| function(desk, EXTISM_ENV_MODULE, name, parameters, results, body);
    let user = |name, parameters, results, body| function(desk, HOST_MODULE, name, parameters, results, body);
    vec![
        env("config_get", 1, BLOCK, config_get),
        env("error_set", 1, &[], error_set),
        env("http_request", 2, BLOCK, http_request),
        env("http_status_code", 0, NUMBER, |_, serving, _| {
            Ok(Answer::Number(serving.session.http_status().into()))
        }),
        env("http_headers", 0, BLOCK, |_, serving, _| {
            Ok(Answer::Block(serving.session.http_headers().map(<[u8]>::to_vec)))
        }),
        env("log_trace", 1, &[], |plugin, serving, given| log(plugin, serving, given, None)),
        env("log_debug", 1, &[], |plugin, serving, given| log(plugin, serving, given, Some(Level::Debug))),
        env("log_info", 1, &[], |plugin, serving, given| log(plugin, serving, given, Some(Level::Info))),
        env("log_warn", 1, &[], |plugin, serving, given| log(plugin, serving, given, Some(Level::Warn))),
        env("log_error", 1, &[], |plugin, serving, given| log(plugin, serving, given, Some(Level::Error))),
        // As on our own runtime: what is traced goes nowhere.
        env("get_log_level", 0, NUMBER, |_, _, _| Ok(Answer::Number(1))),
        user("turbocat_progress", 1, &[], progress),
        user("turbocat_secret", 1, BLOCK, secret),
        user("turbocat_state_get", 1, BLOCK, state_get),
        user("turbocat_state_set", 2, &[], state_set),
    ]
}

fn function(
    desk: &Desk,
    module: &str,
    name: &str,
    parameters: usize,
    results: &[ValType],
    body: Body,
) -> Function {
    let desk = desk.clone();
    let served = move |plugin: &mut CurrentPlugin, given: &[Val], places: &mut [Val], _| {
        let mut serving = desk::open(&desk);
        let Some(serving) = serving.as_mut() else {
            // Before a call and after it: a start function that asks for something.
            return Err(Error::msg("a plugin is given nothing before it is called"));
        };
        let answer = body(plugin, serving, given)?;
        put(plugin, places, answer)
    };
    let parameters = vec![ValType::I64; parameters];
    Function::new(name, parameters, results.to_vec(), UserData::<()>::default(), served)
        .with_namespace(module)
}

/// Waits for the host, unless the call is given up.
fn wait<T>(
    serving: &mut Serving,
    work: impl AsyncFnOnce(&mut turbocat_plugins::wasm::Session) -> Result<T, Stopped>,
) -> Result<T, Error> {
    let Serving { session, tokio, control } = serving;
    match tokio.block_on(control.unless_given_up(work(session))) {
        Some(done) => Ok(done?),
        None => Err(Error::msg("nobody waits for the call any more")),
    }
}

fn config_get(plugin: &mut CurrentPlugin, serving: &mut Serving, given: &[Val]) -> Done {
    let key = take(plugin, &mut serving.session, given, 0)?;
    Ok(Answer::Block(serving.session.setting(key)?.map(String::into_bytes)))
}

fn error_set(plugin: &mut CurrentPlugin, serving: &mut Serving, given: &[Val]) -> Done {
    let has_error = given.first().and_then(Val::i64).is_some_and(|offset| offset != 0);
    let error = peek(plugin, &mut serving.session, given, 0)?;
    serving.session.fail(has_error.then_some(error));
    Ok(Answer::Nothing)
}

fn http_request(plugin: &mut CurrentPlugin, serving: &mut Serving, given: &[Val]) -> Done {
    let asked = take(plugin, &mut serving.session, given, 0)?;
    let has_body = given.get(1).and_then(Val::i64).is_some_and(|offset| offset != 0);
    let body = take(plugin, &mut serving.session, given, 1)?;
    let body = has_body.then_some(body);
    let answer = wait(serving, async move |session| session.http(&asked, body).await)?;
    Ok(Answer::Block(Some(answer)))
}

fn log(plugin: &mut CurrentPlugin, serving: &mut Serving, given: &[Val], level: Option<Level>) -> Done {
    let message = take(plugin, &mut serving.session, given, 0)?;
    serving.session.log(level, &message)?;
    Ok(Answer::Nothing)
}

fn progress(plugin: &mut CurrentPlugin, serving: &mut Serving, given: &[Val]) -> Done {
    let json = take(plugin, &mut serving.session, given, 0)?;
    serving.session.progress(&json)?;
    Ok(Answer::Nothing)
}

fn secret(plugin: &mut CurrentPlugin, serving: &mut Serving, given: &[Val]) -> Done {
    let name = take(plugin, &mut serving.session, given, 0)?;
    let secret = wait(serving, async move |session| session.secret(name).await)?;
    Ok(Answer::Block(secret.map(String::into_bytes)))
}

fn state_get(plugin: &mut CurrentPlugin, serving: &mut Serving, given: &[Val]) -> Done {
    let key = take(plugin, &mut serving.session, given, 0)?;
    let value = wait(serving, async move |session| session.state_get(key).await)?;
    Ok(Answer::Block(value))
}

fn state_set(plugin: &mut CurrentPlugin, serving: &mut Serving, given: &[Val]) -> Done {
    let key = take(plugin, &mut serving.session, given, 0)?;
    let has_value = given.get(1).and_then(Val::i64).is_some_and(|offset| offset != 0);
    let value = take(plugin, &mut serving.session, given, 1)?;
    let value = has_value.then_some(value);
    wait(serving, async move |session| session.state_set(key, value).await)?;
    Ok(Answer::Nothing)
}
