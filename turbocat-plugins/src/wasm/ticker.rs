//! The clock of the sandbox: every millisecond calls that go on look at their deadlines and let
//! others have a turn. It stands still while nobody is called.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// How often calls are interrupted: a call that is cancelled stops within two of them.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// How many ticks without a call until the thread goes to sleep: waking it costs a call some
/// microseconds, so it stays up between calls that follow each other closely.
const IDLE: u32 = 200;

/// The thread that ticks. Ends with its owner.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
    handle: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    calls: AtomicUsize,
    asleep: AtomicBool,
    stopped: AtomicBool,
}

/// As long as it lives, time goes on.
pub(super) struct Ticking<'a>(&'a Shared);

impl Ticker {
    pub(super) fn start(engine: Engine) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let mine = shared.clone();
        let handle =
            thread::Builder::new().name("turbocat-ticker".to_owned()).spawn(move || mine.tick(&engine))?;
        Ok(Self { shared, thread: handle.thread().clone(), handle: Some(handle) })
    }

    /// A call begins.
    pub(super) fn begin(&self) -> Ticking<'_> {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) && self.shared.asleep.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
        Ticking(&self.shared)
    }
}

impl Shared {
    fn tick(&self, engine: &Engine) {
        let mut idle = 0;
        while !self.stopped.load(Ordering::SeqCst) {
            thread::sleep(TICK);
            if self.calls.load(Ordering::SeqCst) > 0 {
                idle = 0;
                engine.increment_epoch();
                continue;
            }
            idle += 1;
            if idle >= IDLE {
                idle = 0;
                self.sleep();
            }
        }
    }

    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        // Whoever begins a call counts first and looks then; here it is the other way round. One of
        // the two sees the other.
        while self.asleep.load(Ordering::SeqCst)
            && self.calls.load(Ordering::SeqCst) == 0
            && !self.stopped.load(Ordering::SeqCst)
        {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
        if let Some(handle) = self.handle.take() {
            // It sleeps a millisecond at most; a panic there has been reported already.
            let _ = handle.join();
        }
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_while_nobody_is_called_and_goes_on_when_somebody_is() {
        let engine = Engine::default();
        let ticker = Ticker::start(engine).unwrap();
        let asleep = || ticker.shared.asleep.load(Ordering::SeqCst);
        while !asleep() {
            thread::yield_now();
        }
        let ticking = ticker.begin();
        assert!(!asleep());
        drop(ticking);
        while !asleep() {
            thread::yield_now();
        }
        let shared = Arc::downgrade(&ticker.shared);
        drop(ticker);
        assert!(shared.upgrade().is_none(), "the thread has ended");
    }
}
