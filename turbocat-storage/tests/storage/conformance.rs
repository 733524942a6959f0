//! The store keeps the contract of journals, on both databases.

use std::sync::Arc;

use turbocat_core::conformance::{Subject, assert_conforms};
use turbocat_core::testing::ManualClock;
use turbocat_storage::testing::{TempFolder, fresh_postgres};
use turbocat_storage::{Store, StoreSettings, args};

/// A fresh store there, with a clock that the checks turn.
async fn subject(url: &str) -> Subject {
    let clock = ManualClock::new();
    let store = Store::open_with(StoreSettings::new(url).clock(clock.clone())).await.unwrap();
    let text = "insert into concurrency_limits (kind, name, places) values ('agent', 'scarce', 3)";
    store.database().execute(text, args![]).await.unwrap();
    store.look_at_limits().await.unwrap();
    Subject::new(Arc::new(store)).clock(clock).agent_places("scarce", 3)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_sqlite_keeps_the_contract() {
    assert_conforms(async || {
        let folder = TempFolder::new();
        let url = format!("sqlite:{}", folder.path().join("app.db").display());
        subject(&url).await.keep(folder)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_postgres_keeps_the_contract() {
    if fresh_postgres().await.is_some() {
        assert_conforms(async || subject(&fresh_postgres().await.unwrap()).await).await;
    }
}
