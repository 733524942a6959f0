//! The events of one execution, for those who want to read them: from any number, then live.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::watch;

use crate::event::Event;

/// What a driver writes and any number of readers read.
#[derive(Debug)]
pub(crate) struct EventLog {
    events: Mutex<Vec<Event>>,
    /// How many events there are, and whether there will be more.
    state: watch::Sender<(usize, bool)>,
}

impl EventLog {
    pub(crate) fn new() -> Self {
        Self { events: Mutex::default(), state: watch::Sender::new((0, false)) }
    }

    fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn append(&self, new: impl IntoIterator<Item = Event>) {
        let mut events = self.events();
        events.extend(new);
        let len = events.len();
        drop(events);
        self.state.send_modify(|state| state.0 = len);
    }

    pub(crate) fn len(&self) -> usize {
        self.events().len()
    }

    /// There will be no more.
    pub(crate) fn close(&self) {
        self.state.send_modify(|state| state.1 = true);
    }
}

/// A stream of the events of one execution: those there are, then those that come, without a gap
/// and without a duplicate, until the execution has ended.
pub struct Events {
    log: Arc<EventLog>,
    next: usize,
    changed: Option<Pin<Box<dyn Future<Output = bool> + Send>>>,
}

impl Events {
    pub(crate) fn new(log: Arc<EventLog>, after: u64) -> Self {
        Self { log, next: usize::try_from(after).unwrap_or(usize::MAX), changed: None }
    }

    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            let ended = self.log.state.borrow().1;
            let event = self.log.events().get(self.next).cloned();
            if let Some(event) = event {
                self.next += 1;
                self.changed = None;
                return Poll::Ready(Some(event));
            }
            if ended {
                return Poll::Ready(None);
            }
            let next = self.next;
            let log = self.log.clone();
            let changed = self.changed.get_or_insert_with(|| {
                Box::pin(async move {
                    let mut state = log.state.subscribe();
                    let news = state.wait_for(|(len, ended)| *len > next || *ended).await;
                    news.is_ok()
                })
            });
            match changed.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(_) => self.changed = None,
            }
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("next", &self.next).finish_non_exhaustive()
    }
}
