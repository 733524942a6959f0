//! Sending: one client a scope of exceptions, and the loop that follows redirects.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderValue;
use reqwest::{Client, Request};
use tokio::time::Instant;

use super::error::{EgressError, EgressErrorKind};
use super::exceptions::{Exceptions, Scope};
use super::incoming::{Incoming, Limits};
use super::outgoing::{HostRule, Outgoing};
use super::redirect;
use super::resolve::{Guarded, Resolve, SystemResolver};
use super::trust::Trust;

/// The way out. Cheap to clone; clones share their connections.
///
/// The default allows nothing inside.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use turbocat_plugins::net::{Egress, Outgoing};
///
/// let egress = Egress::builder().allow("models.internal:8080").build()?;
/// let mut answer = egress.send(Outgoing::get("https://example.com/".parse()?).redirects(5)).await?;
/// println!("{}: {} bytes", answer.status(), answer.bytes().await?.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

struct Inner {
    exceptions: Arc<Exceptions>,
    only: Option<HostRule>,
    resolver: Arc<dyn Resolve>,
    trust: Trust,
    user_agent: HeaderValue,
    /// Made when first needed: a client holds the certificates of the world. A resolver is not
    /// told the port, so ports with exceptions of their own have a client of their own.
    any_port: OnceLock<Result<Client, String>>,
    ports: BTreeMap<u16, OnceLock<Result<Client, String>>>,
}

impl Egress {
    /// One to configure.
    pub fn builder() -> EgressBuilder {
        EgressBuilder::default()
    }

    /// Sends a request and follows redirects, as many as it allows.
    ///
    /// Drop the future, or the answer, to break the connection off.
    ///
    /// # Errors
    /// The address may not be reached, nobody answers, or not in time. Any status is an answer.
    pub async fn send(&self, mut outgoing: Outgoing) -> Result<Incoming, EgressError> {
        outgoing.check()?;
        let limits = Limits {
            timeout: outgoing.timeout,
            // too far away to be told from for ever
            deadline: outgoing.timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            max_bytes: outgoing.max_bytes,
        };
        let mut hops = 0;
        loop {
            let response = limits.within(self.hop(&outgoing)).await??;
            let (status, headers) = (response.status(), response.headers());
            let to = match outgoing.redirects {
                0 => None,
                _ => redirect::target(&outgoing.url, status, headers)?,
            };
            let Some(to) = to else { return Incoming::new(response, limits, hops) };
            if hops == outgoing.redirects {
                let message = format!("more than {hops} redirects");
                return Err(EgressError::new(EgressErrorKind::TooManyRedirects, message));
            }
            hops += 1;
            redirect::follow(&mut outgoing, status, to);
        }
    }

    async fn hop(&self, outgoing: &Outgoing) -> Result<reqwest::Response, EgressError> {
        let scope = self.inner.exceptions.judge(&outgoing.url)?;
        for hosts in [&self.inner.only, &outgoing.hosts].into_iter().flatten() {
            hosts.judge(&outgoing.method, &outgoing.url)?;
        }
        let mut request = Request::new(outgoing.method.clone(), outgoing.url.clone());
        request.headers_mut().clone_from(&outgoing.headers);
        *request.body_mut() = outgoing.body.clone().map(Into::into);
        let answer = self.inner.client(scope)?.execute(request).await;
        answer.map_err(|error| EgressError::of_client(&outgoing.url, error))
    }
}

impl Inner {
    fn client(&self, scope: Scope) -> Result<&Client, EgressError> {
        let slot = match scope {
            Scope::AnyPort => &self.any_port,
            Scope::Port(port) => self.ports.get(&port).unwrap_or(&self.any_port),
        };
        slot.get_or_init(|| self.make(scope).map_err(|error| error.to_string())).as_ref().map_err(|error| {
            EgressError::new(EgressErrorKind::Other, format!("no client can be made: {error}"))
        })
    }

    fn make(&self, scope: Scope) -> Result<Client, Box<dyn std::error::Error>> {
        let guarded = Guarded { resolver: self.resolver.clone(), exceptions: self.exceptions.clone(), scope };
        Ok(Client::builder()
            .dns_resolver(guarded)
            .tls_backend_preconfigured(self.trust.config()?)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // a proxy would look names up itself
            .no_proxy()
            .user_agent(self.user_agent.clone())
            .connect_timeout(Duration::from_secs(30))
            .build()?)
    }
}

impl Default for Egress {
    fn default() -> Self {
        EgressBuilder::default().finish()
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("exceptions", &self.inner.exceptions).finish_non_exhaustive()
    }
}

/// Makes an [`Egress`].
#[must_use]
pub struct EgressBuilder {
    exceptions: Exceptions,
    only: Option<HostRule>,
    resolver: Arc<dyn Resolve>,
    trust: Trust,
    user_agent: HeaderValue,
    error: Option<EgressError>,
}

impl EgressBuilder {
    /// Lets requests reach somebody inside: a host name, `*.name` for all names below one, an
    /// address or a net such as `10.1.0.0/16`; `name:8080` on that port only.
    ///
    /// An exception for a name holds wherever the name leads; one for an address holds for every
    /// name that leads there.
    pub fn allow(mut self, who: &str) -> Self {
        if let Err(error) = self.exceptions.allow(who) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Lets requests reach everybody, inside too: for tests, and where all workflows are trusted.
    pub fn allow_private(mut self, yes: bool) -> Self {
        self.exceptions.allow_everything(yes);
        self
    }

    /// Lets requests reach these hosts and no others. It opens nothing inside: that is what
    /// [`allow`](Self::allow) is for. Default: everybody outside.
    pub fn only(mut self, hosts: HostRule) -> Self {
        self.only = Some(hosts);
        self
    }

    /// Looks names up some other way than the operating system does. Its answers are judged all
    /// the same.
    pub fn resolver(mut self, resolver: impl Resolve) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Believes certificates, as PEM, besides those of Mozilla's list, which is compiled in so
    /// that a machine without one is served as well. For the certificates a company issues
    /// itself.
    pub fn trust(mut self, pem: &[u8]) -> Self {
        if let Err(error) = self.trust.add(pem) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// What is said in `User-Agent` when a request does not; `turbocat/VERSION` by default.
    pub fn user_agent(mut self, text: &str) -> Self {
        match HeaderValue::from_str(text) {
            Ok(value) => self.user_agent = value,
            Err(_) => {
                let message = "a user agent is text without line breaks";
                self.error.get_or_insert_with(|| EgressError::new(EgressErrorKind::BadHeader, message));
            }
        }
        self
    }

    /// Makes it. Connects to nobody yet.
    ///
    /// # Errors
    /// The first thing that was wrong above.
    pub fn build(mut self) -> Result<Egress, EgressError> {
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(self.finish()),
        }
    }

    fn finish(self) -> Egress {
        let ports = self.exceptions.ports().into_iter().map(|port| (port, OnceLock::new())).collect();
        Egress {
            inner: Arc::new(Inner {
                exceptions: Arc::new(self.exceptions),
                only: self.only,
                resolver: self.resolver,
                trust: self.trust,
                user_agent: self.user_agent,
                any_port: OnceLock::new(),
                ports,
            }),
        }
    }
}

impl Default for EgressBuilder {
    fn default() -> Self {
        Self {
            exceptions: Exceptions::default(),
            only: None,
            resolver: Arc::new(SystemResolver),
            trust: Trust::default(),
            user_agent: HeaderValue::from_static(concat!("turbocat/", env!("CARGO_PKG_VERSION"))),
            error: None,
        }
    }
}

impl fmt::Debug for EgressBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EgressBuilder").field("exceptions", &self.exceptions).finish_non_exhaustive()
    }
}
