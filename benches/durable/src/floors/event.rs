//! What happens to an execution, and the rows that each event leaves: about 300 bytes in the journal, and
//! what a list of executions and a queue of jobs need to know.
//!
//! An execution of five steps leaves six rows in the journal; its own row is inserted and updated six times,
//! its job is inserted and deleted.

use crate::workload::EXECUTION_STEPS;

/// What a row of the journal holds beside its numbers.
pub(crate) const BODY: &str = concat!(
    r#"{"event":"step_completed","step":"transform","attempt":1,"worker":"worker-7f3a","queued_at":"#,
    r#""2026-01-01T00:00:00.000000Z","started_at":"2026-01-01T00:00:00.000100Z","ended_at":"#,
    r#""2026-01-01T00:00:00.000200Z","output":{"customer":4711,"state":"ready","total":1234.5,"n":7}}"#
);

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// An execution was made, queued and taken; the first row of its journal.
    Begun { execution: i64 },
    /// A step of it ended; `last` ends the execution and its job.
    Step { execution: i64, seq: i64, last: bool },
    /// A step for an item of a map ended, of which only the journal need know.
    Item { execution: i64, seq: i64 },
}

impl Event {
    /// All events of an execution of five steps.
    pub(crate) fn of_execution(execution: i64) -> Vec<Self> {
        let last = EXECUTION_STEPS as i64;
        let steps = (1..=last).map(|seq| Self::Step { execution, seq, last: seq == last });
        std::iter::once(Self::Begun { execution }).chain(steps).collect()
    }

    /// Where it stands in the journal.
    pub(crate) fn place(self) -> (i64, i64) {
        match self {
            Self::Begun { execution } => (execution, 0),
            Self::Step { execution, seq, .. } | Self::Item { execution, seq } => (execution, seq),
        }
    }
}
