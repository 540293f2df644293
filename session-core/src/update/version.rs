//! Versions of releases, and which of them a need takes.

use std::cmp::Ordering;
use std::fmt;

/// `1.2.3` or `1.2.3-beta.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: [u64; 3],
    pre: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(u64),
    Word(String),
}

impl Version {
    /// The first version in what a program printed.
    pub(crate) fn find(text: &str) -> Option<Self> {
        let words = text.split(|c: char| c.is_whitespace() || "(),;\"'@".contains(c));
        words.into_iter().find_map(Self::parse)
    }

    /// Reads one, with or without a `v`; what follows a `+` does not count.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let word = word.strip_prefix('v').unwrap_or(word);
        let word = word.split('+').next().unwrap_or(word);
        let (numbers, pre) = match word.split_once('-') {
            Some((numbers, pre)) => (numbers, Some(pre)),
            None => (word, None),
        };
        let mut parts = numbers.split('.').map(|part| part.parse().ok());
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        if parts.next().is_some() {
            return None;
        }
        let part = |part: &str| match part.parse() {
            Ok(number) => Part::Number(number),
            Err(_) => Part::Word(part.to_owned()),
        };
        let pre = pre.map(|pre| pre.split('.').map(part).collect()).unwrap_or_default();
        Some(Self { numbers, pre })
    }

    /// Whether `range` (npm's syntax: `>=20 <23`, `^18.0.0 || >=20`) takes it; `None` where that can't be read.
    pub(crate) fn fits(&self, range: &str) -> Option<bool> {
        let mut fits = false;
        for alternative in range.split("||") {
            fits |= self.fits_all(alternative.trim())?;
        }
        Some(fits)
    }

    fn fits_all(&self, comparators: &str) -> Option<bool> {
        if let Some((from, to)) = comparators.split_once(" - ") {
            let (from, to) = (Bounds::of(from.trim())?, Bounds::of(to.trim())?);
            return Some(self.numbers >= from.first && to.end.is_none_or(|end| self.numbers < end));
        }
        // `>= 20` is one comparator.
        let mut joined = comparators.to_owned();
        for operator in [">=", "<=", ">", "<", "=", "^", "~"] {
            while joined.contains(&format!("{operator} ")) {
                joined = joined.replace(&format!("{operator} "), operator);
            }
        }
        let mut fits = true;
        for word in joined.split_whitespace() {
            fits &= self.fits_one(word)?;
        }
        Some(fits)
    }

    fn fits_one(&self, word: &str) -> Option<bool> {
        let split = word.find(|c: char| !"<>=^~".contains(c)).unwrap_or(word.len());
        let (operator, version) = word.split_at(split);
        let bounds = Bounds::of(version)?;
        let below_end = bounds.end.is_none_or(|end| self.numbers < end);
        let [major, minor, patch] = bounds.first;
        let at_least = self.numbers >= bounds.first;
        Some(match operator {
            ">=" => at_least,
            "<" => self.numbers < bounds.first,
            ">" => !below_end,
            "<=" => below_end,
            "" | "=" => at_least && below_end,
            "~" => {
                let end = if bounds.given < 2 {
                    [major.saturating_add(1), 0, 0]
                } else {
                    [major, minor.saturating_add(1), 0]
                };
                at_least && (bounds.given == 0 || self.numbers < end)
            }
            "^" => {
                let end = match (major, minor, bounds.given) {
                    (_, _, 0) => return Some(true),
                    (1.., _, _) | (0, _, 1) => [major.saturating_add(1), 0, 0],
                    (0, 1.., _) | (0, _, 2) => [0, minor.saturating_add(1), 0],
                    _ => [0, 0, patch.saturating_add(1)],
                };
                at_least && self.numbers < end
            }
            _ => return None,
        })
    }
}

/// What a version that may be partial (`20`, `20.x`, `*`) begins with and ends before.
struct Bounds {
    first: [u64; 3],
    end: Option<[u64; 3]>,
    /// How many numbers it has.
    given: usize,
}

impl Bounds {
    fn of(word: &str) -> Option<Self> {
        let word = word.strip_prefix('v').unwrap_or(word).split(['-', '+']).next()?;
        let mut first = [0_u64; 3];
        let mut given = 0;
        for part in word.split('.').filter(|part| !part.is_empty()) {
            if matches!(part, "x" | "X" | "*") {
                break;
            }
            *first.get_mut(given)? = part.parse().ok()?;
            given += 1;
        }
        let [major, minor, patch] = first;
        let end = match given {
            0 => None,
            1 => Some([major.saturating_add(1), 0, 0]),
            2 => Some([major, minor.saturating_add(1), 0]),
            _ => Some([major, minor, patch.saturating_add(1)]),
        };
        Some(Self { first, end, given })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        // One that is not yet released comes before the release.
        let released = |version: &Self| version.pre.is_empty();
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| released(self).cmp(&released(other)))
            .then_with(|| self.pre.cmp(&other.pre))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        for (place, part) in self.pre.iter().enumerate() {
            let before = if place == 0 { '-' } else { '.' };
            match part {
                Part::Number(number) => write!(f, "{before}{number}")?,
                Part::Word(word) => write!(f, "{before}{word}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(word: &str) -> Version {
        Version::parse(word).expect("a version")
    }

    #[test]
    fn versions_are_found_and_compared() {
        for (printed, found) in [
            ("2.1.329 (Claude Code)\n", "2.1.329"),
            ("codex-cli 0.169.0", "0.169.0"),
            ("v20.20.2\n", "20.20.2"),
            ("GitHub Copilot CLI 1.0.102.\nCommit: x 1.0.3-4", "1.0.3-4"),
            ("tool 1.2.3+build.7", "1.2.3"),
        ] {
            assert_eq!(
                Version::find(printed).map(|found| found.to_string()).as_deref(),
                Some(found)
            );
        }
        assert_eq!(Version::find("no version 1.2 in 1.2.3.4 here"), None);
        let ordered =
            ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0", "1.0.1", "1.2.0", "10.0.0"];
        for pair in ordered.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn needs_of_releases() {
        for (range, takes, refuses) in [
            (">=22", "22.0.0", "20.20.2"),
            (">= 20.1", "20.1.0", "20.0.9"),
            ("^18.0.0 || >=20", "18.9.1", "19.0.0"),
            (">=18 <21", "20.20.2", "21.0.0"),
            ("20.x", "20.3.1", "21.0.0"),
            ("20", "20.3.1", "19.9.9"),
            ("~1.2.3", "1.2.9", "1.3.0"),
            ("^0.2.3", "0.2.9", "0.3.0"),
            ("18 - 20", "20.9.0", "21.0.0"),
            (">20", "21.0.0", "20.9.0"),
            ("<=20", "20.9.0", "21.0.0"),
        ] {
            assert_eq!(version(takes).fits(range), Some(true), "{takes} in {range}");
            assert_eq!(version(refuses).fits(range), Some(false), "{refuses} in {range}");
        }
        assert_eq!(version("1.2.3").fits("*"), Some(true));
        assert_eq!(version("1.2.3").fits(""), Some(true));
        assert_eq!(version("1.2.3").fits("latest"), None);
        let most = u64::MAX;
        assert_eq!(version("1.2.3").fits(&format!("^{most}.{most}.{most} || {most}")), Some(false));
    }

    proptest! {
        /// What a registry or a program says may be anything.
        #[test]
        fn any_text_is_a_version_and_a_need_or_not(text in "[v0-9.xX*<>=^~| +a-z-]{0,30}", other in "\\PC{0,30}") {
            for text in [&text, &other] {
                let found = Version::find(text);
                let _ = version("1.2.3").fits(text);
                if let Some(found) = found {
                    prop_assert_eq!(Version::parse(&found.to_string()), Some(found));
                }
            }
        }
    }
}
