//! The events of one execution, for those who want to read them: from any number, then live.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::news::{News, NewsSender};
use crate::event::Event;
use crate::report::{Report, Said};

/// What a driver writes and any number of readers read.
#[derive(Debug)]
pub(crate) struct EventLog {
    events: Mutex<Vec<Event>>,
    /// How many events there are, and whether there will be more.
    state: watch::Sender<(usize, bool)>,
    watchers: AtomicUsize,
    /// What its attempts say; nothing until somebody listens.
    reports: OnceLock<broadcast::Sender<Report>>,
}

/// How many reports are kept for readers that are behind.
const REPORTS: usize = 1024;

impl EventLog {
    pub(crate) fn new() -> Self {
        Self {
            events: Mutex::default(),
            state: watch::Sender::new((0, false)),
            watchers: AtomicUsize::new(0),
            reports: OnceLock::new(),
        }
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

    /// Whether somebody reads it, or may.
    pub(crate) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Acquire) > 0
    }

    /// Where reports are to be sent, if somebody listens.
    pub(crate) fn listeners(&self) -> Option<&broadcast::Sender<Report>> {
        self.reports.get().filter(|reports| reports.receiver_count() > 0)
    }

    fn listen(&self) -> broadcast::Receiver<Report> {
        self.reports.get_or_init(|| broadcast::channel(REPORTS).0).subscribe()
    }

    /// There will be no more.
    pub(crate) fn close(&self) {
        self.state.send_modify(|state| state.1 = true);
    }
}

/// Somebody reads a log, or may. The driver is told when nobody does any more.
pub(crate) struct Watch {
    log: Arc<EventLog>,
    news: NewsSender,
}

impl Watch {
    pub(crate) fn new(log: Arc<EventLog>, news: NewsSender) -> Self {
        log.watchers.fetch_add(1, Ordering::AcqRel);
        Self { log, news }
    }
}

impl Clone for Watch {
    fn clone(&self) -> Self {
        Self::new(self.log.clone(), self.news.clone())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.log.watchers.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _ = self.news.send(News::Unwatched);
        }
    }
}

/// A stream of the events of one execution: those there are, then those that come, without a gap
/// and without a duplicate, until the execution has ended.
pub struct Events {
    watch: Watch,
    next: usize,
    changed: Option<Pin<Box<dyn Future<Output = bool> + Send>>>,
}

impl Events {
    pub(crate) fn new(watch: Watch, after: u64) -> Self {
        Self { watch, next: usize::try_from(after).unwrap_or(usize::MAX), changed: None }
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
            let ended = self.watch.log.state.borrow().1;
            let event = self.watch.log.events().get(self.next).cloned();
            if let Some(event) = event {
                self.next += 1;
                self.changed = None;
                return Poll::Ready(Some(event));
            }
            if ended {
                return Poll::Ready(None);
            }
            let next = self.next;
            let log = self.watch.log.clone();
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

/// What the attempts of one execution say, from now on until it has ended.
pub struct ReportStream {
    watch: Watch,
    reports: broadcast::Receiver<Report>,
    last: Option<Report>,
}

impl ReportStream {
    pub(crate) fn new(watch: Watch) -> Self {
        let reports = watch.log.listen();
        Self { watch, reports, last: None }
    }

    /// The next report; `None` when the execution has ended and there are no more. Who is too slow
    /// is told how many it [missed](Said::Missed).
    pub async fn next(&mut self) -> Option<Report> {
        if let Some(report) = self.last.take() {
            return Some(report);
        }
        let mut missed = 0;
        let mut ended = self.watch.log.state.subscribe();
        loop {
            let next = tokio::select! {
                biased;
                next = self.reports.recv() => next,
                _ = ended.wait_for(|(_, ended)| *ended) => match self.reports.try_recv() {
                    Ok(report) => Ok(report),
                    Err(broadcast::error::TryRecvError::Lagged(count)) => Err(RecvError::Lagged(count)),
                    Err(_) => return None,
                },
            };
            match next {
                Ok(report) if missed == 0 => return Some(report),
                Ok(report) => {
                    let gap = Report { said: Said::Missed { count: missed }, ..report.clone() };
                    self.last = Some(report);
                    return Some(gap);
                }
                Err(RecvError::Lagged(count)) => missed += count,
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl fmt::Debug for ReportStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportStream").finish_non_exhaustive()
    }
}
