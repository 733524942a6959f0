//! What a durable step costs: floors written by hand and other engines, on SQLite and on PostgreSQL.
//!
//! `benches/durable.rs` is the program; this library holds its parts. The list below is the reading order.

/// What is done, described in nobody's terms.
pub mod workload;

/// Values that are hard to compress, and what proves that they arrived.
pub mod payload;

/// What a contestant must offer.
pub mod contestant;

/// What engines are measured against: the same rows written by hand.
pub mod floors;

/// Turbocat.
pub mod turbocat;

/// Other engines.
pub mod peers;

/// A PostgreSQL server that belongs to one run of the benchmark.
pub mod cluster;

/// A contestant's turn, in a process of its own.
pub mod turn;

/// How such a process is started, bounded and listened to.
pub mod process;

/// Rounds of everybody's turns.
pub mod measure;

/// The result of one case, as Markdown.
pub mod table;
