//! Any text as `plugins.lock`: it is refused, or says the same when it is written and read again.

use turbocat_plugins::wasm::{Lock, PluginErrorKind};

/// Reads a lock file.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Lock::read("fuzz.lock", text) {
        Err(error) => {
            assert_eq!(error.kind(), PluginErrorKind::Lock);
            assert!(!error.to_string().is_empty());
        }
        Ok(lock) => {
            let again = Lock::read("fuzz.lock", &lock.write().unwrap()).unwrap();
            assert_eq!(again, lock);
            for locked in lock.plugins() {
                assert_eq!(lock.get(&locked.name), Some(locked));
                assert!(locked.grants().missing(&locked.grants).is_empty());
                let _ = locked.source();
            }
        }
    }
}
