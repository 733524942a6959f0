//! Where a plugin comes from: a file, bytes, a URL.

use std::path::{Path, PathBuf};

use turbocat_pdk::wire::{Manifest, is_agent_name};

use super::digest::Digest;
use super::error::{PluginError, PluginErrorKind};
use crate::net::{Egress, Outgoing, Url};

/// Where a plugin comes from.
///
/// ```
/// use turbocat_plugins::wasm::Source;
/// let _ = Source::file("plugins/greet.wasm");
/// let pin = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let _ = Source::url("https://example.com/greet.wasm").pinned(pin);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Source {
    place: Place,
    pin: Option<String>,
    manifest: Option<Box<Manifest>>,
}

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Bytes { name: String, bytes: Vec<u8> },
    Url(String),
}

/// The bytes of a plugin.
pub(super) struct Fetched {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Digest,
    /// What it is called if it does not say so itself.
    pub(super) name: String,
    /// In place of what it says itself.
    pub(super) manifest: Option<Box<Manifest>>,
}

impl Source {
    const fn new(place: Place) -> Self {
        Self { place, pin: None, manifest: None }
    }

    /// A file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(Place::File(path.into()))
    }

    /// Bytes, and what the plugin is called if it does not say so itself.
    pub fn bytes(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Place::Bytes { name: name.to_owned(), bytes: bytes.into() })
    }

    /// A URL. It must be [pinned](Self::pinned): what is behind it may change.
    pub fn url(url: &str) -> Self {
        Self::new(Place::Url(url.to_owned()))
    }

    /// Takes nothing but the file with this digest, written `sha256:` and 64 digits.
    pub fn pinned(mut self, digest: &str) -> Self {
        self.pin = Some(digest.to_owned());
        self
    }

    /// Says what the plugin is in place of what it says itself: for plugins that were not written
    /// for Turbocat, and for those of the program's own.
    pub fn manifest(mut self, manifest: Manifest) -> Self {
        self.manifest = Some(Box::new(manifest));
        self
    }

    /// The place as it is written into a lock file.
    pub(super) fn written(&self) -> String {
        match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Bytes { name, .. } => format!("bytes:{name}"),
            Place::Url(url) => url.clone(),
        }
    }

    /// The bytes, if they are the ones that were pinned and not too many.
    pub(super) async fn fetch(self, egress: &Egress, most: u64) -> Result<Fetched, PluginError> {
        let pin = self.pin.as_deref().map(str::parse::<Digest>).transpose()?;
        let (bytes, name) = match self.place {
            Place::Bytes { name, bytes } => (bytes, name),
            Place::File(path) => (read(&path, most).await?, name_of(&path)),
            Place::Url(url) => {
                if pin.is_none() {
                    let message = "a plugin from a URL must be pinned: what is behind a URL may change";
                    return Err(PluginError::new(PluginErrorKind::Digest, message)
                        .help("give the digest it must have, `sha256:…`"));
                }
                download(&url, egress, most).await?
            }
        };
        if bytes.len() as u64 > most {
            return Err(too_large(&name, bytes.len() as u64, most));
        }
        let digest = Digest::of(&bytes);
        if let Some(pin) = pin
            && pin != digest
        {
            return Err(PluginError::new(
                PluginErrorKind::Digest,
                format!("plugin `{name}` has the digest `{digest}`, and `{pin}` was pinned"),
            )
            .help(
                "it is another file than the one that was agreed on: find out why before you pin it anew",
            ));
        }
        Ok(Fetched { bytes, digest, name, manifest: self.manifest })
    }
}

async fn read(path: &Path, most: u64) -> Result<Vec<u8>, PluginError> {
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let length = std::fs::metadata(&owned)?.len();
        if length > most { Ok(Err(length)) } else { std::fs::read(&owned).map(Ok) }
    });
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        PluginError::new(PluginErrorKind::Source, format!("plugin `{}` cannot be read", path.display()))
            .caused_by(error)
    };
    match read.await {
        Err(error) => Err(failed(error.into())),
        Ok(Err(error)) => Err(failed(error.into())),
        Ok(Ok(Err(length))) => Err(too_large(&path.display().to_string(), length, most)),
        Ok(Ok(Ok(bytes))) => Ok(bytes),
    }
}

async fn download(url: &str, egress: &Egress, most: u64) -> Result<(Vec<u8>, String), PluginError> {
    let parsed: Url = url.parse().map_err(|error| {
        PluginError::new(PluginErrorKind::Source, "the URL of a plugin cannot be read")
            .caused_by(Box::new(error))
    })?;
    let name = name_of(Path::new(parsed.path()));
    let failed = |error: crate::net::EgressError| {
        PluginError::new(PluginErrorKind::Source, format!("plugin `{name}` cannot be fetched: {error}"))
            .caused_by(error)
    };
    let mut answer = egress.send(Outgoing::get(parsed).redirects(5).max_bytes(most)).await.map_err(failed)?;
    if !answer.status().is_success() {
        let status = answer.status().as_u16();
        let message = format!("plugin `{name}` cannot be fetched: the server answers {status}");
        return Err(PluginError::new(PluginErrorKind::Source, message));
    }
    let bytes = answer.bytes().await.map_err(failed)?;
    Ok((bytes, name))
}

fn too_large(name: &str, length: u64, most: u64) -> PluginError {
    PluginError::new(
        PluginErrorKind::Module,
        format!("plugin `{name}` has {length} bytes, and {most} are the most"),
    )
    .help("raise `max_module_bytes` of the host if the plugin deserves it")
}

/// The stem of a file, as far as it can be a name.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = stem
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' })
        .take(64)
        .collect();
    let name = name.trim_start_matches(['-', '_', '.']).to_owned();
    if is_agent_name(&name) { name } else { "plugin".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stem_of_a_file_is_a_name() {
        for (path, name) in [
            ("a/greet.wasm", "greet"),
            ("/x/my plugin (1).wasm", "my-plugin--1-"),
            ("_x.wasm", "x"),
            ("", "plugin"),
            ("/", "plugin"),
        ] {
            assert_eq!(name_of(Path::new(path)), name, "{path}");
        }
    }
}
