//! Where executions are kept, over the lives of several engines.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use turbocat_core::{Journal, MemoryJournal};
use turbocat_storage::testing::{TempFolder, fresh_postgres};
use turbocat_storage::{Durability, Settings, StorageErrorKind, Store, StoreSettings, args};

use super::quick::QuickClock;

/// How long a dead engine holds its executions, where there are leases.
pub(super) const LEASE: Duration = Duration::from_secs(600);

/// Where executions are kept.
pub(super) enum Stage {
    Memory(Arc<MemoryJournal>),
    Sqlite(TempFolder),
    /// In a folder that is somebody else's.
    SqliteAt(PathBuf),
    Postgres(String),
}

/// A journal in the life of one engine.
pub(super) struct Open {
    pub(super) journal: Arc<dyn Journal>,
    store: Option<Store>,
}

impl Stage {
    pub(super) fn memory(clock: &QuickClock) -> Self {
        let journal = MemoryJournal::leased(LEASE, clock.clone());
        journal.limit_agent("scarce", 1);
        Self::Memory(Arc::new(journal))
    }

    pub(super) fn sqlite() -> Self {
        Self::Sqlite(TempFolder::new())
    }

    pub(super) fn sqlite_at(folder: &Path) -> Self {
        Self::SqliteAt(folder.to_owned())
    }

    /// `None` if there is no PostgreSQL.
    pub(super) async fn postgres() -> Option<Self> {
        fresh_postgres().await.map(Self::Postgres)
    }

    pub(super) async fn open(&self, clock: &QuickClock) -> Open {
        let url = match self {
            Self::Memory(journal) => return Open { journal: journal.clone(), store: None },
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("app.db").display()),
            Self::SqliteAt(folder) => format!("sqlite:{}", folder.join("app.db").display()),
            Self::Postgres(url) => url.clone(),
        };
        // A process that dies takes nothing with it that was written, synced or not.
        let mut settings = Settings::new(url);
        settings.sqlite.durability = Durability::Normal;
        let settings = StoreSettings::of(settings).clock(clock.clone()).lease(LEASE);
        let store = open_when_free(settings).await;
        let text = "insert into concurrency_limits (kind, name, places) values ('agent', 'scarce', 1)
            on conflict do nothing";
        store.database().execute(text, args![]).await.unwrap();
        store.look_at_limits().await.unwrap();
        Open { journal: Arc::new(store.clone()), store: Some(store) }
    }
}

/// A program that another test starts just now has the lock of the file for a moment, too.
async fn open_when_free(settings: StoreSettings) -> Store {
    let mut tries = 0;
    loop {
        match Store::open_with(settings.clone()).await {
            Ok(store) => return store,
            Err(error) if error.kind() == StorageErrorKind::Locked && tries < 100 => tries += 1,
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Open {
    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// What is left that nobody will come for: jobs, letters, places, executions that have not
    /// ended.
    pub(super) async fn left_behind(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for id in self.journal.unfinished().await.unwrap() {
            found.push(format!("execution {id} has not ended"));
        }
        for table in ["jobs", "letters", "agent_places"] {
            let Some(store) = &self.store else { break };
            let text = match table {
                "jobs" => "select count(*) as n from jobs",
                "letters" => "select count(*) as n from letters",
                _ => "select count(*) as n from agent_places",
            };
            let rows: i64 = store.database().fetch_one(text, args![]).await.unwrap().get("n").unwrap();
            if rows > 0 {
                found.push(format!("{rows} rows in {table}"));
            }
        }
        found
    }

    pub(super) async fn close(self) {
        if let Some(store) = self.store {
            store.close().await;
        }
    }
}
