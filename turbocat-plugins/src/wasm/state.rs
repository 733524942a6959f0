//! Where plugins keep values between calls: a port, and one that keeps them in memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use turbocat_core::StepFailure;

/// Keeps values of plugins between calls. Each plugin sees its own and no other's.
#[async_trait]
pub trait StateStore: Send + Sync + 'static {
    /// The value under this key, if there is one.
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, StepFailure>;

    /// Keeps a value under this key, in place of any other.
    async fn set(&self, plugin: &str, key: &str, value: Vec<u8>) -> Result<(), StepFailure>;

    /// Forgets what is under this key, if there is something.
    async fn delete(&self, plugin: &str, key: &str) -> Result<(), StepFailure>;
}

/// Keeps the values of all plugins as long as the program lives.
pub struct MemoryState {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    values: HashMap<String, HashMap<String, Vec<u8>>>,
    sizes: HashMap<String, usize>,
}

/// What a key costs besides its bytes, about.
const ENTRY: usize = 96;

impl MemoryState {
    /// One that keeps up to so many bytes for each plugin.
    pub fn new(bytes_a_plugin: usize) -> Self {
        Self { most: bytes_a_plugin, kept: Mutex::default() }
    }
}

impl Default for MemoryState {
    /// 16 MiB a plugin: counters, cursors and small caches, not a database.
    fn default() -> Self {
        Self::new(16 << 20)
    }
}

impl fmt::Debug for MemoryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryState").field("most", &self.most).finish_non_exhaustive()
    }
}

#[async_trait]
impl StateStore for MemoryState {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, StepFailure> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.values.get(plugin).and_then(|values| values.get(key)).cloned())
    }

    async fn set(&self, plugin: &str, key: &str, value: Vec<u8>) -> Result<(), StepFailure> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { values, sizes } = &mut *kept;
        let values = values.entry(plugin.to_owned()).or_default();
        let size = sizes.entry(plugin.to_owned()).or_default();
        let old = values.get(key).map_or(0, |old| old.len() + key.len() + ENTRY);
        let new = *size - old + value.len() + key.len() + ENTRY;
        if new > self.most {
            return Err(super::limits::exceeded(plugin, "state", "keeps too much state", self.most as u64));
        }
        *size = new;
        values.insert(key.to_owned(), value);
        Ok(())
    }

    async fn delete(&self, plugin: &str, key: &str) -> Result<(), StepFailure> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { values, sizes } = &mut *kept;
        if let Some(values) = values.get_mut(plugin)
            && let Some(old) = values.remove(key)
            && let Some(size) = sizes.get_mut(plugin)
        {
            *size -= old.len() + key.len() + ENTRY;
        }
        Ok(())
    }
}
