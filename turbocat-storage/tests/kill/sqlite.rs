//! One program on a file.

use turbocat_storage::testing::TempFolder;
use turbocat_storage::{Store, args};

use crate::evidence::Evidence;
use crate::killing::{Moments, Program, errors, kills};
use crate::program::Orders;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn orders(folder: &TempFolder) -> Orders {
    let folder = folder.path().to_path_buf();
    let url = format!("sqlite:{}", folder.join("app.db").display());
    // An agent has two places in all.
    block_on(async {
        let store = Store::open(&url).await.unwrap();
        let text = "insert into concurrency_limits (kind, name, places) values ('agent', 'narrow', 2)";
        store.database().execute(text, args![]).await.unwrap();
        store.close().await;
    });
    Orders { url, folder, node: 0, count: 0, ends: false }
}

/// The file is sound.
async fn check(store: &Store) {
    let row = store.database().fetch_one("pragma integrity_check", args![]).await.unwrap();
    assert_eq!(row.get::<String>("integrity_check").unwrap(), "ok");
    let dangling = store.database().fetch_all("pragma foreign_key_check", args![]).await.unwrap();
    assert_eq!(dangling.len(), 0, "rows refer to rows that are not there");
}

/// Lets the program finish, and compares what it did.
fn finish(mut orders: Orders, evidence: &Evidence) -> crate::evidence::Seen {
    orders.ends = true;
    Program::start(&orders).wait_until_ended();
    assert!(!errors(&orders.folder).contains("panicked"), "{}", errors(&orders.folder));
    block_on(async {
        let store = Store::open(&orders.url).await.unwrap();
        check(&store).await;
        let seen = evidence.compare(&store, &orders.folder, &[orders.count], true).await;
        store.close().await;
        seen
    })
}

pub(crate) fn undisturbed() {
    let folder = TempFolder::new();
    let mut orders = orders(&folder);
    orders.count = 20;
    let seen = finish(orders, &Evidence::default());
    assert_eq!((seen.executions, seen.lost), (20 + 2 * 5, 0));
}

#[test]
fn a_program_on_a_file_that_is_killed_again_and_again_loses_nothing_and_repeats_nothing() {
    let folder = TempFolder::new();
    let mut orders = orders(&folder);
    let (mut moments, mut evidence, kills) = (Moments::new(), Evidence::default(), kills(120));
    for kill in 1..=kills {
        orders.count += 6;
        let mut program = Program::start(&orders);
        moments.let_be(&mut program);
        program.kill();
        if kill % 10 == 0 {
            block_on(async {
                let store = Store::open(&orders.url).await.unwrap();
                check(&store).await;
                evidence.look(&store, &orders.folder).await;
                store.close().await;
            });
        }
    }
    let seen = finish(orders, &evidence);
    eprintln!("{kills} kills on SQLite: {seen}");
    assert!(seen.lost > 0, "no kill met an attempt");
}

#[test]
fn a_second_program_on_a_file_is_told_that_the_first_has_it_open() {
    let folder = TempFolder::new();
    let orders = orders(&folder);
    let mut first = Program::start(&orders);
    first.wait_until_open();
    let (status, said) = Program::start(&orders).fails();
    assert!(!status.success());
    let expected = format!(
        "the database `{}` is open already, here or in another process; help: stop the other one, or use PostgreSQL for several",
        orders.folder.join("app.db").display()
    );
    assert!(said.contains(&expected), "{said}");

    // The system gives the lock back, however the first one ends.
    std::fs::remove_file(orders.folder.join("errors")).unwrap();
    first.kill();
    finish(orders, &Evidence::default());
}
