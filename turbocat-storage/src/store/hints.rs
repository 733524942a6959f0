//! Hints: at once within this process, and through the database to other nodes.
//!
//! A notification inside of a transaction would make PostgreSQL commit one transaction after the
//! other. So they are gathered for a moment and sent by themselves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use turbocat_core::{ExecutionId, Hint};
use uuid::Uuid;

use super::turn::Turn;
use crate::db::Database;
use crate::error::StorageError;

const CHANNEL: &str = "turbocat";
/// How long hints are gathered: other nodes hear of most things within this and the way there.
const GATHER: Duration = Duration::from_millis(10);
/// What PostgreSQL takes at most is 8000 bytes.
const PAYLOAD: usize = 7800;
/// How long to wait before listening again after the connection broke.
const AGAIN: Duration = Duration::from_secs(1);

/// Passes hints on.
#[derive(Debug)]
pub(super) struct Hints {
    here: broadcast::Sender<Hint>,
    /// Which executions this process has written turns of.
    turns: broadcast::Sender<ExecutionId>,
    /// To other nodes.
    away: Option<mpsc::UnboundedSender<Hint>>,
    /// Whether there are limits on workflows, so that the end of an execution lets another begin.
    limited: AtomicBool,
}

impl Hints {
    /// Hints for this process alone.
    pub(super) fn here() -> Self {
        let (here, turns) = (broadcast::channel(4096).0, broadcast::channel(4096).0);
        Self { here, turns, away: None, limited: AtomicBool::new(false) }
    }

    /// Hints for all nodes of a PostgreSQL database, and the tasks that carry them.
    pub(super) fn everywhere(database: &Database) -> (Arc<Self>, Vec<JoinHandle<()>>) {
        let (away, gathered) = mpsc::unbounded_channel();
        let (here, turns) = (broadcast::channel(4096).0, broadcast::channel(4096).0);
        let hints = Arc::new(Self { here, turns, away: Some(away), limited: AtomicBool::new(false) });
        let node = Uuid::now_v7().simple().to_string();
        let notifying = tokio::spawn(notify(database.clone(), gathered, node.clone()));
        let listening = tokio::spawn(listen(database.clone(), hints.here.clone(), node));
        (hints, vec![notifying, listening])
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Hint> {
        self.here.subscribe()
    }

    pub(super) fn turns(&self) -> broadcast::Receiver<ExecutionId> {
        self.turns.subscribe()
    }

    pub(super) fn give(&self, hint: Hint) {
        // Nobody has to listen.
        let _ = self.here.send(hint);
        if let Some(away) = &self.away {
            let _ = away.send(hint);
        }
    }

    pub(super) fn set_limited(&self, limited: bool) {
        self.limited.store(limited, Ordering::Relaxed);
    }

    /// What a turn that was written means for others.
    pub(super) fn of_turn(&self, turn: &Turn) {
        if self.turns.receiver_count() > 0 {
            let _ = self.turns.send(ExecutionId::from_uuid(turn.execution));
        }
        let makes_room = turn.ended && self.limited.load(Ordering::Relaxed);
        if makes_room || !turn.letters.is_empty() || turn.new.iter().any(|new| new.worker.is_none()) {
            self.give(Hint::Ready);
        }
        for letter in &turn.letters {
            self.give(Hint::Letter(ExecutionId::from_uuid(letter.to)));
        }
        if turn.ended {
            self.give(Hint::Ended(ExecutionId::from_uuid(turn.execution)));
        }
    }
}

/// A hint as it is sent, if others need it.
fn word(hint: Hint) -> Option<String> {
    Some(match hint {
        Hint::Ready => "r".to_owned(),
        Hint::Letter(execution) => format!("l{}", execution.as_uuid().simple()),
        Hint::Ended(execution) => format!("e{}", execution.as_uuid().simple()),
        Hint::Place => "p".to_owned(),
        _ => return None,
    })
}

fn hint(word: &str) -> Option<Hint> {
    let execution = |text: &str| text.parse::<Uuid>().ok().map(ExecutionId::from_uuid);
    match word.split_at_checked(1)? {
        ("r", "") => Some(Hint::Ready),
        ("p", "") => Some(Hint::Place),
        ("l", id) => execution(id).map(Hint::Letter),
        ("e", id) => execution(id).map(Hint::Ended),
        _ => None,
    }
}

async fn notify(database: Database, mut gathered: mpsc::UnboundedReceiver<Hint>, node: String) {
    while let Some(first) = gathered.recv().await {
        tokio::time::sleep(GATHER).await;
        let mut words: BTreeSet<String> = word(first).into_iter().collect();
        while let Ok(more) = gathered.try_recv() {
            words.extend(word(more));
        }
        let mut payload = node.clone();
        for word in words {
            if payload.len() + word.len() + 1 > PAYLOAD {
                send(&database, std::mem::replace(&mut payload, node.clone())).await;
            }
            payload.push(' ');
            payload.push_str(&word);
        }
        send(&database, payload).await;
    }
}

async fn send(database: &Database, payload: String) {
    let sent = database.fetch_all("select pg_notify($1, $2)", crate::args![CHANNEL, payload]).await;
    if let Err(error) = sent {
        // Others look by themselves now and then.
        tracing::debug!(%error, "other nodes could not be told");
    }
}

async fn listen(database: Database, here: broadcast::Sender<Hint>, node: String) {
    loop {
        if let Err(error) = hear(&database, &here, &node).await {
            tracing::warn!(%error, "the connection that listens to other nodes broke");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn hear(database: &Database, here: &broadcast::Sender<Hint>, node: &str) -> Result<(), StorageError> {
    let Some(pool) = database.pg_pool() else { return Ok(()) };
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    // Something may have been missed before.
    let _ = here.send(Hint::Ready);
    while let Some(notification) = listener.try_recv().await? {
        let mut words = notification.payload().split(' ');
        if words.next() == Some(node) {
            continue;
        }
        for hint in words.filter_map(hint) {
            let _ = here.send(hint);
        }
    }
    Ok(())
}
