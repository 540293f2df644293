//! The `# Contract` lists of the traits and the clauses are the same list.

use std::collections::BTreeSet;

use session_conformance::{CLAUSES, REGISTRY_CLAUSES};

/// The clause names in the bullets of the `# Contract` sections of a file of `session-core`.
fn bullets(file: &str) -> BTreeSet<String> {
    let path = format!("{}/../session-core/src/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the workspace has session-core beside this");
    let bullets = text.lines().filter_map(|line| line.strip_prefix("/// - `"));
    let heads = bullets.map(|line| line.split("`:").next().unwrap_or_default());
    heads.flat_map(|head| head.split("`, `")).map(str::to_owned).collect()
}

/// Issue 2, section 6; the house style's rule on `# Contract` lists.
#[test]
fn every_bullet_of_a_contract_is_a_clause_and_every_clause_a_bullet() {
    let clauses: BTreeSet<_> = CLAUSES.iter().map(|clause| clause.name.to_owned()).collect();
    assert_eq!(bullets("backend.rs"), clauses);
    let clauses: BTreeSet<_> =
        REGISTRY_CLAUSES.iter().map(|clause| clause.name.to_owned()).collect();
    assert_eq!(bullets("registry/mod.rs"), clauses);
}
