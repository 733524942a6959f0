//! Tasks that go on while the platform is there, and end with it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::{Api, Distant};

/// The tasks.
#[derive(Debug)]
pub(crate) struct Background {
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// What a task has of the platform: it keeps nothing there that nobody else wants any more.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    api: Distant,
    stop: watch::Receiver<bool>,
}

impl Background {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { stop: watch::Sender::new(false), tasks: Mutex::default() }
    }

    /// One more.
    pub(crate) fn begin<F: Future<Output = ()> + Send + 'static>(
        &self,
        api: Distant,
        task: impl FnOnce(Watch) -> F,
    ) {
        let task = tokio::spawn(task(Watch { api, stop: self.stop.subscribe() }));
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// Ends them all, and waits until they have.
    pub(crate) async fn end(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the platform did not end in order");
            }
        }
    }
}

impl Watch {
    /// The platform, while it is there.
    pub(crate) fn api(&self) -> Option<Api> {
        if *self.stop.borrow() { None } else { self.api.near() }
    }

    /// Waits until it ends.
    pub(crate) async fn ended(&mut self) {
        // An error: it is gone, which is an end as well.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }
}
