//! Which plugins were agreed to: a file with their digests and what each may do.
//!
//! What a person said yes to is a digest and a list of capabilities. Another digest is another
//! plugin, and one that wants more must be asked about again. The file is TOML, to be read, reviewed
//! and kept with the workflows:
//!
//! ```toml
//! version = 1
//!
//! [[plugin]]
//! name = "greet"
//! version = "1.0.0"
//! source = "plugins/greet.wasm"
//! digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
//! grants = ["http GET api.example.com", "secret API_KEY"]
//!
//! [plugin.limits]
//! memoryBytes = 1048576
//! ```

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use turbocat_pdk::wire::{self, Capability};

use super::digest::Digest;
use super::error::{PluginError, PluginErrorKind};
use super::grants::Grants;
use super::locked::Locked;
use super::plugin::Plugin;
use super::source::Source;

/// The layout of the file. A host does not touch the file of a later one.
const VERSION: u32 = 1;
/// The largest file that is read.
const LARGEST: u64 = 4 << 20;

/// The file in which it is written what was agreed to.
#[derive(Clone, Debug, PartialEq)]
pub struct Lock {
    path: PathBuf,
    written: Written,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    #[serde(default, rename = "plugin")]
    plugins: Vec<Locked>,
}

/// What the file says of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It was agreed to, with all that it asks for.
    Granted,
    /// Nobody was asked yet.
    Unknown,
    /// Its code is another than the one that was agreed to; it asks for nothing more.
    Changed {
        /// The digest that was agreed to.
        from: Digest,
        /// The digest it has.
        to: Digest,
    },
    /// It asks for what was not granted, whether its code is another or not.
    Wants(Vec<Capability>),
}

impl Lock {
    /// The file at this path, empty if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or says what this version does not understand: then nothing it says is
    /// taken.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, PluginError> {
        let path = path.into();
        let text = match fs::metadata(&path) {
            Ok(file) if file.len() > LARGEST => {
                let message = format!("the lock file `{}` has more than {LARGEST} bytes", path.display());
                return Err(PluginError::new(PluginErrorKind::Lock, message));
            }
            Ok(_) => fs::read_to_string(&path),
            Err(error) => Err(error),
        };
        match text {
            Ok(text) => Self::read(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self { written: Written { version: VERSION, plugins: Vec::new() }, path })
            }
            Err(error) => {
                let message = format!("the lock file `{}` cannot be read", path.display());
                Err(PluginError::new(PluginErrorKind::Lock, message).caused_by(error))
            }
        }
    }

    /// What a text says, to be saved at this path.
    ///
    /// # Errors
    /// If it says what this version does not understand.
    pub fn read(path: impl Into<PathBuf>, text: &str) -> Result<Self, PluginError> {
        let path = path.into();
        Ok(Self { written: read(text, &path)?, path })
    }

    /// The text of the file.
    ///
    /// # Errors
    /// If what it holds has no form in TOML.
    pub fn write(&self) -> Result<String, PluginError> {
        let head = "# What plugins may do here. Written by Turbocat; a change is an agreement.\n";
        let text = toml::to_string(&self.written);
        text.map(|text| format!("{head}{text}")).map_err(|error| self.unwritable(error))
    }

    fn unwritable(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PluginError {
        let message = format!("the lock file `{}` cannot be written", self.path.display());
        PluginError::new(PluginErrorKind::Lock, message).caused_by(error)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All plugins that were agreed to, by name.
    pub fn plugins(&self) -> &[Locked] {
        &self.written.plugins
    }

    /// The plugin of that name, if it was agreed to.
    pub fn get(&self, name: &str) -> Option<&Locked> {
        self.written.plugins.iter().find(|locked| locked.name == name)
    }

    /// What it says of a plugin.
    pub fn check(&self, plugin: &Plugin) -> Verdict {
        self.check_parts(&plugin.name(), plugin.digest(), &plugin.capabilities())
    }

    fn check_parts(&self, name: &str, digest: Digest, wanted: &[Capability]) -> Verdict {
        let Some(locked) = self.get(name) else { return Verdict::Unknown };
        let missing = locked.grants().missing(wanted);
        if !missing.is_empty() {
            return Verdict::Wants(missing);
        }
        if locked.digest != digest {
            return Verdict::Changed { from: locked.digest, to: digest };
        }
        Verdict::Granted
    }

    /// Agrees to a plugin as it is, in place of what was agreed to before; [save](Self::save) it then.
    pub fn agree(&mut self, plugin: &Plugin, source: &Source, grants: &Grants) {
        let limits = grants.own_limits().cloned().unwrap_or_default();
        self.put(Locked {
            name: plugin.name(),
            version: plugin.version(),
            source: source.written(),
            digest: plugin.digest(),
            grants: grants.iter().cloned().collect(),
            limits,
        });
    }

    fn put(&mut self, locked: Locked) {
        self.remove(&locked.name);
        let at = self.written.plugins.partition_point(|other| other.name < locked.name);
        self.written.plugins.insert(at, locked);
    }

    /// Takes a capability back. Whether it was granted, and is no longer: what is covered by a wider
    /// grant cannot be taken back alone, and is still allowed as long as that grant stands.
    pub fn revoke(&mut self, name: &str, capability: &Capability) -> bool {
        let locked = self.written.plugins.iter_mut().find(|locked| locked.name == name);
        let Some(locked) = locked else { return false };
        let before = locked.grants.len();
        locked.grants.retain(|grant| grant != capability);
        before != locked.grants.len() && !locked.grants().allow(capability)
    }

    /// Forgets a plugin. Whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.written.plugins.len();
        self.written.plugins.retain(|locked| locked.name != name);
        before != self.written.plugins.len()
    }

    /// Writes the file: whole, or not at all.
    ///
    /// # Errors
    /// If it cannot be written. The old one stays then.
    pub fn save(&self) -> Result<(), PluginError> {
        write(&self.path, &self.write()?).map_err(|error| self.unwritable(error))
    }
}

/// Reads the text of a lock file.
fn read(text: &str, path: &Path) -> Result<Written, PluginError> {
    let wrong = |what: String| {
        PluginError::new(PluginErrorKind::Lock, format!("the lock file `{}` {what}", path.display()))
    };
    let version = toml::from_str::<toml::Table>(text)
        .map_err(|error| wrong(format!("cannot be understood: {error}")))?
        .get("version")
        .and_then(toml::Value::as_integer);
    if version != Some(i64::from(VERSION)) {
        let found = version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
        return Err(wrong(format!("has {found}, and this host understands version {VERSION}"))
            .help("it was written by a later version, or by hand: it is not taken in part"));
    }
    let written: Written =
        toml::from_str(text).map_err(|error| wrong(format!("cannot be understood: {error}")))?;
    let mut names = std::collections::BTreeSet::new();
    for locked in &written.plugins {
        if !wire::is_agent_name(&locked.name) {
            return Err(wrong(format!(
                "names the plugin `{}`, which is no name",
                locked.name.escape_debug()
            )));
        }
        if !names.insert(&locked.name) {
            return Err(wrong(format!("names the plugin `{}` twice", locked.name)));
        }
    }
    Ok(written)
}

/// Under another name first, and to the disk before it takes the old one's place.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let here = Path::new(".");
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(here);
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let half = folder.join(format!(".{name}.{}-{count}", std::process::id()));
    // One that is there is another's, who is still writing.
    let mut file = OpenOptions::new().write(true).create_new(true).open(&half)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    drop(file);
    let written = written.and_then(|()| fs::rename(&half, path));
    if written.is_err() {
        // whatever is left of it is of no use to anybody
        let _ = fs::remove_file(&half);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
version = 1
[[plugin]]
name = "greet"
version = "1.0.0"
source = "a/greet.wasm"
digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
grants = ["http GET *.example.com", "state"]
[plugin.limits]
timeMs = 5
"#;

    fn lock() -> Lock {
        let path = PathBuf::from("plugins.lock");
        Lock { written: read(TEXT, &path).unwrap(), path }
    }

    fn capability(text: &str) -> Capability {
        text.parse().unwrap()
    }

    #[test]
    fn a_plugin_is_granted_if_nothing_changed_and_nothing_more_is_wanted() {
        let (lock, same, other) = (lock(), Digest::of(b""), Digest::of(b"x"));
        let wants = |texts: &[&str]| texts.iter().map(|text| capability(text)).collect::<Vec<_>>();
        let check = |name: &str, digest: Digest, wanted: &[&str], expected: Verdict| {
            assert_eq!(lock.check_parts(name, digest, &wants(wanted)), expected, "{name} {wanted:?}");
        };
        check("greet", same, &["http GET a.example.com", "state"], Verdict::Granted);
        check("greet", same, &[], Verdict::Granted);
        check("other", same, &[], Verdict::Unknown);
        check("greet", other, &["state"], Verdict::Changed { from: same, to: other });
        for digest in [same, other] {
            check("greet", digest, &["state", "secret KEY"], Verdict::Wants(wants(&["secret KEY"])));
        }
    }

    #[test]
    fn what_was_granted_can_be_taken_back() {
        let mut lock = lock();
        assert!(!lock.revoke("greet", &capability("http GET a.example.com")), "only a part of a grant");
        assert!(lock.revoke("greet", &capability("state")));
        assert!(!lock.revoke("greet", &capability("state")));
        let narrow = capability("http GET a.example.com");
        lock.written.plugins[0].grants.push(narrow.clone());
        assert!(!lock.revoke("greet", &narrow), "the wider grant still covers it");
        assert_eq!(lock.get("greet").unwrap().grants().iter().count(), 1);
        assert!(lock.remove("greet"));
        assert!(!lock.remove("greet"));
        assert!(lock.plugins().is_empty());
    }

    #[test]
    fn a_file_that_is_not_understood_is_not_taken_in_part() {
        for (text, says) in [
            ("version = 2", "has version 2"),
            ("", "has no version"),
            ("version = 'x'", "has no version"),
            ("version = 1\nplugins = 3", "unknown field `plugins`"),
            ("nonsense", "cannot be understood"),
            (&TEXT.replace("state\"", "fly\""), "unknown capability `fly`"),
            (&TEXT.replace("sha256", "md5"), "is no digest"),
            (&TEXT.replace("\"greet\"", "\"a b\""), "is no name"),
            (&format!("{TEXT}{}", &TEXT[12..]), "names the plugin `greet` twice"),
        ] {
            let error = read(text, Path::new("plugins.lock")).unwrap_err();
            assert_eq!(error.kind(), PluginErrorKind::Lock);
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn a_locked_plugin_is_pinned_and_limited() {
        let lock = lock();
        let locked = lock.get("greet").unwrap();
        assert!(format!("{:?}", locked.source().unwrap()).contains(&locked.digest.to_string()));
        assert_eq!(locked.grants().own_limits().unwrap().time_ms, Some(5));
        let from_bytes = Locked { source: "bytes:greet".to_owned(), ..locked.clone() };
        assert!(from_bytes.source().is_none());
    }

    #[test]
    fn many_may_save_at_once_and_one_of_them_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins.lock");
        std::thread::scope(|scope| {
            for at in 0..8 {
                let mut lock = Lock { path: path.clone(), ..lock() };
                lock.written.plugins[0].version = "1".repeat(at * 1000 + 1);
                scope.spawn(move || {
                    for _ in 0..20 {
                        lock.save().unwrap();
                    }
                });
            }
        });
        assert_eq!(Lock::open(&path).unwrap().plugins().len(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_saved_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugins.lock");
        let mut lock = Lock::open(&path).unwrap();
        assert!(lock.plugins().is_empty());
        for name in ["words", "greet", "sum"] {
            lock.put(Locked { name: name.to_owned(), ..self::lock().written.plugins[0].clone() });
        }
        lock.save().unwrap();
        lock.save().unwrap();
        assert_eq!(Lock::open(&path).unwrap(), lock);
        let names: Vec<_> = lock.plugins().iter().map(|locked| locked.name.as_str()).collect();
        assert_eq!(names, ["greet", "sum", "words"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        let nowhere = Lock { path: folder.path().join("no/folder/x"), ..lock };
        assert_eq!(nowhere.save().unwrap_err().kind(), PluginErrorKind::Lock);
        assert_eq!(Lock::open(folder.path()).unwrap_err().kind(), PluginErrorKind::Lock);
    }
}
