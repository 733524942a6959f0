//! A test body on each database.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::folder::TempFolder;
use super::server::{PrivatePostgres, create};
use crate::db::Database;
use crate::store::{Store, StoreSettings};

/// Runs a test body on a fresh SQLite file and on a fresh PostgreSQL database, both migrated.
///
/// For PostgreSQL it takes the server at `$TURBOCAT_TEST_DATABASE_URL`, else a
/// [`PrivatePostgres`] that all tests of this process share. Without either it says so and goes on,
/// unless `$TURBOCAT_REQUIRE_PG` is `1`.
///
/// # Panics
/// If the body does, or if a database cannot be made.
pub async fn on_each_database<F, Fut>(body: F)
where
    F: Fn(Database) -> Fut,
    Fut: Future<Output = ()>,
{
    on_sqlite(&body).await;
    on_postgres(&body).await;
}

/// Runs a test body on a fresh SQLite file, migrated.
///
/// # Panics
/// If the body does, or if the file cannot be made.
pub async fn on_sqlite<F, Fut>(body: F)
where
    F: Fn(Database) -> Fut,
    Fut: Future<Output = ()>,
{
    let folder = TempFolder::new();
    let url = format!("sqlite:{}", folder.path().join("app.db").display());
    run(&url, body).await;
}

/// Runs a test body on a fresh PostgreSQL database, migrated, if there is a server.
///
/// # Panics
/// If the body does, if a database cannot be made, or if there is no server and
/// `$TURBOCAT_REQUIRE_PG` is `1`.
pub async fn on_postgres<F, Fut>(body: F)
where
    F: Fn(Database) -> Fut,
    Fut: Future<Output = ()>,
{
    if let Some(url) = fresh_postgres().await {
        run(&url, body).await;
    }
}

/// Runs a test body on a fresh store of each database, as [`on_each_database`] does.
///
/// # Panics
/// If the body does, or if a store cannot be made.
pub async fn on_each_store(body: impl AsyncFn(Store)) {
    on_each_store_with(|settings| settings, body).await;
}

/// As [`on_each_store`], with settings: another clock, another lease.
///
/// # Panics
/// If the body does, or if a store cannot be made.
pub async fn on_each_store_with(
    settings: impl Fn(StoreSettings) -> StoreSettings,
    body: impl AsyncFn(Store),
) {
    let folder = TempFolder::new();
    let url = format!("sqlite:{}", folder.path().join("app.db").display());
    for url in [Some(url), fresh_postgres().await].into_iter().flatten() {
        let settings = settings(StoreSettings::new(&url));
        let store = Store::open_with(settings).await.expect("a fresh store opens");
        body(store.clone()).await;
        store.close().await;
    }
}

async fn run<F, Fut>(url: &str, body: F)
where
    F: Fn(Database) -> Fut,
    Fut: Future<Output = ()>,
{
    let database = Database::open(url).await.expect("a fresh database opens");
    database.migrate().await.expect("a fresh database can be migrated");
    body(database.clone()).await;
    database.close().await;
}

/// The address of a fresh PostgreSQL database, if there is a server: as [`on_postgres`] finds it.
///
/// # Panics
/// If a database cannot be made, or if there is no server and `$TURBOCAT_REQUIRE_PG` is `1`.
pub async fn fresh_postgres() -> Option<String> {
    if let Ok(url) = std::env::var("TURBOCAT_TEST_DATABASE_URL") {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("turbocat_{since}_{}_{count}", std::process::id());
        create(&url, &name).await.expect("a database can be made at $TURBOCAT_TEST_DATABASE_URL");
        return Some(with_database(&url, &name));
    }
    match server() {
        Some(server) => Some(server.create_database().await.expect("a database can be made")),
        None => None,
    }
}

/// The address of another database on the same server.
fn with_database(url: &str, name: &str) -> String {
    let (rest, query) = url.split_once('?').map_or((url, None), |(rest, query)| (rest, Some(query)));
    let authority = rest.find("://").map_or(0, |at| at + 3);
    let end = rest[authority..].find('/').map_or(rest.len(), |at| authority + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{name}{query}", &rest[..end])
}

/// One server for all tests of this process. A static is never dropped; the server's watcher ends
/// it when the process ends.
fn server() -> Option<&'static PrivatePostgres> {
    static SERVER: OnceLock<Option<PrivatePostgres>> = OnceLock::new();
    SERVER
        .get_or_init(|| {
            let server = PrivatePostgres::launch();
            if server.is_none() {
                say_skipped();
            }
            server
        })
        .as_ref()
}

#[expect(clippy::print_stderr, reason = "who runs tests has to see what was not tested")]
fn say_skipped() {
    let how = "install PostgreSQL 15 or later, or set TURBOCAT_PG_BIN or TURBOCAT_TEST_DATABASE_URL";
    assert!(
        std::env::var("TURBOCAT_REQUIRE_PG").as_deref() != Ok("1"),
        "no PostgreSQL was found, and TURBOCAT_REQUIRE_PG asks for it; help: {how}"
    );
    eprintln!("skipped: the tests on PostgreSQL, because there is none; to run them, {how}");
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_name_of_a_database_is_replaced() {
        assert_eq!(with_database("postgres://u@h:1/a?host=/tmp", "b"), "postgres://u@h:1/b?host=/tmp");
        assert_eq!(with_database("postgres://u@h", "b"), "postgres://u@h/b");
    }
}
