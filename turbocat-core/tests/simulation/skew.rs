//! Clocks that are wrong.

use turbocat_core::testing::ManualClock;
use turbocat_core::{Clock, Sleep, Timestamp};

/// A clock that goes as the true one does, but is ahead of it, or behind.
pub(crate) struct SkewedClock {
    pub(crate) truth: ManualClock,
    /// In milliseconds.
    pub(crate) ahead: i64,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.truth.now().as_millis() + self.ahead)
    }

    fn sleep_until(&self, moment: Timestamp) -> Sleep {
        self.truth.sleep_until(Timestamp::from_millis(moment.as_millis() - self.ahead))
    }

    fn is_real(&self) -> bool {
        false
    }
}
