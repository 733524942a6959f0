//! Room of `api`.
