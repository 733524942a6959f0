//! What an engine with a journal knows of the executions it drives, and how it hears of letters
//! and of executions it does not hold any more.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::clock::EngineClock;
use super::journal::{Hint, Journal, Release, WorkerId};
use super::news::{News, NewsSender};
use super::options::WorkOptions;
use crate::time::ExecutionId;

/// The durable side of an engine.
pub(crate) struct Durable {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) worker: WorkerId,
    /// How it claims executions, if it does; else nothing is parked, as nobody here would take it
    /// up.
    works: OnceLock<WorkOptions>,
    /// Whether it claims executions, and is not shutting down.
    claims: AtomicBool,
    /// The executions that are driven here. Ordered, so that a test takes the same course every
    /// time.
    residents: Mutex<BTreeMap<ExecutionId, Resident>>,
    /// Those who wait for the end of an execution, whoever drives it.
    awaited: Mutex<BTreeMap<ExecutionId, Vec<Arc<Notify>>>>,
    /// Executions that attempts here wait for: parked, they might find no place to go on, as those
    /// who wait for them hold the places.
    wanted: Mutex<BTreeMap<ExecutionId, u32>>,
    /// Whether this engine may hold executions without its knowing, where no lease ends: the
    /// journal did not say whether it gave or took one.
    doubt: AtomicBool,
    /// Told when that comes up.
    pub(crate) doubted: Notify,
    /// The task that listens to hints.
    attendant: Mutex<Option<JoinHandle<()>>>,
}

/// An attempt waits for an execution.
pub(crate) struct Wanted {
    durable: Arc<Durable>,
    execution: ExecutionId,
}

impl Drop for Wanted {
    fn drop(&mut self) {
        let mut wanted = self.durable.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = wanted.get_mut(&self.execution) {
            *count -= 1;
            if *count == 0 {
                wanted.remove(&self.execution);
                drop(wanted);
                if let Some(news) = self.durable.resident(self.execution) {
                    let _ = news.send(News::Unwatched);
                }
            }
        }
    }
}

/// An execution that is driven here, or is about to be.
struct Resident {
    /// Which residence it is; an execution may get another one.
    residence: Uuid,
    /// Where its driver listens, when it does.
    news: Option<NewsSender>,
    /// Whether it was claimed by this engine although it is here: whoever drives it gives it back
    /// once more when it leaves, as nobody else would.
    claimed_again: bool,
    /// Whether there was something to hear before its driver listened.
    nudged: bool,
}

impl Durable {
    pub(crate) fn new(journal: Arc<dyn Journal>) -> Self {
        Self {
            journal,
            worker: WorkerId::generate(),
            works: OnceLock::new(),
            claims: AtomicBool::new(false),
            residents: Mutex::default(),
            awaited: Mutex::default(),
            wanted: Mutex::default(),
            doubt: AtomicBool::new(false),
            doubted: Notify::new(),
            attendant: Mutex::default(),
        }
    }

    fn residents(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Resident>> {
        self.residents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who drives an execution, if it is driven here.
    pub(crate) fn resident(&self, execution: ExecutionId) -> Option<NewsSender> {
        self.residents().get(&execution).and_then(|resident| resident.news.clone())
    }

    /// Whether an execution is driven here, or is about to be.
    pub(crate) fn is_resident(&self, execution: ExecutionId) -> bool {
        self.residents().contains_key(&execution)
    }

    /// An attempt here waits for an execution, as long as the answer lives.
    pub(crate) fn want(self: &Arc<Self>, execution: ExecutionId) -> Wanted {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner).entry(execution).or_default() += 1;
        Wanted { durable: self.clone(), execution }
    }

    /// Whether an attempt here waits for it.
    pub(crate) fn is_wanted(&self, execution: ExecutionId) -> bool {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&execution)
    }

    /// Whether it claims executions.
    pub(crate) fn works(&self) -> bool {
        self.works.get().is_some()
    }

    /// From now on it claims executions. False if it did before.
    pub(crate) fn begin_to_work(&self, options: WorkOptions) -> bool {
        let begun = self.works.set(options).is_ok();
        // What waits here may leave from now on.
        for news in self.residents().values().filter_map(|resident| resident.news.as_ref()) {
            let _ = news.send(News::Unwatched);
        }
        begun
    }

    /// How it takes executions up.
    pub(crate) fn options(&self) -> WorkOptions {
        self.works.get().copied().unwrap_or_default()
    }

    /// Tells the journal whether executions are claimed here.
    pub(crate) async fn say(&self, works: bool) {
        self.claims.store(works, Ordering::Release);
        if let Err(error) = self.journal.at_work(self.worker, works).await {
            tracing::debug!(%error, "the journal could not be told who works");
        }
    }

    /// The journal did not answer when it was asked to give or take an execution.
    pub(crate) fn doubts(&self) {
        if self.journal.lease().is_none() {
            self.doubt.store(true, Ordering::Release);
            self.doubted.notify_one();
        }
    }

    /// Whether it did not, since this was asked last.
    pub(crate) fn had_doubts(&self) -> bool {
        self.doubt.swap(false, Ordering::AcqRel)
    }

    /// Tells an execution, if it is driven here, that there may be letters for it.
    pub(crate) fn nudge(&self, execution: ExecutionId) {
        if let Some(resident) = self.residents().get_mut(&execution) {
            match &resident.news {
                Some(news) => drop(news.send(News::Letters)),
                None => resident.nudged = true,
            }
        }
    }

    /// An execution that was claimed is to be driven here from now on; `None` if it is already.
    /// Then it is given back when whoever drives it leaves.
    pub(crate) fn move_in(self: &Arc<Self>, execution: ExecutionId) -> Option<Residence> {
        match self.residents().get_mut(&execution) {
            Some(resident) => {
                resident.claimed_again = true;
                None
            }
            None => Some(()),
        }?;
        Some(self.settle(execution))
    }

    /// An execution is driven here from now on, by nobody but the caller.
    pub(crate) fn settle(self: &Arc<Self>, execution: ExecutionId) -> Residence {
        let residence = Uuid::now_v7();
        let resident = Resident { residence, news: None, claimed_again: false, nudged: false };
        let before = self.residents().insert(execution, resident);
        if let Some(news) = before.and_then(|before| before.news) {
            let _ = news.send(News::TakenOver);
        }
        Residence { durable: self.clone(), execution, residence, release: Some(Release::Ready) }
    }

    fn awaited(&self) -> MutexGuard<'_, BTreeMap<ExecutionId, Vec<Arc<Notify>>>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it is heard when an execution may have ended.
    pub(crate) fn await_end(self: &Arc<Self>, execution: ExecutionId) -> Awaited {
        let woken = Arc::new(Notify::new());
        self.awaited().entry(execution).or_default().push(woken.clone());
        Awaited { durable: self.clone(), execution, woken }
    }

    /// Sees to it that somebody listens to hints.
    pub(crate) fn attend(self: &Arc<Self>, clock: &EngineClock) {
        let mut attendant = self.attendant.lock().unwrap_or_else(PoisonError::into_inner);
        if attendant.as_ref().is_none_or(JoinHandle::is_finished) {
            // Nothing that happens from now on is missed, whenever the task begins.
            let hints = self.journal.hints();
            *attendant = Some(tokio::spawn(attend(Arc::downgrade(self), hints, clock.clone())));
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

fn wake(awaited: &Arc<Notify>) {
    awaited.notify_one();
}

/// Somebody waits for the end of an execution.
pub(crate) struct Awaited {
    durable: Arc<Durable>,
    execution: ExecutionId,
    woken: Arc<Notify>,
}

impl Awaited {
    /// Returns when it may have ended since the last call.
    pub(crate) async fn ended(&self) {
        self.woken.notified().await;
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let mut awaited = self.durable.awaited();
        if let Some(waiting) = awaited.get_mut(&self.execution) {
            waiting.retain(|woken| !Arc::ptr_eq(woken, &self.woken));
            if waiting.is_empty() {
                awaited.remove(&self.execution);
            }
        }
    }
}

/// Passes hints on, and renews leases.
async fn attend(durable: Weak<Durable>, mut hints: broadcast::Receiver<Hint>, clock: EngineClock) {
    let Some(lease) = durable.upgrade().map(|durable| durable.journal.lease()) else { return };
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
            // However many hints come: leases are renewed.
            biased;
            () = due => None,
            hint = hints.recv() => Some(hint),
        };
        let Some(durable) = durable.upgrade() else { return };
        match hint {
            Some(Ok(Hint::Letter(execution))) => durable.nudge(execution),
            Some(Ok(Hint::Ended(execution))) => {
                durable.awaited().get(&execution).into_iter().flatten().for_each(wake)
            }
            Some(Ok(_)) => {}
            Some(Err(RecvError::Lagged(_))) => {
                for news in durable.residents().values().filter_map(|resident| resident.news.as_ref()) {
                    let _ = news.send(News::Letters);
                }
                durable.awaited().values().flatten().for_each(wake);
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
    residence: Uuid,
    /// How it is to be given back, if it is.
    release: Option<Release>,
}

impl Residence {
    /// The driver listens from now on.
    pub(crate) fn listen(&self, news: NewsSender) {
        let mut residents = self.durable.residents();
        let own = residents.get_mut(&self.execution).filter(|own| own.residence == self.residence);
        if let Some(own) = own {
            if std::mem::take(&mut own.nudged) {
                let _ = news.send(News::Letters);
            }
            own.news = Some(news);
        }
    }

    /// It is not here any more. True if it has to be given back once more.
    fn move_out(&self) -> bool {
        let mut residents = self.durable.residents();
        match residents.get(&self.execution) {
            Some(own) if own.residence == self.residence => {
                let claimed_again = own.claimed_again;
                residents.remove(&self.execution);
                claimed_again
            }
            _ => false,
        }
    }

    /// It is held from now on, and has to be given back.
    pub(crate) fn is_held(&mut self) {
        self.release = Some(Release::Ready);
    }

    /// Somebody else drives it, or so it seems: nothing is given back, but it is looked at again.
    pub(crate) fn doubt(&mut self) {
        self.keep();
        self.durable.doubts();
    }

    /// There is nothing to be given back.
    pub(crate) fn keep(&mut self) {
        self.release = None;
    }

    /// It could not be driven.
    pub(crate) fn fails(&mut self, release: Release) {
        self.release = Some(release);
    }

    /// Gives it back. False if it is not held here, or cannot be given back like that now; `None`
    /// if the journal does not say.
    pub(crate) async fn release(&mut self, release: Release) -> Option<bool> {
        let released = self.durable.journal.release(self.durable.worker, self.execution, release).await;
        match released {
            Ok(released) => {
                if released {
                    self.release = None;
                }
                Some(released)
            }
            Err(error) => {
                tracing::warn!(%error, execution = %self.execution, "an execution could not be given back");
                self.durable.doubts();
                None
            }
        }
    }

    /// Gives it back the way it is to be.
    pub(crate) async fn leave(mut self) {
        if let Some(release) = self.release.clone() {
            self.release(release).await;
            self.release = None;
        }
        if self.move_out() {
            self.release(Release::Ready).await;
        }
    }
}

impl Drop for Residence {
    fn drop(&mut self) {
        let again = self.move_out().then_some(Release::Ready);
        // Its driver was dropped in the middle of something.
        if let (Some(release), Ok(runtime)) = (self.release.take().or(again), Handle::try_current()) {
            let (durable, execution) = (self.durable.clone(), self.execution);
            runtime.spawn(async move {
                match durable.journal.release(durable.worker, execution, release).await {
                    Ok(true) => {}
                    // What was being written when it was dropped may come only now.
                    Ok(false) => durable.doubts(),
                    Err(error) => {
                        tracing::warn!(%error, %execution, "an execution could not be given back");
                        durable.doubts();
                    }
                }
            });
        }
    }
}
