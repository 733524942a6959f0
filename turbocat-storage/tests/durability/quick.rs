//! A clock that goes fast, so that an hour of an execution is no hour of a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use turbocat_core::{Clock, Sleep, Timestamp};

/// How many times faster than real time it goes.
const FASTER: u32 = 100;

/// A clock that goes fast, and can be put forward. Clones are the same clock.
#[derive(Clone)]
pub(super) struct QuickClock {
    origin: Instant,
    ahead: Arc<AtomicI64>,
}

impl QuickClock {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), ahead: Arc::new(AtomicI64::new(1_893_456_000_000)) }
    }

    /// Time passes while nobody looks. Who sleeps already does not notice.
    pub(super) fn skip(&self, time: Duration) {
        self.ahead.fetch_add(time.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for QuickClock {
    fn now(&self) -> Timestamp {
        let since = (self.origin.elapsed() * FASTER).as_millis() as i64;
        Timestamp::from_millis(self.ahead.load(Ordering::SeqCst) + since)
    }

    fn sleep_until(&self, moment: Timestamp) -> Sleep {
        Box::pin(tokio::time::sleep(moment.since(self.now()) / FASTER + Duration::from_micros(100)))
    }

    fn is_real(&self) -> bool {
        false
    }
}
