//! What the code prints while it goes on: told to whoever watches, and kept here, because a call
//! that is ended from outside leaves no report.

use std::sync::{Arc, Mutex, PoisonError};

use turbocat_core::{AttemptRequest, Level, Said, Surroundings};

/// Listens to what a call says, and passes it on.
pub(super) struct Console {
    request: AttemptRequest,
    /// Bytes that are kept of each stream.
    most: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    stdout: String,
    stderr: String,
    /// What was passed on has cost so much.
    told: u64,
}

/// What a message costs beside its text, for whoever keeps it.
const MESSAGE: u64 = 32;

impl Console {
    /// A console, and the request that speaks to it.
    pub(super) fn listen(request: &AttemptRequest, most: u64) -> (Arc<Self>, AttemptRequest) {
        let console = Arc::new(Self { request: request.clone(), most, kept: Mutex::default() });
        let speaking = request.clone().with_surroundings(console.clone());
        (console, speaking)
    }

    /// What was printed: to `stdout` and to `stderr`.
    pub(super) fn kept(&self) -> (String, String) {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        (kept.stdout, kept.stderr)
    }
}

impl Kept {
    /// Keeps a message. Whether it may be passed on: many short ones cost more than they say.
    fn keep(&mut self, level: Level, message: &str, most: u64) -> bool {
        let is_error = matches!(level, Level::Warn | Level::Error);
        let stream = if is_error { &mut self.stderr } else { &mut self.stdout };
        if (stream.len() + message.len()) as u64 <= most {
            stream.push_str(message);
            stream.push('\n');
        }
        self.told = self.told.saturating_add(message.len() as u64 + MESSAGE);
        self.told <= most.saturating_mul(2).saturating_add(64 << 10)
    }
}

impl Surroundings for Console {
    fn report(&self, _: &AttemptRequest, said: Said) {
        let Said::Log { level, message, data } = said else { return };
        let is_told = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.keep(level, &message, self.most)
        };
        if is_told {
            self.request.log(level, message, data);
        }
    }
}
