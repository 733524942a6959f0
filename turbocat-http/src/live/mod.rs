//! What happens, as it happens: server-sent events, read from the database after the last one that
//! was seen. Hints only say when to look, so that nothing is missed across connections.

mod account;
mod execution;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Serialize;
use turbocat_storage::Kind;
use utoipa_axum::router::OpenApiRouter;

use crate::api::Api;
use crate::error::{Error, Result};

/// How often a comment is sent, so that nobody on the way takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(crate) fn routes() -> OpenApiRouter<Api> {
    execution::routes().merge(account::routes())
}

/// Somewhere events come from.
trait Source: Send + 'static {
    /// Puts what is new behind the others; false if nothing will come any more.
    fn read(&mut self, events: &mut VecDeque<Event>) -> impl Future<Output = Result<bool>> + Send;

    /// Waits until there may be something new, or puts it there.
    fn wait(&mut self, events: &mut VecDeque<Event>) -> impl Future<Output = ()> + Send;
}

/// How often a watcher looks by itself: other nodes write too, but not into a file.
fn look(api: &Api) -> Duration {
    match api.database().kind() {
        Kind::Postgres => Duration::from_millis(500),
        Kind::Sqlite => Duration::from_secs(5),
    }
}

/// `Last-Event-ID`: the last event that was seen.
fn last_seen(headers: &HeaderMap) -> Result<Option<u64>> {
    let Some(header) = headers.get("last-event-id") else { return Ok(None) };
    let seq = header.to_str().ok().and_then(|text| text.trim().parse().ok());
    let seq = seq.filter(|seq| i64::try_from(*seq).is_ok());
    seq.map(Some).ok_or_else(|| Error::bad_request("Last-Event-ID must be the id of an event: a number"))
}

/// One event.
fn event(name: &str, data: &impl Serialize) -> Event {
    let event = Event::default().event(name);
    // A value of JSON can always be written.
    event.json_data(data).unwrap_or_default()
}

/// Sends what a source gives until it ends, the client goes or the server hangs up.
fn stream(api: &Api, source: impl Source) -> Response {
    let (hung_up, events) = (api.hung_up(), VecDeque::new());
    let stream =
        unfold((source, events, hung_up, false), async |(mut source, mut events, mut hung_up, mut over)| {
            loop {
                if let Some(event) = events.pop_front() {
                    return Some((Ok::<_, Infallible>(event), (source, events, hung_up, over)));
                }
                if over || *hung_up.borrow() {
                    return None;
                }
                match source.read(&mut events).await {
                    Ok(more) => over = !more,
                    Err(error) => {
                        // The client comes again, and begins where it was.
                        tracing::warn!(?error, "a stream of events ended early");
                        return None;
                    }
                }
                if events.is_empty() && !over {
                    tokio::select! {
                        biased;
                        _ = hung_up.wait_for(|hung_up| *hung_up) => return None,
                        () = source.wait(&mut events) => {}
                    }
                }
            }
        });
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // Proxies would gather what is to be seen at once.
    let buffering = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(buffering, HeaderValue::from_static("no"));
    response
}
