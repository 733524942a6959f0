//! What attempts say while they are being done: logs and progress. Seen live, never decided by.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::{ExecutionId, Timestamp};

/// How much a log entry matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// For whoever looks for a mistake.
    Debug,
    /// What happens.
    Info,
    /// What should not have been so.
    Warn,
    /// What went wrong.
    Error,
}

impl Level {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Something an attempt said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Said {
    /// A log entry.
    Log {
        /// How much it matters.
        level: Level,
        /// What happened.
        message: String,
        /// More, for programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
    },
    /// How far it is: the tokens of a model as they come, a percentage, whatever the agent has.
    Progress {
        /// What there is to see.
        value: Value,
    },
    /// A reader was too slow: so many reports are not among those it gets.
    Missed {
        /// How many.
        count: u64,
    },
}

/// What an attempt said, and which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// The execution.
    pub execution: ExecutionId,
    /// The path of the step instance, such as `perStory[3].summarise`.
    pub step: String,
    /// Which attempt of it.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub said: Said,
}
