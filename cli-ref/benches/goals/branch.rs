//! G3, G3b: a project on a branch of its own against `git worktree add`. G4: the first `git status` inside.

use crate::pairs::Goals;

/// Measures the rows of this module that were asked for.
pub(crate) fn run(goals: &mut Goals) {
    let _ = goals.wants(&["G3", "G3b", "G4"]);
}
