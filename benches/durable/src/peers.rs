//! Other engines, each as its documentation recommends to use it, each behind a feature of its own.

#[cfg(feature = "apalis")]
mod apalis;
#[cfg(feature = "dbos")]
mod dbos;
#[cfg(feature = "duroxide")]
mod duroxide;

use crate::contestant::Contestant;

/// All that are built in.
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    vec![
        #[cfg(feature = "duroxide")]
        Box::new(duroxide::Peer::TUNED),
        #[cfg(feature = "duroxide")]
        Box::new(duroxide::Peer::AS_IT_COMES),
        #[cfg(feature = "apalis")]
        Box::new(apalis::Peer::SQLITE),
        #[cfg(feature = "dbos")]
        Box::new(dbos::Peer),
        #[cfg(feature = "apalis")]
        Box::new(apalis::Peer::POSTGRES),
    ]
}
