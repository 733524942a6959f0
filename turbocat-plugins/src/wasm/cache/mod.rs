//! Compiled code on disk: what took a second to compile is there in a millisecond.
//!
//! A file is taken only if this host wrote it, for this plugin, with this compiler and these
//! settings, and nothing in it has changed since. Anything else is compiled anew, and never an
//! error: a cache that cannot be used is one that is not there.

mod trusted;

use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use wasmtime::{Engine, Module};

use super::digest::Digest;

/// The first bytes of a file. Another layout gets another line.
const HEAD: &[u8] = b"turbocat module 1\n";

/// A folder of compiled code.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    /// The compiler and its settings.
    settings: [u8; 32],
}

impl Cache {
    /// A cache in a folder, which is made if it is not there.
    pub(super) fn open(folder: &Path, engine: &Engine) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        let mut settings = Settings(Sha256::new());
        env!("CARGO_PKG_VERSION").hash(&mut settings);
        engine.precompile_compatibility_hash().hash(&mut settings);
        Ok(Self { folder: folder.to_owned(), settings: settings.0.finalize().into() })
    }

    /// The module of that digest: from the folder, or else compiled and put there.
    pub(super) fn module(&self, engine: &Engine, digest: &Digest, bytes: &[u8]) -> wasmtime::Result<Module> {
        let path = self.path(digest);
        match self.read(&path, digest) {
            Ok(verified) => match trusted::module(engine, &verified) {
                Ok(module) => return Ok(module),
                Err(error) => tracing::warn!(%error, "a cached module is not taken and compiled anew"),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "a cached module is not taken and compiled anew"),
        }
        let module = Module::from_binary(engine, bytes)?;
        let written = module.serialize().and_then(|code| Ok(self.write(&path, digest, &code)?));
        if let Err(error) = written {
            tracing::warn!(%error, "a compiled module cannot be kept");
        }
        Ok(module)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let settings: String = self.settings.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{}-{settings}.module", digest.digits()))
    }

    /// The sum over all that a file stands for, so that none passes for another.
    fn sum(&self, digest: &Digest, code: &[u8]) -> [u8; 32] {
        let mut sum = Sha256::new();
        sum.update(HEAD);
        sum.update(digest.bytes());
        sum.update(self.settings);
        sum.update(code);
        sum.finalize().into()
    }

    fn read(&self, path: &Path, digest: &Digest) -> io::Result<trusted::Verified> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        if fs::symlink_metadata(path)?.file_type().is_symlink() {
            return Err(wrong("it is a link"));
        }
        let mut file = File::open(path)?;
        self.check_owner(&file)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let rest = bytes.strip_prefix(HEAD).ok_or_else(|| wrong("it begins otherwise"))?;
        let (sum, code) = rest.split_first_chunk::<32>().ok_or_else(|| wrong("it ends too soon"))?;
        if *sum != self.sum(digest, code) {
            return Err(wrong("it has changed since it was written, or was written for something else"));
        }
        let start = bytes.len() - code.len();
        Ok(trusted::Verified::new(bytes, start))
    }

    /// Files and folders that others may write to are nobody's word.
    #[cfg(unix)]
    fn check_owner(&self, file: &File) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        let (file, folder) = (file.metadata()?, fs::metadata(&self.folder)?);
        if !file.is_file() || file.uid() != folder.uid() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it was not written by the cache's owner",
            ));
        }
        if (file.mode() | folder.mode()) & 0o022 != 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "others than its owner may write to it"));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn check_owner(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    /// Under another name first: nobody reads half a file, and of two that write one wins.
    fn write(&self, path: &Path, digest: &Digest, code: &[u8]) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let half = self.folder.join(format!(".{}-{}-{count}", digest.digits(), std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&half).and_then(|mut file| {
            file.write_all(HEAD)?;
            file.write_all(&self.sum(digest, code))?;
            file.write_all(code)?;
            drop(file);
            fs::rename(&half, path)
        });
        if written.is_err() {
            // whatever is left of it is of no use to anybody
            let _ = fs::remove_file(&half);
        }
        written
    }
}

/// Takes what is hashed as it is, for a sum that is the same in every program.
struct Settings(Sha256);

impl Hasher for Settings {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = r#"(module (func (export "f") (result i32) (i32.const 7)))"#;

    fn names(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn answer(engine: &Engine, module: &Module) -> i32 {
        let mut store = wasmtime::Store::new(engine, ());
        let instance = wasmtime::Instance::new(&mut store, module, &[]).unwrap();
        instance.get_typed_func::<(), i32>(&mut store, "f").unwrap().call(&mut store, ()).unwrap()
    }

    #[test]
    fn a_module_is_compiled_once_and_read_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = Cache::open(&folder.path().join("deep/down"), &engine).unwrap();
        let (bytes, digest) = (wat::parse_str(CODE).unwrap(), Digest::of(b"x"));
        assert_eq!(answer(&engine, &cache.module(&engine, &digest, &bytes).unwrap()), 7);
        assert_eq!(names(&cache.folder).len(), 1);
        // Nothing to compile: it can only come from the folder.
        assert_eq!(answer(&engine, &cache.module(&engine, &digest, b"").unwrap()), 7);
    }

    #[test]
    fn a_file_that_is_damaged_foreign_or_open_to_others_is_compiled_anew() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = Cache::open(&folder.path().join("cache"), &engine).unwrap();
        let (bytes, digest) = (wat::parse_str(CODE).unwrap(), Digest::of(b"x"));
        cache.module(&engine, &digest, &bytes).unwrap();
        let path = cache.path(&digest);
        let whole = fs::read(&path).unwrap();
        let spoil = |spoil: &dyn Fn(&mut Vec<u8>)| {
            let mut spoilt = whole.clone();
            spoil(&mut spoilt);
            fs::write(&path, spoilt).unwrap();
            assert!(cache.module(&engine, &digest, b"").is_err(), "it is not taken");
            assert_eq!(answer(&engine, &cache.module(&engine, &digest, &bytes).unwrap()), 7);
            assert_eq!(fs::read(&path).unwrap(), whole, "it is written anew");
        };
        spoil(&|file| file.clear());
        spoil(&|file| file.truncate(40));
        spoil(&|file| file.truncate(file.len() - 1));
        spoil(&|file| *file.last_mut().unwrap() ^= 1);
        spoil(&|file| file[30] ^= 1);
        spoil(&|file| file[0] ^= 1);
        // The file of another plugin under this one's name.
        let other = Digest::of(b"y");
        cache.module(&engine, &other, &bytes).unwrap();
        let others = fs::read(cache.path(&other)).unwrap();
        spoil(&|file| file.clone_from(&others));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
            assert!(cache.module(&engine, &digest, b"").is_err());
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            fs::set_permissions(&cache.folder, fs::Permissions::from_mode(0o777)).unwrap();
            assert!(cache.module(&engine, &digest, b"").is_err());
            fs::set_permissions(&cache.folder, fs::Permissions::from_mode(0o700)).unwrap();
            let elsewhere = folder.path().join("elsewhere");
            fs::rename(&path, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
            assert!(cache.module(&engine, &digest, b"").is_err());
        }
    }

    #[test]
    fn other_settings_have_other_files_and_a_folder_that_fails_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let other = Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
        let (bytes, digest) = (wat::parse_str(CODE).unwrap(), Digest::of(b"x"));
        let cache = Cache::open(folder.path(), &engine).unwrap();
        let second = Cache::open(folder.path(), &other).unwrap();
        assert_ne!(cache.path(&digest), second.path(&digest));
        drop(folder);
        assert_eq!(answer(&engine, &cache.module(&engine, &digest, &bytes).unwrap()), 7);
    }
}
