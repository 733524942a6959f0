//! The cookie that binds a sign-in to the browser in which it was begun.

use axum::http::{HeaderMap, header};

use super::STATE_LIFE;
use crate::api::Api;
use crate::secure;

/// What the cookie of a state is called: one a sign-in, so that two tabs do not disturb each other.
fn name(api: &Api, state: &str) -> String {
    let prefix = if is_secure(api) { "__Host-" } else { "" };
    format!("{prefix}turbocat-oauth-{}", &secure::digest(state)[..16])
}

fn is_secure(api: &Api) -> bool {
    api.settings().backend_url.starts_with("https://")
}

/// The header that sets it.
pub(super) fn set(api: &Api, state: &str, value: &str) -> String {
    with(api, state, value, STATE_LIFE.as_secs())
}

/// The header that takes it away.
pub(super) fn clear(api: &Api, state: &str) -> String {
    with(api, state, "", 0)
}

fn with(api: &Api, state: &str, value: &str, seconds: u64) -> String {
    let secure = if is_secure(api) { "; Secure" } else { "" };
    format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}", name(api, state))
}

/// What a browser has in it.
pub(super) fn of(api: &Api, headers: &HeaderMap, state: &str) -> Option<String> {
    let name = name(api, state);
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}
