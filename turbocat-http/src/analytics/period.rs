//! Which time figures are of.

use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use turbocat_core::Timestamp;
use turbocat_storage::platform::{Group, Period};
use utoipa::{IntoParams, ToSchema};

use crate::error::{Detail, Error, Result};
use crate::wire::Time;

/// How far back figures go if nothing is said.
const USUAL: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Which time; each end under two names.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// From then on: a moment or a day. Default: 30 days before the end.
    #[param(max_length = 64, example = "2026-01-01")]
    start_date: Option<String>,
    /// Until then: a moment, or a day with all its hours. Default: now.
    #[param(max_length = 64, example = "2026-01-31")]
    end_date: Option<String>,
    /// The same as `startDate`, which counts for more.
    #[param(max_length = 64)]
    from: Option<String>,
    /// The same as `endDate`, which counts for more.
    #[param(max_length = 64)]
    to: Option<String>,
}

/// How long the spans of a series are.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct Grouping {
    /// `hour`, `day`, `week` (which begins on Sunday) or `month`, in UTC.
    #[param(pattern = "^(?i:hour|day|week|month)$", example = "day")]
    group_by: Option<String>,
}

impl Grouping {
    pub(super) fn group(&self) -> Group {
        match self.group_by.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("hour") => Group::Hour,
            Some("week") => Group::Week,
            Some("month") => Group::Month,
            _ => Group::Day,
        }
    }
}

/// A period as it is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PeriodView {
    from: Time,
    /// The moment after the last.
    to: Time,
}

impl From<Period> for PeriodView {
    fn from(period: Period) -> Self {
        Self { from: period.from.into(), to: period.to.into() }
    }
}

impl Range {
    /// The period. An end alone is as good as two.
    pub(super) fn period(&self, now: Timestamp) -> Result<Period> {
        let one = |first: (&str, &Option<String>), second: (&str, &Option<String>)| {
            let given = [first, second].into_iter().find_map(|(name, text)| {
                let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
                Some((name.to_owned(), text.to_owned()))
            });
            given.map(|(name, text)| read(&name, &text).map(|moment| (name, moment))).transpose()
        };
        let (start, end) = (
            one(("startDate", &self.start_date), ("from", &self.from)),
            one(("endDate", &self.end_date), ("to", &self.to)),
        );
        let (start, end) = match (start, end) {
            (Ok(start), Ok(end)) => (start, end),
            (start, end) => {
                return Err(Error::invalid([start.err(), end.err()].into_iter().flatten().collect()));
            }
        };
        let to = match &end {
            Some((_, (moment, true))) => moment.after(DAY),
            Some((_, (moment, false))) => *moment,
            None => now.max(start.as_ref().map_or(now, |(_, (from, _))| *from)),
        };
        let from = start.as_ref().map_or_else(|| before(to, USUAL), |(_, (moment, _))| *moment);
        if from > to {
            let name = end.map_or_else(|| "endDate".to_owned(), |(name, _)| name);
            return Err(Error::field(&name, "invalid_value", "must not be before the start"));
        }
        Ok(Period { from, to })
    }
}

fn before(moment: Timestamp, time: Duration) -> Timestamp {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(moment.as_millis().saturating_sub(millis).max(0))
}

/// A moment, and whether it stands for a whole day.
fn read(name: &str, text: &str) -> std::result::Result<(Timestamp, bool), Detail> {
    let bad = || {
        let message = "must be a day such as 2026-01-31, or a moment such as 2026-01-31T12:00:00.000Z";
        Detail::new(name, "invalid_format", message)
    };
    // Both databases can hold these.
    let sane = |moment: &Timestamp| (0..253_402_300_800_000).contains(&moment.as_millis());
    if let Some(Time(moment)) = Time::parse(text) {
        return Some((moment, false)).filter(|(moment, _)| sane(moment)).ok_or_else(bad);
    }
    let day: Date = text.parse().map_err(|_| bad())?;
    let begin = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| bad())?;
    let moment = Timestamp::from_millis(begin.timestamp().as_millisecond());
    Some((moment, true)).filter(|(moment, _)| text.len() == 10 && sane(moment)).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Time::parse(text).unwrap().0
    }

    fn period(start: Option<&str>, end: Option<&str>) -> Result<(String, String)> {
        let range =
            Range { start_date: start.map(str::to_owned), to: end.map(str::to_owned), ..Range::default() };
        let period = range.period(at("2026-03-31T12:00:00Z"))?;
        Ok((period.from.to_string(), period.to.to_string()))
    }

    #[test]
    fn one_end_is_enough_and_a_day_is_whole() {
        let check = |start, end, from: &str, to: &str| {
            assert_eq!(period(start, end).unwrap(), (from.to_owned(), to.to_owned()));
        };
        check(None, None, "2026-03-01T12:00:00.000Z", "2026-03-31T12:00:00.000Z");
        check(Some("2026-03-30"), None, "2026-03-30T00:00:00.000Z", "2026-03-31T12:00:00.000Z");
        check(None, Some("2026-01-31"), "2026-01-02T00:00:00.000Z", "2026-02-01T00:00:00.000Z");
        check(
            Some("2026-01-01T01:00:00+01:00"),
            Some("2026-01-02T00:00:00Z"),
            "2026-01-01T00:00:00.000Z",
            "2026-01-02T00:00:00.000Z",
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (start, end) in [
            (Some("yesterday"), None),
            (None, Some("2026-13-01")),
            (Some("-000044-03-15T00:00:00Z"), None),
            (Some("2026-02-01"), Some("2026-01-01")),
            (Some("2026-01-01T10:00"), None),
        ] {
            assert!(period(start, end).is_err(), "{start:?} {end:?}");
        }
    }
}
