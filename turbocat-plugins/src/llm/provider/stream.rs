//! An answer that comes piece by piece: bytes go in, text to show and at last the answer come out.

use std::fmt;

use crate::llm::answer::{Answer, Fault, FaultKind, Tokens};
use crate::llm::sse::{Framer, Framing, TooLong};

/// Puts the messages of one provider's stream together.
pub(super) trait Assemble: Send {
    fn framing(&self) -> Framing;
    /// Takes a message; text that was added to the answer goes to `text` too.
    fn take(&mut self, message: &str, text: &mut String) -> Result<(), Fault>;
    /// What was spent as far as is known.
    fn tokens(&self) -> Tokens;
    /// The answer, if the stream came to its end.
    fn answer(self: Box<Self>) -> Result<Answer, Fault>;
}

/// Reads an answer that comes piece by piece, wherever the network cuts it.
pub struct StreamReader {
    framer: Framer,
    assembler: Box<dyn Assemble>,
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReader").field("tokens", &self.tokens()).finish_non_exhaustive()
    }
}

impl StreamReader {
    pub(super) fn new(assembler: Box<dyn Assemble>) -> Self {
        Self { framer: Framer::new(assembler.framing()), assembler }
    }

    /// Takes what came; text that was added to the answer is added to `text`.
    ///
    /// # Errors
    /// It is no stream of this provider, or the provider gives up in the midst of it.
    pub fn feed(&mut self, bytes: &[u8], text: &mut String) -> Result<(), Fault> {
        let Self { framer, assembler } = self;
        let fed = framer.feed(bytes, |message| assembler.take(message, text));
        fed.map_err(|fault| fault.spent(self.tokens()))
    }

    /// What was spent as far as is known.
    pub fn tokens(&self) -> Tokens {
        self.assembler.tokens()
    }

    /// The stream is over: the answer.
    ///
    /// # Errors
    /// It broke off before its end, or the model will not answer.
    pub fn end(mut self) -> Result<Answer, Fault> {
        let Self { framer, assembler } = &mut self;
        let last = framer.end(|message| assembler.take(message, &mut String::new()));
        let tokens = self.tokens();
        // Half a message at the end is one that was cut off.
        last.map_err(|fault| if fault.kind == FaultKind::Reply { broken() } else { fault }.spent(tokens))?;
        self.assembler.answer().map_err(|fault| fault.spent(tokens))
    }
}

impl From<TooLong> for Fault {
    fn from(_: TooLong) -> Self {
        Self::reply("sent a message without end")
    }
}

/// The stream broke off before its end.
pub(super) fn broken() -> Fault {
    Fault::new(FaultKind::Connection, "the stream broke off before its end")
}

/// A message that cannot be read.
pub(super) fn unreadable(error: &serde_json::Error) -> Fault {
    Fault::reply(format!("sent what cannot be read: {error}"))
}
