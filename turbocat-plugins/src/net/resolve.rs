//! Looking names up, and letting through only the addresses that may be reached.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolving};

use super::error::Refusal;
use super::exceptions::{Exceptions, Scope};

/// Looks names up.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a host, in the order in which they are to be tried.
    ///
    /// # Errors
    /// The name cannot be looked up.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Looks names up as the operating system does.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The resolver of a client: what it lets through is what is connected to.
#[derive(Clone)]
pub(crate) struct Guarded {
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) exceptions: Arc<Exceptions>,
    pub(crate) scope: Scope,
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl reqwest::dns::Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let mut refusal = None;
            let mut allowed = Vec::new();
            for address in this.resolver.resolve(host).await? {
                match this.exceptions.judge_address(this.scope, host, address) {
                    Ok(()) => allowed.push(SocketAddr::new(address, 0)),
                    Err(error) => refusal = Some(error),
                }
            }
            match refusal {
                // one good address among bad ones is still a good address
                Some(refusal) if allowed.is_empty() => Err(Refusal(refusal.to_string()).into()),
                None if allowed.is_empty() => Err(io::Error::other("the name has no address").into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}
