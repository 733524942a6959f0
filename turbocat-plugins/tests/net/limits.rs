//! Time, size, and breaking off.

use std::io::Write;
use std::time::Duration;

use turbocat_plugins::net::{EgressErrorKind, HeaderValue, Outgoing, Url, header};

use super::server::{Reply, Server};
use super::{egress, get, told};

#[tokio::test]
async fn an_answer_is_read_piece_by_piece_or_whole() {
    let server = Server::start(|_, _| Reply::new(200, &[("x-one", "1")], "hello")).await;
    let mut answer = egress().send(get(&server.url("/a?b=c"))).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers().get("x-one").unwrap(), "1");
    assert_eq!(answer.url().as_str(), server.url("/a?b=c"));
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    assert_eq!((body.as_slice(), answer.received()), (&b"hello"[..], 5));
    assert_eq!(server.only().header("user-agent"), Some("turbocat/0.1.0"));
}

#[tokio::test]
async fn what_is_sent_arrives_as_it_is() {
    let server = Server::start(|_, _| Reply::ok("")).await;
    let outgoing = Outgoing::post(Url::parse(&server.url("/p")).unwrap())
        .header(header::CONTENT_TYPE, HeaderValue::from_static("text/x"))
        .header(header::USER_AGENT, HeaderValue::from_static("mine"))
        .body("body");
    egress().send(outgoing).await.unwrap();
    let seen = server.only();
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.text()), ("POST", "/p", "body"));
    assert_eq!((seen.header("content-type"), seen.header("user-agent")), (Some("text/x"), Some("mine")));
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(|_, _| Reply::ok("x")).await;
    let egress = egress();
    for _ in 0..3 {
        egress.clone().send(get(&server.url("/"))).await.unwrap().bytes().await.unwrap();
    }
    assert!(server.seen().iter().all(|seen| seen.connection == 0));
}

#[tokio::test]
async fn an_answer_that_says_it_is_too_large_is_not_read() {
    let server = Server::start(|_, _| Reply::ok("123456")).await;
    let check = async |max| egress().send(get(&server.url("/")).max_bytes(max)).await;
    assert_eq!(check(6).await.unwrap().bytes().await.unwrap(), b"123456");
    let (kind, text) = told(check(5).await);
    assert_eq!((kind, text.as_str()), (EgressErrorKind::TooLarge, "the answer is larger than 5 bytes"));
}

#[tokio::test]
async fn an_answer_that_grows_too_large_is_cut_off() {
    // no length: the end of the connection is the end of the body
    let server =
        Server::start(|_, _| Reply::raw([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 100_000]].concat()))
            .await;
    let mut answer = egress().send(get(&server.url("/")).max_bytes(10_000)).await.unwrap();
    assert_eq!(told(answer.bytes().await).0, EgressErrorKind::TooLarge);
}

#[tokio::test]
async fn a_packed_answer_counts_unpacked() {
    // stored, not deflated: a gzip file by hand, whose one block holds 1,000 zeroes
    let server =
        Server::start(|_, _| Reply::new(200, &[("content-encoding", "gzip")], gzip(&[0; 1000]))).await;
    let mut answer = egress().send(get(&server.url("/"))).await.unwrap();
    assert_eq!((answer.bytes().await.unwrap(), answer.received()), (vec![0; 1000], 1000));
    assert!(server.only().header("accept-encoding").unwrap().contains("gzip"));

    // half a kilobyte that unpacks to half a megabyte
    let bomb = bomb();
    let small = bomb.len() as u64;
    let server = Server::start(move |_, _| Reply::new(200, &[("content-encoding", "gzip")], &bomb)).await;
    let mut answer = egress().send(get(&server.url("/")).max_bytes(100_000)).await.unwrap();
    assert!(small < 2000, "{small}");
    assert_eq!(told(answer.bytes().await).0, EgressErrorKind::TooLarge);
}

#[tokio::test]
async fn the_time_limit_covers_the_head_and_the_body() {
    let silent = Server::start(|_, _| Reply::hang()).await;
    let limit = Duration::from_millis(40);
    let (kind, text) = told(egress().send(get(&silent.url("/")).timeout(limit)).await);
    assert_eq!((kind, text.as_str()), (EgressErrorKind::Timeout, "timed out after 40 ms"));

    let slow = Server::start(|_, _| Reply::new(200, &[("content-length", "10")], "half").then_hang()).await;
    let mut answer = egress().send(get(&slow.url("/")).timeout(limit)).await.unwrap();
    let (kind, text) = told(answer.bytes().await);
    assert_eq!((kind, text.as_str()), (EgressErrorKind::Timeout, "timed out after 40 ms"));
}

#[tokio::test]
async fn whoever_stops_waiting_closes_the_connection() {
    let mut server = Server::start(|_, _| Reply::hang()).await;
    let (egress, url) = (egress(), server.url("/"));
    let waiting = tokio::spawn(async move { egress.send(get(&url).timeout(None)).await.map(drop) });
    server.asked(1).await;
    waiting.abort();
    server.gave_up().await;
}

#[tokio::test]
async fn whoever_drops_an_answer_closes_the_connection() {
    let mut server =
        Server::start(|_, _| Reply::new(200, &[("content-length", "10")], "half").then_hang()).await;
    drop(egress().send(get(&server.url("/"))).await.unwrap());
    server.gave_up().await;
}

#[tokio::test]
async fn nobody_there_is_a_failure_that_may_pass() {
    // a port that was free a moment ago
    let port = Server::start(|_, _| Reply::ok("")).await.port;
    let url = format!("http://127.0.0.1:{port}/s3cret?s3cret");
    let error = egress().send(get(&url)).await.unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(error.kind(), EgressErrorKind::Connect);
    let text = error.to_string();
    assert!(text.starts_with(&format!("`http://127.0.0.1:{port}` cannot be reached: ")), "{text}");
    let mut chain = vec![text];
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        chain.push(cause.to_string());
        source = cause.source();
    }
    assert!(!chain.concat().contains("s3cret"), "{chain:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_failure_that_may_pass() {
    for reply in [
        Reply::cut(),
        Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
        Reply::raw("SSH-2.0-OpenSSH_9.9\r\n"),
        Reply::new(200, &[("content-encoding", "gzip")], "this is not gzip"),
    ] {
        let server = Server::start(move |_, _| reply.clone()).await;
        let result = async { egress().send(get(&server.url("/"))).await?.bytes().await }.await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), EgressErrorKind::Connect, "{error}");
        assert!(error.is_retryable());
    }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    file.write_all(&length.to_le_bytes()).unwrap();
    file.write_all(&(!length).to_le_bytes()).unwrap();
    file.write_all(data).unwrap();
    file.write_all(&crc(data).to_le_bytes()).unwrap();
    file.write_all(&u32::from(length).to_le_bytes()).unwrap();
    file
}

/// One block of fixed codes: a zero, then copies of it, 258 at a time. The checksum is wrong;
/// nobody gets that far.
fn bomb() -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    let code = |bits: &mut Vec<bool>, value: u32, width: u32| {
        bits.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
    };
    code(&mut bits, 0x30, 8);
    for _ in 0..1000 {
        // length 258 is code 285, distance 1 is code 0
        code(&mut bits, 0b1100_0101, 8);
        code(&mut bits, 0, 5);
    }
    code(&mut bits, 0, 7);
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for byte in bits.chunks(8) {
        file.push(byte.iter().enumerate().fold(0, |sum, (bit, set)| sum | u8::from(*set) << bit));
    }
    file.extend([0; 8]);
    file
}

fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
