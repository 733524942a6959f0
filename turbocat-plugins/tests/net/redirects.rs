//! Following redirects: what goes along, and where nobody is followed to.

use turbocat_plugins::net::{
    EgressErrorKind, HeaderName, HeaderValue, HostRule, Method, Outgoing, Url, header,
};

use super::server::{Reply, Server};
use super::{egress, get, told};

#[tokio::test]
async fn a_redirect_is_the_answer_unless_it_is_to_be_followed() {
    let server = Server::start(|seen, _| match seen.target.as_str() {
        "/a" => Reply::redirect(302, "b"),
        _ => Reply::ok("b"),
    })
    .await;
    let answer = egress().send(get(&server.url("/a"))).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.hops()), (302, 0));
    let answer = egress().send(get(&server.url("/a")).redirects(1)).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.hops()), (200, 1));
    assert_eq!(answer.url().as_str(), server.url("/b"));
}

#[tokio::test]
async fn a_redirect_changes_the_method_as_browsers_do() {
    let check = async |status: u16, method: &str, then: &str, body: &str| {
        let server = Server::start(move |seen, _| match seen.target.as_str() {
            "/" => Reply::redirect(status, "/end"),
            _ => Reply::ok(""),
        })
        .await;
        let mut outgoing = Outgoing::new(
            Method::from_bytes(method.as_bytes()).unwrap(),
            Url::parse(&server.url("/")).unwrap(),
        )
        .header(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if method != "GET" && method != "HEAD" {
            outgoing = outgoing.body("body");
        }
        egress().send(outgoing.redirects(1)).await.unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!((last.method.as_str(), last.text()), (then, body), "{status} {method}");
        let kept = method == then;
        assert_eq!(last.header("content-type").is_some(), kept, "{status} {method}");
    };
    for status in [301, 302] {
        check(status, "GET", "GET", "").await;
        check(status, "HEAD", "HEAD", "").await;
        check(status, "POST", "GET", "").await;
        check(status, "PUT", "PUT", "body").await;
        check(status, "DELETE", "DELETE", "body").await;
    }
    check(303, "GET", "GET", "").await;
    check(303, "HEAD", "HEAD", "").await;
    check(303, "POST", "GET", "").await;
    check(303, "PUT", "GET", "").await;
    for status in [307, 308] {
        check(status, "GET", "GET", "").await;
        check(status, "POST", "POST", "body").await;
        check(status, "PATCH", "PATCH", "body").await;
    }
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let other = Server::start(|_, _| Reply::ok("")).await;
    let elsewhere = other.url("/end");
    let server = Server::start(move |seen, _| match seen.target.as_str() {
        "/here" => Reply::redirect(307, "/end"),
        "/there" => Reply::redirect(307, &elsewhere),
        _ => Reply::ok(""),
    })
    .await;
    let send = async |target: &str| {
        let outgoing = get(&server.url(target))
            .header(header::AUTHORIZATION, HeaderValue::from_static("Bearer s3cret"))
            .header(header::COOKIE, HeaderValue::from_static("a=b"))
            .header(header::ACCEPT, HeaderValue::from_static("text/x"))
            .secret_header(HeaderName::from_static("x-api-key"), HeaderValue::from_static("s3cret"));
        egress().send(outgoing.redirects(2)).await.unwrap();
    };
    send("/here").await;
    let kept = server.seen().pop().unwrap();
    for name in ["authorization", "cookie", "x-api-key", "accept"] {
        assert!(kept.header(name).is_some(), "{name}");
    }
    send("/there").await;
    let lost = other.only();
    for name in ["authorization", "cookie", "x-api-key"] {
        assert_eq!(lost.header(name), None, "{name}");
    }
    assert_eq!(lost.header("accept"), Some("text/x"));
}

#[tokio::test]
async fn a_redirect_is_judged_with_the_method_that_is_sent() {
    let check = async |method: Method, status: u16, arrives: bool| {
        let other = Server::start(|_, _| Reply::ok("end")).await;
        let elsewhere = other.url("/end");
        let server = Server::start(move |_, _| Reply::redirect(status, &elsewhere)).await;
        let (first, second) = (server.port, other.port);
        let rule = HostRule::when(move |method, url| match url.port() {
            Some(port) if port == first => true,
            port => port == Some(second) && method == Method::GET,
        });
        let outgoing = Outgoing::new(method.clone(), Url::parse(&server.url("/")).unwrap()).hosts(rule);
        let result = egress().send(outgoing.redirects(3)).await;
        assert_eq!(result.is_ok(), arrives, "{method} {status}");
        assert_eq!(other.seen().len(), usize::from(arrives), "{method} {status}");
    };
    check(Method::GET, 307, true).await;
    check(Method::POST, 303, true).await;
    check(Method::POST, 302, true).await;
    check(Method::POST, 307, false).await;
    check(Method::PUT, 302, false).await;
}

#[tokio::test]
async fn nobody_is_followed_inside() {
    for (to, kind) in [
        ("http://127.0.0.2/", EgressErrorKind::Refused),
        ("//127.0.0.2/", EgressErrorKind::Refused),
        ("http://169.254.169.254/latest/meta-data/", EgressErrorKind::Refused),
        ("http://2130706434/", EgressErrorKind::Refused),
        ("http://[::1]/", EgressErrorKind::Refused),
        ("http://[::ffff:10.0.0.1]/", EgressErrorKind::Refused),
        ("http://localhost6.test@10.0.0.1/", EgressErrorKind::BadUrl),
        ("http://metadata.google.internal/", EgressErrorKind::Refused),
        ("http://93.184.216.34:6379/", EgressErrorKind::Refused),
        ("file:///etc/passwd", EgressErrorKind::BadUrl),
        ("ftp://127.0.0.1/", EgressErrorKind::BadUrl),
        ("javascript:alert(1)", EgressErrorKind::BadUrl),
        ("http://", EgressErrorKind::BadUrl),
        ("http://127.0.0.1:99999/", EgressErrorKind::BadUrl),
    ] {
        let server = Server::start(move |_, _| Reply::redirect(302, to)).await;
        let (got, text) = told(egress().send(get(&server.url("/?s3cret")).redirects(5)).await);
        assert_eq!(got, kind, "{to}: {text}");
        assert!(!text.contains("s3cret"), "{text}");
        assert_eq!(server.seen().len(), 1, "{to}");
    }
}

#[tokio::test]
async fn a_second_hop_is_judged_as_the_first() {
    let server = Server::start(|_, count| match count {
        0 => Reply::redirect(301, "/again"),
        1 => Reply::redirect(308, "?and=again"),
        _ => Reply::redirect(302, "http://127.1.1.1/"),
    })
    .await;
    let (kind, text) = told(egress().send(get(&server.url("/")).redirects(9)).await);
    assert_eq!(kind, EgressErrorKind::Refused, "{text}");
    let targets: Vec<_> = server.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/", "/again", "/again?and=again"]);
}

#[tokio::test]
async fn redirects_end() {
    let server = Server::start(|_, _| Reply::redirect(302, "/")).await;
    let (kind, text) = told(egress().send(get(&server.url("/")).redirects(3)).await);
    assert_eq!((kind, text.as_str()), (EgressErrorKind::TooManyRedirects, "more than 3 redirects"));
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_the_answer() {
    for status in [300, 302, 304] {
        let server = Server::start(move |_, _| Reply::new(status, &[], "")).await;
        let answer = egress().send(get(&server.url("/")).redirects(3)).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
}
