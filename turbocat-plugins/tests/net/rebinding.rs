//! Names that lead now here, now there.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use turbocat_plugins::net::{Egress, EgressErrorKind, Resolve};

use super::server::{Reply, Server};
use super::{get, told};

/// Answers differently every time; the last answer is kept.
struct Fickle {
    answers: Vec<Vec<&'static str>>,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl Resolve for Fickle {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        Ok(self.answers[turn].iter().map(|address| address.parse().unwrap()).collect())
    }
}

/// 127.0.0.1 stands for the outside here; everything else that is inside is refused.
fn egress(answers: &[&[&'static str]]) -> (Egress, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let answers = answers.iter().map(|answer| answer.to_vec()).collect();
    let resolver = Fickle { answers, asked: asked.clone() };
    (Egress::builder().allow("127.0.0.1").resolver(resolver).build().unwrap(), asked)
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_what_was_judged_is_connected_to() {
    let server = Server::start(|_, _| Reply::ok("outside")).await;
    let (egress, asked) = egress(&[&["127.0.0.1"], &["127.0.0.2"]]);
    // somebody waits where a second look-up would lead
    let trap = Server::at("127.0.0.2".parse().unwrap(), server.port, |_, _| Reply::ok("trapped")).await;
    let url = format!("http://fickle.test:{}/", server.port);
    assert_eq!(egress.send(get(&url)).await.unwrap().bytes().await.unwrap(), b"outside");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(trap.seen().is_empty());
}

#[tokio::test]
async fn a_name_that_moved_inside_is_refused_on_the_next_connection() {
    let server = Server::start(|_, _| Reply::redirect(302, "/again").then_close()).await;
    for inside in ["127.0.0.2", "10.0.0.1", "169.254.169.254", "::1", "::ffff:192.168.0.1"] {
        let (egress, asked) = egress(&[&["127.0.0.1"], &[inside]]);
        let url = format!("http://fickle.test:{}/", server.port);
        let (kind, text) = told(egress.send(get(&url).redirects(5)).await);
        assert_eq!(kind, EgressErrorKind::Refused, "{inside}: {text}");
        assert!(text.starts_with("host `fickle.test` is at an address that is "), "{text}");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }
}

#[tokio::test]
async fn of_mixed_addresses_only_the_good_ones_are_tried() {
    let server = Server::start(|_, _| Reply::ok("outside")).await;
    let trap = Server::at("127.0.0.2".parse().unwrap(), server.port, |_, _| Reply::ok("trapped")).await;
    let url = format!("http://mixed.test:{}/", server.port);
    for answer in [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]] {
        let (egress, _) = egress(&[&answer]);
        assert_eq!(egress.send(get(&url)).await.unwrap().bytes().await.unwrap(), b"outside");
    }
    drop(server);
    // with the good one gone nothing else is tried
    let (egress, _) = egress(&[&["127.0.0.2", "127.0.0.1"]]);
    assert_eq!(told(egress.send(get(&url)).await).0, EgressErrorKind::Connect);
    assert!(trap.seen().is_empty());
}

#[tokio::test]
async fn a_name_without_addresses_is_a_failure() {
    let (egress, _) = egress(&[&[]]);
    let (kind, text) = told(egress.send(get("http://nobody.test/")).await);
    assert_eq!(kind, EgressErrorKind::Connect);
    assert_eq!(text, "`http://nobody.test` cannot be reached: the name has no address");
}
