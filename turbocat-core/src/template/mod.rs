//! Templates and expressions: `{{ … }}` inside JSON values.
