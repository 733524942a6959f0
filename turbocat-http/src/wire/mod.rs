//! What goes over the wire and how: envelopes, bodies, queries, words, times.

pub(crate) mod body;
pub(crate) mod check;
pub(crate) mod etag;
pub(crate) mod list;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod reply;
pub(crate) mod time;
pub(crate) mod word;

pub(crate) use body::Body;
pub(crate) use etag::{Etag, IfMatch};
pub(crate) use list::{ListQuery, Listed};
pub(crate) use path::Id;
pub(crate) use query::Query;
pub(crate) use reply::{Envelope, ListEnvelope, Reply};
pub(crate) use time::Time;
pub(crate) use word::{Word, words};
