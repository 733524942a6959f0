//! A queue of events with one writer behind it, which commits whatever is queued: no waiting for company.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::event::Event;
use crate::contestant::Result;

/// A transaction takes no more submissions than this.
const MOST: usize = 2048;

/// Items of a map that are handed over together.
const ITEMS: usize = 1000;

type Sender = mpsc::UnboundedSender<(Vec<Event>, oneshot::Sender<()>)>;

/// The writer's side of the queue.
pub(crate) struct Inbox(mpsc::UnboundedReceiver<(Vec<Event>, oneshot::Sender<()>)>);

/// What goes into one transaction.
pub(crate) struct Group {
    /// In the order in which they were handed over.
    pub(crate) events: Vec<Event>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Inbox {
    /// Waits for something to write and takes all there is.
    pub(crate) async fn next(&mut self) -> Option<Group> {
        let first = self.0.recv().await?;
        Some(self.with_queued(first))
    }

    /// As [`next`](Self::next), on a thread of its own.
    pub(crate) fn next_blocking(&mut self) -> Option<Group> {
        let first = self.0.blocking_recv()?;
        Some(self.with_queued(first))
    }

    fn with_queued(&mut self, (events, waiting): (Vec<Event>, oneshot::Sender<()>)) -> Group {
        let mut group = Group { events, waiting: vec![waiting] };
        while group.waiting.len() < MOST
            && let Ok((events, waiting)) = self.0.try_recv()
        {
            group.events.extend(events);
            group.waiting.push(waiting);
        }
        group
    }
}

impl Group {
    /// To be called once it is committed.
    pub(crate) fn committed(self) {
        for waiting in self.waiting {
            // Whoever no longer waits need not be told.
            let _ = waiting.send(());
        }
    }
}

/// The side of those who have something to write.
pub(crate) struct Queue {
    sender: Mutex<Option<Sender>>,
    writer: Mutex<Option<JoinHandle<Result<()>>>>,
    executions: std::sync::atomic::AtomicI64,
}

impl Queue {
    /// Starts the writer, which ends when its inbox does.
    pub(crate) fn new(writer: impl FnOnce(Inbox) -> JoinHandle<Result<()>>) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let writer = writer(Inbox(receiver));
        Self { sender: Mutex::new(Some(sender)), writer: Mutex::new(Some(writer)), executions: 1.into() }
    }

    /// Writes an execution of five steps; either each event waits for its commit, or all go into one.
    pub(crate) async fn execution(&self, start: i64, waits: bool) -> Result<i64> {
        let execution = self.new_execution();
        let events = Event::of_execution(execution);
        let mut number = start;
        for group in events.chunks(if waits { 1 } else { events.len() }) {
            self.submit(group.to_vec()).await?;
            number += group.iter().filter(|event| matches!(event, Event::Step { .. })).count() as i64;
        }
        Ok(number)
    }

    /// Writes a row for each item and yields what their steps would.
    pub(crate) async fn map(&self, items: usize) -> Result<i64> {
        let execution = self.new_execution();
        let seqs: Vec<i64> = (1..=i64::try_from(items)?).collect();
        for chunk in seqs.chunks(ITEMS) {
            self.submit(chunk.iter().map(|seq| Event::Item { execution, seq: *seq }).collect()).await?;
        }
        Ok(seqs.iter().sum())
    }

    /// Ends the writer and yields how it ended.
    pub(crate) async fn close(&self) -> Result<()> {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        match writer {
            Some(writer) => writer.await?,
            None => Ok(()),
        }
    }

    async fn submit(&self, events: Vec<Event>) -> Result<()> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (done, committed) = oneshot::channel();
        sender.ok_or("the queue is closed")?.send((events, done))?;
        Ok(committed.await?)
    }

    fn new_execution(&self) -> i64 {
        self.executions.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
    }
}
