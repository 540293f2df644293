//! Amounts as people write them.

/// Reads `512m`, `2g`, `1024`: bytes, with the units of engines (k, m, g and t are powers of 1024).
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "give a whole number with k, m, g or t behind it, such as 512m or 2g".to_owned();
    let lower = text.trim().to_ascii_lowercase();
    let number = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &lower[number.len()..] {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = digits(number).ok_or_else(wrong)?;
    number.checked_mul(1 << shift).ok_or_else(|| "so much memory can't be counted".to_owned())
}

/// Reads `2`, `1.5`, `.25` as thousandths.
pub(crate) fn thousandths(text: &str) -> Result<u32, String> {
    let wrong =
        || "give a number of processors with at most three decimals, such as 1.5".to_owned();
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong());
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let whole: u32 = if whole.is_empty() { 0 } else { digits(whole).ok_or_else(wrong)? };
    if part.len() > 3 {
        return Err(wrong());
    }
    let part: u32 =
        digits(&format!("{part:0<3}")).filter(|_| !part.is_empty()).ok_or_else(wrong)?;
    whole.checked_mul(1000).and_then(|whole| whole.checked_add(part)).ok_or_else(wrong)
}

/// Digits only: no sign, and nothing that `parse` would forgive.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Bytes as people read them: `1.5 GiB`.
pub(crate) fn shown(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut tenths = u128::from(bytes) * 10;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths = tenths.div_ceil(1024);
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
    }
}

/// Processor time as people read it: `1.04 s`.
pub(crate) fn seconds(milliseconds: u64) -> String {
    format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::{bytes, shown, thousandths};

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", 0),
            ("10", 10),
            ("512m", 512 << 20),
            ("2G", 2 << 30),
            ("1kib", 1024),
            (" 7b ", 7),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "m", "-1", "+1", "1.5g", "1x", "1 g", "99999999t", "é"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn processors() {
        for (text, expected) in [("2", 2000), ("1.5", 1500), (".25", 250), ("0.001", 1), ("0", 0)] {
            assert_eq!(thousandths(text), Ok(expected), "{text}");
        }
        for text in ["", ".", "1.", "-1", "1.2345", "1,5", "x", "4294967296"] {
            assert!(thousandths(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_for_people() {
        for (amount, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (2 << 30, "2.0 GiB"),
        ] {
            assert_eq!(shown(amount), expected);
        }
    }
}
