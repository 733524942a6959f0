//! A clock that is turned by hand. Knows nothing of the engine but the port it implements.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::watch;

use crate::runtime::Clock;
use crate::time::Timestamp;

/// A clock that stands still until it is turned. Clones are the same clock: give one to the
/// engine, keep one to turn.
///
/// There are two ways to use it.
///
/// - [`block_on`](Self::block_on) turns it by itself: whenever nobody has anything left to do, to
///   the next moment somebody waits for. Hours pass in no time, and always in the same order.
/// - [`advance`](Self::advance) and [`advance_to_next`](Self::advance_to_next) turn it by hand,
///   for tests that look at what stands between two moments.
///
/// ```
/// use std::time::Duration;
/// use serde_json::json;
/// use turbocat_core::testing::ManualClock;
/// use turbocat_core::{Engine, StepStatus, Workflow};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let clock = ManualClock::new();
/// let engine = Engine::builder().clock(clock.clone()).build();
/// let workflow = Workflow::from_yaml("steps: { sleep: { wait: 24h } }")?;
/// let handle = engine.start(&workflow, json!({}))?;
///
/// clock.until_sleeping(1).await;
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(handle.steps().await[0].status, StepStatus::Waiting);
/// clock.advance(Duration::from_secs(23 * 3600));
/// assert_eq!(handle.wait().await?.output()["sleep"]["waitMs"], 86_400_000);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ManualClock {
    inner: Arc<Inner>,
}

struct Inner {
    start: Timestamp,
    state: Mutex<State>,
    /// How many sleep now.
    sleeping: watch::Sender<usize>,
}

struct State {
    now: Timestamp,
    next: u64,
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
}

/// Where a [`ManualClock`] begins unless told otherwise: 2030-01-01T00:00:00Z. In the future, so
/// that nobody mistakes it for the system's time.
const START: Timestamp = Timestamp::from_millis(1_893_456_000_000);

impl ManualClock {
    /// A clock that stands at 2030-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::starting_at(START)
    }

    /// A clock that stands at that moment.
    pub fn starting_at(start: Timestamp) -> Self {
        let state = State { now: start, next: 0, sleepers: BTreeMap::new() };
        let inner = Inner { start, state: Mutex::new(state), sleeping: watch::Sender::new(0) };
        Self { inner: Arc::new(inner) }
    }

    /// The time it shows.
    pub fn now(&self) -> Timestamp {
        self.state().now
    }

    /// How far it was turned since it was made.
    pub fn elapsed(&self) -> Duration {
        self.now().since(self.inner.start)
    }

    /// Turns it forward and wakes everybody whose moment has come.
    ///
    /// It jumps: whoever is woken finds the time after the jump. To stop at each moment in
    /// between use [`advance_to_next`](Self::advance_to_next).
    pub fn advance(&self, by: Duration) {
        self.advance_to(self.now().after(by));
    }

    /// Turns it forward to a moment and wakes everybody whose moment has come. It never goes
    /// back: an earlier moment changes nothing.
    pub fn advance_to(&self, moment: Timestamp) {
        let mut state = self.state();
        state.now = state.now.max(moment);
        let after = (state.now.after(Duration::from_millis(1)), 0);
        let later = state.sleepers.split_off(&after);
        let due = std::mem::replace(&mut state.sleepers, later);
        self.tell(&state);
        drop(state);
        for waker in due.into_values() {
            waker.wake();
        }
    }

    /// Turns it forward to the next moment somebody sleeps until, and gives that moment; nothing
    /// happens if nobody sleeps.
    pub fn advance_to_next(&self) -> Option<Timestamp> {
        let next = self.next_moment()?;
        self.advance_to(next);
        Some(next)
    }

    /// The next moment somebody sleeps until.
    pub fn next_moment(&self) -> Option<Timestamp> {
        self.state().sleepers.keys().next().map(|(moment, _)| *moment)
    }

    /// How many sleep.
    pub fn sleeping(&self) -> usize {
        self.state().sleepers.len()
    }

    /// Returns when at least that many sleep. An execution sleeps once for its next wait, pause
    /// or deadline, and once for every attempt that has a `timeout`.
    pub async fn until_sleeping(&self, count: usize) {
        // The clock lives as long as this future, so there is always somebody to tell.
        let _ = self.inner.sleeping.subscribe().wait_for(|sleeping| *sleeping >= count).await;
    }

    /// Drives a future to its end on a runtime of this thread alone, and turns the clock to the
    /// next moment somebody sleeps until whenever nothing else is left to do.
    ///
    /// The same program takes the same course every time, as time passes only when every task of
    /// the runtime waits. What is done outside of it (a network connection, `spawn_blocking`,
    /// `tokio::time::sleep`) counts as waiting, so that the clock may outrun it: script such
    /// agents.
    ///
    /// A task that polls in a loop with `yield_now` always has something to do, and keeps the
    /// clock from being turned: wait for events instead.
    ///
    /// # Panics
    /// Inside of another runtime, as tokio's `block_on` does; turn the clock by hand there.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let clock = self.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_park(move || {
                clock.advance_to_next();
            })
            .build();
        match runtime {
            Ok(runtime) => runtime.block_on(future),
            Err(error) => panic!("no runtime could be made for the test: {error}"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, state: &State) {
        let sleeping = state.sleepers.len();
        self.inner.sleeping.send_if_modified(|known| std::mem::replace(known, sleeping) != sleeping);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    fn sleep_until(&self, moment: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(Sleep { clock: self.clone(), moment, key: None })
    }

    fn is_real(&self) -> bool {
        false
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("ManualClock")
            .field("now", &state.now)
            .field("sleeping", &state.sleepers.len())
            .finish_non_exhaustive()
    }
}

/// Somebody who sleeps from the first poll on.
struct Sleep {
    clock: ManualClock,
    moment: Timestamp,
    key: Option<(Timestamp, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut state = clock.state();
        if state.now >= self.moment {
            return Poll::Ready(());
        }
        let moment = self.moment;
        let key = *self.key.get_or_insert_with(|| {
            state.next += 1;
            (moment, state.next)
        });
        state.sleepers.insert(key, cx.waker().clone());
        clock.tell(&state);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut state = self.clock.state();
            state.sleepers.remove(&key);
            self.clock.tell(&state);
        }
    }
}
