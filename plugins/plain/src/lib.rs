//! An ordinary Extism plugin, made with the kit of Extism: it knows nothing of Turbocat, and
//! Turbocat loads it as it is.

use extism_pdk::{Error, FnResult, HttpRequest, Json, LogLevel, config, http, log, plugin_fn, var};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Count {
    count: usize,
    total: i64,
    vowels: String,
}

/// Counts vowels; which ones, the configuration may say.
#[plugin_fn]
pub fn count_vowels(input: String) -> FnResult<Json<Count>> {
    let vowels = config::get("vowels")?.unwrap_or_else(|| "aeiouAEIOU".to_owned());
    let count = input.chars().filter(|letter| vowels.contains(*letter)).count();
    let total = var::get::<i64>("total")?.unwrap_or(0) + count as i64;
    var::set("total", total)?;
    log!(LogLevel::Info, "counted {count}");
    Ok(Json(Count { count, total, vowels }))
}

/// Answers with the bytes it was given.
#[plugin_fn]
pub fn echo(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(input)
}

/// Answers with nothing at all.
#[plugin_fn]
pub fn nothing() -> FnResult<()> {
    Ok(())
}

/// Fails with a plain text.
#[plugin_fn]
pub fn fail(input: String) -> FnResult<()> {
    Err(Error::msg(format!("no luck with {input}")).into())
}

#[derive(Deserialize)]
struct Wanted {
    url: String,
}

#[derive(Serialize)]
struct Page {
    status: u16,
    body: String,
    kind: Option<String>,
}

/// Fetches a page.
#[plugin_fn]
pub fn fetch(Json(wanted): Json<Wanted>) -> FnResult<Json<Page>> {
    let request = HttpRequest::new(wanted.url).with_method("GET").with_header("x-asked-by", "plain");
    let response = http::request::<()>(&request, None)?;
    let kind = response.headers().get("content-type").cloned();
    let body = String::from_utf8_lossy(&response.body()).into_owned();
    Ok(Json(Page { status: response.status_code(), body, kind }))
}
