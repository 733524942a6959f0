//! Arguments, rows, transactions and errors of the layer.

use serde_json::{Value, json};
use turbocat_core::Timestamp;
use turbocat_storage::testing::{on_each_database, on_postgres, on_sqlite};
use turbocat_storage::{Database, Kind, Sql, StorageErrorKind, args};
use uuid::Uuid;

async fn table(database: &Database) {
    let sql = Sql::new(
        "create table things (id {uuid} primary key, name text unique, count {bigint}, ratio {float},
            yes {bool}, raw {bytes}, at {time}, data {json}, words {texts})",
    );
    database.execute(sql.render(database.kind()).unwrap(), args![]).await.unwrap();
}

async fn count(database: &Database) -> i64 {
    let row = database.fetch_one("select count(*) as n from things", args![]).await.unwrap();
    row.get("n").unwrap()
}

#[tokio::test]
async fn every_type_is_read_back_as_it_was_written() {
    on_each_database(|database| async move {
        table(&database).await;
        let id = Uuid::from_u128(7);
        let at = Timestamp::from_millis(-1_234_567);
        let data = json!({"z": 1, "a": [0.1, null, "x'\"\u{0}"], "big": 18_446_744_073_709_551_615u64});
        let words = vec!["one".to_owned(), String::new(), "th,ree\"".to_owned()];
        database
            .execute(
                "insert into things values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                args![id, "näme", i64::MIN, 0.1f64, true, vec![0u8, 255], at, &data, &words],
            )
            .await
            .unwrap();
        let row = database.fetch_one("select * from things where id = $1", args![id]).await.unwrap();
        assert_eq!(row.get::<Uuid>("id").unwrap(), id);
        assert_eq!(row.get::<String>("name").unwrap(), "näme");
        assert_eq!(row.get::<i64>("count").unwrap(), i64::MIN);
        assert_eq!(row.get::<f64>("ratio").unwrap().to_bits(), 0.1f64.to_bits());
        assert!(row.get::<bool>("yes").unwrap());
        assert_eq!(row.get::<Vec<u8>>("raw").unwrap(), [0, 255]);
        assert_eq!(row.get::<Timestamp>("at").unwrap(), at);
        let read: Value = row.get("data").unwrap();
        assert_eq!(read.to_string(), data.to_string(), "with the order of its keys");
        assert_eq!(row.get::<Vec<String>>("words").unwrap(), words);
    })
    .await;
}

#[tokio::test]
async fn absent_values_are_absent() {
    on_each_database(|database| async move {
        table(&database).await;
        database
            .execute(
                "insert into things values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                args![
                    Uuid::nil(),
                    None::<String>,
                    None::<i64>,
                    None::<f64>,
                    None::<bool>,
                    None::<Vec<u8>>,
                    None::<Timestamp>,
                    None::<Value>,
                    None::<Vec<String>>
                ],
            )
            .await
            .unwrap();
        let row = database.fetch_one("select * from things", args![]).await.unwrap();
        assert_eq!(row.get::<Option<String>>("name").unwrap(), None);
        assert_eq!(row.get::<Option<i64>>("count").unwrap(), None);
        assert_eq!(row.get::<Option<Timestamp>>("at").unwrap(), None);
        assert_eq!(row.get::<Option<Value>>("data").unwrap(), None);
        assert_eq!(row.get::<Option<Vec<String>>>("words").unwrap(), None);
        let error = row.get::<i64>("count").unwrap_err();
        assert_eq!(error.to_string(), "column `count` has no value");
    })
    .await;
}

#[tokio::test]
async fn errors_of_rows_name_the_column() {
    on_each_database(|database| async move {
        let row = database.fetch_one("select 'x' as word, 300 as n", args![]).await.unwrap();
        let error = row.get::<String>("wrod").unwrap_err();
        assert_eq!(error.to_string(), "column `wrod` is not in the answer");
        let error = row.get::<Uuid>("word").unwrap_err();
        assert_eq!(error.to_string(), "column `word` has a value of another type");
        assert_eq!(error.kind(), StorageErrorKind::Corrupt);
        let row = database.fetch_one("select $1 as n", args![-1i64]).await.unwrap();
        let error = row.get::<u64>("n").unwrap_err();
        assert_eq!(error.to_string(), "column `n` is out of range");
    })
    .await;
}

#[tokio::test]
async fn values_no_database_can_hold_are_refused() {
    on_each_database(|database| async move {
        let error = database.fetch_one("select $1 as n", args![u64::MAX]).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Invalid);
        let error = database.fetch_one("select $1 as n, $2 as m", args![1i64]).await.unwrap_err();
        assert_eq!(error.to_string(), "the statement asks for 2 arguments and got 1");
    })
    .await;
    on_postgres(|database| async move {
        let far = Timestamp::from_millis(i64::MAX);
        let error = database.fetch_one("select $1 as t", args![far]).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Invalid);
        let error = database.fetch_one("select $1 as t", args!["a\0b"]).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Invalid);
    })
    .await;
}

#[tokio::test]
async fn lists_are_arguments_too() {
    on_each_database(|database| async move {
        table(&database).await;
        let ids: Vec<Uuid> = (1..=3).map(Uuid::from_u128).collect();
        for (n, id) in ids.iter().enumerate() {
            let sql = "insert into things (id, name, count, words) values ($1, $2, $3, $4)";
            let n = i64::try_from(n).unwrap();
            let words = vec![format!("w{n}"), "all".to_owned()];
            database.execute(sql, args![id, format!("n{n}"), n, words]).await.unwrap();
        }
        let wanted = vec!["w1".to_owned(), "w2".to_owned()];
        for (condition, argument) in [
            ("id {any_uuid:$1}", args![ids[1..].to_vec()]),
            ("name {any_text:$1}", args![vec!["n1".to_owned(), "n2".to_owned()]]),
            ("count {any_int:$1}", args![vec![1i64, 2]]),
            ("{overlap:words,$1}", args![wanted]),
        ] {
            let mut sql = Sql::new("select id from things where ");
            sql.push(condition).push(" order by count");
            let sql = sql.render(database.kind()).unwrap();
            let rows = database.fetch_all(sql, argument).await.unwrap();
            let found: Vec<Uuid> = rows.iter().map(|row| row.get("id").unwrap()).collect();
            assert_eq!(found, ids[1..], "{condition}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    on_each_database(|database| async move {
        table(&database).await;
        let insert = "insert into things (id, name) values ($1, $2)";
        let mut transaction = database.begin().await.unwrap();
        assert_eq!(transaction.execute(insert, args![Uuid::from_u128(1), "a"]).await.unwrap(), 1);
        assert_eq!(count(&database).await, 0, "nobody sees it yet");
        drop(transaction);
        let mut transaction = database.begin().await.unwrap();
        transaction.execute(insert, args![Uuid::from_u128(1), "a"]).await.unwrap();
        transaction.rollback().await.unwrap();
        assert_eq!(count(&database).await, 0);
        let mut transaction = database.begin().await.unwrap();
        transaction.execute(insert, args![Uuid::from_u128(1), "a"]).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(count(&database).await, 1);
    })
    .await;
}

#[tokio::test]
async fn errors_have_kinds() {
    on_each_database(|database| async move {
        table(&database).await;
        let insert = "insert into things (id, name) values ($1, $2)";
        database.execute(insert, args![Uuid::from_u128(1), "a"]).await.unwrap();
        let error = database.execute(insert, args![Uuid::from_u128(2), "a"]).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Conflict);
        assert!(!error.is_retryable());
        assert!(std::error::Error::source(&error).is_some());
        let error = database.execute("insert into nothing values (1)", args![]).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Internal);
        let error = database.fetch_one("select 1 as n where false", args![]).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::NotFound);
        let step = "insert into workflow_steps (id, workflow_id, step_key, step_name, step_type, position)
            values ($1, $1, 'a', 'a', 'agent', 0)";
        let error = database.execute(step, args![Uuid::from_u128(1)]).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Constraint);
        database.close().await;
        let error = database.fetch_one("select 1 as n", args![]).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (StorageErrorKind::Unavailable, "the database is closed")
        );
    })
    .await;
}

#[tokio::test]
async fn readers_of_sqlite_cannot_write() {
    on_sqlite(|database| async move {
        table(&database).await;
        let error = database.fetch_all("insert into things (id) values (x'00')", args![]).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::ReadOnly);
        let rows =
            database.returning("insert into things (id) values (x'00') returning count", args![]).await;
        assert_eq!(rows.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn several_statements_share_their_arguments_on_sqlite() {
    on_sqlite(|database| async move {
        table(&database).await;
        let statements = "insert into things (id, name, count) values ($1, $3, $2);
            insert into things (id, name, count) values ($4, $2, $2);
            update things set count = count + $2";
        let values = || args![Uuid::from_u128(1), 5i64, "five", Uuid::from_u128(2)];
        database.raw(statements, values()).await.unwrap();
        let rows = database.fetch_all("select name, count from things order by id", args![]).await.unwrap();
        let read: Vec<(String, i64)> =
            rows.iter().map(|row| (row.get("name").unwrap(), row.get("count").unwrap())).collect();
        assert_eq!(read, [("five".to_owned(), 10), ("5".to_owned(), 10)]);

        let error = database.raw(statements, values()).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Conflict);
        let half = "insert into things (id, name) values ($1, 'new'); insert into things (id, name) values ($1, 'newer')";
        database.raw(half, args![Uuid::from_u128(9)]).await.unwrap_err();
        assert_eq!(count(&database).await, 2, "the first half was undone");
        database.raw("delete from things where id = $1", args![Uuid::from_u128(1)]).await.unwrap();
        assert_eq!(count(&database).await, 1, "the connection is not left in a transaction");
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_no_open_transaction() {
    on_sqlite(|database| async move {
        table(&database).await;
        for n in 0..50 {
            let raw = database.raw("insert into things (id) values ($1)", args![Uuid::from_u128(n)]);
            tokio::select! {
                biased;
                _ = raw => {}
                () = tokio::task::yield_now() => {}
            }
        }
        let mut transaction = database.begin().await.unwrap();
        transaction.execute("delete from things", args![]).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(count(&database).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_database_in_memory_keeps_its_tables() {
    let database = Database::open("sqlite::memory:").await.unwrap();
    assert_eq!(database.kind(), Kind::Sqlite);
    table(&database).await;
    assert_eq!(count(&database).await, 0);
    let other = Database::open("sqlite::memory:").await.unwrap();
    let error = other.fetch_all("select * from things", args![]).await.unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::Internal, "another one is another one");
}
