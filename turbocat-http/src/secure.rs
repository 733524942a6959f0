//! Small things that secrets need: chance, digests, comparing in constant time.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Bytes nobody can guess.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes
}

/// The same in hexadecimal.
pub(crate) fn random_hex<const N: usize>() -> String {
    hex(&random::<N>())
}

/// Random bytes nobody can guess, in hexadecimal: for secrets that are made up.
///
/// ```
/// assert_eq!(turbocat_http::random_hex(32).len(), 64);
/// ```
///
/// # Panics
/// If the system has no random numbers.
pub fn random_hex_of(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).expect("the system has random numbers");
    hex(&random)
}

/// The same in letters, digits, `-` and `_`.
pub(crate) fn random_url_safe<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(random::<N>())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 in hexadecimal: what is kept of tokens and keys.
pub(crate) fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
