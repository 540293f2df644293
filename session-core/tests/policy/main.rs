//! From spec to resolved spec: defaults, and every problem at once.

mod containers;

use camino::Utf8PathBuf;
use session_core::{
    Capabilities, Circumstances, ErrorKind, HostView, Isolation, Layout, Policy, ResolvedSpec,
    Result, SessionId, SessionSpec, SourceFacts, Strategy, Timestamp, Uncommitted,
};

const NOW: &str = "2026-01-11T19:05:49Z";
const ID: &str = "0190b4a8-0000-7000-8000-000000000001";

fn repository(path: &str) -> SourceFacts {
    let mut facts = SourceFacts::directory(path);
    facts.git = true;
    facts.branch = Some("main".to_owned());
    facts
}

fn resolve(spec: &SessionSpec, facts: &[SourceFacts]) -> Result<ResolvedSpec> {
    let host = HostView::new("/home/me/project", "me").with_shell(vec!["/bin/bash".to_owned()]);
    let id: SessionId = ID.parse()?;
    let now: Timestamp = NOW.parse()?;
    let layout = Layout::new("/data/sessctl");
    let capabilities = Capabilities::new(Isolation::Directory);
    let circumstances = Circumstances::new(id, now, &host, &layout)
        .with_facts(facts)
        .with_capabilities(&capabilities);
    Policy::default().resolve(spec, &circumstances)
}

fn problems(spec: &SessionSpec, facts: &[SourceFacts]) -> Vec<String> {
    let error = resolve(spec, facts).expect_err("the spec has problems");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error.unmet().to_vec()
}

/// S0.1, S2.6: a git repository gets a branch of its own, the shell is the command.
#[test]
fn defaults_in_a_repository() {
    let spec = SessionSpec::new().with_name("auth".parse().expect("a name"));
    let resolved = resolve(&spec, &[repository("/home/me/project")]).expect("a good spec");
    insta::assert_json_snapshot!(resolved);
}

/// S0.2, S4.26: date, time, and a hash of the source's path.
#[test]
fn automatic_names_tell_when_and_where() {
    let name = |path| resolve(&SessionSpec::new(), &[repository(path)]).expect("good").name;
    let (here, there) = (name("/home/me/project"), name("/home/me/other"));
    assert!(here.as_str().starts_with("20260111-190549-"), "{here}");
    assert_eq!(here.as_str().len(), "20260111-190549-7015fdf7".len());
    assert_ne!(here, there);
}

/// S0.5: without git, or when asked, a plain copy and no branch.
#[test]
fn plain_directories_are_copied() {
    let resolved = resolve(&SessionSpec::new(), &[SourceFacts::directory("/srv/notes")]);
    let plan = &resolved.expect("good").projects[0];
    assert_eq!((plan.strategy, plan.branch.as_deref()), (Strategy::Copy, None));

    let asked = SessionSpec::new().with_strategy(Strategy::Copy);
    let resolved = resolve(&asked, &[repository("/home/me/project")]);
    assert_eq!(resolved.expect("good").projects[0].strategy, Strategy::Copy);
}

/// S0.4, decision 8: the real name of a branch is kept, slashes and all.
#[test]
fn branches_keep_their_name() {
    let spec = SessionSpec::new().with_branch("feature/auth");
    let resolved = resolve(&spec, &[repository("/home/me/project")]).expect("good");
    assert_eq!(resolved.projects[0].branch.as_deref(), Some("feature/auth"));
}

/// A directory's name that is too long for a project's is cut, and two that begin alike stay two.
#[test]
fn long_names_of_directories_are_cut() {
    let facts = |end: &str| SourceFacts::directory(format!("/srv/{}{end}", "é".repeat(125)));
    let resolved = resolve(&SessionSpec::new(), &[facts("one"), facts("two")]).expect("good");
    let names: Vec<_> = resolved.projects.iter().map(|plan| plan.name.as_str()).collect();
    assert_ne!(names[0], names[1]);
    for name in names {
        assert!(name.starts_with("éé") && name.len() <= 180, "{name}");
    }
    let short = SourceFacts::directory(format!("/srv/{}", "n".repeat(180)));
    let resolved = resolve(&SessionSpec::new(), &[short]).expect("good");
    assert_eq!(resolved.projects[0].name, "n".repeat(180));
}

/// A session started in a subdirectory gets the whole repository and begins in the subdirectory.
#[test]
fn subdirectories_of_a_repository() {
    let mut facts = SourceFacts::directory("/home/me/project/web/app");
    facts.inside = Some("/home/me/project".into());
    let resolved = resolve(&SessionSpec::new(), &[facts]).expect("good");
    assert_eq!(resolved.projects[0].source, "/home/me/project");
    let expected =
        Utf8PathBuf::from(format!("/data/sessctl/sessions/{ID}/workspace/project/web/app"));
    assert_eq!(resolved.working_directory, expected);
}

/// S2.7: each at `workspace/<name>`, names made different, work begins above them.
#[test]
fn several_projects() {
    let facts = [repository("/a/web"), repository("/b/web"), SourceFacts::directory("/c/notes")];
    let resolved = resolve(&SessionSpec::new(), &facts).expect("good");
    let names: Vec<_> = resolved.projects.iter().map(|plan| plan.name.as_str()).collect();
    assert_eq!(names, ["web", "web-2", "notes"]);
    assert!(resolved.working_directory.ends_with("workspace"));
}

/// S2 (mount): the live directory is where work happens.
#[test]
fn mounts_work_in_the_source() {
    let spec = SessionSpec::new().with_strategy(Strategy::Mount);
    let resolved = resolve(&spec, &[repository("/home/me/project")]).expect("good");
    assert_eq!(resolved.working_directory, "/home/me/project");
}

#[test]
fn every_problem_is_named_at_once() {
    let mut spec = SessionSpec::new().with_strategy(Strategy::Copy).with_branch("x");
    spec.uncommitted = Uncommitted::LeaveOut;
    spec.include = vec![".env".to_owned()];
    spec.environment.insert("A=B".to_owned(), String::new());
    spec.command = vec![String::new()];
    let found = problems(
        &spec,
        &[repository("/home/me/project"), SourceFacts::directory("/data/sessctl/sessions/x")],
    );
    for part in ["--branch", "--clean", "--include", "inside `/data/sessctl`", "`A=B`", "command"] {
        assert!(found.iter().any(|problem| problem.contains(part)), "no `{part}` in {found:#?}");
    }
}

/// S0.E5: the way out is named.
#[test]
fn a_branch_needs_a_repository() {
    let spec = SessionSpec::new().with_strategy(Strategy::Branch);
    let found = problems(&spec, &[SourceFacts::directory("/srv/notes")]);
    assert!(found[0].contains("--no-worktree"), "{found:?}");
}

#[test]
fn equal_specs_hash_equally() {
    let spec = SessionSpec::new().with_name("a".parse().expect("a name"));
    let hash = |path| resolve(&spec, &[repository(path)]).expect("good").hash();
    assert_eq!(hash("/home/me/project"), hash("/home/me/project"));
    assert_ne!(hash("/home/me/project"), hash("/home/me/other"));
}

/// What is always left out or brought along holds where it can, and yields to what is asked for.
#[test]
fn standing_patterns_apply_where_they_fit() {
    let mut policy = Policy::default();
    policy.branch_prefix = "me/".to_owned();
    policy.exclude = vec!["dist".to_owned()];
    policy.include = vec![".env".to_owned()];
    let plan = |spec: &SessionSpec, facts: SourceFacts| {
        let (id, now): (SessionId, Timestamp) =
            (ID.parse().expect("id"), NOW.parse().expect("time"));
        let (host, layout) = (HostView::new("/home/me", "me"), Layout::new("/data/sessctl"));
        let facts = [facts];
        let circumstances = Circumstances::new(id, now, &host, &layout).with_facts(&facts);
        let resolved = policy.resolve(spec, &circumstances);
        resolved.expect("a good spec").projects.remove(0)
    };
    let spec = SessionSpec::new().with_name("auth".parse().expect("a name"));

    let branch = plan(&spec, repository("/srv/app"));
    assert_eq!(branch.branch.as_deref(), Some("me/auth"));
    assert_eq!((branch.exclude, branch.include), (policy.exclude.clone(), policy.include.clone()));
    let copy = plan(&spec, SourceFacts::directory("/srv/notes"));
    assert_eq!((copy.exclude, copy.include), (policy.exclude.clone(), Vec::new()));
    let mount = plan(&spec.clone().with_strategy(Strategy::Mount), repository("/srv/app"));
    assert_eq!((mount.exclude, mount.include), (Vec::new(), Vec::new()));

    let mut asked = spec;
    asked.exclude = vec!["target".to_owned()];
    assert_eq!(plan(&asked, repository("/srv/app")).exclude, asked.exclude);
}
