//! Who asks, and what they may do.

pub(crate) mod password;
pub(crate) mod tokens;
pub(crate) mod identity;
pub(crate) mod permission;
pub(crate) mod mail;
pub(crate) mod session;
pub(crate) mod routes;
pub(crate) mod oauth;

pub(crate) use permission::Caller;
