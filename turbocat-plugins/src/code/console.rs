//! What the code prints while it goes on: told to whoever watches, and kept here, because a call
//! that is ended from outside leaves no report.

use std::sync::{Arc, Mutex, PoisonError};

use turbocat_core::{AttemptRequest, Level, Said, Surroundings};

/// Listens to what a call says, and passes it on.
pub(super) struct Console {
    request: AttemptRequest,
    kept: Mutex<(String, String)>,
}

impl Console {
    /// A console, and the request that speaks to it.
    pub(super) fn listen(request: &AttemptRequest) -> (Arc<Self>, AttemptRequest) {
        let console = Arc::new(Self { request: request.clone(), kept: Mutex::default() });
        let speaking = request.clone().with_surroundings(console.clone());
        (console, speaking)
    }

    /// What was printed: to `stdout` and to `stderr`.
    pub(super) fn kept(&self) -> (String, String) {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Surroundings for Console {
    fn report(&self, _: &AttemptRequest, said: Said) {
        let Said::Log { level, message, data } = said else { return };
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let (stdout, stderr) = &mut *kept;
            let stream = if matches!(level, Level::Warn | Level::Error) { stderr } else { stdout };
            stream.push_str(&message);
            stream.push('\n');
        }
        self.request.log(level, message, data);
    }
}
