//! What is decided of containers: images, limits, networks, mounts, and what is uploaded.

use session_core::{
    Capabilities, Circumstances, ContainerOptions, ErrorKind, HostView, Isolation, Layout,
    MountPlan, Network, Policy, ResolvedSpec, Result, SessionSpec, SourceFacts, Strategy,
};

use crate::{ID, NOW, problems, repository, resolve};

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
