//! Room for a parser that calls itself: a thread with a stack as large as the code can need, so that
//! no code can overflow it and take the whole program along.

use std::io;
use std::thread::{self, Builder};

/// What the shortest code has. Only what is used of it costs memory.
const LEAST: usize = 32 << 20;

/// What one more letter can cost: every letter may be one more thing inside of another. Without
/// optimization a call takes several times as much.
const LETTER: usize = if cfg!(debug_assertions) { 16 << 10 } else { 4 << 10 };

/// Does work on code of that length and waits for it.
pub(super) fn with_room<T: Send>(length: usize, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let stack = LEAST.saturating_add(length.saturating_mul(LETTER));
    thread::scope(|scope| {
        let thread =
            Builder::new().name("turbocat-code".to_owned()).stack_size(stack).spawn_scoped(scope, work)?;
        thread.join().map_err(|_| io::Error::other("the parser gave up"))
    })
}
