//! From spec to resolved spec: defaults, and every problem at once.

use camino::Utf8PathBuf;
use session_core::{
    Capabilities, Circumstances, ContainerOptions, ErrorKind, HostView, Isolation, Layout,
    MountPlan, Network, Policy, ResolvedSpec, Result, SessionId, SessionSpec, SourceFacts,
    Strategy, Timestamp, Uncommitted,
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

/// What a backend of containers makes of `spec`.
fn contained(spec: &SessionSpec, facts: &[SourceFacts]) -> Result<ResolvedSpec> {
    contained_by(&Capabilities::new(Isolation::Container), spec, facts)
}

fn contained_by(
    capabilities: &Capabilities,
    spec: &SessionSpec,
    facts: &[SourceFacts],
) -> Result<ResolvedSpec> {
    let host = HostView::new("/home/me/project", "me")
        .with_shell(vec!["/usr/bin/zsh".to_owned()])
        .with_default_backend("docker");
    let layout = Layout::new("/data/sessctl");
    let circumstances = Circumstances::new(ID.parse()?, NOW.parse()?, &host, &layout)
        .with_facts(facts)
        .with_capabilities(capabilities);
    Policy::default().resolve(spec, &circumstances)
}

/// S0.23, S2.18: what is made is decided beforehand; the person's shell need not be in the image.
#[test]
fn containers_have_an_image_and_its_shell() {
    let resolved = contained(&SessionSpec::new(), &[]).expect("a good spec");
    assert_eq!(resolved.backend, "docker");
    assert_eq!(resolved.container.image.as_deref(), Some("sessctl-shell:latest"));
    assert_eq!((resolved.command[0].as_str(), resolved.agent.as_str()), ("/bin/sh", "shell"));

    let mut options = ContainerOptions::default();
    options.image = Some("debian:12".to_owned());
    let spec = SessionSpec::new().with_container(options).with_command(["/bin/zsh", "-l"]);
    let resolved = contained(&spec, &[]).expect("a good spec");
    assert_eq!(resolved.container.image.as_deref(), Some("debian:12"));
    assert_eq!((resolved.command[0].as_str(), resolved.agent.as_str()), ("/bin/zsh", "zsh"));

    let local = resolve(&SessionSpec::new(), &[]).expect("a good spec");
    assert_eq!(local.container, ContainerOptions::default(), "no image where there is none");
}

/// Issue 3: what a backend can't do is told at once, all of it, before anything is made.
#[test]
fn options_of_containers_need_one() {
    let mut options = ContainerOptions::default();
    options.image = Some("debian:12".to_owned());
    options.root = true;
    options.network = Some(Network::None);
    options.memory_bytes = Some(1 << 30);
    options.pids = Some(10);
    options.cpu_millis = Some(1500);
    options.read_only = true;
    options.upload = true;
    options.mounts = vec![MountPlan::new("/srv/data", "/data")];
    let mut spec = SessionSpec::new().with_container(options.clone());
    spec.environment.insert("A=B".to_owned(), String::new());
    let told = problems(&spec, &[]);
    let flags =
        ["image", "root", "network", "memory", "pids", "cpus", "read-only", "volume", "upload"];
    for flag in flags {
        let flag = format!("(--{flag})");
        let of_flag: Vec<_> = told.iter().filter(|problem| problem.contains(&flag)).collect();
        let [problem] = of_flag.as_slice() else { panic!("{flag}: {told:?}") };
        assert!(problem.contains("backend `local`") && problem.contains("--backend"), "{problem}");
    }
    assert_eq!(told.len(), flags.len() + 1, "and the others: {told:?}");
    options.upload = false;
    contained(&SessionSpec::new().with_container(options), &[]).expect("containers have it all");
}

/// Limits that no engine takes, or that end every session at once.
#[test]
fn limits_have_to_make_sense() {
    type Change = fn(&mut ContainerOptions);
    let with = |change: Change| {
        let mut options = ContainerOptions::default();
        change(&mut options);
        contained(&SessionSpec::new().with_container(options), &[])
            .map_err(|error| error.unmet().to_vec())
    };
    let wrong: [(Change, &str); 6] = [
        (|it| it.memory_bytes = Some(0), "--memory"),
        (|it| it.memory_bytes = Some(6 * 1024 * 1024 - 1), "--memory"),
        (|it| it.memory_bytes = Some(u64::MAX), "--memory"),
        (|it| it.pids = Some(0), "--pids"),
        (|it| it.cpu_millis = Some(0), "--cpus"),
        (|it| it.cpu_millis = Some(9), "--cpus"),
    ];
    for (change, flag) in wrong {
        let told = with(change).expect_err(flag);
        assert!(told.len() == 1 && told[0].contains(flag), "{flag}: {told:?}");
    }
    let good: [Change; 4] = [
        |it| it.memory_bytes = Some(6 * 1024 * 1024),
        |it| it.memory_bytes = Some(i64::MAX as u64),
        |it| it.pids = Some(1),
        |it| it.cpu_millis = Some(10),
    ];
    for change in good {
        with(change).expect("it is within the limits");
    }
}

/// engines.md 2.2: names reach the engine's URL unescaped, so only names get that far.
#[test]
fn images_and_networks_are_names() {
    let image = |image: &str| {
        let mut options = ContainerOptions::default();
        options.image = Some(image.to_owned());
        contained(&SessionSpec::new().with_container(options), &[])
    };
    let digest = format!("debian@sha256:{}", "0123456789abcdef".repeat(4));
    for good in [
        "debian",
        "debian:stable-slim",
        "sessctl-test/tools:1",
        "localhost/x:1",
        "localhost:5000/team/x",
        "registry.Example:443/team",
        "quay.io/a/b__c:V1.2_x",
        "a1b2c3d4e5f6",
        digest.as_str(),
    ] {
        image(good).unwrap_or_else(|error| panic!("{good}: {error}"));
    }
    let long = "a".repeat(256);
    for bad in [
        "",
        " ",
        "Debian",
        "a b",
        "a/../b",
        "../a",
        "a//b",
        "/a",
        "a/",
        "a:",
        ":1",
        "a:1:2",
        "a@sha256:12",
        "a@",
        "-a",
        "a\n",
        "registry:port/a",
        "--privileged",
        "é",
        &long,
    ] {
        let error = image(bad).expect_err(bad);
        assert!(error.message().contains("--image"), "{bad}: {error}");
        assert!(!error.message().contains('\n'), "it can be printed: {error:?}");
    }

    let network = |network: &str| {
        let mut options = ContainerOptions::default();
        options.network = Some(Network::from(network.to_owned()));
        contained(&SessionSpec::new().with_container(options), &[])
    };
    for good in ["none", "default", "bridge", "my-net_1.x"] {
        network(good).unwrap_or_else(|error| panic!("{good}: {error}"));
    }
    for bad in ["host", "container:other", "ns:/proc/1/ns/net", "", "-x", "a/b", "a b"] {
        let error = network(bad).expect_err(bad);
        assert!(error.message().contains("--network"), "{bad}: {error}");
    }
}

/// Issue 3: an engine elsewhere sees no files of this host, so they are uploaded without a word.
#[test]
fn an_engine_elsewhere_is_uploaded_to() {
    let mut capabilities = Capabilities::new(Isolation::Container);
    for needs_upload in [false, true] {
        capabilities.needs_upload = needs_upload;
        let spec = contained_by(&capabilities, &SessionSpec::new(), &[]);
        assert_eq!(spec.expect("it is well").container.upload, needs_upload);
    }
    let live = SessionSpec::new().with_strategy(Strategy::Mount);
    let error = contained_by(&capabilities, &live, &[repository("/home/me/project")]);
    let error = error.expect_err("there is nothing to mount there");
    assert!(error.message().contains("--mount"), "{error}");
}

/// A live directory is the host's; there is nothing to upload.
#[test]
fn what_is_mounted_is_not_uploaded() {
    let mut options = ContainerOptions::default();
    options.upload = true;
    let spec = SessionSpec::new().with_strategy(Strategy::Mount).with_container(options);
    let error = contained(&spec, &[repository("/home/me/project")]).expect_err("it can't be both");
    assert!(error.message().contains("--upload") && error.message().contains("--mount"), "{error}");
}

/// What a container of a person with standing mounts has, as texts.
fn mounted(asked: &[&str], upload: bool) -> Result<Vec<String>> {
    let host = HostView::new("/home/me/project", "me");
    let layout = Layout::new("/data/sessctl");
    let capabilities = Capabilities::new(Isolation::Container);
    let circumstances = Circumstances::new(ID.parse()?, NOW.parse()?, &host, &layout)
        .with_capabilities(&capabilities);
    let mut policy = Policy::default();
    policy.mounts = vec!["/srv/cache:/cache:rw".parse()?, "/home/me/.m2:/m2".parse()?];
    let mut options = ContainerOptions::default();
    options.mounts = asked.iter().map(|text| text.parse()).collect::<Result<_>>()?;
    options.upload = upload;
    let spec = SessionSpec::new().with_container(options);
    let resolved = policy.resolve(&spec, &circumstances)?;
    Ok(resolved.container.mounts.iter().map(ToString::to_string).collect())
}

/// S2.12: what is asked for, and what every container has; one at the same place counts before the standing one, and relative
/// ones are those of the working directory.
#[test]
fn more_of_the_host_can_be_mounted() {
    let standing = ["/srv/cache:/cache:rw", "/home/me/.m2:/m2"];
    assert_eq!(mounted(&[], false).expect("good"), standing);
    assert_eq!(mounted(&[], true).expect("an engine elsewhere has none"), [] as [&str; 0]);
    let asked = ["docs/./a/:/docs/", "/srv/other:/cache"];
    let expected = ["/srv/other:/cache", "/home/me/project/docs/a:/docs", "/home/me/.m2:/m2"];
    assert_eq!(mounted(&asked, false).expect("good"), expected);
}

/// S2.12: no mount hides what makes a container a session, gives other sessions and logins away, or is at two places in one.
#[test]
fn mounts_that_are_refused() {
    for (asked, part) in [
        ("/a:/workspace/x", "in the way of `/workspace`"),
        ("/a:/workspace", "in the way of `/workspace`"),
        ("/a:/", "in the way of"),
        ("/a://", "in the way of"),
        ("/a:/sessctl/state", "in the way of `/sessctl`"),
        ("/a:/run", "in the way of `/run/sessctl`"),
        ("/a:/proc/1", "in the way of `/proc`"),
        ("/a:/tmp", "in the way of `/tmp/sessctl`"),
        ("/a:/etc/", "in the way of `/etc/passwd`"),
        ("/a:/home/me/", "own home"),
        ("/a:b", "absolute path"),
        ("/a:/b/../workspace", "absolute path"),
        ("/data/sessctl/credentials:/c", "where sessions live"),
        ("/data:/c", "where sessions and logins are"),
        ("/:/c", "where sessions and logins are"),
    ] {
        let error = mounted(&[asked], false).expect_err(asked);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(part), "{asked}: {error}");
    }
    let twice = mounted(&["/a:/x", "/b:/x"], false).expect_err("one place");
    assert!(twice.message().contains("two things can't be at `/x`"), "{twice}");
    let elsewhere = mounted(&["/a:/x"], true).expect_err("there is nothing to mount there");
    assert!(elsewhere.message().contains("--upload"), "{elsewhere}");
    for text in ["/a", "/a:", ":/a", "/a:/b:rx", "/a:/b:rw:rw", "/a:/b\n"] {
        text.parse::<MountPlan>().expect_err(text);
    }
}
