//! What a step costs: floors written by hand, other engines and Turbocat on the same graphs.
//!
//! `benches/steps.rs` is the program; this library holds its parts. The list below is the reading order.

/// The graphs, described in nobody's terms.
pub mod graph;

/// What a step does, and how it is proved that it did.
pub mod step;

/// What a contestant must offer.
pub mod contestant;

/// What Turbocat is measured against: the same work written by hand.
pub mod floors;

/// Other engines.
pub mod peers;

/// Turbocat itself.
pub mod contestants;

/// One contestant's turn.
pub mod turn;

/// A contestant in a process of its own.
pub mod process;

/// The result of one case, as Markdown.
pub mod table;

/// Rounds of everybody's turns.
pub mod measure;
