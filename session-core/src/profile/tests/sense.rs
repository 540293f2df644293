//! Profiles that can be read and make no sense.

use super::reading::{SMALL, one, problems};
use crate::profile::Profile;

/// Each thing that makes no sense, with its line.
#[test]
fn what_makes_no_sense() {
    let resource = |name: &str, more: &str| {
        format!("[[resources]]\nname = \"{name}\"\npolicy = \"private\"\n{more}\n")
    };
    let content = "[[resources]]\nname = \"x\"\nkind = \"file\"\npolicy = \"private\"\ntarget = \"x\"\nformat = \"json\"\n[resources.content]\n";
    let hidden = |directory: &str, file: &str, list: &str, text: &str| {
        let head = "kind = \"file\"\ntarget = \"x\"\nformat = \"json\"\ncontent = { a = 1 }";
        let head = resource("x", head);
        format!(
            "{head}[[resources.hidden]]\ndirectory = \"{directory}\"\nfile = \"{file}\"\nlist = \"{list}\"\nentry = {{ path = \"{text}\" }}\n"
        )
    };
    let outside = |name: &str, path: &str, what: &str| {
        format!(
            "[[outside]]\nname = \"{name}\"\npath = \"{path}\"\naccess = \"write\"\nwhat = \"{what}\"\n"
        )
    };
    let cases: Vec<(String, usize, &str)> = vec![
        ("[environment.unattended]\nA = \"${STAT}\"\n".into(), 12, "did you mean `${STATE}`?"),
        ("[environment.unattended]\nA = \"\"\n".into(), 12, "never set to an empty value"),
        ("[environment.unattended]\nA = \"${\"\n".into(), 12, "has no `}`"),
        ("[environment.unattended]\nA = \"${CREDENTIALS}\"\n".into(), 12, "needs `credentials.files`"),
        ("[environment.unattended]\n\"A B\" = \"1\"\n".into(), 12, "can't name a variable"),
        ("[environment.unattended]\nA = \"${PROMPT}\"\n".into(), 12, "is not known here"),
        ("[places.Config]\ndefault = \"/x\"\n".into(), 11, "lowercase"),
        ("[places.state]\ndefault = \"/x\"\n".into(), 11, "means something else"),
        ("[places.config]\ndefault = \"x\"\n".into(), 12, "no absolute path"),
        ("[places.config]\ndefault = \"${CONFIG}/x\"\n".into(), 12, "is not known here"),
        ("[places.config]\ndefault = \"/x\"\nbelow = \"../y\"\n".into(), 13, "without `..`"),
        (resource("x", "kind = \"directory\"\ntarget = \"/x\""), 15, "no path below"),
        (resource("x", "kind = \"directory\"\ntarget = \"a/../x\""), 15, "no path below"),
        (resource("x", "kind = \"directory\"\ntarget = \"x\"\nsource = \"${HOME}/../x\""), 16, "without `..`"),
        (resource("x", "kind = \"directory\"\ntarget = \"x\"\nformat = \"json\""), 16, "for files only"),
        (resource("x", "kind = \"directory\"\ntarget = \"x\"\npresets = { shared = \"shared-rw\" }"), 16, "without a `source`"),
        (resource("x", "kind = \"directory\"\ntarget = \"x\"\nsource = \"/x\"\npresets = { bare = \"shared-ro\" }"), 17, "under `bare`"),
        (resource("x", "kind = \"file\"\ntarget = \"x\"\nkeep = [\"a\"]\nsource = \"/x\""), 16, "needs a `format`"),
        (resource("x", "kind = \"file\"\ntarget = \"x\""), 11, "brings nothing"),
        (resource("X", "kind = \"directory\"\ntarget = \"x\""), 12, "lowercase"),
        (format!("{}{}", resource("x", "kind = \"directory\"\ntarget = \"x\""), resource("x", "kind = \"directory\"\ntarget = \"y\"")), 17, "there twice"),
        (format!("{}{}", resource("x", "kind = \"directory\"\ntarget = \"x\""), resource("y", "kind = \"directory\"\ntarget = \"x/y\"")), 20, "lies where `x` does"),
        (resource("x", "kind = \"directory\"\ntarget = \"x\"\nfallbacks = [{ content = { a = 1 } }]"), 16, "for files only"),
        (resource("x", "kind = \"file\"\ntarget = \"x\"\nsource = \"/x\"\nfallbacks = [{ content = { a = 1 } }]"), 17, "needs a `format`"),
        (resource("x", "kind = \"file\"\ntarget = \"x\"\nformat = \"json\"\nfallbacks = [{ content = { a = \"${NOPE}\" } }]"), 17, "is not known here"),
        (resource("x", "kind = \"file\"\ntarget = \"x\"\nformat = \"json\"\nfallbacks = [{ variable = \"KEY\", content = { a = 1 } }]"), 17, "`KEY` is no login; name one of `credentials.environment`"),
        (resource("x", "kind = \"file\"\ntarget = \"x\"\nformat = \"json\"\nfallbacks = [{ login = \"k.json\", content = { a = 1 } }]"), 17, "name one of `credentials.files`"),
        (format!("{content}a = [{{ \"${{NOPE}}\" = 1 }}]\n"), 17, "is not known here"),
        ("[credentials]\nlinks = { \"a.json\" = \"a.json\" }\nfiles = [\"b.json\"]\n".into(), 12, "is none of `credentials.files`"),
        ("[credentials]\nfiles = [\"../a\"]\n".into(), 12, "no path below"),
        ("[credentials]\nsettings = [{ resource = \"x\", key = \"a\" }]\n".into(), 12, "`x` is no resource"),
        (format!("{content}a = 1\n[credentials]\nsettings = [{{ resource = \"x\", key = \"a\" }}]\n"), 20, "no file of the person's"),
        ("[credentials]\nheadless = [\"a b\"]\n".into(), 12, "can't name a variable"),
        (hidden("x", "f", "l", "${FILE}"), 18, "no absolute path"),
        (hidden("${HOME}/x", "a/f", "l", "${FILE}"), 18, "no file's name"),
        (hidden("${HOME}/x", "f", "a..l", "${FILE}"), 18, "names no list"),
        (hidden("${HOME}/x", "f", "l", "${STATE}"), 18, "has no `${FILE}`"),
        (hidden("${HOME}/x", "f", "l", "${FILE} ${FIEL}"), 18, "is not known here"),
        ("[credentials]\nrequired = true\n".into(), 12, "nothing says how to log in"),
        ("[[checks]]\nname = \"a\"\nwhat = \"a\"\nremedy = \"b\"\n".into(), 11, "one of the two"),
        ("[[checks]]\nname = \"a\"\nwhat = \"a\"\nremedy = \"b\"\nfile = \"/x\"\nmode = \"rw\"\n".into(), 16, "octal"),
        ("[[checks]]\nname = \"a\"\nwhat = \"a\"\nremedy = \"b\"\nfile = \"${STATE}/x\"\n".into(), 15, "is not known here"),
        (outside("a", "${STATE}/x", "a"), 13, "is not known here"),
        (outside("a", "x", "a"), 13, "no absolute path"),
        (outside("A", "/x", "a"), 12, "lowercase"),
        (outside("a", "/x", " "), 15, "in one line"),
        (format!("{}{}", outside("a", "/x", "a"), outside("a", "/y", "a")), 17, "there twice"),
    ];
    for (more, line, part) in cases {
        let problem = one(&more);
        for part in [&format!("`robot.toml`, line {line}:"), part] {
            assert!(problem.contains(part), "{more}: no {part} in {problem}");
        }
    }
}

/// S1.21: whatever is said to be disposable, it is never what a conversation, a login or the session's settings are in.
#[test]
fn nothing_precious_is_disposable() {
    let more = r#"
[credentials]
files = ["login.json"]
links = { "login.json" = "secret/login.json" }
[mcp]
file = "servers.json"
format = "json"
key = "servers"
[mcp.local]
command = "${COMMAND}"
[conversation.database]
file = "data/talks.db"
conversations = "SELECT 1, 2"
[facts.live]
file = "live/*.json"
process = "pid"
[[resources]]
name = "settings"
kind = "file"
target = "settings.json"
policy = "private"
format = "json"
content = { a = 1 }
"#;
    let said = |path: &str| format!("disposable = [\"{path}\"]\n{SMALL}{more}");
    for path in [
        "logs",
        "log-*",
        "cache/x?",
        "data/log",
        "talk",
        "talks.jsonl",
        "secretly",
        "live.log",
        "data/talks.log",
    ] {
        if let Err(error) = Profile::from_toml("robot", &said(path), "robot.toml") {
            panic!("{path}: {error}");
        }
    }
    for (path, part) in [
        ("talks", "conversation.file"),
        ("talk*", "conversation.file"),
        ("t?lks", "conversation.file"),
        ("talks/a.jsonl", "conversation.file"),
        ("talks/x/y", "conversation.file"),
        ("data", "conversation.database"),
        ("data/talks.db-wal", "conversation.database"),
        ("data/t*", "conversation.database"),
        ("secret", "credentials.links"),
        ("secret/login.json/x", "credentials.links"),
        ("servers.json", "mcp.file"),
        ("live", "facts.live.file"),
        ("settings.json", "resources"),
        ("s*", "credentials.links"),
        ("*", "could be anything"),
        ("logs/*", "could be anything"),
        ("?ogs", "could be anything"),
        ("../logs", "without `..`"),
        ("/logs", "without `/`"),
        ("logs/", "without `/`"),
        ("", "no path below"),
        (".", "no path below"),
    ] {
        let problems = problems(&said(path));
        assert_eq!(problems.len(), 1, "{path}: {problems:#?}");
        assert!(
            problems[0].contains("line 1:") && problems[0].contains(part),
            "{path}: {problems:#?}"
        );
    }
}

/// What is said of directories, databases and commands that take conversations in goes together.
#[test]
fn conversations_that_are_no_files() {
    for (more, line, part) in [
        ("transcript = \"/x\"\n", 11, "no path below"),
        ("marks = [\"busy.*\"]\n", 11, "name its `conversation.transcript`"),
        ("own_id = \"a..b\"\n", 11, "names with dots between"),
        ("opened = \"open/${CONVERSATION_ID}\"\n", 11, "set `conversation.id` to \"agent\""),
        ("transcript = \"x\"\nmarks = [\"a/b\"]\n", 12, "is no name"),
        ("transcript = \"x\"\nmarks = [\"*\"]\n", 12, "is no name"),
        ("[conversation.database]\nfile = \"../x\"\nconversations = \"\"\n", 12, "no path below"),
        (
            "[conversation.database]\nfile = \"x\"\nconversations = \"\"\nhost = \"x\"\n",
            14,
            "no absolute path",
        ),
        (
            "transcript = \"x\"\n[conversation.database]\nfile = \"x\"\nconversations = \"\"\n",
            11,
            "is in a conversation's directory",
        ),
    ] {
        let problem = one(more);
        for part in [&format!("`robot.toml`, line {line}:"), part] {
            assert!(problem.contains(part), "{more}: no {part} in {problem}");
        }
    }
    let theirs = "title = \"x\"\nprogram = \"x\"\n[conversation]\nid = \"agent\"\nfile = \"talks/${CONVERSATION_ID}\"\n";
    let resource = "[[resources]]\nname = \"x\"\nkind = \"directory\"\npolicy = \"private\"\ntarget = \"open\"\n";
    for (more, part) in [
        ("opened = \"open/one\"\n".to_owned(), "with `${CONVERSATION_ID}` in it"),
        ("opened = \"../${CONVERSATION_ID}\"\n".to_owned(), "a path below `${STATE}`"),
        (format!("opened = \"open/${{CONVERSATION_ID}}\"\n{resource}"), "lies where `x` does"),
    ] {
        let problems = problems(&format!("{theirs}{more}"));
        assert_eq!(problems.len(), 1, "{problems:#?}");
        for part in ["`robot.toml`, line 6: `conversation.opened`", part] {
            assert!(problems[0].contains(part), "no {part} in {problems:#?}");
        }
    }
    let takes = |words: &str| {
        SMALL.replace("[environment.set]", &format!("import = {words}\n[environment.set]"))
    };
    for (text, part) in [
        (takes("[\"take\"]"), "has no `${FROM}`"),
        (takes("[\"${FROM}\", \"${STATE}\"]"), "`${STATE}` is not known here"),
        (format!("{}import = \"talks/x\"\n", takes("[\"${FROM}\"]")), "leave one of the two out"),
        (takes("[\"${FROM}\"]").replace("program = \"robot\"\n", ""), "needs a `program`"),
    ] {
        let problems = problems(&text);
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].contains(part), "no {part} in {problems:#?}");
    }
}

/// An id can only be put in where somebody says where conversations are.
#[test]
fn conversations_need_an_id() {
    let without = "title = \"x\"\nprogram = \"x\"\n[arguments]\nnew = [\"${CONVERSATION_ID}\"]\nresume = [\"-r\", \"${CONVERSATION_ID}\"]\n";
    let told = problems(without);
    assert!(told[0].contains("line 4") && told[0].contains("`conversation.id`"), "{told:#?}");
    assert!(told[1].contains("line 5") && told[1].contains("`conversation.file`"), "{told:#?}");
    let theirs =
        format!("{without}[conversation]\nid = \"agent\"\nfile = \"talks/${{CONVERSATION_ID}}\"\n");
    let told = problems(&theirs);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("line 4"), "{told:#?}");
    let inside = "title = \"x\"\nprogram = \"x\"\n[arguments]\nresume = [\"-r\", \"${CONVERSATION_ID}\"]\n[conversation]\nid = \"agent\"\nfile = \"talk.jsonl\"\n";
    assert!(problems(inside)[0].contains("`conversation.inside`"));
    let inside = format!("{inside}inside = \"id\"\n");
    Profile::from_toml("robot", &inside, "robot.toml").expect("it is valid");
    let told = problems("title = \"x\"\n[conversation]\ninside = \"id\"\n");
    assert!(told[0].contains("of the lines of `conversation.file`"), "{told:#?}");
    let told = problems(
        "title = \"x\"\n[conversation]\nid = \"ours\"\nfile = \"${CONVERSATION_ID}\"\ninside = \"id\"\n",
    );
    assert!(told[0].contains("line 5") && told[0].contains("an id that is not ours"), "{told:#?}");
    let told = problems("title = \"x\"\n[conversation]\nid = \"ours\"\n");
    assert!(told[0].contains("line 3"), "{told:#?}");
}
