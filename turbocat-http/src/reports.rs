//! What attempts say while they are being done: heard by whoever watches, and written into the log.
//! None of it decides anything, and some of it may be lost.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};
use turbocat_core::{Level, Observer, Report, Said, Timestamp};
use turbocat_storage::platform::{LogLevel, NewExecutionLog};

/// How many lines wait to be written; more are lost.
const WAITING: usize = 10_000;
/// How many reports a watcher may be behind.
const LIVE: usize = 4096;

/// A line of an execution's log, and when it was said.
pub(crate) type Line = (NewExecutionLog, Timestamp);

/// Hears everything that attempts say. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Reports {
    live: broadcast::Sender<Arc<Report>>,
    lines: mpsc::Sender<Line>,
}

impl Reports {
    /// With the lines that are to be written.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Line>) {
        let (lines, waiting) = mpsc::channel(WAITING);
        (Self { live: broadcast::channel(LIVE).0, lines }, waiting)
    }

    /// Hears what is said from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Report>> {
        self.live.subscribe()
    }
}

impl Observer for Reports {
    fn report(&self, report: &Report) {
        if let Said::Log { level, message, data } = &report.said {
            let line = line(report, *level, message, data.as_ref());
            if self.lines.try_send((line, report.at)).is_err() {
                tracing::warn!(execution = %report.execution, "too much is said at once; a line is lost");
            }
        }
        if self.live.receiver_count() > 0 {
            // Nobody has to listen.
            let _ = self.live.send(Arc::new(report.clone()));
        }
    }
}

fn line(report: &Report, level: Level, message: &str, data: Option<&Value>) -> NewExecutionLog {
    let level = match level {
        Level::Debug => LogLevel::Debug,
        Level::Info => LogLevel::Info,
        Level::Warn => LogLevel::Warn,
        Level::Error => LogLevel::Error,
    };
    let mut line = NewExecutionLog::new(report.execution, level, message);
    line.step_key = Some(report.step.clone());
    line.metadata = json!({ "attempt": report.attempt });
    if let Some(data) = data {
        line.metadata["data"] = data.clone();
    }
    line
}
