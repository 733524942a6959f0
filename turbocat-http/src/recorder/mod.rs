//! Tells of executions what their journal says: lines of their logs, events of the feed, counts of
//! agents and workflows.
//!
//! It reads what was written and is never waited for. How far it has come is written in the same
//! transaction as what it tells, so that each thing is told once, whichever node does it and however
//! it ended.

mod lines;
mod announce;
mod round;

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use turbocat_core::{ExecutionId, Hint, Journal};
use turbocat_storage::Store;
use turbocat_storage::platform::Platform;
use uuid::Uuid;

use crate::events::Bus;
use crate::reports::Line;
use round::Round;

/// How long turns are gathered before they are told of.
const GATHER: Duration = Duration::from_millis(20);
/// How often it looks for what nobody told it of: what others wrote, what was left behind.
const LOOK: Duration = Duration::from_secs(15);
/// How long to wait before trying again: first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How many are looked for at once.
const LEFT: u32 = 500;

/// The task that tells.
#[derive(Debug)]
pub(crate) struct Recorder {
    stop: watch::Sender<bool>,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    abort: tokio::task::AbortHandle,
}

impl Recorder {
    /// Begins to tell.
    pub(crate) fn begin(
        store: &Store,
        platform: &Platform,
        events: &Bus,
        lines: mpsc::Receiver<Line>,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let ears = Ears { turns: store.turns(), hints: store.hints(), lines: Some(lines), stopped };
        let round = Round::new(store.clone(), platform.clone(), events.clone());
        let task = tokio::spawn(run(round, ears));
        let abort = task.abort_handle();
        Self { stop, task: tokio::sync::Mutex::new(Some(task)), abort }
    }

    /// Tells what is left, and ends.
    pub(crate) async fn end(&self) {
        // It may have ended before.
        let _ = self.stop.send(true);
        let task = self.task.lock().await.take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

struct Ears {
    turns: broadcast::Receiver<ExecutionId>,
    hints: broadcast::Receiver<Hint>,
    /// `None` if nobody says anything any more.
    lines: Option<mpsc::Receiver<Line>>,
    stopped: watch::Receiver<bool>,
}

/// What is to be told of.
#[derive(Default)]
struct Heard {
    executions: BTreeSet<Uuid>,
    lines: Vec<Line>,
    /// Whether something may not have been heard.
    missed: bool,
    over: bool,
}

impl Ears {
    /// Waits until there is something, then for what comes with it.
    async fn hear(&mut self, heard: &mut Heard) {
        let look = tokio::time::sleep(LOOK);
        tokio::select! {
            biased;
            turn = self.turns.recv() => heard.turn(turn),
            hint = self.hints.recv() => heard.hint(hint),
            line = next(&mut self.lines) => match line {
                Some(line) => heard.lines.push(line),
                None => self.lines = None,
            },
            _ = self.stopped.wait_for(|stopped| *stopped) => heard.over = true,
            () = look => heard.missed = true,
        }
        if !heard.over {
            tokio::time::sleep(GATHER).await;
        }
        while let Some(turn) = now(self.turns.try_recv()) {
            heard.turn(turn);
        }
        while let Some(hint) = now(self.hints.try_recv()) {
            heard.hint(hint);
        }
        while let Some(Ok(line)) = self.lines.as_mut().map(mpsc::Receiver::try_recv) {
            heard.lines.push(line);
        }
    }
}

async fn next(lines: &mut Option<mpsc::Receiver<Line>>) -> Option<Line> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

fn now<T>(heard: Result<T, broadcast::error::TryRecvError>) -> Option<Result<T, RecvError>> {
    use broadcast::error::TryRecvError;
    match heard {
        Ok(heard) => Some(Ok(heard)),
        Err(TryRecvError::Lagged(count)) => Some(Err(RecvError::Lagged(count))),
        Err(TryRecvError::Empty | TryRecvError::Closed) => None,
    }
}

impl Heard {
    fn turn(&mut self, turn: Result<ExecutionId, RecvError>) {
        match turn {
            Ok(execution) => drop(self.executions.insert(*execution.as_uuid())),
            Err(_) => self.missed = true,
        }
    }

    fn hint(&mut self, hint: Result<Hint, RecvError>) {
        match hint {
            // Also of those that other nodes drive.
            Ok(Hint::Ended(execution)) => drop(self.executions.insert(*execution.as_uuid())),
            Ok(_) => {}
            Err(_) => self.missed = true,
        }
    }
}

async fn run(mut round: Round, mut ears: Ears) {
    // What was left behind by a process that ended in between.
    let mut heard = Heard { missed: true, ..Heard::default() };
    let mut again = AGAIN.0;
    loop {
        match round.tell(&mut heard.executions, &mut heard.lines, &mut heard.missed).await {
            Ok(()) => again = AGAIN.0,
            Err(error) if heard.over => {
                tracing::error!(%error, "of some executions nothing more was told; the next process does it");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "what executions did could not be told; it is tried again");
                tokio::time::sleep(again).await;
                again = (again * 2).min(AGAIN.1);
                continue;
            }
        }
        if heard.over {
            return;
        }
        if heard.executions.is_empty() && !heard.missed {
            ears.hear(&mut heard).await;
        }
    }
}
