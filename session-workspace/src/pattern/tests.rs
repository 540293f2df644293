use std::path::Path;

use proptest::prelude::*;

use super::{DockerIgnore, Patterns, Verdict};

fn docker(lines: &str, path: &str) -> bool {
    DockerIgnore::file(lines.as_bytes()).expect("patterns").leaves_out(Path::new(path))
}

/// S0.F1: Docker's rules, which differ from git's.
#[test]
fn dockerignore_semantics() {
    assert!(docker("build", "build") && docker("build", "build/x/y"));
    assert!(!docker("build", "deep/build"), "patterns begin at the top");
    assert!(docker("**/build", "deep/er/build/x") && docker("**/build", "build"));
    assert!(docker("*/temp*", "some/temporary.txt") && !docker("*/temp*", "a/b/temp"));
    assert!(docker("temp?", "tempa") && !docker("temp?", "temp"));
    assert!(
        docker("/foo/bar/", "foo/bar/x") && docker("./foo", "foo") && docker("a/../foo", "foo")
    );
    assert!(
        !docker("*.md\n!README.md", "README.md")
            && docker("*.md\n!README*.md\nREADME-x.md", "README-x.md")
    );
    assert!(docker("!x\nx", "x"), "the last one decides");
    assert!(
        docker("docs\n!docs/keep", "docs/other") && !docker("docs\n!docs/keep", "docs/keep/deep")
    );
    assert!(docker("# comment\n\n  spaced  ", "spaced") && !docker("# comment", "# comment"));
    assert!(docker("{a,b}", "{a,b}") && !docker("{a,b}", "a"), "braces are plain characters");
    assert!(docker("\u{feff}first", "first"));
    assert!(DockerIgnore::file(b"a[").is_err());
}

/// S0.6: gitignore's syntax, on names that need not be UTF-8.
#[test]
fn given_patterns() {
    use std::os::unix::ffi::OsStrExt as _;
    let given = |list: &[&str]| {
        let list: Vec<String> = list.iter().map(|one| (*one).to_owned()).collect();
        Patterns::given(&list, "exclude")
    };
    let patterns =
        given(&["node_modules", "/top", "*.log", "!keep.log", "dir/"]).expect("patterns");
    let named = |path: &str, dir| patterns.verdict(Path::new(path), dir) == Verdict::Named;
    assert!(named("a/b/node_modules", true) && named("top", false) && !named("a/top", false));
    assert!(named("x.log", false) && !named("keep.log", false));
    assert!(named("dir", true) && !named("dir", false));
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9.log");
    assert_eq!(patterns.verdict(Path::new(odd), false), Verdict::Named);
    assert!(given(&["../x"]).is_err() && given(&["[z-a]"]).is_err() && given(&["a\nb"]).is_err());
}

proptest! {
    /// Whatever a file holds, reading it and asking does not panic.
    #[test]
    fn any_content_is_read(content in proptest::collection::vec(any::<u8>(), 0..200), path in "[a-z/.]{1,20}") {
        if let Ok(patterns) = Patterns::file(&content) {
            patterns.verdict(Path::new(path.trim_matches('/')), false);
        }
        if let Ok(docker) = DockerIgnore::file(&content) {
            docker.leaves_out(Path::new(path.trim_matches('/')));
        }
    }

    /// What is below a directory that Docker leaves out is left out, unless there are exceptions.
    #[test]
    fn docker_leaves_out_whole_directories(pattern in "[a-c*?]{1,3}(/[a-c*]{1,2})?", path in "[a-c]{1,3}(/[a-c]{1,2}){0,2}", below in "[a-c]{1,3}") {
        if docker(&pattern, &path) {
            let path = format!("{path}/{below}");
            prop_assert!(docker(&pattern, &path));
            let excepted = format!("{pattern}\n!{path}");
            prop_assert!(!docker(&excepted, &path));
        }
    }

    /// A plain name is excluded wherever it stands, and nothing else is.
    #[test]
    fn plain_names(name in "[a-z]{1,5}", other in "[a-z]{1,5}", dirs in "([a-z]{1,3}/){0,3}") {
        let patterns = Patterns::given(std::slice::from_ref(&name), "exclude").expect("a name");
        let hit = |last: &str| patterns.verdict(Path::new(&format!("{dirs}{last}")), false) == Verdict::Named;
        prop_assert!(hit(&name));
        prop_assert_eq!(hit(&other), other == name);
    }
}
