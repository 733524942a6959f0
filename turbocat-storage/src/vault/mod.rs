//! Secrets at rest: encrypted with AES-256-GCM, bound to the place where they stand, with keys that
//! can be changed.
//!
//! A sealed text reads `v1:<key id>:<base64 of nonce, cipher and tag>`. The nonce has 96 bits of
//! chance, which is enough for four thousand million texts under one key. What is bound with it, and
//! so cannot be moved, is the [`Place`]: table, column, row, and a field within.
//!
//! Nothing here is shown by `Debug`, and no error quotes a text.

mod keyring;
mod seal;
mod json;
mod mask;
mod secrets;
mod rotate;

pub(crate) use json::has_marked;
pub use keyring::Keyring;
pub use mask::mask;
pub use rotate::{Rotated, RotationCursor};
pub use seal::Place;
pub use secrets::{SecretInfo, SecretScope, Vault};
