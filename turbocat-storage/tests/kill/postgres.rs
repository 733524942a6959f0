//! Three programs on one PostgreSQL at the same time.

use std::time::Duration;

use turbocat_storage::testing::{TempFolder, fresh_postgres};
use turbocat_storage::{Store, args};

use crate::evidence::Evidence;
use crate::killing::{Moments, Program, errors, kills};
use crate::program::{LEASE, Orders};

const NODES: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn programs_on_a_server_that_are_killed_again_and_again_lose_nothing_and_repeat_nothing() {
    let Some(url) = fresh_postgres().await else { return };
    let folder = TempFolder::new();
    let store = Store::open(&url).await.unwrap();
    let text = "insert into concurrency_limits (kind, name, places) values ('agent', 'narrow', 2)";
    store.database().execute(text, args![]).await.unwrap();
    let order = |node| Orders { url: url.clone(), folder: folder.path().into(), node, count: 0, ends: false };
    let mut orders: Vec<Orders> = (0..NODES).map(order).collect();
    let mut programs: Vec<Program> = orders.iter().map(Program::start).collect();
    let (mut moments, mut evidence, kills) = (Moments::new(), Evidence::default(), kills(80));
    for kill in 1..=kills {
        let node = usize::try_from(moments.below(NODES)).unwrap();
        moments.let_be(&mut programs[node]);
        if moments.below(10) == 0 {
            // Others take over what it holds; then it goes on as if nothing had happened.
            programs[node].freeze(LEASE + Duration::from_millis(moments.below(500)));
            std::thread::sleep(Duration::from_millis(moments.below(100)));
        }
        programs.remove(node).kill();
        orders[node].count += 8;
        programs.insert(node, Program::start(&orders[node]));
        if kill % 10 == 0 {
            evidence.look(&store, folder.path()).await;
        }
    }
    for (program, orders) in programs.into_iter().zip(&mut orders) {
        orders.ends = true;
        program.kill();
    }
    let last: Vec<Program> = orders.iter().map(Program::start).collect();
    last.into_iter().for_each(Program::wait_until_ended);
    let said = errors(folder.path());
    assert!(!said.contains("panicked"), "{said}");
    let counts: Vec<u64> = orders.iter().map(|orders| orders.count).collect();
    let seen = evidence.compare(&store, folder.path(), &counts, false).await;
    store.close().await;
    eprintln!("{kills} kills on PostgreSQL: {seen}");
    assert!(seen.lost > 0, "no kill met an attempt");
}
