//! What agents call the directory of a project.

/// Where a path in full begins to be cut.
const LONGEST_KEY: usize = 200;

/// A project's path as a name, as agents make one of it: a dash for all but letters and digits, and where that is very
/// long its beginning and a hash of the whole (in UTF-16, as JavaScript has texts).
pub(super) fn project_key(path: &str) -> String {
    let units: Vec<u16> = path.encode_utf16().collect();
    let dashed = units.iter().map(|unit| {
        let letter = u8::try_from(*unit).ok().filter(u8::is_ascii_alphanumeric);
        letter.map_or('-', char::from)
    });
    let dashed: String = dashed.collect();
    if dashed.len() <= LONGEST_KEY {
        return dashed;
    }
    let hash = units
        .iter()
        .fold(0_i32, |hash, unit| (hash << 5).wrapping_sub(hash).wrapping_add(i32::from(*unit)));
    let mut number = hash.unsigned_abs();
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        digits.push(char::from_digit(number % 36, 36).expect("less than 36"));
        number /= 36;
    }
    format!("{}-{}", &dashed[..LONGEST_KEY], digits.iter().rev().collect::<String>())
}
