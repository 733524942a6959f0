//! Certificates, and what is said before anything else.
//!
//! The certificates were made for these tests, and the key of their authority was thrown away:
//! `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 36500 …`.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::Acceptor;
use tokio::net::TcpListener;
use tokio_rustls::LazyConfigAcceptor;
use turbocat_plugins::net::{Egress, EgressErrorKind, HeaderValue, Resolve, header};

use super::server::{Reply, Seen, Server};
use super::{get, told};

const AUTHORITY: &[u8] = include_bytes!("certificates/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("certificates/localhost.pem");
const KEY: &[u8] = include_bytes!("certificates/localhost.key");

type Offers = Arc<Mutex<Vec<String>>>;

/// A server that speaks TLS, and what the last client offered to speak above it.
async fn secure(answer: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> (Server, Offers) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(KEY).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let offers = Offers::default();
    let heard = offers.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::serve(listener, answer, move |socket| {
        let (config, heard) = (config.clone(), heard.clone());
        async move {
            let start = LazyConfigAcceptor::new(Acceptor::default(), socket).await.ok()?;
            let offered = start.client_hello().alpn().into_iter().flatten();
            *heard.lock().unwrap() = offered.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
            start.into_stream(config).await.ok()
        }
    });
    (server, offers)
}

fn trusting() -> Egress {
    Egress::builder().allow("localhost").allow("127.0.0.1").trust(AUTHORITY).build().unwrap()
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_believed() {
    let (server, offers) = secure(|_, _| Reply::ok("secret")).await;
    let url = format!("https://localhost:{}/", server.port);
    assert_eq!(trusting().send(get(&url)).await.unwrap().bytes().await.unwrap(), b"secret");
    assert_eq!(*offers.lock().unwrap(), ["h2", "http/1.1"]);
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_not_believed() {
    let (server, _) = secure(|_, _| Reply::ok("secret")).await;
    let egress = Egress::builder().allow("localhost").build().unwrap();
    let (kind, text) = told(egress.send(get(&format!("https://localhost:{}/", server.port))).await);
    assert_eq!(kind, EgressErrorKind::Connect);
    assert!(text.contains("invalid peer certificate"), "{text}");
    assert!(server.seen().is_empty());
}

/// Leads every name to this machine.
struct Here;

#[async_trait]
impl Resolve for Here {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_is_not_believed() {
    let (server, _) = secure(|_, _| Reply::ok("secret")).await;
    let egress = Egress::builder().allow("127.0.0.1").trust(AUTHORITY).resolver(Here).build().unwrap();
    let (kind, text) = told(egress.send(get(&format!("https://example.com:{}/", server.port))).await);
    assert_eq!(kind, EgressErrorKind::Connect);
    assert!(text.contains("certificate not valid for name"), "{text}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn nobody_is_followed_from_https_to_http() {
    let plain = Server::start(|_, _| Reply::ok("plain")).await;
    let to = plain.url("/");
    let (server, _) = secure(move |_, _| Reply::redirect(307, &to)).await;
    let outgoing = get(&format!("https://localhost:{}/", server.port))
        .header(header::AUTHORIZATION, HeaderValue::from_static("Bearer s3cret"))
        .redirects(5);
    let (kind, text) = told(trusting().send(outgoing).await);
    assert_eq!(kind, EgressErrorKind::Refused);
    assert!(text.ends_with("redirects from https to http, which is not followed"), "{text}");
    assert!(plain.seen().is_empty());
}
