//! One profile over another.

use toml::{Table, Value};

/// `over` put on `base`: tables in depth; lists of named tables by their names, one of the same name in
/// place of the other and new ones behind; everything else, other lists too, instead of what was there.
///
/// Putting the same on it again changes nothing.
pub(super) fn merged(base: Table, over: Table) -> Table {
    let mut merged = base;
    for (key, over) in over {
        let value = match (merged.remove(&key), over) {
            (Some(Value::Table(base)), Value::Table(over)) => {
                Value::Table(self::merged(base, over))
            }
            (Some(Value::Array(base)), Value::Array(over)) => Value::Array(lists(base, over)),
            (_, over) => over,
        };
        merged.insert(key, value);
    }
    merged
}

fn lists(base: Vec<Value>, over: Vec<Value>) -> Vec<Value> {
    let are_named =
        |list: &[Value]| !list.is_empty() && list.iter().all(|item| name(item).is_some());
    if !are_named(&base) || !are_named(&over) {
        return over;
    }
    let mut merged = base;
    for item in over {
        match merged.iter_mut().find(|there| name(there) == name(&item)) {
            Some(there) => *there = item,
            None => merged.push(item),
        }
    }
    merged
}

fn name(item: &Value) -> Option<&str> {
    item.as_table()?.get("name")?.as_str()
}
