//! Many calls leave nothing behind.

use std::time::Duration;

use serde_json::json;
use turbocat_plugins::wasm::{Call, Grants, Limits, Plugin, Plugins};

use crate::fixture::Fixture;
use crate::hosts::call;

const CALLS: usize = 10_000;

fn fixture() -> Fixture {
    Fixture::with_agents(&["echo", "trap", "hog", "loop", "dirty"])
        .function("echo", "(call $echo)")
        .function("trap", "unreachable")
        .function("hog", "(loop $more (drop (memory.grow (i32.const 64))) (br $more))")
        .function("loop", "(loop $again (br $again))")
        .function(
            "dirty",
            "(local $at i32) (drop (memory.grow (i32.const 16)))
             ;; what the last one wrote is not there
             (if (i32.load (i32.const 900000)) (then unreachable))
             (loop $next (i32.store (local.get $at) (i32.const -1))
               (local.set $at (i32.add (local.get $at) (i32.const 4096)))
               (br_if $next (i32.lt_u (local.get $at) (i32.const 1000000))))
             (i32.store (i32.const 900000) (i32.const 7))",
        )
}

async fn play(plugin: &Plugin, calls: usize) {
    for at in 0..calls {
        match at % 10 {
            3 => assert_eq!(call(plugin, "trap", json!({})).await.unwrap_err().kind.as_str(), "trap"),
            5 => assert_eq!(call(plugin, "hog", json!({})).await.unwrap_err().kind.as_str(), "limit"),
            7 => {
                call(plugin, "dirty", json!({})).await.unwrap();
            }
            9 if at % 100 == 9 => {
                // Dropped after it was begun.
                let begun = plugin.call("loop", Call::new(json!({})).limits(Limits::default()));
                assert!(tokio::time::timeout(Duration::ZERO, begun).await.is_err());
            }
            _ => assert_eq!(call(plugin, "echo", json!(at)).await.unwrap(), json!(at)),
        }
    }
}

/// The memory of this program, in KiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(not(target_os = "linux"))]
fn resident() -> u64 {
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_good_and_bad_leave_the_memory_as_it_was() {
    let plugins = Plugins::builder().pool_size(4).build().unwrap();
    let plugin = fixture().load_with(&plugins, Grants::none()).await.unwrap();
    play(&plugin, CALLS / 5).await;
    let before = resident();
    let players: Vec<_> = (0..4)
        .map(|_| {
            let plugin = plugin.clone();
            tokio::spawn(async move { play(&plugin, CALLS / 4).await })
        })
        .collect();
    for player in players {
        player.await.unwrap();
    }
    assert_eq!(plugins.free_slots(), 4);
    // 10,000 calls that left a page each would be 40 MiB.
    let after = resident();
    assert!(after < before + (24 << 10), "{before} KiB before, {after} KiB after");
}
