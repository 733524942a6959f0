//! Room of `llm`.
