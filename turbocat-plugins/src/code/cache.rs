//! Programs that were made already.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::prepare::prepare;
use super::program::{Mistake, Program};
use super::runtime::Language;

/// Bytes of programs that are kept: those of thousands of steps.
const KEPT: usize = 16 << 20;

type Key = [u8; 32];

/// Programs by the digest of their code, the oldest of them forgotten first.
#[derive(Debug, Default)]
pub(super) struct Cache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    programs: HashMap<Key, Arc<Program>>,
    order: VecDeque<(Key, usize)>,
    bytes: usize,
}

impl Cache {
    /// The program of that code, made if it is not there.
    pub(super) fn program(
        &self,
        code: &str,
        entry: Option<&str>,
        language: Language,
    ) -> Result<Arc<Program>, Vec<Mistake>> {
        let key = key(code, entry, language);
        if let Some(program) = self.lock().programs.get(&key) {
            return Ok(program.clone());
        }
        let program = Arc::new(prepare(code, entry, language)?);
        self.lock().keep(key, program.clone());
        Ok(program)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, key: Key, program: Arc<Program>) {
        let bytes = program.source.len() + program.places.moved.len() * 16 + 256;
        if bytes > KEPT || self.programs.insert(key, program).is_some() {
            return;
        }
        self.order.push_back((key, bytes));
        self.bytes += bytes;
        while self.bytes > KEPT {
            let Some((oldest, bytes)) = self.order.pop_front() else { break };
            self.programs.remove(&oldest);
            self.bytes -= bytes;
        }
    }
}

fn key(code: &str, entry: Option<&str>, language: Language) -> Key {
    let mut hash = Sha256::new();
    // The entry is a name and holds no zero.
    hash.update([language as u8]);
    hash.update(entry.unwrap_or_default());
    hash.update([0]);
    hash.update(code);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_code_is_made_a_program_once() {
        let cache = Cache::default();
        let first = cache.program("1 + 1", None, Language::JavaScript).unwrap();
        let again = cache.program("1 + 1", None, Language::JavaScript).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        let other = cache.program("1 + 1", None, Language::TypeScript).unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn the_oldest_program_is_forgotten_when_there_are_too_many() {
        let cache = Cache::default();
        let long = |index: usize| format!("'{}{index}'", "x".repeat(250_000));
        for index in 0..80 {
            cache.program(&long(index), None, Language::JavaScript).unwrap();
        }
        let kept = cache.lock();
        assert!(kept.bytes <= KEPT);
        assert_eq!(kept.programs.len(), kept.order.len());
        assert!(!kept.programs.contains_key(&key(&long(0), None, Language::JavaScript)));
        assert!(kept.programs.contains_key(&key(&long(79), None, Language::JavaScript)));
    }
}
