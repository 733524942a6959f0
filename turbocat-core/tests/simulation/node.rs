//! One engine with a runtime of its own, which goes on only when it is told to: it can be dropped
//! between any two polls, or stand still for as long as one likes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use turbocat_core::{Engine, Hint, Timestamp, WorkOptions};

use crate::flows::with_flows;
use crate::hands::Hands;
use crate::seen::{Life, Seen};
use crate::skew::SkewedClock;
use crate::wire::Wire;

pub(crate) struct Node {
    pub(crate) life: Life,
    pub(crate) state: State,
    pub(crate) hints: broadcast::Sender<Hint>,
    engine: Option<Engine>,
    runtime: Runtime,
}

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    Goes,
    /// Stands still until then, and knows nothing of it.
    Stands(Timestamp),
    /// Is gone, and another comes then.
    Gone(Timestamp),
}

impl Node {
    pub(crate) fn start(life: Life, seen: &Arc<Seen>, ahead: i64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().event_interval(1).build().unwrap();
        let hints = broadcast::channel(4096).0;
        let wire = Wire { life, seen: seen.clone(), hints: hints.clone() };
        let hands = |few| Hands { life, seen: seen.clone(), few };
        let builder = Engine::builder()
            .agent("w", hands(false))
            .agent("few", hands(true))
            .clock(SkewedClock { truth: seen.clock.clone(), ahead })
            .store(wire);
        let engine = with_flows(builder).build();
        let entered = runtime.enter();
        let work = WorkOptions::new().slots(8).poll(Duration::from_secs(2)).attempts(1000).stalls(100_000);
        engine.work(work).unwrap();
        drop(entered);
        seen.note(&format!("{life} starts, {ahead} ms ahead"));
        Self { life, state: State::Goes, hints, engine: Some(engine), runtime }
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub(crate) fn goes(&self) -> bool {
        self.state == State::Goes
    }

    /// Does something on it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Lets it go on for that many polls of its tasks. False if it had nothing to do.
    pub(crate) fn turn(&self, polls: u32) -> bool {
        let inner = self.runtime.metrics();
        let outside = move || inner.global_queue_depth();
        self.runtime.block_on(Turn { left: polls, outside, last: None, busy: false })
    }

    /// All its tasks are gone, whatever they were doing; nobody is told.
    pub(crate) fn crash(&mut self, until: Timestamp) {
        self.engine = None;
        let none = tokio::runtime::Builder::new_current_thread().build().unwrap();
        drop(std::mem::replace(&mut self.runtime, none));
        self.state = State::Gone(until);
    }
}

/// Comes back to the caller after some polls of other tasks, or when there are none to be polled:
/// when a task that does nothing, queued behind all others, is the next to be polled.
struct Turn<F> {
    left: u32,
    /// How many tasks were woken from outside and are not queued yet.
    outside: F,
    /// The last task that does nothing, and how many polls ago it was queued.
    last: Option<(JoinHandle<()>, u32)>,
    busy: bool,
}

impl<F: Fn() -> usize + Unpin> Future for Turn<F> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let this = &mut *self;
        match &mut this.last {
            Some((last, polls)) if last.is_finished() => {
                if *polls == 1 && (this.outside)() == 0 {
                    return Poll::Ready(this.busy);
                }
                this.busy = true;
                this.last = Some((tokio::spawn(async {}), 0));
            }
            Some(_) => this.busy = true,
            None => this.last = Some((tokio::spawn(async {}), 0)),
        }
        if this.left == 0 {
            return Poll::Ready(true);
        }
        this.left -= 1;
        if let Some((_, polls)) = &mut this.last {
            *polls += 1;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
