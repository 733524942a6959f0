//! The keys: the one that seals, older ones that still open, one for imported texts.

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm::{Aes256Gcm, KeyInit};

use crate::error::{StorageError, StorageErrorKind};

/// The keys that seal and open secrets.
///
/// To change the key: put the new one first, keep the old one with [`with_older`](Self::with_older),
/// [rotate](crate::vault::Vault::rotate), and take the old one away.
#[derive(Clone)]
pub struct Keyring {
    current: String,
    keys: BTreeMap<String, Aes256Gcm>,
    imported: Option<Aes256Gcm>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.keys.keys().collect();
        f.debug_struct("Keyring").field("current", &self.current).field("keys", &keys).finish_non_exhaustive()
    }
}

impl Keyring {
    /// A keyring whose key seals from now on. The key is 32 bytes as 64 hexadecimal digits; its id is
    /// up to you, and is written in front of every text.
    ///
    /// # Errors
    /// [`Invalid`](StorageErrorKind::Invalid) for another key or an id with other signs than letters,
    /// digits, `-` and `_`.
    pub fn new(id: &str, key: &str) -> Result<Self, StorageError> {
        let keys = BTreeMap::from([(checked(id)?, read(key)?)]);
        Ok(Self { current: id.to_owned(), keys, imported: None })
    }

    /// With a key that opens what it once sealed.
    ///
    /// # Errors
    /// As [`new`](Self::new), and for an id that is there already.
    pub fn with_older(mut self, id: &str, key: &str) -> Result<Self, StorageError> {
        if self.keys.insert(checked(id)?, read(key)?).is_some() {
            return Err(StorageError::invalid(format!("there are two keys with the id `{id}`")));
        }
        Ok(self)
    }

    /// With the key of another system whose rows were imported: texts of the form
    /// `{"iv": …, "content": …, "tag": …}`, in base64. They are not bound to a place, so that they are
    /// only opened where somebody asked for it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_imported(mut self, key: &str) -> Result<Self, StorageError> {
        self.imported = Some(read(key)?);
        Ok(self)
    }

    /// The id of the key that seals.
    pub fn current(&self) -> &str {
        &self.current
    }

    pub(super) fn sealing(&self) -> Result<(&str, &Aes256Gcm), StorageError> {
        match self.keys.get(&self.current) {
            Some(key) => Ok((&self.current, key)),
            None => Err(unknown(&self.current)),
        }
    }

    pub(super) fn opening(&self, id: &str) -> Result<&Aes256Gcm, StorageError> {
        self.keys.get(id).ok_or_else(|| unknown(id))
    }

    pub(super) fn imported(&self) -> Result<&Aes256Gcm, StorageError> {
        self.imported.as_ref().ok_or_else(|| {
            let message = "the secret cannot be opened: it was imported, and there is no key for such; help: give the key of the other system";
            StorageError::new(StorageErrorKind::Secret, message)
        })
    }
}

fn unknown(id: &str) -> StorageError {
    let shown: String = id.chars().filter(|c| allowed(*c)).take(32).collect();
    let message = format!(
        "the secret cannot be opened: it was sealed with the key `{shown}`, which is not there; help: give it as an older key"
    );
    StorageError::new(StorageErrorKind::Secret, message)
}

fn allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn checked(id: &str) -> Result<String, StorageError> {
    if id.is_empty() || id.len() > 32 || !id.chars().all(allowed) {
        return Err(StorageError::invalid(
            "the id of a key has 1 to 32 letters, digits, hyphens and underscores",
        ));
    }
    Ok(id.to_owned())
}

fn read(key: &str) -> Result<Aes256Gcm, StorageError> {
    let wrong =
        || StorageError::invalid("a key is 64 hexadecimal digits; help: `openssl rand -hex 32` makes one");
    if key.len() != 64 || !key.is_ascii() {
        return Err(wrong());
    }
    let mut bytes = [0u8; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let digits = &key[at * 2..at * 2 + 2];
        // `from_str_radix` would take a sign.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(Aes256Gcm::new(&bytes.into()))
}
