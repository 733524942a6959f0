//! What a call of a plugin costs.
