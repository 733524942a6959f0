//! The one way out: HTTP that does not reach what stands inside.
//!
//! Whoever writes a workflow chooses addresses, and so does whoever answers with a redirect. An
//! [`Egress`] therefore looks at every address before it connects, and connects to nothing but
//! the addresses it looked at:
//!
//! - Literal addresses are judged before anything is sent, names after they are looked up, by the
//!   resolver the connection itself uses: there is no second look-up that could answer otherwise.
//! - Redirects are followed here, and every hop is judged as the first one. Credentials stay with
//!   the origin they were meant for; `https` never becomes `http`.
//! - Proxies of the environment are ignored: a proxy looks names up itself, where nobody judges
//!   the answer.
//! - What is received is counted after it is unpacked, and cut off at a limit.
//!
//! Exceptions are named when the [`Egress`] is built, never by a workflow.

mod address;
mod error;
mod exceptions;
mod resolve;
mod trust;
mod outgoing;
mod incoming;
mod redirect;
mod egress;

pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use reqwest::Url;

pub use egress::{Egress, EgressBuilder};
pub use error::{EgressError, EgressErrorKind};
pub use incoming::Incoming;
pub use outgoing::{HostRule, MOST_HEADERS, Outgoing, is_reserved};
pub use resolve::{Resolve, SystemResolver};
