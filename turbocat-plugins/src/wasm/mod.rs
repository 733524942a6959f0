//! Room of `wasm`.
