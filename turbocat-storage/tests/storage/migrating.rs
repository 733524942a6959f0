//! Migrations: once, in order, by one node, and never over a newer or another schema.

use turbocat_storage::testing::on_each_database;
use turbocat_storage::{Kind, Migration, Migrations, StorageErrorKind, args};

const ONE: &str = "create table one (id {uuid} primary key);";
const TWO: &str = "-- sqlite:\ncreate table two (a integer);\n-- postgres:\ncreate table two (a bigint);";

fn after_embedded(more: &[(&'static str, &'static str)]) -> Migrations {
    let mut all: Vec<Migration> = Migrations::embedded().iter().cloned().collect();
    for (name, text) in more {
        all.push(Migration::new(all.len() as i64 + 1, name, text));
    }
    Migrations::new(all)
}

#[tokio::test]
async fn what_was_done_is_not_done_again() {
    on_each_database(|database| async move {
        database.migrate().await.unwrap();
        let more = after_embedded(&[("one", ONE), ("two", TWO)]);
        assert_eq!(more.run(&database).await.unwrap(), 2);
        assert_eq!(more.run(&database).await.unwrap(), 0);
        let rows =
            database.fetch_all("select name from schema_migrations order by version", args![]).await.unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.get("name").unwrap()).collect();
        assert!(
            names.starts_with(&["platform".to_owned()])
                && names.ends_with(&["one".to_owned(), "two".to_owned()])
        );
    })
    .await;
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    on_each_database(|database| async move {
        let newer = after_embedded(&[("one", ONE)]);
        newer.run(&database).await.unwrap();
        let error = database.migrate().await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::NewerSchema);
        let (theirs, ours) = (newer.latest(), Migrations::embedded().latest());
        let expected =
            format!("the database has version {theirs}, this program knows versions up to {ours}; help: use the newer program");
        assert_eq!(error.to_string(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_was_changed_is_refused() {
    on_each_database(|database| async move {
        after_embedded(&[("one", ONE)]).run(&database).await.unwrap();
        let error = after_embedded(&[("one", TWO)]).run(&database).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::WrongSchema);
        assert!(error.to_string().contains("(`one`) of the database is not migration"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    on_each_database(|database| async move {
        let broken = "create table half (a integer); insert into nowhere values (1);";
        let error = after_embedded(&[("broken", broken)]).run(&database).await.unwrap_err();
        assert!(error.to_string().contains("(`broken`) failed"), "{error}");
        database.execute("create table half (a integer)", args![]).await.unwrap();
        assert_eq!(after_embedded(&[("one", ONE)]).run(&database).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_do_it_once() {
    on_each_database(|database| async move {
        let more = after_embedded(&[("one", ONE), ("two", TWO)]);
        let nodes: Vec<_> = (0..4)
            .map(|_| {
                let (database, more) = (database.clone(), more.clone());
                tokio::spawn(async move { more.run(&database).await.unwrap() })
            })
            .collect();
        let mut done = 0;
        for node in nodes {
            done += node.await.unwrap();
        }
        assert_eq!(done, 2);
    })
    .await;
}

#[test]
fn every_migration_can_be_written_for_both_databases() {
    for migration in Migrations::embedded().iter() {
        for kind in [Kind::Sqlite, Kind::Postgres] {
            let text = migration.render(kind).unwrap();
            assert!(!text.contains("{uuid}") && !text.trim().is_empty());
        }
    }
}

#[test]
fn a_checksum_is_the_same_whatever_the_ends_of_lines() {
    let unix = Migration::new(1, "a", "select 1;\nselect 2;\n");
    let dos = Migration::new(1, "a", "select 1;\r\nselect 2;\r\n");
    assert_eq!(unix.checksum(), dos.checksum());
    assert_ne!(unix.checksum(), Migration::new(1, "a", "select 1;\n").checksum());
}
