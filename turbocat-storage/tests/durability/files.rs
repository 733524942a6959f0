//! Database files that earlier versions wrote, as SQL texts: they are opened, brought up to date, and
//! what stands in them is gone on with.
//!
//! A migration may change as long as no release has it. Then the file of that version is deleted, and
//! written anew with `TURBOCAT_BLESS=1`.

use std::path::Path;

use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection, Executor, Row, SqliteConnection};
use turbocat_core::{ExecutionId, ExecutionStatus};
use turbocat_storage::args;
use turbocat_storage::testing::TempFolder;

use super::agent::Obedient;
use super::flows::Flow;
use super::journals::{bless, go_on, kept};
use super::live::{Way, begin, engine, live, runtime};
use super::look;
use super::mortal::{Death, MortalJournal};
use super::quick::QuickClock;
use super::stage::{LEASE, Stage};

/// The flows that such a file has: one ended, the others in the middle.
const IN_FILE: [&str; 6] = ["chain", "loops", "waits", "nested", "paused", "large"];

/// A file in which executions stand in the middle, and one has ended.
fn record(folder: &Path) -> String {
    for (at, name) in IN_FILE.iter().enumerate() {
        let stage = Stage::sqlite_at(folder);
        let clock = QuickClock::new();
        runtime().block_on(async {
            let open = stage.open(&clock).await;
            let death = if at == 0 { Death::Never } else { Death::After(4) };
            let journal = std::sync::Arc::new(MortalJournal::new(open.journal.clone(), death));
            let engine = engine(journal.clone(), Obedient::default(), &clock);
            // Not worked on, so that what stands in the file already stays as it is.
            let (id, handle) = begin(&engine, Flow::named(name), Way::Started);
            tokio::select! {
                biased;
                () = journal.died() => {}
                _ = live(&engine, Flow::named(name), id, handle, &open.journal) => {}
            }
        });
    }
    runtime().block_on(dump(&folder.join("app.db")))
}

/// A file as statements that make it.
async fn dump(path: &Path) -> String {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let mut text = String::new();
    let schema = "select type, name, sql from sqlite_master
        where sql is not null and name not like 'sqlite_%' order by type <> 'table', rowid";
    for row in connection.fetch_all(schema).await.unwrap() {
        let (kind, name): (String, String) = (row.get("type"), row.get("name"));
        text.push_str(&format!("{};\n", row.get::<String, _>("sql")));
        if kind == "table" {
            text.push_str(&rows(&mut connection, &name).await);
        }
    }
    connection.close().await.unwrap();
    text
}

async fn rows(connection: &mut SqliteConnection, table: &str) -> String {
    let columns = format!("select name from pragma_table_info('{table}') order by cid");
    let columns = connection.fetch_all(sqlx::raw_sql(sqlx::AssertSqlSafe(columns))).await.unwrap();
    let columns: Vec<String> =
        columns.iter().map(|row| format!("quote(\"{}\")", row.get::<String, _>(0))).collect();
    let all = format!("select {} as line from \"{table}\" order by rowid", columns.join(" || ', ' || "));
    let rows = connection.fetch_all(sqlx::raw_sql(sqlx::AssertSqlSafe(all))).await.unwrap();
    rows.iter()
        .map(|row| format!("insert into \"{table}\" values ({});\n", row.get::<String, _>(0)))
        .collect()
}

/// Makes a file of its statements.
async fn load(path: &Path, text: String) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(false)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal);
    let mut connection = options.connect().await.unwrap();
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text))).await.unwrap();
    connection.close().await.unwrap();
}

#[test]
fn files_of_earlier_versions_are_opened_and_what_stands_in_them_is_gone_on_with() {
    runtime().block_on(bless("app.sql", async || {
        std::thread::spawn(|| record(TempFolder::new().path())).join().unwrap()
    }));
    let kept = kept(".sql");
    assert!(!kept.is_empty());
    for (name, text) in kept {
        println!("{name}");
        let (folder, clock) = (TempFolder::new(), QuickClock::new());
        clock.skip(LEASE);
        runtime().block_on(async {
            load(&folder.path().join("app.db"), text).await;
            let open = Stage::sqlite_at(folder.path()).open(&clock).await;
            let rows = "select id, workflow_name from executions where parent_id is null order by id";
            let rows = open.store().database().fetch_all(rows, args![]).await.unwrap();
            let all: Vec<(ExecutionId, String)> =
                rows.iter().map(|row| (row.get("id").unwrap(), row.get("workflow_name").unwrap())).collect();
            assert_eq!(all.iter().map(|(_, name)| &**name).collect::<Vec<_>>(), IN_FILE);
            let ended = look::family(&open.journal, all[0].0).await;
            assert_eq!(ended[&all[0].0].status, ExecutionStatus::Completed);
            let open_ones = open.journal.unfinished().await.unwrap();
            assert!(all[1..].iter().all(|(id, _)| open_ones.contains(id)));
            let all: Vec<_> = all.iter().map(|(id, name)| (*id, Flow::named(name))).collect();
            for (family, (id, flow)) in go_on(&open, &all, &clock).await.iter().zip(&all) {
                // A nested workflow of it fails, which is passed over.
                let fails = flow.name == "nested";
                let expected = if fails { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
                assert_eq!(family[id].status, expected, "{}", flow.name);
            }
            let check = open.store().database().fetch_one("pragma integrity_check", args![]).await.unwrap();
            assert_eq!(check.get::<String>("integrity_check").unwrap(), "ok");
            open.close().await;
        });
    }
}
