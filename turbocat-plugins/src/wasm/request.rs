//! HTTP requests of plugins: each hop is held against the grants, and goes out through the egress,
//! which refuses what stands inside. It does not know by which runtime the plugin asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use turbocat_core::{FailureKind, StepFailure};
use turbocat_pdk::wire::Capability;

use super::grants;
use super::guest::{Answered, Guest};
use super::stop::Stop;
use crate::net::{
    EgressError, EgressErrorKind, HeaderMap, HeaderName, HeaderValue, HostRule, MOST_HEADERS, Method,
    Outgoing, Url,
};

/// A request as Extism's kits write it.
#[derive(Deserialize)]
struct Asked {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    method: Option<String>,
}

/// The longest description of a request: its address and its headers. The body is apart.
const LONGEST_REQUEST: usize = 1 << 20;

/// The headers that tell nobody who asks: these go along to another origin, no other does.
const PUBLIC_HEADERS: [&str; 4] = ["accept", "accept-language", "content-type", "user-agent"];

/// As many redirects as the client of the official runtime follows.
const REDIRECTS: u8 = 10;

/// Sends what a plugin asks for, and gives the body of the answer. Its status and headers stay with
/// the guest.
pub(super) async fn send(guest: &mut Guest, request: &[u8], body: Option<Vec<u8>>) -> Result<Vec<u8>, Stop> {
    guest.http = Answered::default();
    if request.len() > LONGEST_REQUEST {
        return Err(guest.misused(&format!("asks with a request of more than {LONGEST_REQUEST} bytes")));
    }
    let asked: Asked = serde_json::from_slice(request)
        .map_err(|error| guest.broken(format_args!("its HTTP request cannot be read: {error}")))?;
    let (outgoing, refused) = outgoing(guest, &asked, body)?;
    let sent = outgoing.body.as_ref().map_or(0, Vec::len) as u64;
    guest.spent.api_calls += 1;
    let egress = guest.right.world.egress.clone();
    let mut incoming = egress.send(outgoing).await.map_err(|error| failed(guest, &error, &refused))?;
    guest.spent.network_bytes += sent;
    guest.http.status = incoming.status().as_u16();
    guest.http.headers = Some(headers(incoming.headers()));
    let answer = incoming.bytes().await;
    guest.spent.network_bytes += incoming.received();
    answer.map_err(|error| failed(guest, &error, &refused))
}

/// The host that a redirect led to and that is not granted.
type Refused = Arc<Mutex<Option<Capability>>>;

fn outgoing(guest: &Guest, asked: &Asked, body: Option<Vec<u8>>) -> Result<(Outgoing, Refused), Stop> {
    let wrong = |what: &str| guest.misused(what);
    // What was written is not repeated: it may hold a secret.
    let url: Url = asked.url.parse().map_err(|error| wrong(&format!("asks for a bad URL: {error}")))?;
    let method = asked.method.as_deref().unwrap_or("GET").to_ascii_uppercase();
    let wanted = capability(&method, &url);
    if asked.headers.len() > MOST_HEADERS {
        return Err(wrong(&format!("sends more than {MOST_HEADERS} headers")));
    }
    // What has no form as a capability can be granted by nobody.
    if wanted.to_string().parse().as_ref() != Ok(&wanted) {
        return Err(wrong("asks with a method or for a host that is none"));
    }
    if !allowed(guest, &method, &url) {
        return Err(Stop::failed(grants::denied(guest.name(), &wanted)));
    }
    let Ok(verb) = Method::from_bytes(method.as_bytes()) else {
        return Err(wrong("asks with a method that is none"));
    };
    let refused = Refused::default();
    let rule = {
        let (right, refused) = (guest.right.clone(), refused.clone());
        HostRule::when(move |method, url| {
            let port = url.port_or_known_default().unwrap_or_default();
            let host = url.host_str().unwrap_or_default();
            let fine = right.grants.allow_http(method.as_str(), host, port);
            if !fine {
                let capability = capability(method.as_str(), url);
                *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(capability);
            }
            fine
        })
    };
    let mut outgoing = Outgoing::new(verb, url)
        .timeout(guest.time_left())
        .redirects(REDIRECTS)
        .max_bytes(guest.limits.http_bytes.min(guest.limits.memory_bytes))
        .hosts(rule);
    for (name, value) in &asked.headers {
        let header = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
        let Some((name, mut value)) = header else {
            return Err(wrong("sends a header that is none"));
        };
        value.set_sensitive(!PUBLIC_HEADERS.contains(&name.as_str()));
        outgoing = outgoing.header(name, value);
    }
    if let Some(body) = body {
        outgoing = outgoing.body(body);
    }
    Ok((outgoing, refused))
}

fn allowed(guest: &Guest, method: &str, url: &Url) -> bool {
    let port = url.port_or_known_default().unwrap_or_default();
    guest.right.grants.allow_http(method, url.host_str().unwrap_or_default(), port)
}

fn capability(method: &str, url: &Url) -> Capability {
    let port = url.port_or_known_default().unwrap_or_default();
    Capability::http(method, url.host_str().unwrap_or_default(), port)
}

fn failed(guest: &Guest, error: &EgressError, refused: &Refused) -> Stop {
    if let Some(capability) = refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Stop::failed(grants::denied(guest.name(), &capability));
    }
    let plugin = guest.name();
    let failure = match error.kind() {
        EgressErrorKind::Timeout if guest.time_left().is_some_and(|left| left.is_zero()) => {
            return guest.timed_out();
        }
        EgressErrorKind::Timeout => {
            StepFailure::new(FailureKind::TIMEOUT, format!("plugin `{plugin}`: {error}"))
        }
        EgressErrorKind::TooLarge => {
            return guest.exceeded("http", "got an answer that is too large", guest.limits.http_bytes);
        }
        EgressErrorKind::Refused => {
            StepFailure::new(FailureKind::new("denied"), format!("plugin `{plugin}`: {error}")).permanent()
        }
        EgressErrorKind::BadUrl | EgressErrorKind::BadHeader => {
            StepFailure::new(FailureKind::INPUT, format!("plugin `{plugin}`: {error}")).permanent()
        }
        _ => StepFailure::new(FailureKind::new("http"), format!("plugin `{plugin}`: {error}")),
    };
    Stop::failed(failure)
}

/// As JSON; what is there several times is joined, as HTTP has it.
fn headers(headers: &HeaderMap) -> Vec<u8> {
    let mut all: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        let Ok(value) = value.to_str() else { continue };
        all.entry(name.as_str())
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    serde_json::to_vec(&all).unwrap_or_default()
}
