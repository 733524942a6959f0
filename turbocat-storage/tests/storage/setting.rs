//! What tests of the platform begin with: a clock that is turned, a user, an agent, an execution.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::json;
use turbocat_core::{ExecutionId, Timestamp};
use turbocat_storage::platform::{Agent, AgentType, NewAgent, NewUser, Platform, User};
use turbocat_storage::testing::on_each_database;
use turbocat_storage::{Database, args};
use uuid::Uuid;

/// 2030-01-01T00:00:00Z.
pub(crate) const BEGIN: i64 = 1_893_456_000_000;

pub(crate) struct Setting {
    pub(crate) platform: Platform,
    pub(crate) user: User,
    clock: Arc<AtomicI64>,
}

impl Setting {
    pub(crate) async fn new(database: Database) -> Self {
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let hand = Arc::clone(&clock);
        let platform =
            Platform::new(database).with_clock(move || Timestamp::from_millis(hand.load(Ordering::Relaxed)));
        let user = platform.users().create(NewUser::new("Ada@Example.org ")).await.unwrap();
        Self { platform, user, clock }
    }

    /// Lets some milliseconds pass.
    pub(crate) fn pass(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::Relaxed);
    }

    pub(crate) async fn agent(&self, name: &str) -> Agent {
        let mut agent = NewAgent::new(self.user.id, name, AgentType::Code);
        agent.config = json!({ "code": "return inputs" });
        self.platform.agents().create(agent).await.unwrap()
    }

    /// An execution, written as the journal would.
    pub(crate) async fn execution(&self, number: u128, workflow: Option<Uuid>) -> ExecutionId {
        let id = Uuid::from_u128(number);
        let now = self.platform.now();
        let sql = "insert into executions (id, workflow_id, user_id, created_at, updated_at)
            values ($1, $2, $3, $4, $4)";
        self.platform.database().execute(sql, args![id, workflow, self.user.id, now]).await.unwrap();
        ExecutionId::from_uuid(id)
    }
}

/// A test body with a setting, on each database.
pub(crate) async fn on_each<F, Fut>(body: F)
where
    F: Fn(Setting) -> Fut,
    Fut: Future<Output = ()>,
{
    let body = &body;
    on_each_database(|database| async move { body(Setting::new(database).await).await }).await;
}
