//! Threads with a large stack: for filters of jq, whose recursion only a stack bounds, and for
//! data that would keep others waiting.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::Builder;

use tokio::sync::oneshot;

/// The stack of such a thread. Only what is used of it costs memory.
const STACK: usize = 256 << 20;

thread_local! {
    /// Where the stack begins, on a thread of ours.
    static BASE: Cell<Option<usize>> = const { Cell::new(None) };
}

fn here() -> usize {
    let local = 0_u8;
    std::ptr::from_ref(&local).addr()
}

/// How much of its stack this thread has used since its work began; `None` on threads of others.
pub(super) fn used() -> Option<usize> {
    BASE.get().map(|base| base.abs_diff(here()))
}

fn builder() -> Builder {
    Builder::new().name("turbocat-data".to_owned()).stack_size(STACK)
}

fn begin<T>(work: impl FnOnce() -> T) -> T {
    BASE.set(Some(here()));
    work()
}

/// Does work on a large stack and waits for it: here if this one is large.
pub(super) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    if BASE.get().is_some() {
        return Ok(work());
    }
    std::thread::scope(|scope| {
        let thread = builder().spawn_scoped(scope, || begin(work))?;
        thread.join().or_else(|panic| resume_unwind(panic))
    })
}

/// Does work on a thread of its own. A panic there is a panic here.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (sender, receiver) = oneshot::channel();
    builder().spawn(move || {
        let done = catch_unwind(AssertUnwindSafe(|| begin(work)));
        // Nobody waits for it any more if this fails.
        let _ = sender.send(done);
    })?;
    match receiver.await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(panic)) => resume_unwind(panic),
        Err(_) => Err(io::Error::other("the thread ended without an answer")),
    }
}
