//! Language models.

pub mod conversation;
pub mod answer;
pub mod sse;
pub mod provider;
pub mod repair;
mod price;
mod config;
