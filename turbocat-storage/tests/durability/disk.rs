//! SQLite's disk is full, or may only be read, and then not any more.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use turbocat_core::{Engine, Enqueue, Workflow};
use turbocat_storage::testing::TempFolder;
use turbocat_storage::{Database, StorageErrorKind, Store, StoreSettings, args};

use super::outage::{Crowd, expected};
use super::quick::QuickClock;

async fn open(folder: &Path, clock: &QuickClock) -> Store {
    let url = format!("sqlite:{}", folder.join("app.db").display());
    Store::open_with(StoreSettings::new(&url).clock(clock.clone())).await.unwrap()
}

/// What whoever enqueues is told.
async fn refused(store: &Store) -> String {
    let engine = Engine::builder().store(store.clone()).build();
    let workflow = Workflow::from_yaml("steps: { nap: { wait: 1d } }").unwrap();
    let inputs = json!({ "text": "x".repeat(100_000) });
    engine.enqueue(&workflow, inputs, Enqueue::new()).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_go_on_when_the_file_could_not_grow_and_can_again() {
    let (folder, clock) = (TempFolder::new(), QuickClock::new());
    let store = open(folder.path(), &clock).await;
    let expected = expected(&store, &clock).await;
    let mut crowd = Crowd::over(&store, &clock);
    let limit = |text: &'static str| {
        let database = store.database().clone();
        async move { database.returning(text, args![]).await.unwrap() }
    };
    crowd.enqueue().await;
    limit("pragma max_page_count = 1").await;
    assert_eq!(refused(&store).await, "the journal did not take it: the disk is full");
    tokio::time::sleep(Duration::from_millis(300)).await;
    limit("pragma max_page_count = 1000000").await;
    assert_eq!(crowd.end().await, expected);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_go_on_when_the_file_could_only_be_read_and_can_be_written_again() {
    let (folder, clock) = (TempFolder::new(), QuickClock::new());
    let store = open(folder.path(), &clock).await;
    let expected = expected(&store, &clock).await;
    let mut crowd = Crowd::over(&store, &clock);
    crowd.enqueue().await;
    store.database().execute("pragma query_only = 1", args![]).await.unwrap();
    assert_eq!(refused(&store).await, "the journal did not take it: the database may only be read");
    tokio::time::sleep(Duration::from_millis(300)).await;
    store.database().execute("pragma query_only = 0", args![]).await.unwrap();
    assert_eq!(crowd.end().await, expected);
    store.close().await;
}

/// A disk of some megabytes, if this process may mount one.
struct SmallDisk(TempFolder);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = TempFolder::new();
        run("mount", &["-t", "tmpfs", "-o", "size=32m", "none", &folder.path().display().to_string()])
            .then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn may_be_written(&self, may: bool) -> bool {
        let how = if may { "remount,rw" } else { "remount,ro" };
        run("mount", &["-o", how, &self.path().display().to_string()])
    }

    /// Fills it up. What fills it can be deleted.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        // Until there is no room left: the error is what is wanted.
        let _ = std::fs::write(&path, vec![0; 32 << 20]);
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["-l", &self.path().display().to_string()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_go_on_when_the_disk_was_full_and_has_room_again() {
    let Some(disk) = SmallDisk::mount() else { return };
    let clock = QuickClock::new();
    let store = open(disk.path(), &clock).await;
    let expected = expected(&store, &clock).await;
    let mut crowd = Crowd::over(&store, &clock);
    crowd.enqueue().await;
    let filler = disk.fill();
    assert_eq!(refused(&store).await, "the journal did not take it: the disk is full");
    tokio::time::sleep(Duration::from_millis(300)).await;
    std::fs::remove_file(filler).unwrap();
    assert_eq!(crowd.end().await, expected);
    let row = store.database().fetch_one("pragma integrity_check", args![]).await.unwrap();
    assert_eq!(row.get::<String>("integrity_check").unwrap(), "ok");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_only_be_read_is_named() {
    let Some(disk) = SmallDisk::mount() else { return };
    let url = format!("sqlite:{}", disk.path().join("app.db").display());
    let fresh = format!("sqlite:{}", disk.path().join("fresh.db").display());
    Store::open(&url).await.unwrap().close().await;
    assert!(disk.may_be_written(false));
    for url in [url, fresh] {
        let error = Database::open(&url).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::ReadOnly, "{error}");
        assert!(error.to_string().contains(".db"), "{error}");
    }
    assert!(disk.may_be_written(true));
}
