//! PostgreSQL breaks connections, is stopped and started, and takes too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use turbocat_storage::testing::PrivatePostgres;
use turbocat_storage::{Database, Settings, Store, StoreSettings, args};

use super::outage::{Crowd, expected};
use super::quick::QuickClock;
use super::stage::LEASE;

/// A server of one's own, and a store in it. `None` if PostgreSQL is not installed.
async fn store(
    change: impl FnOnce(&mut Settings),
) -> Option<(Arc<PrivatePostgres>, Store, String, QuickClock)> {
    let server = PrivatePostgres::launch()?;
    let url = server.create_database().await.unwrap();
    // It promises nothing by itself.
    let other = Database::open(&url).await.unwrap();
    other.execute("alter database test_0 set synchronous_commit = on", args![]).await.unwrap();
    other.close().await;
    let mut settings = Settings::new(&url);
    settings.postgres.acquire_timeout = Duration::from_secs(2);
    change(&mut settings);
    let clock = QuickClock::new();
    let settings = StoreSettings::of(settings).clock(clock.clone()).lease(LEASE);
    let store = Store::open_with(settings).await.unwrap();
    Some((Arc::new(server), store, url, clock))
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_go_on_while_all_connections_are_broken_again_and_again() {
    let Some((_server, store, url, clock)) = store(|_| {}).await else { return };
    let expected = expected(&store, &clock).await;
    let stop = Arc::new(AtomicBool::new(false));
    let breaking = tokio::spawn({
        let stop = stop.clone();
        async move {
            let other = Database::open(&url).await.unwrap();
            let text = "select count(pg_terminate_backend(pid)) as n from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()";
            let mut broken = 0;
            while !stop.load(Ordering::SeqCst) {
                broken += other.fetch_one(text, args![]).await.unwrap().get::<i64>("n").unwrap();
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            broken
        }
    });
    let mut crowd = Crowd::over(&store, &clock);
    for _ in 0..3 {
        crowd.enqueue().await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::SeqCst);
    let broken = breaking.await.unwrap();
    assert!(broken > 20, "{broken} connections were broken");
    assert_eq!(crowd.end().await, expected);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_go_on_when_the_server_was_stopped_and_started() {
    let Some((server, store, _, clock)) = store(|_| {}).await else { return };
    let expected = expected(&store, &clock).await;
    let mut crowd = Crowd::over(&store, &clock);
    for round in 0..3 {
        crowd.enqueue().await;
        let server = server.clone();
        let restarted = tokio::task::spawn_blocking(move || {
            server.stop();
            std::thread::sleep(Duration::from_millis(200 * round));
            server.start();
        });
        crowd.enqueue().await;
        restarted.await.unwrap();
    }
    assert_eq!(crowd.end().await, expected);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_go_on_when_statements_took_too_long() {
    let change = |settings: &mut Settings| settings.postgres.statement_timeout = Duration::from_millis(300);
    let Some((_server, store, url, clock)) = store(change).await else { return };
    let expected = expected(&store, &clock).await;
    let mut crowd = Crowd::over(&store, &clock);
    let other = Database::open(&url).await.unwrap();
    for table in ["lock table jobs", "lock table execution_events", "lock table letters"] {
        crowd.enqueue().await;
        let mut transaction = other.begin().await.unwrap();
        transaction.execute(table, args![]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        transaction.rollback().await.unwrap();
    }
    assert_eq!(crowd.end().await, expected);
    store.close().await;
}
