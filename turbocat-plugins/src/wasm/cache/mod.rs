//! Compiled code on disk: what took a second to compile is there in a millisecond.
//!
//! A file is taken only if a program of this user wrote it, for this plugin, with this compiler and
//! these settings, and nothing in it has changed since: it is signed with the user's key, which lies
//! elsewhere. Anything else is compiled anew, and never an error: a cache that cannot be used is one
//! that is not there.

mod key;
mod trusted;

use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::{Engine, Module};

use super::digest::Digest;
use key::Key;

pub(super) use key::usual_place;

/// The first bytes of a file. Another layout gets another line.
const HEAD: &[u8] = b"turbocat module 2\n";

/// A folder of compiled code.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    key: Key,
    /// The compiler and its settings.
    settings: [u8; 32],
}

impl Cache {
    /// A cache in a folder, which is made if it is not there, with the key in a file, likewise.
    pub(super) fn open(folder: &Path, key: &Path, engine: &Engine) -> io::Result<Self> {
        key::make_folder(folder)?;
        let cache = Self { folder: folder.to_owned(), key: Key::open(key)?, settings: settings(engine) };
        cache.check_user(key)?;
        Ok(cache)
    }

    /// The folder and the key must be those of the user this program acts for: who makes a file owns it.
    #[cfg(unix)]
    fn check_user(&self, key: &Path) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        let probe = key::beside(&self.folder, "owner");
        let user = key::private(&probe)?.metadata()?.uid();
        fs::remove_file(&probe)?;
        for (path, what) in [(&*self.folder, "the folder"), (key, "the key")] {
            if fs::metadata(path)?.uid() != user {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{what} is another user's")));
            }
        }
        Ok(())
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "elsewhere there is a user to check")]
    fn check_user(&self, _: &Path) -> io::Result<()> {
        Ok(())
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

    /// The signature of all that a file stands for, so that none passes for another.
    fn signature(&self, digest: &Digest, code: &[u8]) -> [u8; 32] {
        self.key.sign([HEAD, &digest.bytes()[..], &self.settings, code])
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
        let (signature, code) = rest.split_first_chunk::<32>().ok_or_else(|| wrong("it ends too soon"))?;
        if !key::same(signature, &self.signature(digest, code)) {
            return Err(wrong(
                "it has changed since it was written, or was written by or for something else",
            ));
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
        let half = key::beside(&self.folder, &digest.digits());
        let written = key::private(&half).and_then(|mut file| {
            file.write_all(HEAD)?;
            file.write_all(&self.signature(digest, code))?;
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

/// The compiler and its settings, as a sum.
fn settings(engine: &Engine) -> [u8; 32] {
    let mut settings = Settings(Sha256::new());
    env!("CARGO_PKG_VERSION").hash(&mut settings);
    engine.precompile_compatibility_hash().hash(&mut settings);
    settings.0.finalize().into()
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
        let cache =
            Cache::open(&folder.path().join("deep/down"), &folder.path().join("key"), &engine).unwrap();
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
        let cache = Cache::open(&folder.path().join("cache"), &folder.path().join("key"), &engine).unwrap();
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
    fn a_file_that_somebody_else_signed_is_compiled_anew() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let (bytes, digest) = (wat::parse_str(CODE).unwrap(), Digest::of(b"x"));
        // Whoever wrote it knows everything but the key.
        let shipped = folder.path().join("project/compiled");
        let theirs = Cache::open(&shipped, &folder.path().join("their.key"), &engine).unwrap();
        let other = wat::parse_str(CODE.replace('7', "8")).unwrap();
        theirs.module(&engine, &digest, &other).unwrap();
        let ours = Cache::open(&shipped, &folder.path().join("our.key"), &engine).unwrap();
        assert!(ours.path(&digest).exists());
        assert!(ours.module(&engine, &digest, b"").is_err(), "it is not taken");
        assert_eq!(answer(&engine, &ours.module(&engine, &digest, &bytes).unwrap()), 7);
        assert_eq!(answer(&engine, &ours.module(&engine, &digest, b"").unwrap()), 7, "it is written anew");
    }

    #[test]
    fn other_settings_have_other_files_and_a_folder_that_fails_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let other = Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
        let (bytes, digest) = (wat::parse_str(CODE).unwrap(), Digest::of(b"x"));
        let key = folder.path().join("key");
        let cache = Cache::open(folder.path(), &key, &engine).unwrap();
        let second = Cache::open(folder.path(), &key, &other).unwrap();
        assert_ne!(cache.path(&digest), second.path(&digest));
        drop(folder);
        assert_eq!(answer(&engine, &cache.module(&engine, &digest, &bytes).unwrap()), 7);
    }
}
