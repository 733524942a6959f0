//! Sealing and opening one text.

use std::fmt;

use aes_gcm::aead::rand_core::RngCore;
use aes_gcm::aead::{Aead, OsRng, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use uuid::Uuid;

use super::keyring::Keyring;
use crate::error::{StorageError, StorageErrorKind};

const NONCE: usize = 12;
const TAG: usize = 16;

/// Where a sealed text stands. A text that is moved to another place does not open there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    table: &'static str,
    column: &'static str,
    row: Uuid,
    field: String,
}

impl Place {
    /// A column of a row.
    pub const fn new(table: &'static str, column: &'static str, row: Uuid) -> Self {
        Self { table, column, row, field: String::new() }
    }

    /// A field within it.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        Self { field: name.to_owned(), ..*self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.table, self.column, self.row, self.field)
    }
}

impl Keyring {
    /// Seals a text for a place.
    ///
    /// # Errors
    /// [`Unavailable`](StorageErrorKind::Unavailable) if the system gives no chance.
    pub fn seal(&self, place: &Place, text: &str) -> Result<String, StorageError> {
        let (id, key) = self.sealing()?;
        let mut nonce = [0u8; NONCE];
        OsRng.try_fill_bytes(&mut nonce).map_err(|_| {
            StorageError::new(StorageErrorKind::Unavailable, "the system gives no random numbers")
        })?;
        let aad = bound(id, place);
        let payload = Payload { msg: text.as_bytes(), aad: aad.as_bytes() };
        let sealed = key
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| StorageError::invalid("the secret is too long to be sealed"))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("v1:{id}:{}", STANDARD.encode(bytes)))
    }

    /// Opens a text that was sealed for that place.
    ///
    /// # Errors
    /// [`Secret`](StorageErrorKind::Secret) if the key is not there, or the text was changed or moved.
    pub fn open(&self, place: &Place, sealed: &str) -> Result<String, StorageError> {
        if sealed.starts_with('{') {
            return open_imported(self.imported()?, sealed);
        }
        let (id, body) = parts(sealed).ok_or_else(damaged)?;
        let key = self.opening(id)?;
        let bytes = STANDARD.decode(body).map_err(|_| damaged())?;
        let aad = bound(id, place);
        decrypt(key, &bytes, aad.as_bytes())
    }

    /// Seals a text anew with the current key. `None` if it is already.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reseal(&self, place: &Place, sealed: &str) -> Result<Option<String>, StorageError> {
        if parts(sealed).is_some_and(|(id, _)| id == self.current()) {
            return Ok(None);
        }
        let text = self.open(place, sealed)?;
        self.seal(place, &text).map(Some)
    }
}

/// Whether a text is sealed, by its form.
pub(super) fn is_sealed(text: &str) -> bool {
    parts(text).is_some()
}

fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix("v1:")?.split_once(':')
}

/// What is bound with a text. The parts cannot run into each other: only the last one, the field, may
/// have a slash.
fn bound(id: &str, place: &Place) -> String {
    format!("turbocat/v1/{id}/{place}")
}

fn decrypt(key: &Aes256Gcm, bytes: &[u8], aad: &[u8]) -> Result<String, StorageError> {
    if bytes.len() < NONCE + TAG {
        return Err(damaged());
    }
    let (nonce, msg) = bytes.split_at(NONCE);
    let text = key.decrypt(Nonce::from_slice(nonce), Payload { msg, aad }).map_err(|_| damaged())?;
    String::from_utf8(text).map_err(|_| damaged())
}

fn damaged() -> StorageError {
    let message = "the secret cannot be opened: it was changed, or belongs to another place or key";
    StorageError::new(StorageErrorKind::Secret, message)
}

#[derive(Deserialize)]
struct Imported {
    iv: String,
    content: String,
    tag: String,
}

fn open_imported(key: &Aes256Gcm, sealed: &str) -> Result<String, StorageError> {
    let parts: Imported = serde_json::from_str(sealed).map_err(|_| damaged())?;
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| damaged());
    let mut bytes = decode(&parts.iv)?;
    if bytes.len() != NONCE {
        return Err(damaged());
    }
    bytes.extend(decode(&parts.content)?);
    bytes.extend(decode(&parts.tag)?);
    decrypt(key, &bytes, b"")
}
