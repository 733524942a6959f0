//! What happens around every request: an id, limits, headers, a line in the log.

pub(crate) mod context;
pub(crate) mod cors;
pub(crate) mod around;
pub(crate) mod headers;
pub(crate) mod limit;
pub(crate) mod idempotency;
