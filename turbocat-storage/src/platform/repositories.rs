//! Where all nouns of the platform are found.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use turbocat_core::Timestamp;

use super::{
    Agents, ApiKeys, AuditLog, Deliveries, Deployments, ExecutionLogs, Executions, Feed, Figures,
    IdempotencyKeys, OneTimeTokens, RateWindows, Sessions, Teams, Templates, Triggers, Users, Webhooks,
    Workflows,
};
use crate::db::Database;

/// The platform's tables in a database. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    pub(super) database: Database,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("database", &self.database).finish_non_exhaustive()
    }
}

macro_rules! nouns {
    ($($(#[$doc:meta])* $method:ident: $noun:ident,)+) => {
        impl Platform {$(
            $(#[$doc])*
            pub const fn $method(&self) -> $noun<'_> {
                $noun(self)
            }
        )+}
    };
}

impl Platform {
    /// The tables of that database, which must be [migrated](Database::migrate). The time is the
    /// system's.
    pub fn new(database: Database) -> Self {
        Self { database, now: Arc::new(system_time) }
    }

    /// With another clock, for tests.
    #[must_use]
    pub fn with_clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.now = Arc::new(now);
        self
    }

    /// The database.
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// The time that is written into rows.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }
}

nouns! {
    /// Who uses it.
    users: Users,
    /// Who does steps.
    agents: Agents,
    /// What is done, with its steps.
    workflows: Workflows,
    /// What was done. Written by the journal.
    executions: Executions,
    /// What was said while it was done.
    execution_logs: ExecutionLogs,
    /// What agents and workflows are made from.
    templates: Templates,
    /// What is kept ready.
    deployments: Deployments,
    /// Credentials of programs.
    api_keys: ApiKeys,
    /// Who did what.
    audit: AuditLog,
    /// Who works together.
    teams: Teams,
    /// What starts executions.
    triggers: Triggers,
    /// Who is signed in.
    sessions: Sessions,
    /// Tokens that are good once.
    one_time_tokens: OneTimeTokens,
    /// How often something was done in a while.
    rate_windows: RateWindows,
    /// What happened.
    feed: Feed,
    /// Who is told what happens.
    webhooks: Webhooks,
    /// What they are told.
    deliveries: Deliveries,
    /// Requests that may be sent again.
    idempotency: IdempotencyKeys,
    /// Figures.
    figures: Figures,
}

fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
