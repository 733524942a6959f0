//! One call of one model over the network, or of the mock.

use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::answer::{Answer, Fault, FaultKind};
use super::conversation::Conversation;
use super::progress::Progress;
use super::provider::{Call, Provider, StreamReader};
use super::retry_after;
use super::target::Target;
use crate::net::{Egress, EgressError, EgressErrorKind, Incoming, Outgoing};

/// The largest reply. The longest answers of today's models have a tenth of it.
const LARGEST: u64 = 32 << 20;
/// The largest complaint that is read.
const LARGEST_COMPLAINT: usize = 64 << 10;

/// How calls are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<'a> {
    pub(crate) egress: &'a Egress,
    pub(crate) stream: bool,
    pub(crate) timeout: Duration,
}

/// What a call came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) answer: Result<Answer, Fault>,
    /// How many bytes went over the network, both ways.
    pub(crate) bytes: u64,
}

/// Asks a model over the network.
pub(crate) async fn call(
    way: Way<'_>,
    target: &Target,
    conversation: &Conversation,
    progress: &mut Progress<'_>,
) -> Outcome {
    let provider = target.choice.provider;
    let key = target.key.as_ref().map(|key| &*key.0);
    let mut bytes = 0;
    let answer = match provider.call(&target.base, key, &target.choice.model, conversation, way.stream) {
        None => Err(Fault::reply("is not asked over the network")),
        Some(call) => send(way, target, call, progress, &mut bytes).await,
    };
    Outcome { answer: answer.map_err(|fault| without_key(fault, key)), bytes }
}

async fn send(
    way: Way<'_>,
    target: &Target,
    call: Call,
    progress: &mut Progress<'_>,
    bytes: &mut u64,
) -> Result<Answer, Fault> {
    let provider = target.choice.provider;
    let headers = headers(&call, target, way.stream)?;
    let body = serde_json::to_vec(&call.body).map_err(|error| Fault::reply(error.to_string()))?;
    *bytes = body.len() as u64;
    let mut outgoing = Outgoing::post(call.url).timeout(way.timeout).max_bytes(LARGEST).body(body);
    outgoing.headers = headers;
    let mut incoming = way.egress.send(outgoing).await.map_err(|error| of_egress(&error, provider))?;
    let result = receive(provider, way.stream, &mut incoming, progress).await;
    *bytes = bytes.saturating_add(incoming.received());
    result
}

fn headers(call: &Call, target: &Target, stream: bool) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    let accept =
        if stream { "text/event-stream, application/x-ndjson, application/json" } else { "application/json" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    let own = call.headers.iter().map(|(name, value)| (*name, &**value));
    let said = target.choice.headers.iter().map(|(name, value)| (&**name, &**value));
    for (name, value) in own.chain(said) {
        let bad = || {
            Fault::new(
                FaultKind::Refused,
                format!("the header `{name}` cannot be sent: is the key one line?"),
            )
        };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}

async fn receive(
    provider: Provider,
    stream: bool,
    incoming: &mut Incoming,
    progress: &mut Progress<'_>,
) -> Result<Answer, Fault> {
    let status = incoming.status().as_u16();
    if !incoming.status().is_success() {
        let pause = retry_after::read(incoming.headers(), SystemTime::now());
        let mut fault = provider.fault(status, &complaint(incoming).await);
        fault.retry_after = pause.or(fault.retry_after);
        return Err(fault);
    }
    match provider.stream().filter(|_| is_stream(incoming, stream)) {
        Some(reader) => follow(provider, reader, incoming, progress).await,
        None => {
            let body = incoming.bytes().await.map_err(|error| of_egress(&error, provider))?;
            provider.read(&body)
        }
    }
}

/// Whether a reply is a stream: some who are asked for one do not know how and answer at once, and
/// `extra` may ask for one too.
fn is_stream(incoming: &Incoming, asked: bool) -> bool {
    let kind = incoming.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => false,
        "text/event-stream" | "application/x-ndjson" => true,
        _ => asked,
    }
}

/// What a provider says that does not answer; as much of it as can be had.
async fn complaint(incoming: &mut Incoming) -> Vec<u8> {
    let mut said = Vec::new();
    while said.len() < LARGEST_COMPLAINT
        && let Ok(Some(chunk)) = incoming.chunk().await
    {
        said.extend_from_slice(&chunk);
    }
    said
}

/// Follows a stream to its end.
async fn follow(
    provider: Provider,
    mut reader: StreamReader,
    incoming: &mut Incoming,
    progress: &mut Progress<'_>,
) -> Result<Answer, Fault> {
    let mut text = String::new();
    loop {
        let chunk = match progress.due() {
            None => incoming.chunk().await,
            Some(due) => tokio::select! {
                biased;
                chunk = incoming.chunk() => chunk,
                () = tokio::time::sleep_until(due) => {
                    progress.flush();
                    continue;
                }
            },
        };
        match chunk {
            Ok(Some(bytes)) => {
                reader.feed(&bytes, &mut text)?;
                progress.text(&mut text);
            }
            Ok(None) => return reader.end(),
            Err(error) => return Err(of_egress(&error, provider).spent(reader.tokens())),
        }
    }
}

fn of_egress(error: &EgressError, provider: Provider) -> Fault {
    let kind = match error.kind() {
        EgressErrorKind::Timeout => FaultKind::Timeout,
        EgressErrorKind::Connect | EgressErrorKind::Other => FaultKind::Connection,
        EgressErrorKind::TooLarge => FaultKind::Reply,
        _ => FaultKind::Refused,
    };
    let mut message = error.to_string();
    if error.kind() == EgressErrorKind::Refused && provider == Provider::Ollama {
        message.push_str("; whoever set the `llm` agent up has to allow it, such as with `Egress::builder().allow(\"localhost:11434\")`");
    }
    Fault::new(kind, message)
}

/// Some providers repeat the key they do not like.
fn without_key(mut fault: Fault, key: Option<&str>) -> Fault {
    if let Some(key) = key.filter(|key| key.len() >= 4) {
        fault.message = fault.message.replace(key, "***");
    }
    fault
}
