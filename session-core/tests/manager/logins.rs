//! Logins of agents: which one counts, what is said where there is none, and that none lies about.

use std::os::unix::fs::symlink;

use session_core::profile::SharePolicy;
use session_core::{AgentOptions, ErrorKind, Progress, SessionSpec};

use crate::robot::{Robot, create, read, spec, start};

/// Marks of an agent around us are taken away, the login is handed over, and nothing is empty.
#[tokio::test]
async fn the_environment_is_the_profiles() {
    let robot = Robot::new();
    let manager = robot.manager(&[
        ("ROBOT_HOME", "relative/and/ignored"),
        ("ROBOT_CHILD", "1"),
        ("ROBOT_URL", "http://127.0.0.1:1"),
        ("ROBOT_KEY", "0123456789abcdefghijklmnop"),
        ("OTHER", "kept"),
    ]);
    let record = create(&manager, spec("one")).await;
    let plan = record.spec.agent_plan.clone().expect("it has a plan");
    start(&manager, &record).await;
    let (_, environment) = robot.last_launch();
    let get = |name: &str| environment.get(name).map(String::as_str);
    assert_eq!(get("ROBOT_HOME"), Some(plan.state.inside.as_str()));
    assert_eq!(get("ROBOT_CHILD"), None);
    assert_eq!(get("ROBOT_KEY"), Some("0123456789abcdefghijklmnop"));
    let credentials = plan.credentials.expect("it has a login directory");
    assert_eq!(get("ROBOT_LOGIN"), Some(credentials.inside.as_str()));
    assert!(credentials.host.starts_with(robot.world.place.layout().home()));
    // Only the end of a key, where the agent asks for that; never in the record.
    let settings = read(&plan.state.host.join("settings.json"));
    assert!(settings.contains("\"6789abcdefghijklmnop\""), "{settings}");
    assert!(!settings.contains("0123456789abcdefghijklmnop"), "{settings}");
    let layout = robot.world.place.layout();
    assert!(!read(&layout.record(&record.id)).contains("ghijklmnop"));
}

/// S0.21, S2.E7: without a login nothing is made, and the error says how to log in.
#[tokio::test]
async fn a_missing_login_is_said_before_anything_is_made() {
    let robot = Robot::new();
    let manager = robot.manager(&[]);
    let error = manager.create(spec("one"), &Progress::default()).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let text = error.to_string();
    assert!(text.contains("sessctl login -a robot") && text.contains("ROBOT_KEY"), "{text}");
    crate::place::assert_nothing_left(&robot.world.place.layout());
}

/// S0.24, S4.39: a login that is asked for by its name is the one that is used: no variable takes its place, neither
/// where somebody is logged in under that name nor where nobody is.
#[tokio::test]
async fn a_named_login_is_the_one() {
    let robot = Robot::new();
    let key = "0123456789abcdefghijklmnop";
    let manager = robot.manager(&[("ROBOT_KEY", key), ("ROBOT_URL", "http://127.0.0.1:1")]);
    let asked = |session: &str| {
        let mut spec = spec(session);
        spec.agent_options.credentials = Some("work".to_owned());
        spec
    };
    let error = manager.create(asked("one"), &Progress::default()).await.expect_err("refused");
    assert!(error.to_string().contains("sessctl login -a robot --credentials work"), "{error}");
    assert!(!manager.login("robot", Some("work")).await.expect("a good name").ready);
    assert!(manager.login("robot", None).await.expect("a variable").by_variable);
    crate::place::assert_nothing_left(&robot.world.place.layout());

    let directory = robot.world.place.layout().credentials("robot", "work");
    std::fs::create_dir_all(&directory).expect("the home is writable");
    std::fs::write(directory.join("login.json"), "{}").expect("the home is writable");
    let record = create(&manager, asked("one")).await;
    start(&manager, &record).await;
    let (_, environment) = robot.last_launch();
    let get = |name: &str| environment.get(name).map(String::as_str);
    assert_eq!(get("ROBOT_KEY"), None, "another account would pay");
    assert_eq!(get("ROBOT_URL"), Some("http://127.0.0.1:1"));
    assert_eq!(get("ROBOT_LOGIN"), Some(directory.as_str()));
    let state = record.spec.agent_plan.expect("it has a plan").state.host;
    assert!(!read(&state.join("settings.json")).contains("ghijklmnop"));
}

/// Invariant 10: sessions in containers write in the login directory; what they leave there instead of a login is none,
/// and nothing on the host writes through it.
#[tokio::test]
async fn a_link_among_logins_is_refused() {
    let robot = Robot::new();
    let directory = robot.world.place.layout().credentials("robot", "default");
    std::fs::create_dir_all(&directory).expect("the home is writable");
    let victim = robot.world.place.project().join("victim");
    std::fs::write(&victim, "{}").expect("the project is writable");
    symlink(&victim, directory.join("login.json")).expect("the home is writable");
    let manager = robot.manager(&[]);
    assert!(!manager.login("robot", None).await.expect("it can be asked").ready);
    let error = manager.create(spec("one"), &Progress::default()).await.expect_err("no login");
    assert!(error.to_string().contains("nobody is logged in"), "{error}");
    let with_key = robot.manager(&[("ROBOT_KEY", "key")]);
    let error = with_key.create(spec("two"), &Progress::default()).await.expect_err("a link");
    assert!(format!("{error:?}").contains("is no file"), "{error:?}");
    crate::place::assert_nothing_left(&robot.world.place.layout());
    assert_eq!(read(&victim), "{}");
    // The person's own directory is their affair.
    std::fs::remove_file(directory.join("login.json")).expect("it is there");
    symlink(&victim, robot.theirs.join("login.json")).expect("it is theirs");
    create(&manager, spec("three")).await;
}

/// A person whose settings are a login needs no other, in sessions that have them; a variable that is one for a single answer only,
/// for that.
#[tokio::test]
async fn settings_and_single_answers_have_logins_too() {
    let robot = Robot::new();
    let manager = robot.manager(&[("ROBOT_ONCE", "key")]);
    let options = |change: &dyn Fn(&mut AgentOptions)| {
        let mut options = AgentOptions::default();
        change(&mut options);
        spec("one").with_agent_options(options)
    };
    let once = options(&|options| {
        options.prompt = Some("dig".to_owned());
        options.headless = true;
    });
    let staying = options(&|options| options.prompt = Some("dig".to_owned()));
    manager.plan(&staying).await.expect_err("nobody is logged in for more than an answer");
    // PROFILE can't answer and end; that is all that is wrong.
    let error = manager.plan(&once).await.expect_err("it can't");
    assert!(!error.to_string().contains("logged in"), "{error}");

    let settings = |text: &str| {
        std::fs::write(robot.theirs.join("settings.json"), text).expect("writable");
    };
    let refused = async |spec: &SessionSpec| match manager.plan(spec).await {
        Ok(_) => false,
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.contains("sessctl login -a robot") && text.contains("; or knock"),
                "{text}"
            );
            true
        }
    };
    for nothing in ["{}", "{ broken", r#"{"login": {"helper": ""}}"#, r#"{"provider": "ours"}"#] {
        settings(nothing);
        assert!(refused(&staying).await, "{nothing}");
    }
    settings(r#"{"provider": "theirs"}"#);
    assert!(!refused(&staying).await);
    settings(r#"{"login": {"helper": "/bin/key"}}"#);
    assert!(!refused(&staying).await);
    let login = manager.login("robot", None).await.expect("it can be asked");
    assert_eq!((login.by_setting.as_deref(), login.ready), (Some("login.helper"), true));
    let bare = options(&|options| options.preset = "bare".parse().expect("a preset"));
    assert!(refused(&bare).await, "its settings don't come along");
    let private = options(&|options| {
        options.share.insert("settings".to_owned(), SharePolicy::Private);
    });
    assert!(refused(&private).await);
}

/// How somebody is logged in is said where the person's file says nothing of it, and only there.
#[tokio::test]
async fn a_fallback_is_the_first_that_applies_and_no_more() {
    let robot = Robot::new();
    let auth = async |name: &str, environment: &[(&str, &str)]| {
        let record = create(&robot.manager(environment), spec(name)).await;
        let state = record.spec.agent_plan.expect("it has a plan").state.host;
        let settings: serde_json::Value =
            serde_json::from_str(&read(&state.join("settings.json"))).expect("JSON");
        assert_eq!(settings["keep"], 36500, "what is set is set");
        settings["auth"]["by"].as_str().map(str::to_owned)
    };
    let key = [("ROBOT_KEY", "x")];
    assert_eq!(auth("key", &key).await.as_deref(), Some("key"));
    robot.login();
    assert_eq!(auth("both", &key).await.as_deref(), Some("key"));
    assert_eq!(auth("login", &[("ROBOT_KEY", "")]).await.as_deref(), Some("login"));
    let theirs = r#"{"auth": {"by": "hand"}}"#;
    std::fs::write(robot.theirs.join("settings.json"), theirs).expect("writable");
    assert_eq!(auth("theirs", &key).await.as_deref(), Some("hand"));
}
