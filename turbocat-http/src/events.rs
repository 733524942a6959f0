//! One bus: what was done is noted by whoever did it, and written down by a task of its own, in
//! groups. Consumers read what was written; none of them can fail a request.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc, oneshot};
use turbocat_storage::platform::{Happening, NewAuditEntry, NewHappening, Platform};
use uuid::Uuid;

use crate::edge::context;

/// How many notes wait at most; then whoever does something waits as well.
const WAITING: usize = 4096;
/// How many are written together.
const TOGETHER: usize = 200;
/// How long to wait before writing is tried again: first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Something that was done.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    entry: NewAuditEntry,
    /// What is told besides: the name, whose it is, more about it.
    told: Option<(String, Option<Uuid>, Value)>,
}

impl Note {
    /// An entry of the log of who did what, by the one who asks.
    pub(crate) fn action(action: &str, resource: &str, id: Option<Uuid>, by: Option<Uuid>) -> Self {
        let mut entry = NewAuditEntry::new(action, resource);
        entry.user_id = by;
        entry.resource_id = id;
        if let Some(context) = context::current() {
            entry.ip_address = context.ip.map(|ip| ip.to_string());
            entry.user_agent = context.user_agent;
            entry.metadata = json!({
                "method": context.method, "url": context.path, "requestId": context.request_id,
            });
        }
        Self { entry, told: None }
    }

    /// A resource was created, updated, deleted…: an entry `agent_created` and an event
    /// `agent.created` for its owner.
    pub(crate) fn change(resource: &str, what: &str, id: Uuid, owner: Uuid, by: Uuid) -> Self {
        let mut note = Self::action(&format!("{resource}_{what}"), resource, Some(id), Some(by));
        note.told = Some((format!("{resource}.{what}"), Some(owner), json!({})));
        note
    }

    /// About that user, by that user.
    pub(crate) const fn of(mut self, user: Uuid) -> Self {
        self.entry.user_id = Some(user);
        self.entry.resource_id = Some(user);
        self
    }

    /// What changed. No password and no token belongs into it.
    pub(crate) fn changes(mut self, changes: Value) -> Self {
        self.entry.changes = changes;
        self
    }

    /// What is told about it.
    pub(crate) fn data(mut self, data: Value) -> Self {
        if let Some(told) = &mut self.told {
            told.2 = data;
        }
        self
    }
}

/// The bus.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    notes: mpsc::Sender<Ask>,
    told: broadcast::Sender<Arc<Happening>>,
}

enum Ask {
    Note(Box<Note>),
    /// To be told when all before it is written.
    Flush(oneshot::Sender<()>),
}

impl Bus {
    /// A bus, and the task that writes.
    pub(crate) fn new(platform: Platform) -> Self {
        let (notes, waiting) = mpsc::channel(WAITING);
        let told = broadcast::channel(1024).0;
        tokio::spawn(write(platform, waiting, told.clone()));
        Self { notes, told }
    }

    /// Notes that something was done.
    pub(crate) async fn note(&self, note: Note) {
        if self.notes.send(Ask::Note(Box::new(note))).await.is_err() {
            tracing::error!("what was done could not be noted: its writer is gone");
        }
    }

    /// Waits until everything that was noted is written.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.notes.send(Ask::Flush(done)).await.is_ok() {
            let _ = written.await;
        }
    }

    /// Hears what happens from now on, in this process; others are found in the feed.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Happening>> {
        self.told.subscribe()
    }

    /// Tells those who listen of something that was written elsewhere.
    pub(crate) fn tell(&self, happening: Happening) {
        // Nobody has to listen.
        let _ = self.told.send(Arc::new(happening));
    }
}

async fn write(
    platform: Platform,
    mut waiting: mpsc::Receiver<Ask>,
    told: broadcast::Sender<Arc<Happening>>,
) {
    let mut asks = Vec::new();
    while waiting.recv_many(&mut asks, TOGETHER).await > 0 {
        let (mut entries, mut happenings, mut flushes) = (Vec::new(), Vec::new(), Vec::new());
        for ask in asks.drain(..) {
            match ask {
                Ask::Flush(done) => flushes.push(done),
                Ask::Note(note) => {
                    if let Some((name, owner, data)) = note.told
                        && let Some(id) = note.entry.resource_id
                    {
                        happenings.push(NewHappening {
                            id: Uuid::now_v7(),
                            name,
                            resource_type: note.entry.resource_type.clone(),
                            resource_id: id,
                            user_id: owner,
                            data,
                            at: platform.now(),
                        });
                    }
                    entries.push(note.entry);
                }
            }
        }
        let mut again = AGAIN.0;
        while !entries.is_empty() {
            match platform.feed().append(entries.clone(), happenings.clone()).await {
                Ok(written) => {
                    for happening in written {
                        // Nobody has to listen.
                        let _ = told.send(Arc::new(happening));
                    }
                    break;
                }
                // A user or so that is gone for good meanwhile: nothing can be noted about them.
                Err(error) if error.kind() == turbocat_storage::StorageErrorKind::Constraint => {
                    one_by_one(&platform, std::mem::take(&mut entries), std::mem::take(&mut happenings))
                        .await;
                }
                Err(error) => {
                    tracing::error!(%error, waiting = entries.len(), "what was done could not be noted; it is tried again");
                    tokio::time::sleep(again).await;
                    again = (again * 2).min(AGAIN.1);
                }
            }
        }
        for done in flushes {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }
}

async fn one_by_one(platform: &Platform, entries: Vec<NewAuditEntry>, happenings: Vec<NewHappening>) {
    for mut entry in entries {
        if platform.feed().append(vec![entry.clone()], Vec::new()).await.is_err() {
            entry.user_id = None;
            if let Err(error) = platform.feed().append(vec![entry], Vec::new()).await {
                tracing::error!(%error, "what was done was not noted");
            }
        }
    }
    for happening in happenings {
        if let Err(error) = platform.feed().append(Vec::new(), vec![happening]).await {
            tracing::error!(%error, "what happened was not told");
        }
    }
}
