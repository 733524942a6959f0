//! The promises the fuzz targets hold, kept over every case that was ever found.

use std::path::Path;

#[path = "../fuzz-cases/manifest.rs"]
mod manifest;
#[path = "../fuzz-cases/plugin_reply.rs"]
mod plugin_reply;
#[path = "../fuzz-cases/plugins_lock.rs"]
mod plugins_lock;

fn each(target: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz-cases").join(target);
    let cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!cases.is_empty());
    for case in cases {
        check(&std::fs::read(case).unwrap());
    }
}

#[test]
fn whatever_a_plugin_replies_the_call_ends_and_the_next_goes_well() {
    each("plugin_reply", plugin_reply::check);
}

#[test]
fn a_manifest_is_refused_or_read_and_written_the_same() {
    each("manifest", manifest::check);
}

#[test]
fn a_lock_file_is_refused_or_read_and_written_the_same() {
    each("plugins_lock", plugins_lock::check);
}
