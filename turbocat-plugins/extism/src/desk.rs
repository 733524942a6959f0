//! Where the functions of one compiled plugin find the session of the call that goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use extism::CancelHandle;
use tokio::runtime::Handle;
use tokio::sync::watch;
use turbocat_plugins::wasm::Session;

/// One call at a time.
pub(crate) type Desk = Arc<Mutex<Option<Serving>>>;

/// The call that goes on.
pub(crate) struct Serving {
    pub(crate) session: Session,
    pub(crate) tokio: Handle,
    pub(crate) control: Arc<Control>,
}

pub(crate) fn open(desk: &Desk) -> MutexGuard<'_, Option<Serving>> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a call is given up from outside.
#[derive(Default)]
pub(crate) struct Control {
    given_up: watch::Sender<bool>,
    handle: OnceLock<CancelHandle>,
    is_over: AtomicBool,
}

impl Control {
    /// The call can be asked to stop by this from now on.
    pub(crate) fn begin(&self, handle: CancelHandle) {
        // a call begins once
        let _ = self.handle.set(handle);
    }

    /// Nothing is left of the call.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Whether nobody waits for the call any more.
    pub(crate) fn is_given_up(&self) -> bool {
        *self.given_up.borrow()
    }

    /// Waits for the host, but not after the call was given up.
    pub(crate) async fn unless_given_up<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut given_up = self.given_up.subscribe();
        tokio::select! {
            biased;
            _ = given_up.wait_for(|given_up| *given_up) => None,
            done = work => Some(done),
        }
    }
}

/// Gives a call up when it is dropped before the call is over.
pub(crate) struct Waiting(pub(crate) Arc<Control>);

/// How often a call is asked to stop: the runtime forgets what it is asked before the call has begun.
const AGAIN: Duration = Duration::from_millis(5);

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0.is_over.load(Ordering::Acquire) {
            return;
        }
        self.0.given_up.send_replace(true);
        let control = self.0.clone();
        // A thread, because the program's own may be about to end, and wait for the call.
        std::thread::spawn(move || {
            while !control.is_over.load(Ordering::Acquire) {
                if let Some(handle) = control.handle.get() {
                    // whom nobody hears is over
                    let _ = handle.cancel();
                }
                std::thread::sleep(AGAIN);
            }
        });
    }
}
