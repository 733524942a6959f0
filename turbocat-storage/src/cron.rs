//! Times of day, as cron writes them, on the clock of a time zone.

use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;
use jiff::tz::TimeZone;
use turbocat_core::Timestamp;

use crate::error::StorageError;

/// Times of day: five fields of cron, and the time zone whose clock they mean.
///
/// A time that the clock leaps over in spring comes right after the leap; one that it shows twice in
/// autumn comes once.
///
/// ```
/// use turbocat_core::Timestamp;
/// use turbocat_storage::Cron;
///
/// let mornings = Cron::new("0 9 * * 1-5", "Europe/Berlin")?;
/// let friday = Timestamp::from_millis(1_700_236_800_000); // 2023-11-17T16:00:00Z
/// assert_eq!(mornings.next_after(friday).unwrap().to_string(), "2023-11-20T08:00:00.000Z");
/// assert!(Cron::new("0 25 * * *", "UTC").is_err());
/// # Ok::<(), turbocat_storage::StorageError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cron {
    cron: croner::Cron,
    zone: TimeZone,
}

impl Cron {
    /// Reads five fields and the name of a time zone.
    ///
    /// # Errors
    /// [`Invalid`](crate::StorageErrorKind::Invalid) if either cannot be read, or the times never
    /// come.
    pub fn new(fields: &str, zone: &str) -> Result<Self, StorageError> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(fields).map_err(|error| {
            StorageError::invalid(format!("`{fields}` is no schedule of five fields: {error}"))
        })?;
        let zone = TimeZone::get(zone).map_err(|error| {
            StorageError::invalid(format!(
                "the time zone `{zone}` is not known; help: write one such as `Europe/Berlin`"
            ))
            .because(error)
        })?;
        let times = Self { cron, zone };
        if times.next_after(Timestamp::from_millis(0)).is_none() {
            return Err(StorageError::invalid(format!("the time `{fields}` never comes")));
        }
        Ok(times)
    }

    /// The first of these times after a moment, if there is one.
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let zoned: Zoned =
            jiff::Timestamp::from_millisecond(moment.as_millis()).ok()?.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&zoned, false).ok()?;
        Some(Timestamp::from_millis(next.timestamp().as_millisecond()))
    }
}

impl std::fmt::Display for Cron {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.cron.as_str())
    }
}

impl std::str::FromStr for Cron {
    type Err = StorageError;

    /// On the clock of UTC.
    fn from_str(fields: &str) -> Result<Self, Self::Err> {
        Self::new(fields, "UTC")
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    fn next(fields: &str, zone: &str, after: &str) -> String {
        let after = jiff::Timestamp::from_str(after).unwrap().as_millisecond();
        Cron::new(fields, zone).unwrap().next_after(Timestamp::from_millis(after)).unwrap().to_string()
    }

    #[test]
    fn times_follow_the_clock_of_their_zone_when_it_leaps() {
        let check = |fields, after, expected: &str| {
            assert_eq!(next(fields, "Europe/Berlin", after), expected, "{fields} after {after}");
        };
        check("30 8 * * *", "2026-03-28T08:00:00Z", "2026-03-29T06:30:00.000Z");
        check("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00.000Z");
        check("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00.000Z");
        check("30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00.000Z");
        check("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-28T23:00:00.000Z");
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for (fields, zone, expected) in [
            ("", "UTC", "no schedule of five fields"),
            ("* * * *", "UTC", "no schedule of five fields"),
            ("0 * * * * *", "UTC", "no schedule of five fields"),
            ("61 * * * *", "UTC", "no schedule of five fields"),
            ("0 0 30 2 *", "UTC", "never comes"),
            ("0 9 * * *", "Mars/Olympus", "time zone `Mars/Olympus` is not known"),
        ] {
            let error = Cron::new(fields, zone).unwrap_err().to_string();
            assert!(error.contains(expected), "{fields}: {error}");
        }
    }
}
