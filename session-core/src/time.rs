//! Moments, as they stand in records.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// A moment in UTC; text form is RFC 3339 with a `Z` (`2026-01-11T19:05:49.123Z`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("format" = "date-time"))]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The present moment by the system's clock, to the millisecond.
    pub fn now() -> Self {
        Self::from_milliseconds(jiff::Timestamp::now().as_millisecond())
    }

    /// The moment `milliseconds` after 1970-01-01T00:00:00Z; the nearest representable one if it
    /// is out of range.
    pub fn from_milliseconds(milliseconds: i64) -> Self {
        let limit = |ms: i64| if ms < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self(
            jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_else(|_| limit(milliseconds)),
        )
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_milliseconds(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z, for ordering; the nearest that an index can hold.
    pub(crate) fn sort_key(self) -> i64 {
        let limits = i128::from(i64::MIN)..=i128::from(i64::MAX);
        let exact = self.0.as_nanosecond().clamp(*limits.start(), *limits.end());
        i64::try_from(exact).expect("clamped to the range of i64")
    }

    /// `2026-01-11 19:05:49` in UTC, for tables.
    pub fn to_table(self) -> String {
        self.0.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `20260111-190549` in UTC, for names.
    pub fn to_compact(self) -> String {
        self.0.strftime("%Y%m%d-%H%M%S").to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Self).map_err(|error: jiff::Error| {
            let shown = text.escape_debug();
            Error::new(
                ErrorKind::InvalidInput,
                "time.parse",
                format!("`{shown}` is no RFC 3339 time"),
            )
            .with_source(error)
        })
    }
}

impl TryFrom<String> for Timestamp {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// To the millisecond, downwards; before 1970 its beginning.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::from_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}
