//! The secret of a cache: what is signed with it was written by this user's programs.
//!
//! It lies in a folder of the user and never in a project: whoever gives somebody a folder can put
//! files into it, but cannot sign them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

/// The length of what SHA-256 takes at a time.
const BLOCK: usize = 64;

/// The secret of a cache.
pub(super) struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// Where the key of this user is, if that can be known.
pub(in crate::wasm) fn usual_place() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let states = folder("XDG_STATE_HOME")
        .or_else(|| folder("LOCALAPPDATA"))
        .or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(states.join("turbocat/cache.key"))
}

impl Key {
    /// The key in this file, which is made if it is not there. It must be the user's, and nobody
    /// else's to read.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match Self::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        make_folder(folder)?;
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
        let half = beside(folder, "key");
        // Two programs may come here at once: the first that is done has the name.
        let linked = private(&half).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::hard_link(&half, path)
        });
        let _ = fs::remove_file(&half);
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Self::read(path),
        }
    }

    fn read(path: &Path) -> io::Result<Self> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        if !fs::symlink_metadata(path)?.file_type().is_file() {
            return Err(wrong("the key is no file"));
        }
        let mut file = File::open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let file = file.metadata()?;
            if file.mode() & 0o077 != 0 {
                return Err(wrong("others than its owner may read the key"));
            }
        }
        let (mut bytes, mut more) = ([0; 32], [0; 1]);
        file.read_exact(&mut bytes)?;
        if file.read(&mut more)? != 0 {
            return Err(wrong("the key is too long"));
        }
        Ok(Self(bytes))
    }

    /// The signature of these parts, one after the other: HMAC-SHA256 (RFC 2104).
    pub(super) fn sign<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
        let pad = |with: u8| {
            let mut block = [with; BLOCK];
            for (byte, key) in block.iter_mut().zip(self.0) {
                *byte ^= key;
            }
            Sha256::new_with_prefix(block)
        };
        let mut inner = pad(0x36);
        for part in parts {
            inner.update(part);
        }
        let mut outer = pad(0x5c);
        outer.update(inner.finalize());
        outer.finalize().into()
    }
}

/// Whether two signatures are the same, told in the same time whatever they are.
pub(super) fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |differing, (one, other)| differing | (one ^ other)) == 0
}

/// Makes a folder, and those above, that are the user's alone.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A name in a folder that nobody else has.
pub(super) fn beside(folder: &Path, name: &str) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!(".{name}-{}-{count}", std::process::id()))
}

/// A file that was not there, and is the user's alone.
pub(super) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256() {
        // the second case of RFC 4231, its key filled up with zeros
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let signed = Key(key).sign([&b"what do ya want "[..], b"for nothing?"]);
        let digits: String = signed.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digits, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(same(&signed, &signed));
        assert!(!same(&signed, &Key([1; 32]).sign([])));
    }

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/turbocat/cache.key");
        let key = Key::open(&path).unwrap();
        assert_eq!(key.0, Key::open(&path).unwrap().0);
        assert_ne!(key.0, Key::open(&folder.path().join("other.key")).unwrap().0);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        fs::write(&path, [0; 31]).unwrap();
        assert!(Key::open(&path).is_err());
        fs::write(&path, [0; 33]).unwrap();
        assert!(Key::open(&path).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::write(&path, [0; 32]).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(Key::open(&path).is_err());
            let link = folder.path().join("link.key");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            std::os::unix::fs::symlink(&path, &link).unwrap();
            assert!(Key::open(&link).is_err());
        }
    }
}
