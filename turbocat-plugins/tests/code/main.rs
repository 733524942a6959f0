//! The `code` agent from outside: what it evaluates, what it refuses, and what it withstands.

#![cfg(feature = "code")]
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod subject;

mod check;
mod console;
mod contract;
mod documents;
mod hostile;
mod places;
mod typescript;
mod values;
