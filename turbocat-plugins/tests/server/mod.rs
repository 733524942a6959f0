//! A web server on 127.0.0.1 that answers what a test says and remembers what it was asked.
#![allow(dead_code, reason = "every test program uses its own part of it")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What a test makes of a request; told how many came before it.
pub(crate) type Answer = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    closed: watch::Receiver<usize>,
    work: tokio::task::JoinHandle<()>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// With names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Which connection it came by, from zero.
    pub(crate) connection: usize,
}

/// An answer, down to the bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Ending {
    /// Waits for the next request.
    #[default]
    Keep,
    /// Closes the connection.
    Close,
    /// Waits until the client closes the connection.
    Hang,
}

impl Reply {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut text = format!("HTTP/1.1 {status} {}\r\n", phrase(status));
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if status != 204 && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(body);
        Self { bytes, ending: Ending::Keep }
    }

    pub(crate) fn ok(body: &str) -> Self {
        Self::new(200, &[], body)
    }

    pub(crate) fn json(body: &str) -> Self {
        Self::new(200, &[("content-type", "application/json")], body)
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::new(status, &[], "")
    }

    pub(crate) fn redirect(status: u16, to: &str) -> Self {
        Self::new(status, &[("location", to)], "")
    }

    /// No HTTP at all.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), ending: Ending::Close }
    }

    /// Nothing, until the client gives up.
    pub(crate) fn hang() -> Self {
        Self { bytes: Vec::new(), ending: Ending::Hang }
    }

    /// A connection that breaks at once.
    pub(crate) fn cut() -> Self {
        Self::raw(Vec::new())
    }

    /// The same, and then nothing until the client gives up.
    pub(crate) fn then_hang(mut self) -> Self {
        self.ending = Ending::Hang;
        self
    }

    /// The same, and then no more of this connection.
    pub(crate) fn then_close(mut self) -> Self {
        self.ending = Ending::Close;
        self
    }
}

impl Seen {
    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Server {
    /// At 127.0.0.1, on a port of its own.
    pub(crate) async fn start(answer: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into(), 0, answer).await
    }

    pub(crate) async fn at(
        address: IpAddr,
        port: u16,
        answer: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((address, port)).await.unwrap();
        Self::serve(listener, answer, async |socket| Some(socket))
    }

    /// On a listener, with something between socket and HTTP, such as TLS.
    pub(crate) fn serve<S, F>(
        listener: TcpListener,
        answer: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
        wrap: impl Fn(tokio::net::TcpStream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = Option<S>> + Send,
    {
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (tell, closed) = watch::channel(0);
        let (answer, memory): (Arc<Answer>, _) = (Arc::new(answer), seen.clone());
        let work = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for connection in 0.. {
                let Ok((socket, _)) = listener.accept().await else { return };
                let Some(stream) = wrap(socket).await else { continue };
                connections.spawn(converse(stream, connection, memory.clone(), answer.clone(), tell.clone()));
            }
        });
        Self { port, seen, closed, work }
    }

    /// An address on it.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}{target}", self.port)
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The one request there was.
    pub(crate) fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "there was not one request");
        seen.remove(0)
    }

    /// Waits until a client closed a connection that was left hanging.
    pub(crate) async fn gave_up(&mut self) {
        self.closed.wait_for(|closed| *closed > 0).await.unwrap();
    }

    /// Waits until that many requests came.
    pub(crate) async fn asked(&self, times: usize) {
        while self.seen.lock().unwrap().len() < times {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.work.abort();
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    connection: usize,
    memory: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<Answer>,
    tell: watch::Sender<usize>,
) {
    let mut buffer = Vec::new();
    while let Some(seen) = read(&mut stream, &mut buffer, connection).await {
        let before = {
            let mut memory = memory.lock().unwrap();
            memory.push(seen.clone());
            memory.len() - 1
        };
        let mut reply = answer(&seen, before);
        if seen.method == "HEAD"
            && let Some(end) = reply.bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            reply.bytes.truncate(end + 4);
        }
        if stream.write_all(&reply.bytes).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        match reply.ending {
            Ending::Keep => {}
            Ending::Close => {
                _ = stream.shutdown().await;
                return;
            }
            Ending::Hang => {
                // nothing more comes: the end of the stream, or its breaking
                while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {}
                tell.send_modify(|closed| *closed += 1);
                return;
            }
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>, connection: usize) -> Option<Seen> {
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
    buffer.drain(..head + 4);
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let mut seen = Seen {
        method: first.next()?.to_owned(),
        target: first.next()?.to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        body: Vec::new(),
        connection,
    };
    let length: usize = seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    seen.body = buffer.drain(..length).collect();
    Some(seen)
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301..=308 => "Elsewhere",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}
