//! What all plugins of a program share: compiler, pool of instances, clock, ports, limits.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use turbocat_core::StepFailure;
use wasmtime::{Engine, Module, Store, UpdateDeadline};

use super::abi::Abi;
use super::cache::Cache;
use super::digest::Digest;
use super::guest::{Guest, World};
use super::kept::Kept;
use super::limits::Limits;
use super::runtime::Runtime;
use super::ticker::Ticker;

/// What all plugins of a program share.
pub(super) struct Host {
    pub(super) engine: Engine,
    pub(super) abi: Abi,
    pub(super) ticker: Ticker,
    pub(super) world: Arc<World>,
    pub(super) kept: Arc<Kept>,
    pub(super) cache: Option<Cache>,
    /// What a plugin gets that asks for nothing.
    pub(super) limits: Limits,
    /// What no plugin gets more than.
    pub(super) ceiling: Limits,
    pub(super) max_module_bytes: u64,
    /// Runs the code in place of `engine`.
    pub(super) runtime: Option<Arc<dyn Runtime>>,
    pub(super) slots: Arc<Semaphore>,
}

impl Host {
    /// Room for an instance; waits until there is some.
    pub(super) async fn slot(&self) -> Result<OwnedSemaphorePermit, StepFailure> {
        loop {
            match self.slots.clone().try_acquire_owned() {
                Ok(slot) => return Ok(slot),
                // An instance that waits for its execution's next call gives way to one that is called.
                Err(_) if self.kept.drop_oldest() => {}
                Err(_) => {
                    let _waiting = self.kept.waiting();
                    // What was kept before anybody could know that we wait.
                    if self.kept.drop_oldest() {
                        continue;
                    }
                    let slot = self.slots.clone().acquire_owned().await;
                    return slot.map_err(|_| StepFailure::error("the host of plugins is closed"));
                }
            }
        }
    }

    /// A store for one instance, which lets others have a turn at every tick and ends at its deadline.
    pub(super) fn store(&self, guest: Guest) -> Store<Guest> {
        let mut store = Store::new(&self.engine, guest);
        store.limiter(|guest| guest);
        store.epoch_deadline_callback(|cx| {
            let guest = cx.data();
            if guest.time_left().is_some_and(|left| left.is_zero()) {
                return Err(guest.timed_out().into());
            }
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        store
    }

    /// The compiled code of a plugin.
    pub(super) fn compile(&self, digest: &Digest, bytes: &[u8]) -> wasmtime::Result<Module> {
        match &self.cache {
            Some(cache) => cache.module(&self.engine, digest, bytes),
            None => Module::from_binary(&self.engine, bytes),
        }
    }
}
