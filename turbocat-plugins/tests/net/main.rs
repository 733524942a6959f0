//! The one way out, against servers on this machine.
#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../server/mod.rs"]
mod server;

mod guard;
mod limits;
mod redirects;
mod rebinding;
mod tls;

use turbocat_plugins::net::{Egress, EgressError, EgressErrorKind, Outgoing, Url};

/// One that may reach 127.0.0.1 and nothing else inside.
fn egress() -> Egress {
    Egress::builder().allow("127.0.0.1").build().unwrap()
}

fn get(url: &str) -> Outgoing {
    Outgoing::get(Url::parse(url).unwrap())
}

/// The kind and the text of a failure.
fn told(result: Result<impl Sized, EgressError>) -> (EgressErrorKind, String) {
    let error = result.err().unwrap();
    (error.kind(), error.to_string())
}
