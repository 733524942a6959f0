//! What a step costs: floors written by hand, other engines and Turbocat on the same graphs.
//!
//! `benches/steps.rs` is the program; this library holds its parts. The list below is the reading order.

/// What a contestant must offer.
pub mod contestant;
/// The graphs, described in nobody's terms.
pub mod graph;
/// Rounds, medians and ratios.
pub mod measure;
/// What a step does, and how it is proved that it did.
pub mod step;
/// The result of one case, as Markdown.
pub mod table;

/// Turbocat itself.
pub mod contestants;
/// What Turbocat is measured against: the same work written by hand.
pub mod floors;
/// Other engines.
pub mod peers;
