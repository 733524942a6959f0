//! The identity of a plugin's code: SHA-256 of its bytes. Knows no files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::error::{PluginError, PluginErrorKind};

/// SHA-256 of a file, written `sha256:` and 64 digits.
///
/// ```
/// use turbocat_plugins::wasm::Digest;
/// let digest = Digest::of(b"code");
/// assert_eq!(digest.to_string().parse::<Digest>()?, digest);
/// # Ok::<_, turbocat_plugins::wasm::PluginError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digits without `sha256:`.
    pub(super) fn digits(&self) -> String {
        use fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.digits())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = PluginError;

    fn from_str(text: &str) -> Result<Self, PluginError> {
        let wrong = || {
            PluginError::new(PluginErrorKind::Digest, format!("`{}` is no digest", text.escape_debug()))
                .help("write `sha256:` and 64 hexadecimal digits")
        };
        let digits = text.strip_prefix("sha256:").ok_or_else(wrong)?;
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = digits
                .get(at * 2..at * 2 + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written_and_nothing_else_is_one() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").to_string(), empty);
        assert_eq!(empty.parse::<Digest>().unwrap(), Digest::of(b""));
        assert_eq!(
            empty.to_uppercase().replace("SHA256", "sha256").parse::<Digest>().unwrap(),
            Digest::of(b"")
        );
        for bad in ["", "sha256:", &empty[7..], &empty[..70], "sha256:zz", &format!("{empty}0")] {
            assert_eq!(bad.parse::<Digest>().unwrap_err().kind(), PluginErrorKind::Digest, "{bad}");
        }
    }
}
