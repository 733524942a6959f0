//! Addresses that may not be reached, in every spelling.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;
use turbocat_plugins::net::{
    Egress, EgressErrorKind, HeaderName, HeaderValue, HostRule, MOST_HEADERS, Outgoing, Resolve, Url,
};

use super::server::{Reply, Server};
use super::{egress, get, told};

/// Names that lead inside.
struct Inside;

#[async_trait]
impl Resolve for Inside {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let address = match host {
            "loopback.test" => "127.0.0.1",
            "loopback6.test" => "::1",
            "mapped.test" => "::ffff:10.0.0.1",
            "meta.test" => "169.254.169.254",
            "ula.test" => "fd12::1",
            _ => return Err(io::Error::other(format!("`{host}` was looked up"))),
        };
        Ok(vec![address.parse().unwrap()])
    }
}

#[tokio::test]
async fn nothing_inside_is_reached_however_it_is_spelt() {
    let egress = Egress::builder().resolver(Inside).build().unwrap();
    let refused = [
        // as everybody writes them
        ("http://127.0.0.1/", "address `127.0.0.1` is loopback and may not be reached"),
        ("https://127.0.0.1:8443/", "loopback"),
        ("http://127.8.9.10/", "loopback"),
        ("http://0.0.0.0/", "unspecified"),
        ("http://10.0.0.1/", "private"),
        ("http://172.16.0.1/", "private"),
        ("http://192.168.1.1/", "private"),
        ("http://100.64.0.1/", "shared by a carrier"),
        ("http://169.254.1.1/", "link-local"),
        ("http://169.254.169.254/latest/meta-data/", "a metadata service"),
        ("http://168.63.129.16/", "a metadata service"),
        ("http://192.0.0.8/", "reserved for protocols"),
        ("http://192.0.2.1/", "for documentation"),
        ("http://198.18.0.1/", "for benchmarks"),
        ("http://198.51.100.1/", "for documentation"),
        ("http://203.0.113.1/", "for documentation"),
        ("http://224.0.0.1/", "multicast"),
        ("http://240.0.0.1/", "reserved"),
        ("http://255.255.255.255/", "broadcast"),
        // as nobody should
        ("http://2130706433/", "address `127.0.0.1` is loopback"),
        ("http://0x7f000001/", "address `127.0.0.1` is loopback"),
        ("http://0x7f.0.0.1/", "address `127.0.0.1` is loopback"),
        ("http://0177.0.0.1/", "address `127.0.0.1` is loopback"),
        ("http://017700000001/", "address `127.0.0.1` is loopback"),
        ("http://127.1/", "address `127.0.0.1` is loopback"),
        ("http://127.0.0.1./", "address `127.0.0.1` is loopback"),
        ("http://0/", "unspecified"),
        ("http://2852039166/", "a metadata service"),
        ("http://0xa9.0xfe.0xa9.0xfe/", "a metadata service"),
        ("http://１２７.０.０.１/", "address `127.0.0.1` is loopback"),
        ("http://①②⑦.0.0.1/", "address `127.0.0.1` is loopback"),
        ("http://127。0。0。1/", "address `127.0.0.1` is loopback"),
        ("http://%31%32%37.0.0.1/", "address `127.0.0.1` is loopback"),
        ("http:\\\\127.0.0.1\\", "loopback"),
        ("http:127.0.0.1/", "loopback"),
        ("http://\t127.0.0.1/", "loopback"),
        ("HTTP://127.0.0.1/", "loopback"),
        // the other protocol
        ("http://[::]/", "unspecified"),
        ("http://[::1]/", "address `::1` is loopback"),
        ("http://[0:0:0:0:0:0:0:1]:8080/", "loopback"),
        ("http://[::127.0.0.1]/", "reserved"),
        ("http://[::ffff:127.0.0.1]/", "loopback"),
        ("http://[::ffff:7f00:1]/", "loopback"),
        ("http://[::ffff:169.254.169.254]/", "a metadata service"),
        ("http://[64:ff9b::10.0.0.1]/", "private"),
        ("http://[2002:7f00:1::]/", "loopback"),
        ("http://[2001:0:0:0:0:0:80ff:fffe]/", "reserved for protocols"),
        ("http://[2001:db8::1]/", "for documentation"),
        ("http://[fc00::1]/", "private"),
        ("http://[fd00:ec2::254]/", "a metadata service"),
        ("http://[fe80::1]/", "link-local"),
        ("http://[fec0::1]/", "site-local"),
        ("http://[ff02::1]/", "multicast"),
        // by name
        ("http://loopback.test/", "host `loopback.test` is at an address that is loopback"),
        ("http://LOOPBACK.test:81/", "that is loopback"),
        ("http://loopback6.test/", "`loopback6.test` is at an address that is loopback"),
        ("http://mapped.test/", "`mapped.test` is at an address that is private"),
        ("http://meta.test/", "that is a metadata service"),
        ("http://ula.test/", "that is private"),
        ("http://metadata.google.internal/computeMetadata/v1/", "is a metadata service"),
        ("http://METADATA.google.internal./", "is a metadata service"),
        // what is no web server
        ("http://93.184.216.34:25/", "port 25 belongs to SMTP, not to HTTP"),
        ("http://93.184.216.34:6379/", "port 6379 belongs to Redis, not to HTTP"),
        ("https://93.184.216.34:22/", "port 22 belongs to SSH, not to HTTP"),
    ];
    for (url, expected) in refused {
        let (kind, text) = told(egress.send(get(url)).await);
        assert_eq!(kind, EgressErrorKind::Refused, "{url}: {text}");
        assert!(text.contains(expected), "{url}: {text}");
        // where a name leads is not told
        let named = url.contains(".test");
        assert!(!named || !text.chars().any(|c| c.is_ascii_digit() && !url.contains(c)), "{url}: {text}");
    }
}

#[tokio::test]
async fn only_addresses_of_the_web_are_taken() {
    for (url, expected) in [
        ("ftp://example.com/", "scheme `ftp` is not one of `http` and `https`"),
        ("file:///etc/passwd", "scheme `file`"),
        ("gopher://127.0.0.1:70/", "scheme `gopher`"),
        ("data:text/plain,x", "scheme `data`"),
        ("javascript:alert(1)", "scheme `javascript`"),
        ("ws://127.0.0.1/", "scheme `ws`"),
        ("http://me:s3cret@127.0.0.1/", "a user name or a password"),
        ("http://me@127.0.0.1/", "a user name or a password"),
        ("http://:s3cret@127.0.0.1/", "a user name or a password"),
        ("http://example.com@127.0.0.1/", "a user name or a password"),
    ] {
        let (kind, text) = told(egress().send(get(url)).await);
        assert_eq!(kind, EgressErrorKind::BadUrl, "{url}: {text}");
        assert!(text.contains(expected) && !text.contains("s3cret"), "{url}: {text}");
    }
}

#[tokio::test]
async fn an_exception_opens_one_port_of_one_address() {
    let open = Server::start(|_, _| Reply::ok("open")).await;
    let shut = Server::start(|_, _| Reply::ok("shut")).await;
    let egress = Egress::builder().allow(&format!("127.0.0.1:{}", open.port)).build().unwrap();
    assert_eq!(egress.send(get(&open.url("/"))).await.unwrap().bytes().await.unwrap(), b"open");
    assert_eq!(told(egress.send(get(&shut.url("/"))).await).0, EgressErrorKind::Refused);
    // by name: the resolver is not told the port, and still
    let named = |port| get(&format!("http://localhost:{port}/"));
    assert_eq!(egress.send(named(open.port)).await.unwrap().bytes().await.unwrap(), b"open");
    assert_eq!(told(egress.send(named(shut.port)).await).0, EgressErrorKind::Refused);
    assert!(shut.seen().is_empty());
}

#[tokio::test]
async fn everything_is_open_where_everything_is_allowed() {
    let server = Server::start(|_, _| Reply::ok("here")).await;
    let egress = Egress::builder().allow_private(true).build().unwrap();
    assert_eq!(egress.send(get(&server.url("/"))).await.unwrap().bytes().await.unwrap(), b"here");
}

#[tokio::test]
async fn a_request_keeps_to_its_own_list_of_hosts() {
    let server = Server::start(|seen, _| match seen.target.as_str() {
        "/" => Reply::redirect(
            302,
            &format!("http://localhost:{}/end", seen.header("host").unwrap()[10..].to_owned()),
        ),
        _ => Reply::ok("end"),
    })
    .await;
    let egress = Egress::builder().allow("127.0.0.1").allow("localhost").build().unwrap();
    let send = |hosts: &'static [&'static str]| {
        egress.send(get(&server.url("/")).redirects(3).hosts(HostRule::list(hosts)))
    };
    let (kind, text) = told(send(&["example.com"]).await);
    assert_eq!(
        (kind, text.as_str()),
        (EgressErrorKind::Refused, "host `127.0.0.1` is not among those that are allowed")
    );
    let (kind, text) = told(send(&["127.0.0.1"]).await);
    assert_eq!(
        (kind, text.as_str()),
        (EgressErrorKind::Refused, "host `localhost` is not among those that are allowed")
    );
    assert_eq!(send(&["127.0.0.1", "localhost"]).await.unwrap().bytes().await.unwrap(), b"end");
}

#[tokio::test]
async fn a_way_out_can_lead_to_a_few_hosts_only() {
    let server = Server::start(|_, _| Reply::ok("here")).await;
    let check = async |hosts: &[&str], expected: Result<(), &str>| {
        let only = HostRule::list(hosts);
        let egress = Egress::builder().allow("127.0.0.1").allow("localhost").only(only).build().unwrap();
        let got = egress.send(get(&server.url("/"))).await.map(drop).map_err(|error| error.to_string());
        assert_eq!(got, expected.map_err(str::to_owned), "{hosts:?}");
    };
    check(&["127.0.0.1"], Ok(())).await;
    check(&[], Err("host `127.0.0.1` is not among those that are allowed")).await;
    check(&["localhost"], Err("host `127.0.0.1` is not among those that are allowed")).await;
    // nothing inside is opened by it
    let egress = Egress::builder().only(HostRule::list(["*"])).build().unwrap();
    assert_eq!(told(egress.send(get(&server.url("/"))).await).0, EgressErrorKind::Refused);
}

#[tokio::test]
async fn headers_that_belong_to_the_client_cannot_be_set() {
    for name in
        ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"]
    {
        let outgoing = Outgoing::get(Url::parse("http://127.0.0.1/").unwrap())
            .header(HeaderName::from_static(name), HeaderValue::from_static("1"));
        let (kind, text) = told(egress().send(outgoing).await);
        assert_eq!(kind, EgressErrorKind::BadHeader, "{name}");
        assert_eq!(text, format!("header `{name}` follows from the request and cannot be set"));
    }
}

#[tokio::test]
async fn a_request_with_too_many_headers_is_not_sent() {
    let server = Server::start(|_, _| Reply::ok("")).await;
    let send = async |count: usize| {
        let name = |n: usize| HeaderName::from_bytes(format!("x-{n}").as_bytes()).unwrap();
        let outgoing = (0..count)
            .fold(get(&server.url("/")), |all, n| all.header(name(n), HeaderValue::from_static("1")));
        egress().send(outgoing).await
    };
    assert_eq!(send(MOST_HEADERS).await.unwrap().status().as_u16(), 200);
    // a map of headers panics at some thirty thousand
    for count in [MOST_HEADERS + 1, 50_000] {
        let (kind, text) = told(send(count).await);
        assert_eq!((kind, &*text), (EgressErrorKind::BadHeader, "the request has more than 100 headers"));
    }
    assert_eq!(server.seen().len(), 1);
}

/// Starts this test once more with proxies in its environment: a program cannot safely change its
/// own.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_is_not_asked() {
    const TARGET: &str = "TURBOCAT_TEST_TARGET";
    if let Ok(url) = std::env::var(TARGET) {
        assert_eq!(egress().send(get(&url)).await.unwrap().bytes().await.unwrap(), b"server");
        return;
    }
    let proxy = Server::start(|_, _| Reply::ok("proxy")).await;
    let server = Server::start(|_, _| Reply::ok("server")).await;
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "guard::a_proxy_of_the_environment_is_not_asked"]).env(TARGET, server.url("/"));
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env(name, proxy.url("/"));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((server.seen().len(), proxy.seen().len()), (1, 0));
}

#[test]
fn what_is_wrong_with_a_builder_is_told_when_it_builds() {
    let check = |result: Result<Egress, _>, expected: &str| {
        let (_, text) = told(result);
        assert!(text.contains(expected), "{text}");
    };
    check(
        Egress::builder().allow("10.0.0.0/99").allow("fine").build(),
        "exception `10.0.0.0/99` cannot be read",
    );
    check(Egress::builder().user_agent("a\nb").build(), "a user agent is text without line breaks");
    check(Egress::builder().trust(b"no certificate").build(), "there is none in the text");
}
