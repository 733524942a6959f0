//! The time, as the engine sees it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

/// A pause, ended by a clock.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the engine gets the time from. Tests give it a clock they turn by hand.
pub trait Clock: Send + Sync + 'static {
    /// The time now. Never goes back.
    fn now(&self) -> Timestamp;

    /// Ends when that moment has come.
    fn sleep_until(&self, moment: Timestamp) -> Sleep;

    /// Whether this is real time. If not, nothing the engine does depends on how long anything
    /// really took, so that a test takes the same course every time. Default: it is.
    fn is_real(&self) -> bool {
        true
    }
}

/// The clock of an engine: the system's, or another.
#[derive(Clone)]
pub(crate) enum EngineClock {
    /// The system's time at the beginning, and how long it was since: never goes back.
    System {
        origin: Instant,
        epoch: Timestamp,
    },
    Other(Arc<dyn Clock>),
}

impl EngineClock {
    pub(crate) fn system() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Self::System { origin: Instant::now(), epoch: Timestamp::from_millis(millis) }
    }

    /// The time now. `instant` is what `Instant::now()` just gave.
    pub(crate) fn at(&self, instant: Instant) -> Timestamp {
        match self {
            Self::System { origin, epoch } => epoch.after(instant.saturating_duration_since(*origin)),
            Self::Other(clock) => clock.now(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    pub(crate) fn is_real(&self) -> bool {
        match self {
            Self::System { .. } => true,
            Self::Other(clock) => clock.is_real(),
        }
    }

    pub(crate) fn sleep_until(&self, moment: Timestamp) -> Sleep {
        match self {
            // One millisecond more, because a timestamp is cut to whole milliseconds.
            Self::System { .. } => {
                let pause = moment.since(self.now()) + Duration::from_millis(1);
                Box::pin(tokio::time::sleep(pause))
            }
            Self::Other(clock) => clock.sleep_until(moment),
        }
    }
}

impl fmt::Debug for EngineClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System { .. } => "System",
            Self::Other(_) => "Other",
        })
    }
}
