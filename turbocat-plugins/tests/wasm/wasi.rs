//! As much of WASI as languages need.

use std::sync::Arc;

use serde_json::json;
use turbocat_core::{AttemptRequest, Said, Surroundings};
use turbocat_plugins::wasm::Call;

use crate::fixture::Fixture;
use crate::hosts::{Listener, call, fails};

const WASI: &str = "wasi_snapshot_preview1";

#[tokio::test]
async fn what_is_printed_is_logged_line_by_line() {
    let plugin = Fixture::with_agents(&["print", "fault"])
        .import(WASI, "fd_write", "(param i32 i32 i32 i32) (result i32)")
        .text("lines", "one\ntwo\nthr")
        .text("rest", "ee")
        .raw(
            "(func $line (param $fd i32) (param $at i32) (param $len i32)
               (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $len))
               (if (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
               (if (i32.ne (i32.load (i32.const 8)) (local.get $len)) (then unreachable)))",
        )
        .function(
            "print",
            "(call $line (i32.const 1) TEXT(lines)) (call $line (i32.const 2) TEXT(rest))
             (call $line (i32.const 1) TEXT(rest))
             (if (i32.ne (call $fd_write (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 8)) (i32.const 8))
               (then unreachable))",
        )
        .function(
            "fault",
            "(i32.store (i32.const 0) (i32.const -10)) (i32.store (i32.const 4) (i32.const 100))
             (if (i32.ne (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (i32.const 21))
               (then unreachable))
             (if (i32.ne (call $fd_write (i32.const 1) (i32.const -4) (i32.const 9) (i32.const 8)) (i32.const 21))
               (then unreachable))
             (if (i32.ne (call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 8)) (i32.const 28))
               (then unreachable))",
        )
        .load()
        .await;
    let listener = Arc::new(Listener::default());
    let surroundings: Arc<dyn Surroundings> = listener.clone();
    let request = AttemptRequest::new(json!({})).with_surroundings(surroundings);
    plugin.call("print", Call::of(&request)).await.unwrap();
    let said: Vec<String> = listener
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|said| match said {
            Said::Log { level, message, .. } => format!("{} {message}", level.word()),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(said, ["info one", "info two", "info three", "warn ee"]);
    call(&plugin, "fault", json!({})).await.unwrap();
}

#[tokio::test]
async fn clocks_and_randomness_are_there_and_files_are_not() {
    let plugin = Fixture::with_agents(&["look"])
        .import(WASI, "clock_time_get", "(param i32 i64 i32) (result i32)")
        .import(WASI, "clock_res_get", "(param i32 i32) (result i32)")
        .import(WASI, "random_get", "(param i32 i32) (result i32)")
        .import(WASI, "fd_prestat_get", "(param i32 i32) (result i32)")
        .import(WASI, "path_open", "(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)")
        .import(WASI, "environ_sizes_get", "(param i32 i32) (result i32)")
        .import(WASI, "args_sizes_get", "(param i32 i32) (result i32)")
        .import(WASI, "sock_send", "(param i32 i32 i32 i32 i32) (result i32)")
        .function(
            "look",
            "(if (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 0)) (then unreachable))
             ;; later than the year 2020
             (if (i64.lt_u (i64.load (i32.const 0)) (i64.const 1577836800000000000)) (then unreachable))
             (if (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 0)) (then unreachable))
             (if (i32.ne (call $clock_time_get (i32.const 9) (i64.const 1) (i32.const 0)) (i32.const 28)) (then unreachable))
             (if (i32.ne (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const -4)) (i32.const 21)) (then unreachable))
             (if (call $clock_res_get (i32.const 0) (i32.const 0)) (then unreachable))
             (i64.store (i32.const 16) (i64.const 0)) (i64.store (i32.const 24) (i64.const 0))
             (if (call $random_get (i32.const 16) (i32.const 16)) (then unreachable))
             (if (i64.eqz (i64.or (i64.load (i32.const 16)) (i64.load (i32.const 24)))) (then unreachable))
             (if (i32.ne (call $random_get (i32.const 16) (i32.const -1)) (i32.const 28)) (then unreachable))
             (if (i32.ne (call $random_get (i32.const -16) (i32.const 16)) (i32.const 21)) (then unreachable))
             (if (i32.ne (call $fd_prestat_get (i32.const 3) (i32.const 0)) (i32.const 8)) (then unreachable))
             (if (i32.ne (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)) (i32.const 52)) (then unreachable))
             (if (i32.ne (call $sock_send (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
               (i32.const 52)) (then unreachable))
             (i32.store (i32.const 0) (i32.const 9))
             (if (call $environ_sizes_get (i32.const 0) (i32.const 4)) (then unreachable))
             (if (i32.load (i32.const 0)) (then unreachable))
             (if (call $args_sizes_get (i32.const 0) (i32.const 4)) (then unreachable))",
        )
        .load()
        .await;
    call(&plugin, "look", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_plugin_may_exit() {
    let plugin = Fixture::with_agents(&["well", "badly"])
        .import(WASI, "proc_exit", "(param i32)")
        .text("yes", "true")
        .function("well", "(call $say TEXT(yes)) (call $proc_exit (i32.const 0)) unreachable")
        .function("badly", "(call $proc_exit (i32.const 3)) unreachable")
        .load()
        .await;
    assert_eq!(call(&plugin, "well", json!({})).await.unwrap(), json!(true));
    assert_eq!(fails(&plugin, "badly", "error").await.detail.unwrap()["code"], 3);
}
