//! What is received: the head at once, the body as it comes, and never more than was asked for.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use reqwest::Url;
use tokio::time::{Instant, timeout_at};

use super::error::{EgressError, EgressErrorKind, origin};

/// An answer. Drop it to break the connection off.
pub struct Incoming {
    response: reqwest::Response,
    limits: Limits,
    received: u64,
    hops: u8,
}

/// How long and how large.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) max_bytes: u64,
}

impl Limits {
    /// Does something within the time there is left.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, EgressError> {
        match self.deadline {
            None => Ok(work.await),
            Some(deadline) => timeout_at(deadline, work)
                .await
                .map_err(|_| EgressError::timeout(self.timeout.unwrap_or_default())),
        }
    }

    fn exceeded(&self) -> EgressError {
        let message = format!("the answer is larger than {} bytes", self.max_bytes);
        EgressError::new(EgressErrorKind::TooLarge, message)
    }
}

impl Incoming {
    /// Refuses a body that says itself that it is too large.
    pub(crate) fn new(response: reqwest::Response, limits: Limits, hops: u8) -> Result<Self, EgressError> {
        if response.content_length().is_some_and(|length| length > limits.max_bytes) {
            return Err(limits.exceeded());
        }
        Ok(Self { response, limits, received: 0, hops })
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The headers. Of a body that was unpacked, those that told its packed form are gone.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Who answered: the last address, after all redirects.
    pub fn url(&self) -> &Url {
        self.response.url()
    }

    /// How many redirects were followed.
    pub const fn hops(&self) -> u8 {
        self.hops
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// The connection broke, the time is up, or the body is larger than allowed.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        let chunk = self.limits.within(self.response.chunk()).await?;
        let chunk = chunk.map_err(|error| EgressError::of_client(self.response.url(), error))?;
        if let Some(chunk) = &chunk {
            self.received = self.received.saturating_add(chunk.len() as u64);
            if self.received > self.limits.max_bytes {
                return Err(self.limits.exceeded());
            }
        }
        Ok(chunk)
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn bytes(&mut self) -> Result<Vec<u8>, EgressError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// How many bytes of the body were received so far, unpacked.
    pub const fn received(&self) -> u64 {
        self.received
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("status", &self.status())
            .field("origin", &origin(self.url()))
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
