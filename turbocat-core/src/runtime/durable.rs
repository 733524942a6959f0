//! What an engine with a journal knows of the executions it drives, and how it hears of letters
//! and of executions it does not hold any more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

use super::clock::EngineClock;
use super::journal::{Hint, Journal, Release, WorkerId};
use super::news::{News, NewsSender};
use crate::time::ExecutionId;

/// The durable side of an engine.
pub(crate) struct Durable {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) worker: WorkerId,
    /// Whether it claims executions; else nothing is parked, as nobody here would take it up.
    works: AtomicBool,
    /// The same, and it is not shutting down.
    claims: AtomicBool,
    /// The executions that are driven here.
    residents: Mutex<HashMap<ExecutionId, NewsSender>>,
    /// The task that listens to hints.
    attendant: Mutex<Option<JoinHandle<()>>>,
}

impl Durable {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Self {
            journal,
            worker: WorkerId::generate(),
            works: AtomicBool::new(false),
            claims: AtomicBool::new(false),
            residents: Mutex::default(),
            attendant: Mutex::default(),
        }
    }

    fn residents(&self) -> MutexGuard<'_, HashMap<ExecutionId, NewsSender>> {
        self.residents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who drives an execution, if it is driven here.
    pub(crate) fn resident(&self, execution: ExecutionId) -> Option<NewsSender> {
        self.residents().get(&execution).cloned()
    }

    /// Whether it claims executions.
    pub(crate) fn works(&self) -> bool {
        self.works.load(Ordering::Acquire)
    }

    pub(crate) fn set_works(&self, works: bool) {
        self.works.store(works, Ordering::Release);
    }

    /// Tells the journal whether executions are claimed here.
    pub(crate) async fn say(&self, works: bool) {
        self.claims.store(works, Ordering::Release);
        if let Err(error) = self.journal.at_work(self.worker, works).await {
            tracing::debug!(%error, "the journal could not be told who works");
        }
    }

    /// Tells an execution, if it is driven here, that there may be letters for it.
    pub(crate) fn nudge(&self, execution: ExecutionId) {
        if let Some(news) = self.resident(execution) {
            let _ = news.send(News::Letters);
        }
    }

    /// An execution is driven here from now on.
    pub(crate) fn settle(self: &Arc<Self>, execution: ExecutionId, news: NewsSender) -> Residence {
        self.residents().insert(execution, news.clone());
        Residence { durable: self.clone(), execution, news, release: Some(Release::Ready) }
    }

    /// Sees to it that somebody listens to hints.
    pub(crate) fn attend(self: &Arc<Self>, clock: &EngineClock) {
        let mut attendant = self.attendant.lock().unwrap_or_else(PoisonError::into_inner);
        if attendant.as_ref().is_none_or(JoinHandle::is_finished) {
            *attendant = Some(tokio::spawn(attend(Arc::downgrade(self), clock.clone())));
        }
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        let attendant = self.attendant.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(attendant) = attendant {
            attendant.abort();
        }
    }
}

/// Passes hints on, and renews leases.
async fn attend(durable: Weak<Durable>, clock: EngineClock) {
    let Some((mut hints, lease)) =
        durable.upgrade().map(|durable| (durable.journal.hints(), durable.journal.lease()))
    else {
        return;
    };
    let pause = || lease.map(|lease| clock.sleep_until(clock.now().after(lease / 3)));
    let mut renewal = pause();
    loop {
        let due = async {
            match &mut renewal {
                Some(due) => due.await,
                None => std::future::pending().await,
            }
        };
        let hint = tokio::select! {
            hint = hints.recv() => Some(hint),
            () = due => None,
        };
        let Some(durable) = durable.upgrade() else { return };
        match hint {
            Some(Ok(Hint::Letter(execution))) => durable.nudge(execution),
            Some(Ok(_)) => {}
            Some(Err(RecvError::Lagged(_))) => {
                for news in durable.residents().values() {
                    let _ = news.send(News::Letters);
                }
            }
            Some(Err(RecvError::Closed)) => return,
            None => {
                renew(&durable).await;
                renewal = pause();
            }
        }
    }
}

async fn renew(durable: &Durable) {
    if durable.claims.load(Ordering::Acquire) {
        durable.say(true).await;
    }
    let held: Vec<ExecutionId> = durable.residents().keys().copied().collect();
    if held.is_empty() {
        return;
    }
    match durable.journal.renew(durable.worker, &held).await {
        Ok(renewed) => {
            for execution in renewed.lost {
                if let Some(news) = durable.resident(execution) {
                    let _ = news.send(News::TakenOver);
                }
            }
            renewed.letters.into_iter().for_each(|execution| durable.nudge(execution));
        }
        Err(error) => tracing::warn!(%error, "leases could not be renewed"),
    }
}

/// An execution is driven here for as long as this lives; then it is given back.
pub(crate) struct Residence {
    durable: Arc<Durable>,
    execution: ExecutionId,
    news: NewsSender,
    /// How it is to be given back, if it is.
    release: Option<Release>,
}

impl Residence {
    /// There is nothing to be given back.
    pub(crate) fn keep(&mut self) {
        self.release = None;
    }

    /// It could not be driven.
    pub(crate) fn fails(&mut self, release: Release) {
        self.release = Some(release);
    }

    /// Gives it back. False if it is not held here, or cannot be given back like that now.
    pub(crate) async fn release(&mut self, release: Release) -> bool {
        let released = self.durable.journal.release(self.durable.worker, self.execution, release).await;
        match released {
            Ok(true) => {
                self.release = None;
                true
            }
            Ok(false) => false,
            Err(error) => {
                tracing::warn!(%error, execution = %self.execution, "an execution could not be given back");
                false
            }
        }
    }

    /// Gives it back the way it is to be.
    pub(crate) async fn leave(mut self) {
        if let Some(release) = self.release.clone() {
            self.release(release).await;
            self.release = None;
        }
    }
}

impl Drop for Residence {
    fn drop(&mut self) {
        let mut residents = self.durable.residents();
        if residents.get(&self.execution).is_some_and(|news| news.same_channel(&self.news)) {
            residents.remove(&self.execution);
        }
        drop(residents);
        // Its driver was dropped in the middle of something.
        if let (Some(release), Ok(runtime)) = (self.release.take(), Handle::try_current()) {
            let (durable, execution) = (self.durable.clone(), self.execution);
            runtime.spawn(async move {
                let released = durable.journal.release(durable.worker, execution, release).await;
                if let Err(error) = released {
                    tracing::warn!(%error, %execution, "an execution could not be given back");
                }
            });
        }
    }
}
