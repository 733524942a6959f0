//! `/templates`: what agents and workflows are made from.

mod view;
mod shape;
mod instantiate;
mod routes;

pub(crate) use routes::routes;
