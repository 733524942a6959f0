//! Where everything about the queue is found.

use crate::store::Store;

/// The queue of a store: every execution that has not ended waits in it, is held by a worker, or
/// was given up.
///
/// ```
/// use turbocat_storage::Store;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let store = Store::open("sqlite::memory:").await?;
/// store.queue().pause().await?;
/// let health = store.queue().health().await;
/// assert!(health.is_paused);
/// assert_eq!(health.issues[0], "the queue is paused");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Queue<'a>(pub(super) &'a Store);

impl Queue<'_> {
    /// What the queue is called.
    pub const NAME: &'static str = "agent-execution";
    /// What the queue of those that were given up is called.
    pub const DEAD_NAME: &'static str = "agent-execution-dlq";
}

impl Store {
    /// The queue, for those who look after it.
    pub const fn queue(&self) -> Queue<'_> {
        Queue(self)
    }
}
