//! What the code prints, kept for the report and told to whoever watches.

use crate::extism::{self, Level};

/// What was printed to one stream.
pub(crate) struct Stream {
    kept: String,
    dropped: usize,
}

/// Both streams and what they may hold.
pub(crate) struct Capture {
    pub(crate) stdout: Stream,
    pub(crate) stderr: Stream,
    /// Bytes that are kept of either stream.
    limit: usize,
}

impl Capture {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            stdout: Stream { kept: String::new(), dropped: 0 },
            stderr: Stream { kept: String::new(), dropped: 0 },
            limit,
        }
    }

    /// Takes what is printed. Beyond the limit it is only counted, and nobody is told.
    pub(crate) fn print(&mut self, level: Level, text: &str) {
        let stream = match level {
            Level::Debug | Level::Info => &mut self.stdout,
            Level::Warn | Level::Error => &mut self.stderr,
        };
        let room = self.limit - stream.kept.len().min(self.limit);
        if stream.dropped > 0 || text.len() > room {
            let cut = if stream.dropped > 0 { 0 } else { text.floor_char_boundary(room) };
            stream.kept.push_str(&text[..cut]);
            stream.dropped += text.len() - cut;
            return;
        }
        stream.kept.push_str(text);
        extism::log(level, text.strip_suffix('\n').unwrap_or(text));
    }
}

impl Stream {
    /// What is kept, with a last line that says how much is not.
    pub(crate) fn text(&self) -> String {
        if self.dropped == 0 {
            return self.kept.clone();
        }
        format!("{}\n[{} more bytes were printed and are not kept]\n", self.kept, self.dropped)
    }
}
