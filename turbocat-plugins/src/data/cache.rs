//! What was compiled once, by its text: patterns and filters.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// How many are kept. A workflow has a handful of them.
const MOST: usize = 128;

/// Compiled things by their text. When it is full, all are forgotten: texts that are made up anew
/// each time must not fill the memory, and compiling is cheap beside what follows.
#[derive(Debug)]
pub(super) struct Cache<K, T> {
    kept: Mutex<HashMap<K, Arc<T>>>,
}

impl<K, T> Default for Cache<K, T> {
    fn default() -> Self {
        Self { kept: Mutex::default() }
    }
}

impl<K: Eq + Hash, T> Cache<K, T> {
    pub(super) fn get_or<E>(&self, key: K, compile: impl FnOnce(&K) -> Result<T, E>) -> Result<Arc<T>, E> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept().get(&key) {
            return Ok(found.clone());
        }
        let made = Arc::new(compile(&key)?);
        let mut kept = kept();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(key, made.clone());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_compiled_once_and_the_cache_stays_small() {
        let cache: Cache<String, usize> = Cache::default();
        let mut compiled = 0;
        for _ in 0..3 {
            let found = cache.get_or("a".to_owned(), |text| {
                compiled += 1;
                Ok::<_, ()>(text.len())
            });
            assert_eq!(*found.unwrap(), 1);
        }
        assert_eq!(compiled, 1);
        for text in 0..1000 {
            cache.get_or(text.to_string(), |_| Ok::<_, ()>(0)).unwrap();
        }
        assert!(cache.kept.lock().unwrap().len() <= MOST);
        assert_eq!(cache.get_or("bad".to_owned(), |_| Err("no")).unwrap_err(), "no");
    }
}
