//! The samples of `docs/code-agent.md`, executed.
