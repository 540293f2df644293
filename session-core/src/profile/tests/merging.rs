//! One profile over another.

use proptest::prelude::*;
use toml::{Table, Value};

use crate::profile::merge::merged;

/// Tables as profiles have them: values, lists, tables, and lists of named tables.
fn table() -> impl Strategy<Value = Table> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        "[a-c]{0,3}".prop_map(Value::String),
        proptest::collection::vec("[a-c]".prop_map(Value::String), 0..3).prop_map(Value::Array),
        named(),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        proptest::collection::btree_map("[a-d]", inner, 0..3)
            .prop_map(|table| Value::Table(table.into_iter().collect()))
    });
    proptest::collection::btree_map("[a-d]", value, 0..4).prop_map(Table::from_iter)
}

/// A list of tables, each with a name of its own.
fn named() -> impl Strategy<Value = Value> {
    let items = proptest::collection::btree_map("[x-z]", "[a-c]{0,2}", 0..4);
    items.prop_map(|items| {
        let item = |(name, target): (String, String)| {
            Value::Table(Table::from_iter([
                ("name".to_owned(), Value::String(name)),
                ("target".to_owned(), Value::String(target)),
            ]))
        };
        Value::Array(items.into_iter().map(item).collect())
    })
}

proptest! {
    #[test]
    fn putting_the_same_on_it_again_changes_nothing(base in table(), over in table()) {
        let once = merged(base, over.clone());
        prop_assert_eq!(merged(once.clone(), over), once);
    }

    #[test]
    fn nothing_changes_nothing(base in table()) {
        prop_assert_eq!(merged(base.clone(), Table::new()), base.clone());
        prop_assert_eq!(merged(Table::new(), base.clone()), base);
    }

    /// Everything that the upper one says is said by the outcome, and nothing of the lower one is lost but
    /// what the upper one replaces.
    #[test]
    fn the_upper_one_counts(base in table(), over in table()) {
        let outcome = merged(base.clone(), over.clone());
        for (key, value) in &over {
            match value {
                Value::Table(_) | Value::Array(_) => {}
                plain => prop_assert_eq!(&outcome[key], plain),
            }
        }
        for (key, value) in base.iter().filter(|(key, _)| !over.contains_key(*key)) {
            prop_assert_eq!(&outcome[key], value);
        }
    }
}

#[test]
fn lists_are_replaced_but_named_tables_go_by_their_names() {
    let base: Table = toml::from_str(
        r#"
        words = ["a", "b"]
        [[resources]]
        name = "skills"
        target = "skills"
        keep = ["x"]
        [[resources]]
        name = "memory"
        target = "memory"
        [environment.set]
        ONE = "1"
        TWO = "2"
        "#,
    )
    .expect("TOML");
    let over: Table = toml::from_str(
        r#"
        words = ["c"]
        [[resources]]
        name = "hooks"
        target = "hooks"
        [[resources]]
        name = "skills"
        target = "elsewhere"
        [environment.set]
        TWO = "two"
        "#,
    )
    .expect("TOML");
    let expected: Table = toml::from_str(
        r#"
        words = ["c"]
        [[resources]]
        name = "skills"
        target = "elsewhere"
        [[resources]]
        name = "memory"
        target = "memory"
        [[resources]]
        name = "hooks"
        target = "hooks"
        [environment.set]
        ONE = "1"
        TWO = "two"
        "#,
    )
    .expect("TOML");
    assert_eq!(merged(base, over), expected);
}
