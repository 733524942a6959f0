//! Gathers the turns that wait and writes them as one transaction.
//!
//! Nobody lingers for more: while one group waits for the disk the next one forms by itself.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::hints::Hints;
use super::moment::Time;
use super::turn::Turn;
use super::{postgres, sqlite};
use crate::db::{Database, Kind};
use crate::error::{StorageError, StorageErrorKind};

/// How many turns wait before whoever commits has to.
const WAITING: usize = 4096;
/// How many turns, and about how many bytes, are one transaction at most.
const GROUP: (usize, usize) = (1024, 8 << 20);
/// How often a group is written again when another transaction stood in its way.
const TRIES: u32 = 5;

/// Writes turns. Dropped, it writes what waits and ends.
#[derive(Debug)]
pub(super) struct Writers {
    lanes: Vec<mpsc::Sender<Order>>,
}

#[derive(Debug)]
struct Order {
    turn: Turn,
    done: oneshot::Sender<Result<(), StorageError>>,
}

impl Writers {
    /// `lanes` groups at a time: one on SQLite, where one writes; some on PostgreSQL. The turns of
    /// an execution always go the same way.
    pub(super) fn new(
        database: &Database,
        time: &Time,
        hints: &Arc<Hints>,
        lanes: usize,
    ) -> (Self, Vec<JoinHandle<()>>) {
        let mut tasks = Vec::with_capacity(lanes);
        let lanes = (0..lanes.max(1)).map(|_| {
            let (sender, receiver) = mpsc::channel(WAITING);
            let lane = Lane { database: database.clone(), time: time.clone(), hints: hints.clone() };
            tasks.push(tokio::spawn(lane.write(receiver)));
            sender
        });
        (Self { lanes: lanes.collect() }, tasks)
    }

    /// Returns when a turn is durable.
    pub(super) async fn write(&self, turn: Turn) -> Result<(), StorageError> {
        let gone = || StorageError::new(StorageErrorKind::Unavailable, "the store is closed");
        let lane = turn.execution.as_bytes()[15] as usize % self.lanes.len();
        let (done, written) = oneshot::channel();
        self.lanes[lane].send(Order { turn, done }).await.map_err(|_| gone())?;
        written.await.map_err(|_| gone())?
    }
}

struct Lane {
    database: Database,
    time: Time,
    hints: Arc<Hints>,
}

impl Lane {
    async fn write(self, mut orders: mpsc::Receiver<Order>) {
        let mut next = None;
        loop {
            let first = match next.take() {
                Some(order) => order,
                None => match orders.recv().await {
                    Some(order) => order,
                    None => return,
                },
            };
            let group = gather(first, &mut orders, &mut next);
            self.write_group(group).await;
        }
    }

    async fn write_group(&self, group: Vec<Order>) {
        let turns: Vec<&Turn> = group.iter().map(|order| &order.turn).collect();
        let results = match self.database.kind() {
            Kind::Sqlite => self.write_sqlite(&turns).await,
            Kind::Postgres => self.write_postgres(&turns).await,
        };
        for (order, result) in group.into_iter().zip(results) {
            if result.is_ok() {
                self.hints.of_turn(&order.turn);
            }
            // Whoever waited may be gone; what was written stays written.
            let _ = order.done.send(result);
        }
    }

    async fn write_sqlite(&self, turns: &[&Turn]) -> Vec<Result<(), StorageError>> {
        let now = self.time.now();
        match sqlite::write(&self.database, turns, now).await {
            Ok(()) => turns.iter().map(|_| Ok(())).collect(),
            Err(error) if sqlite::is_conflict(&error) && turns.len() > 1 => {
                // One of them does not fit; the others are not to blame.
                let mut results = Vec::with_capacity(turns.len());
                for turn in turns {
                    let written = sqlite::write(&self.database, &[turn], now).await;
                    results.push(written.map_err(|error| blame(turn, error)));
                }
                results
            }
            Err(error) if turns.len() == 1 => vec![Err(blame(turns[0], error))],
            Err(error) => same(&error, turns.len()),
        }
    }

    async fn write_postgres(&self, turns: &[&Turn]) -> Vec<Result<(), StorageError>> {
        let mut tries = 1;
        let written = loop {
            match postgres::write(&self.database, turns, self.time.now()).await {
                // Nothing was done, so that it can be done again.
                Err(error) if error.kind() == StorageErrorKind::Busy && tries < TRIES => tries += 1,
                written => break written,
            }
        };
        match written {
            Ok(refused) => turns
                .iter()
                .map(
                    |turn| if refused.contains(&turn.execution) { Err(conflict(turn, None)) } else { Ok(()) },
                )
                .collect(),
            Err(error) if turns.len() > 1 && error.kind() == StorageErrorKind::Conflict => {
                let mut results = Vec::with_capacity(turns.len());
                for turn in turns {
                    results.push(match postgres::write(&self.database, &[turn], self.time.now()).await {
                        Ok(refused) if refused.is_empty() => Ok(()),
                        Ok(_) => Err(conflict(turn, None)),
                        Err(error) => Err(error),
                    });
                }
                results
            }
            Err(error) => same(&error, turns.len()),
        }
    }
}

/// What waits, up to a limit. Two turns of one execution do not go together: which of them fits is
/// only known when the first is written.
fn gather(first: Order, orders: &mut mpsc::Receiver<Order>, next: &mut Option<Order>) -> Vec<Order> {
    let size = |order: &Order| order.turn.rows.iter().map(|(_, text)| text.len()).sum::<usize>();
    let mut bytes = size(&first);
    let mut executions = HashSet::from([first.turn.execution]);
    let mut group = vec![first];
    while group.len() < GROUP.0 && bytes < GROUP.1 {
        let Ok(order) = orders.try_recv() else { break };
        if !executions.insert(order.turn.execution) {
            *next = Some(order);
            break;
        }
        bytes += size(&order);
        group.push(order);
    }
    group
}

/// What it means for a turn on SQLite that it was refused. An execution that is only taken in has no
/// turn before it to fit: what it refers to may not be there.
fn blame(turn: &Turn, error: StorageError) -> StorageError {
    let not_fit =
        sqlite::is_conflict(&error) && (error.kind() == StorageErrorKind::Conflict || !turn.only_takes_in());
    if not_fit { conflict(turn, Some(error)) } else { error }
}

fn conflict(turn: &Turn, error: Option<StorageError>) -> StorageError {
    let message = if turn.only_takes_in() {
        "there is an execution of that name already".to_owned()
    } else {
        format!("execution {} does not stand at event {} any more", turn.execution, turn.expected)
    };
    let conflict = StorageError::new(StorageErrorKind::Conflict, message);
    match error {
        Some(error) => conflict.because(error),
        None => conflict,
    }
}

fn same(error: &StorageError, times: usize) -> Vec<Result<(), StorageError>> {
    (0..times).map(|_| Err(StorageError::new(error.kind(), error.to_string()))).collect()
}
