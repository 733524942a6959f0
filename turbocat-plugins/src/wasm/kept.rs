//! Instances that live as long as an execution needs them: found again by plugin and execution, never
//! shared by two, dropped when they have been idle or others need the room.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, OwnedMutexGuard, OwnedSemaphorePermit};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use turbocat_core::ExecutionId;
use wasmtime::{Instance, Store};

use super::guest::Guest;

/// An instance with its room in the pool.
pub(super) struct Alive {
    pub(super) store: Store<Guest>,
    /// `None`: not yet begun.
    pub(super) instance: Option<Instance>,
    /// Whether the last call came back by itself.
    pub(super) is_sound: bool,
    /// Given back after the store, with which the room becomes free.
    _slot: OwnedSemaphorePermit,
}

impl Alive {
    pub(super) const fn new(store: Store<Guest>, slot: OwnedSemaphorePermit) -> Self {
        Self { store, instance: None, is_sound: false, _slot: slot }
    }
}

/// Whose instance: the code's number, and the execution.
pub(super) type Key = (u64, ExecutionId);

/// Instances by whose they are.
pub(super) struct Kept {
    most: usize,
    idle: Duration,
    /// How many calls wait for room.
    waiting: AtomicUsize,
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    places: HashMap<Key, Arc<Turn<Place>>>,
    /// Drops what is idle, as long as there is something.
    sweeper: Option<JoinHandle<()>>,
}

struct Place {
    alive: Option<Box<Alive>>,
    used: Instant,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(sweeper) = self.all().sweeper.take() {
            sweeper.abort();
        }
    }
}

/// The place of an instance, for one call: others of the same execution wait for their turn.
pub(super) struct Held(OwnedMutexGuard<Place>);

impl Held {
    pub(super) fn take(&mut self) -> Option<Box<Alive>> {
        self.0.alive.take()
    }

    fn put(&mut self, alive: Box<Alive>) {
        self.0.alive = Some(alive);
        self.0.used = Instant::now();
    }
}

impl Kept {
    pub(super) fn new(most: usize, idle: Duration) -> Self {
        // Nobody looks more often than that.
        let idle = idle.max(Duration::from_secs(1));
        Self { most: most.max(1), idle, waiting: AtomicUsize::new(0), all: Mutex::default() }
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of an instance, when it is this call's turn.
    pub(super) async fn place(&self, key: Key) -> Held {
        let place = {
            let mut all = self.all();
            if !all.places.contains_key(&key) {
                // Empty places of calls that failed are the first to go.
                while all.places.len() >= self.most && all.drop_oldest() {}
            }
            let new = || Arc::new(Turn::new(Place { alive: None, used: Instant::now() }));
            all.places.entry(key).or_insert_with(new).clone()
        };
        Held(place.lock_owned().await)
    }

    /// Drops the instance that was idle longest, if there is one nobody uses.
    pub(super) fn drop_oldest(&self) -> bool {
        self.all().drop_oldest()
    }

    /// One more waits for room, until this is dropped.
    pub(super) fn waiting(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Waiting(self)
    }

    /// Keeps an instance for the next call of its execution, unless others need the room.
    pub(super) fn keep(self: &Arc<Self>, mut place: Held, alive: Box<Alive>) {
        let is_wanted = || self.waiting.load(Ordering::SeqCst) > 0;
        if is_wanted() || self.all().places.len() > self.most {
            gone(alive.store.data().name());
            drop(alive);
            return;
        }
        place.put(alive);
        drop(place);
        // Who began to wait meanwhile could not see it.
        if is_wanted() {
            self.drop_oldest();
        }
        self.look_after();
    }

    /// How many instances are kept.
    pub(super) fn len(&self) -> usize {
        let all = self.all();
        all.places.values().filter(|place| place.try_lock().is_ok_and(|place| place.alive.is_some())).count()
    }

    /// Sees to it that somebody drops what is idle.
    fn look_after(self: &Arc<Self>) {
        let mut all = self.all();
        // One that ended with its runtime is none.
        if all.sweeper.as_ref().is_some_and(|sweeper| !sweeper.is_finished()) {
            return;
        }
        let (kept, pause) = (Arc::downgrade(self), self.idle / 2);
        all.sweeper = Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(kept) = kept.upgrade() else { return };
                kept.drop_idle();
            }
        }));
    }

    /// Drops what has been idle too long.
    fn drop_idle(&self) {
        let now = Instant::now();
        let is_wanted = |place: &Arc<Turn<Place>>| {
            // in use, or waited for, or used lately
            Arc::strong_count(place) > 1
                || place.try_lock().map_or(true, |place| now.duration_since(place.used) < self.idle)
        };
        self.all().places.retain(|_, place| is_wanted(place));
    }
}

/// Who waits for room.
pub(super) struct Waiting<'a>(&'a Kept);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// An execution's next call begins anew: nobody's fault, and worth a word.
fn gone(plugin: &str) {
    tracing::debug!(plugin, "an instance kept for its execution gives way to other calls");
}

impl All {
    fn drop_oldest(&mut self) -> bool {
        let free = self.places.iter().filter(|(_, place)| Arc::strong_count(place) == 1);
        let oldest = free
            .filter_map(|(key, place)| Some((*key, place.try_lock().ok()?.used)))
            .min_by_key(|(_, used)| *used)
            .map(|(key, _)| key);
        let Some(place) = oldest.and_then(|key| self.places.remove(&key)) else { return false };
        if let Some(alive) = place.try_lock().ok().as_ref().and_then(|place| place.alive.as_ref()) {
            gone(alive.store.data().name());
        }
        true
    }
}
