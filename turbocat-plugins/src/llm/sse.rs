//! How a stream is cut into messages: server-sent events, and lines of JSON. Bytes in, texts out.

/// The longest message of a stream. What is longer is no token of an answer.
const LONGEST: usize = 4 << 20;

/// A message that is longer than any of a provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// How messages of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// A message a line.
    Lines,
}

/// Cuts a stream into messages, wherever the network cut it.
#[derive(Clone, Debug)]
pub struct Framer {
    framing: Framing,
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The event that has not ended yet.
    data: Option<String>,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    returned: bool,
    /// Nothing came yet: a byte order mark may.
    fresh: bool,
}

impl Framer {
    /// A framer at the beginning of a stream.
    pub const fn new(framing: Framing) -> Self {
        Self { framing, line: Vec::new(), data: None, returned: false, fresh: true }
    }

    /// Takes what came, and tells of every message that is complete now.
    ///
    /// # Errors
    /// A message is longer than any of a provider's. What follows is not to be trusted.
    pub fn feed<E: From<TooLong>>(
        &mut self,
        bytes: &[u8],
        mut message: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if self.returned && first == b'\n' {
                self.returned = false;
                rest = &rest[1..];
                continue;
            }
            self.returned = false;
            let end = rest.iter().position(|&byte| byte == b'\n' || byte == b'\r');
            let (piece, tail) = rest.split_at(end.unwrap_or(rest.len()));
            self.line.extend_from_slice(piece);
            let held = self.line.len() + self.data.as_ref().map_or(0, String::len);
            if held > LONGEST {
                return Err(TooLong.into());
            }
            rest = tail;
            if end.is_some() {
                self.returned = rest[0] == b'\r';
                rest = &rest[1..];
                self.end_line(&mut message)?;
            }
        }
        Ok(())
    }

    /// The stream is over: tells of the message that was not ended, if there is one. A line of
    /// JSON is one; an event without its empty line is none, as the standard says.
    ///
    /// # Errors
    /// Whatever `message` says.
    pub fn end<E>(&mut self, mut message: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        match self.framing {
            Framing::Lines => self.end_line(&mut message),
            Framing::Events => Ok(()),
        }
    }

    fn end_line<E>(&mut self, message: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        let line = if std::mem::take(&mut self.fresh) {
            line.strip_prefix('\u{feff}').unwrap_or(&line)
        } else {
            &line
        };
        match self.framing {
            Framing::Lines if line.trim().is_empty() => Ok(()),
            Framing::Lines => message(line),
            Framing::Events if line.is_empty() => match self.data.take() {
                Some(data) => message(&data),
                None => Ok(()),
            },
            Framing::Events => {
                let (field, value) = line.split_once(':').unwrap_or((line, ""));
                // Providers say in the data itself what it is: names and numbers of events, and
                // comments that keep the connection alive, are passed over.
                if field == "data" {
                    let value = value.strip_prefix(' ').unwrap_or(value);
                    match &mut self.data {
                        None => self.data = Some(value.to_owned()),
                        Some(data) => {
                            data.push('\n');
                            data.push_str(value);
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug)]
    struct Never;

    impl From<TooLong> for Never {
        fn from(_: TooLong) -> Self {
            Self
        }
    }

    fn cut(framing: Framing, chunks: &[&[u8]]) -> Vec<String> {
        let mut messages = Vec::new();
        let mut framer = Framer::new(framing);
        for chunk in chunks {
            framer
                .feed(chunk, |message| {
                    messages.push(message.to_owned());
                    Ok::<_, Never>(())
                })
                .unwrap();
        }
        framer
            .end(|message| {
                messages.push(message.to_owned());
                Ok::<_, Infallible>(())
            })
            .unwrap();
        messages
    }

    /// The standard, read over the whole text at once.
    fn reference(text: &str) -> Vec<String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let mut messages = Vec::new();
        let mut data: Vec<&str> = Vec::new();
        let mut lines: Vec<&str> = text.split('\n').collect();
        lines.pop(); // what no line end follows
        for line in lines {
            if line.is_empty() {
                if !data.is_empty() {
                    messages.push(data.join("\n"));
                }
                data.clear();
            } else if line == "data" {
                data.push("");
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push(value.strip_prefix(' ').unwrap_or(value));
            }
        }
        messages
    }

    #[test]
    fn events_are_cut_as_the_standard_says() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(cut(Framing::Events, &[text.as_bytes()]), expected, "{text:?}");
        };
        check("data: a\n\n", &["a"]);
        check("data:a\n\ndata: b\n\n", &["a", "b"]);
        check("data:  a\n\n", &[" a"]);
        check("data: a\ndata: b\n\n", &["a\nb"]);
        check("data\n\n", &[""]);
        check("event: ping\ndata: {}\nid: 4\nretry: 5\n\n", &["{}"]);
        check(": keep alive\n\ndata: a\r\n\r\ndata: b\r\r", &["a", "b"]);
        check("\u{feff}data: a\n\n", &["a"]);
        check("data: never ended", &[]);
        check("data: never ended\n", &[]);
        check("database: a\n\n", &[]);
    }

    #[test]
    fn the_last_line_needs_no_end() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(cut(Framing::Lines, &[text.as_bytes()]), expected, "{text:?}");
        };
        check("{}\n[]\n", &["{}", "[]"]);
        check("{}\n\n[]", &["{}", "[]"]);
        check("{}\r\n[]", &["{}", "[]"]);
    }

    #[test]
    fn a_message_without_end_is_refused() {
        for framing in [Framing::Events, Framing::Lines] {
            let mut framer = Framer::new(framing);
            let mut refused = false;
            for _ in 0..6 {
                refused |= framer.feed(&vec![b'x'; 1 << 20], |_| Ok::<_, Never>(())).is_err();
            }
            assert!(refused);
        }
    }

    proptest! {
        #[test]
        fn events_are_the_same_wherever_the_network_cuts(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["data: ", "data", ":", " ", "\n", "\r", "\r\n", "x", "é€", "\u{feff}", "event: a", "\n\n"]), 0..30),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let text = pieces.concat();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            places.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for place in places {
                chunks.push(&text.as_bytes()[from..place]);
                from = place;
            }
            chunks.push(&text.as_bytes()[from..]);
            prop_assert_eq!(cut(Framing::Events, &chunks), reference(&text));
        }
    }
}
