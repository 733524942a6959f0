//! The agent that gives back what it is given.
