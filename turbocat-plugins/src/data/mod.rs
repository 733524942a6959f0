//! Room of `data`.
