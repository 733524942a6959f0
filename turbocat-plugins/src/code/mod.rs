//! Room of `code`.
