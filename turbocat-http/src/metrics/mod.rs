//! `/metrics`: what Prometheus asks for. Counted here, or read from the tables when it is asked.

mod histogram;
mod count;
mod text;
mod routes;

pub(crate) use count::Metrics;
pub(crate) use routes::routes;
