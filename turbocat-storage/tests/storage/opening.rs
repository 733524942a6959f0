//! Opening databases: addresses, settings, locks, files that cannot be used.

use std::time::Duration;

use turbocat_storage::testing::{PrivatePostgres, TempFolder, on_sqlite};
use turbocat_storage::{Database, Durability, Settings, StorageErrorKind, args};

async fn refused(url: &str) -> (StorageErrorKind, String) {
    let error = Database::open(url).await.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn another_scheme_is_refused_and_the_address_not_shown() {
    for url in ["mysql://root:hunter2@localhost/app", "app.db", "", "sqlite:", "sqlite:a.db?mode=ro"] {
        let (kind, message) = refused(url).await;
        assert_eq!(kind, StorageErrorKind::Invalid, "{url}");
        assert!(message.contains("help: ") && !message.contains("hunter2"), "{message}");
    }
}

#[tokio::test]
async fn every_setting_of_sqlite_takes() {
    let folder = TempFolder::new();
    for (durability, synchronous) in [(Durability::Full, 2i64), (Durability::Normal, 1)] {
        let mut settings = Settings::new(format!("sqlite://{}", folder.path().join("a.db").display()));
        settings.sqlite.durability = durability;
        let database = Database::open_with(settings).await.unwrap();
        let mut writer = database.begin().await.unwrap();
        for (pragma, column, expected) in [
            ("pragma synchronous", "synchronous", synchronous),
            ("pragma busy_timeout", "timeout", 10_000),
            ("pragma foreign_keys", "foreign_keys", 1),
            ("pragma wal_autocheckpoint", "wal_autocheckpoint", 4000),
            ("pragma cache_size", "cache_size", -65_536),
            ("pragma auto_vacuum", "auto_vacuum", 2),
        ] {
            let row = writer.fetch_one(pragma, args![]).await.unwrap();
            assert_eq!(row.get::<i64>(column).unwrap(), expected, "{pragma}");
        }
        let row = writer.fetch_one("pragma journal_mode", args![]).await.unwrap();
        assert_eq!(row.get::<String>("journal_mode").unwrap(), "wal");
        writer.rollback().await.unwrap();
        let row = database.fetch_one("pragma query_only", args![]).await.unwrap();
        assert_eq!(row.get::<i64>("query_only").unwrap(), 1);
        database.close().await;
    }
}

#[tokio::test]
async fn a_file_whose_settings_do_not_take_is_refused() {
    let folder = TempFolder::new();
    let path = folder.path().join("foreign.db");
    {
        use sqlx::{ConnectOptions, Connection, Executor};
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        connection.execute("create table foreign_table (a)").await.unwrap();
        connection.close().await.unwrap();
    }
    let (kind, message) = refused(&format!("sqlite:{}", path.display())).await;
    assert_eq!(kind, StorageErrorKind::Invalid);
    assert!(message.contains("`pragma auto_vacuum` is `0` and not `2`"), "{message}");
}

#[tokio::test]
async fn a_file_is_open_once() {
    let folder = TempFolder::new();
    let url = format!("sqlite:{}", folder.path().join("app.db").display());
    let first = Database::open(&url).await.unwrap();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(folder.path().join("app.db"), &link).unwrap();
    for other in [url.clone(), format!("sqlite:{}", link.display())] {
        let (kind, message) = refused(&other).await;
        assert_eq!(kind, StorageErrorKind::Locked);
        assert!(message.contains("app.db` is open already"), "{message}");
    }
    first.close().await;
    drop(first);
    Database::open(&url).await.unwrap();
}

#[tokio::test]
async fn another_process_that_has_the_lock_keeps_us_out() {
    let folder = TempFolder::new();
    let path = folder.path().join("app.db");
    let lock = format!("{}.lock", path.display());
    let script = "exec 9>\"$1\"; flock -x 9; echo locked; read line";
    let child = std::process::Command::new("sh")
        .args(["-c", script, "sh", &lock])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    let mut said = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut said)
        .unwrap();
    let url = format!("sqlite:{}", path.display());
    if said == "locked\n" {
        assert_eq!(refused(&url).await.0, StorageErrorKind::Locked);
    }
    drop(child.stdin.take());
    child.wait().unwrap();
    Database::open(&url).await.unwrap();
}

#[tokio::test]
async fn a_place_that_cannot_be_used_is_named() {
    let folder = TempFolder::new();
    let path = folder.path().join("no/such/app.db");
    let (kind, message) = refused(&format!("sqlite:{}", path.display())).await;
    assert_eq!(kind, StorageErrorKind::Unavailable);
    assert!(message.contains("no/such` of the database does not exist; help: create it"), "{message}");

    let (kind, message) = refused(&format!("sqlite:{}", folder.path().display())).await;
    assert_eq!(kind, StorageErrorKind::Invalid);
    assert!(message.contains("is a folder"), "{message}");

    let path = folder.path().join("text.db");
    std::fs::write(&path, "this is no database, but a text that is long enough to be looked at as one")
        .unwrap();
    let (kind, message) = refused(&format!("sqlite:{}", path.display())).await;
    assert_eq!(kind, StorageErrorKind::Corrupt);
    assert!(
        message.contains("text.db` cannot be opened: the file is damaged, or is no database"),
        "{message}"
    );

    let path = folder.path().join("read.db");
    std::fs::write(&path, "").unwrap();
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    let (kind, message) = refused(&format!("sqlite:{}", path.display())).await;
    assert_eq!(kind, StorageErrorKind::ReadOnly);
    assert!(message.contains("read.db` may only be read"), "{message}");
}

#[tokio::test]
async fn a_full_disk_is_an_error_of_its_own() {
    on_sqlite(|database| async move {
        let mut transaction = database.begin().await.unwrap();
        let row = transaction.fetch_one("pragma page_count", args![]).await.unwrap();
        assert!(row.get::<i64>("page_count").unwrap() > 1);
        transaction.fetch_one("pragma max_page_count = 1", args![]).await.unwrap();
        let error =
            transaction.execute("create table big as select zeroblob(1000000) as data", args![]).await;
        let error = error.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (StorageErrorKind::Full, false));
        drop(transaction);
        // SQLite undid it by itself; another one can begin all the same.
        let mut transaction = database.begin().await.unwrap();
        transaction.fetch_one("pragma max_page_count = 1000000", args![]).await.unwrap();
        transaction.execute("create table big as select zeroblob(1000000) as data", args![]).await.unwrap();
        transaction.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let url = "postgres://somebody:hunter2@localhost/app?host=/no/such/folder";
    let mut settings = Settings::new(url);
    settings.postgres.connect_timeout = Duration::from_secs(2);
    let error = Database::open_with(settings).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Unavailable);
    assert!(error.to_string().starts_with("the database `app` at "), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn connections_that_broke_are_made_anew() {
    let Some(server) = PrivatePostgres::launch() else { return };
    let database = Database::open(&server.create_database().await.unwrap()).await.unwrap();
    let mut transaction = database.begin().await.unwrap();
    transaction.fetch_one("select 1 as n", args![]).await.unwrap();
    server.restart();
    let error = transaction.fetch_one("select 1 as n", args![]).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (StorageErrorKind::Unavailable, true));
    drop(transaction);
    let row = database.fetch_one("select 1 as n", args![]).await.unwrap();
    assert_eq!(row.get::<i64>("n").unwrap(), 1);
    database.close().await;
}

#[tokio::test]
async fn a_statement_of_postgres_has_a_time_limit() {
    let Some(server) = PrivatePostgres::launch() else { return };
    let mut settings = Settings::new(server.create_database().await.unwrap());
    settings.postgres.statement_timeout = Duration::from_millis(50);
    let database = Database::open_with(settings).await.unwrap();
    let error = database.fetch_one("select pg_sleep(60)::text as s", args![]).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Timeout);
    database.close().await;
}
