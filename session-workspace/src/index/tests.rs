use proptest::prelude::*;

use super::{Entry, Index, StatData};

fn entry() -> impl Strategy<Value = Entry> {
    let path = "[a-c]{1,4}(/[a-d]{1,40}){0,3}";
    let stage = prop_oneof![4 => Just(0_u16), 1 => 1..4_u16];
    let extended = prop_oneof![3 => Just(0_u16), 1 => Just(0x4000), 1 => Just(0x2000)];
    (path, any::<[u8; 20]>(), any::<[u32; 4]>(), stage, extended).prop_map(
        |(path, object, numbers, stage, extended)| {
            let mut entry = Entry::new(path.into_bytes(), 0o100_644, object);
            entry.stat = StatData {
                mtime: (numbers[0], numbers[1]),
                ino: numbers[2],
                size: numbers[3],
                ..StatData::default()
            };
            entry.flags = stage << 12;
            entry.extended = extended;
            entry
        },
    )
}

fn index() -> impl Strategy<Value = Index> {
    (2..=4_u32, proptest::collection::vec(entry(), 0..20), any::<bool>()).prop_map(
        |(version, mut entries, tree)| {
            if version == 2 {
                entries.iter_mut().for_each(|entry| entry.extended = 0);
            }
            entries
                .sort_by(|one, other| (&one.path, one.stage()).cmp(&(&other.path, other.stage())));
            let extensions = if tree { vec![(*b"TREE", vec![1, 2, 3])] } else { vec![] };
            // Version 3 is 2 with wide entries: which it is shows in them alone.
            let wide = entries.iter().any(|entry| entry.extended != 0);
            let version = if version == 4 { 4 } else { 2 + u32::from(wide) };
            Index { version, entries, extensions, written: 7 }
        },
    )
}

proptest! {
    /// What is written is read again, in every version.
    #[test]
    fn round_trip(index in index()) {
        prop_assert_eq!(&Index::parse(&index.bytes(), 7).expect("our own"), &index);
    }

    /// Bytes that are cut off, flipped or made up are an error or an index, never a panic.
    #[test]
    fn hostile_bytes(index in index(), at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = index.bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let _ = Index::parse(&bytes, 7);
    }

    /// The search for entries below a directory agrees with looking at each.
    #[test]
    fn below(index in index(), dir in "[a-c]{1,4}") {
        let prefix = format!("{dir}/");
        let any = index.entries.iter().any(|entry| entry.path.starts_with(prefix.as_bytes()));
        prop_assert_eq!(index.has_below(dir.as_bytes()), any);
    }
}

/// Paths that leave the tree or reach into a repository are refused.
#[test]
fn paths_that_escape() {
    for path in ["../x", "a/../b", "/x", "a//b", ".git/config", "a/.GIT/hooks/x", "."] {
        let index =
            Index { entries: vec![Entry::new(path.into(), 0o100_644, [1; 20])], ..Index::empty() };
        assert!(Index::parse(&index.bytes(), 0).is_err(), "{path}");
    }
}
