//! What a check has to say against a journal.

use std::fmt;

use crate::runtime::JournalError;

/// What a check has to say against a journal: what it expected and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint(String);

/// What a check comes to.
pub(super) type Found = Result<(), Complaint>;

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Complaint {}

impl From<JournalError> for Complaint {
    fn from(error: JournalError) -> Self {
        Self(format!("a call that should succeed failed ({:?}): {error}", error.kind()))
    }
}

/// Ends the check with a complaint unless two values are the same.
macro_rules! same {
    ($found:expr, $expected:expr, $($what:tt)+) => {{
        let (found, expected) = (&$found, &$expected);
        if *found != *expected {
            let what = format!($($what)+);
            return Err($crate::conformance::Complaint::new(format!(
                "{what}: expected {}, found {}",
                $crate::conformance::complaint::shown(expected),
                $crate::conformance::complaint::shown(found),
            )));
        }
    }};
}

/// Ends the check with a complaint unless something is true.
macro_rules! holds {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Complaint::new(format!($($what)+)));
        }
    };
}

/// A value in a message, of which a large one is shown in part.
pub(super) fn shown<T: fmt::Debug + ?Sized>(value: &T) -> String {
    const MOST: usize = 400;
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text,
    }
}
