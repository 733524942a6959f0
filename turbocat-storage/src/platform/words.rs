//! The words that columns may hold, each list once. A test compares them with the checks of the
//! tables.

use std::fmt;

use crate::db::{Arg, FromColumn, IntoArg, Row};
use crate::error::StorageError;

macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident in $($place:literal),+ { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub enum $name { $($(#[$of])* $variant),+ }

            impl $name {
                /// All of them, the default first.
                pub const ALL: &'static [Self] = &[$(Self::$variant),+];

                /// The word.
                pub const fn word(self) -> &'static str {
                    match self { $(Self::$variant => $word),+ }
                }

                /// What a word means, whatever its case.
                pub fn of_word(word: &str) -> Option<Self> {
                    Self::ALL.iter().copied().find(|one| one.word().eq_ignore_ascii_case(word))
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(self.word())
                }
            }

            impl IntoArg for $name {
                fn into_arg(self) -> Arg {
                    self.word().into_arg()
                }

                fn absent() -> Arg {
                    Arg::Text(None)
                }
            }

            impl FromColumn for $name {
                fn from_column(row: &Row, column: &str) -> Result<Self, StorageError> {
                    let word = row.get::<String>(column)?;
                    Self::of_word(&word)
                        .ok_or_else(|| StorageError::corrupt(format!("column `{column}` has an unknown word")))
                }
            }
        )+

        /// Where each list of words is checked, as `table.column`, and the list. For the test that
        /// compares them with the tables.
        #[doc(hidden)]
        pub fn lists_of_words() -> Vec<(&'static str, Vec<&'static str>)> {
            vec![$($(($place, $name::ALL.iter().map(|one| one.word()).collect())),+),+]
        }
    };
}

words! {
    /// What a user may do.
    UserRole in "users.role" {
        /// Works with what is their own.
        #[default] User = "user",
        /// Works with everything.
        Admin = "admin",
        /// A program that reads and starts.
        Agent = "agent",
    }
    /// What an agent is made of.
    AgentType in "agents.type" {
        /// JavaScript.
        #[default] Code = "code",
        /// A request over HTTP.
        Api = "api",
        /// A language model.
        Llm = "llm",
        /// An operation on data.
        Data = "data",
        /// Another workflow.
        Workflow = "workflow",
    }
    /// How far an agent is.
    AgentStatus in "agents.status" {
        /// Being made.
        #[default] Draft = "draft",
        /// In use.
        Active = "active",
        /// Not in use for now.
        Inactive = "inactive",
        /// Kept to look at.
        Archived = "archived",
    }
    /// How far a workflow is.
    WorkflowStatus in "workflows.status" {
        /// Being made.
        #[default] Draft = "draft",
        /// In use.
        Active = "active",
        /// Not in use for now.
        Inactive = "inactive",
        /// Kept to look at.
        Archived = "archived",
    }
    /// What a step does.
    StepType in "workflow_steps.step_type" {
        /// Has an agent do something.
        #[default] Agent = "agent",
        /// Decides.
        Condition = "condition",
        /// Does something for each of many.
        Loop = "loop",
        /// Does several things at once.
        Parallel = "parallel",
        /// Waits.
        Wait = "wait",
    }
    /// What follows from a step's failure.
    ErrorHandling in "workflow_steps.on_error" {
        /// The execution fails.
        #[default] Fail = "fail",
        /// The execution goes on.
        Continue = "continue",
        /// The step is tried again.
        Retry = "retry",
    }
    /// How an execution stands.
    ExecutionState in "executions.status" {
        /// Not begun.
        #[default] Pending = "pending",
        /// Going on.
        Running = "running",
        /// Ended well.
        Completed = "completed",
        /// Ended with a failure.
        Failed = "failed",
        /// Ended by somebody.
        Cancelled = "cancelled",
        /// Ended by its time limit.
        Timeout = "timeout",
    }
    /// What started an execution.
    TriggerType in "executions.trigger_type" {
        /// A person.
        #[default] Manual = "manual",
        /// A time.
        Scheduled = "scheduled",
        /// A program.
        Api = "api",
        /// A request from outside.
        Webhook = "webhook",
        /// An event, or another execution.
        Event = "event",
    }
    /// How grave a line of a log is.
    LogLevel in "execution_logs.level" {
        /// Worth knowing.
        #[default] Info = "info",
        /// For those who look closely.
        Debug = "debug",
        /// Something is odd.
        Warn = "warn",
        /// Something failed.
        Error = "error",
        /// Nothing goes on.
        Fatal = "fatal",
    }
    /// How a step stands, in a log.
    StepState in "execution_logs.step_status" {
        /// Not begun.
        #[default] Pending = "pending",
        /// Going on.
        Running = "running",
        /// Ended well.
        Completed = "completed",
        /// Ended with a failure.
        Failed = "failed",
        /// Not done.
        Skipped = "skipped",
    }
    /// What a template makes.
    TemplateType in "templates.type" {
        /// An agent.
        #[default] Agent = "agent",
        /// A workflow.
        Workflow = "workflow",
        /// A step.
        Step = "step",
    }
    /// Where a deployment is used.
    Environment in "deployments.environment" {
        /// By everybody.
        #[default] Production = "production",
        /// By those who make it.
        Development = "development",
        /// By those who try it.
        Staging = "staging",
    }
    /// How a deployment stands.
    DeploymentStatus in "deployments.status" {
        /// Not there.
        #[default] Stopped = "stopped",
        /// On its way up.
        Starting = "starting",
        /// There.
        Running = "running",
        /// On its way down.
        Stopping = "stopping",
        /// Could not go on.
        Failed = "failed",
        /// Not there for now.
        Maintenance = "maintenance",
    }
    /// How well a deployment is.
    HealthStatus in "deployments.health_status" {
        /// Nobody has looked.
        #[default] Unknown = "unknown",
        /// Well.
        Healthy = "healthy",
        /// Not well.
        Unhealthy = "unhealthy",
        /// Well enough.
        Degraded = "degraded",
    }
    /// Whether a team is in use.
    TeamStatus in "teams.status" {
        /// In use.
        #[default] Active = "active",
        /// Not in use for now.
        Inactive = "inactive",
    }
    /// What a trigger waits for.
    TriggerKind in "triggers.kind" {
        /// A time.
        #[default] Cron = "cron",
        /// A request from outside.
        Webhook = "webhook",
        /// An event.
        Event = "event",
    }
    /// What is done about times that passed while nobody looked.
    MissedPolicy in "triggers.missed" {
        /// Nothing.
        #[default] Skip = "skip",
        /// One execution for all of them.
        Once = "once",
        /// One execution for each.
        All = "all",
    }
    /// What a token that is good once is for.
    TokenPurpose in "one_time_tokens.purpose" {
        /// A new password.
        #[default] PasswordReset = "password_reset",
        /// To know a sign-in elsewhere again that was begun here.
        OauthState = "oauth_state",
        /// To sign in where the browser was sent to.
        SignIn = "sign_in",
    }
    /// What became of telling somebody something.
    DeliveryStatus in "webhook_deliveries.status" {
        /// It is still tried.
        #[default] Pending = "pending",
        /// It was taken.
        Delivered = "delivered",
        /// It was given up.
        Failed = "failed",
    }
}
