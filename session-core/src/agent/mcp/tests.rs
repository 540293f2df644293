//! Merging and expanding, and the forms of real agents.

use std::collections::BTreeMap;

use camino::Utf8Path;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::expand::{Text, Values};
use super::render::render;
use super::servers::{Level, Servers};
use super::table;
use crate::profile::{Format, Mcp};

type Variables = BTreeMap<String, String>;

fn variables(pairs: &[(&str, &str)]) -> Variables {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn servers(level: Level, value: Value) -> Servers {
    let table = value.as_object().expect("a table").clone();
    Servers::read(&table, level, "test.json", None, |_| None).expect("good servers")
}

/// As Claude Code reads it.
fn json_form() -> Mcp {
    toml::from_str(
        r#"
file = "mcp.json"
format = "json"
key = "mcpServers"
reference = "${NAME}"
expands = ["${"]
local = { type = "stdio", command = "${COMMAND}", args = "${ARGUMENTS}", env = "${ENVIRONMENT}" }
remote = { type = "${TRANSPORT}", url = "${URL}", headers = "${HEADERS}" }
"#,
    )
    .expect("a good form")
}

fn rendered(all: &Servers, mcp: &Mcp) -> (Map<String, Value>, Variables) {
    let session = variables(&[
        ("CLAUDE_SESSION_DIR", "/s/1"),
        ("SESSCTL_PORT_db", "20001"),
        ("ODD", "${HOME} $HOME"),
    ]);
    let person = variables(&[("TOKEN", "ghp_secret"), ("HOME", "/home/me"), ("EMPTY", "")]);
    let rendered = render(all, mcp, &session, &person).expect("all is set");
    (rendered.servers, rendered.environment)
}

fn problems(all: &Servers) -> Vec<String> {
    let person = variables(&[("TOKEN", "ghp_secret"), ("EMPTY", "")]);
    render(all, &json_form(), &Variables::new(), &person).expect_err("something is wrong")
}

/// S4.22: the memory server works as it is written there.
#[test]
fn the_memory_server_of_the_older_launcher() {
    let all = servers(
        Level::Session,
        json!({"memory-local": {
            "command": "npx",
            "args": ["@modelcontextprotocol/server-memory@latest"],
            "env": {"MEMORY_DATA_DIR": "${CLAUDE_SESSION_DIR}/mcp-state/memory-local"}
        }}),
    );
    let (table, environment) = rendered(&all, &json_form());
    assert_eq!(
        Value::Object(table),
        json!({"memory-local": {
            "type": "stdio",
            "command": "npx",
            "args": ["@modelcontextprotocol/server-memory@latest"],
            "env": {"MEMORY_DATA_DIR": "/s/1/mcp-state/memory-local"}
        }})
    );
    assert_eq!(environment, Variables::new());
}

/// S1.18: what is of the person's environment is in no file; what a value holds is expanded by nobody.
#[test]
fn secrets_and_odd_values_go_by_environment() {
    let all = servers(
        Level::Person,
        json!({"github": {
            "url": "https://example.test/mcp",
            "headers": {"Authorization": "Bearer ${TOKEN}"},
        }, "odd": {
            "command": "run", "args": ["${ODD}", "$${HOME}", "$HOME"], "env": {"PORT": "${SESSCTL_PORT_db}"}
        }}),
    );
    let (table, environment) = rendered(&all, &json_form());
    assert_eq!(
        Value::Object(table),
        json!({"github": {
            "type": "http", "url": "https://example.test/mcp", "headers": {"Authorization": "${SESSCTL_MCP_1}"}
        }, "odd": {
            "type": "stdio", "command": "run", "args": ["${SESSCTL_MCP_2}", "${SESSCTL_MCP_3}", "$HOME"],
            "env": {"PORT": "20001"}
        }})
    );
    let expected = [
        ("SESSCTL_MCP_1", "Bearer ghp_secret"),
        ("SESSCTL_MCP_2", "${HOME} $HOME"),
        ("SESSCTL_MCP_3", "${HOME}"),
    ];
    assert_eq!(environment, variables(&expected));
}

/// S4.22: what is not set is refused, with the server, the key and the variable; so is an empty one.
#[test]
fn unset_variables_are_named() {
    let all = servers(
        Level::Session,
        json!({"a": {"command": "x", "args": ["-d", "${NOPE}/x"]}, "b": {"command": "x", "env": {"E": "${EMPTY}"}}}),
    );
    let problems = problems(&all);
    assert_eq!(problems.len(), 2, "{problems:?}");
    for (problem, parts) in
        problems.iter().zip([["`a`", "`args`", "`NOPE`"], ["`b`", "`env.E`", "`EMPTY`"]])
    {
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
    }
}

/// A project's file is a stranger's: it gets nothing of the person's, by no way.
#[test]
fn a_projects_file_gets_nothing_of_the_persons() {
    let asks = |value| problems(&servers(Level::Project, value));
    let problem = asks(json!({"evil": {"command": "send", "args": ["${TOKEN}"]}}));
    assert!(problem[0].contains("`TOKEN`") && problem[0].contains("--mcp-config"), "{problem:?}");
    // Its own default, though the person has such a variable.
    let default = json!({"evil": {"command": "send", "args": ["${TOKEN:-none}"]}});
    let (table, environment) = rendered(&servers(Level::Project, default), &json_form());
    assert_eq!(table["evil"]["args"], json!(["none"]));
    assert_eq!(environment, Variables::new());
    // Nor by changing a server of the person's.
    let persons = servers(
        Level::Person,
        json!({"github": {"command": "mine", "env": {"TOKEN": "${TOKEN}"}}}),
    );
    let over = |value| persons.clone().with(servers(Level::Project, value));
    let (table, environment) =
        rendered(&over(json!({"github": {"command": "evil"}})), &json_form());
    assert_eq!(table["github"], json!({"type": "stdio", "command": "evil"}));
    assert_eq!(environment, Variables::new());
    let said = problems(&over(json!({"github": {"env": {"HOST": "evil.test"}}})));
    assert!(said[0].contains("neither"), "{said:?}");
}

/// S4.22: later levels change single values, replace, and take out.
#[test]
fn levels_are_merged_by_name() {
    let all = servers(
        Level::Person,
        json!({
            "kept": {"command": "one", "args": ["a"], "env": {"A": "1", "B": "2"}},
            "replaced": {"command": "two", "env": {"A": "1"}},
            "removed": {"command": "three"},
            "off": {"command": "four"},
        }),
    )
    .with(servers(
        Level::Session,
        json!({
            "kept": {"args": ["b"], "env": {"B": 3}},
            "replaced": {"url": "http://127.0.0.1:1/", "type": "sse"},
            "removed": null,
            "off": {"disabled": true},
        }),
    ));
    let (table, _) = rendered(&all, &json_form());
    assert_eq!(
        Value::Object(table),
        json!({
            "kept": {"type": "stdio", "command": "one", "args": ["b"], "env": {"A": "1", "B": "3"}},
            "replaced": {"type": "sse", "url": "http://127.0.0.1:1/"},
        })
    );
}

/// Other agents' words for the same, read and written.
#[test]
fn forms_of_other_agents() {
    let mcp: Mcp = toml::from_str(
        r#"
file = "opencode.json"
format = "json"
key = "mcp"
reference = "{env:NAME}"
expands = ["{env:", "{file:"]
local = { type = "local", command = "${COMMAND_LINE}", environment = "${ENVIRONMENT}", enabled = true }
remote = { type = "remote", url = "${URL}", headers = "${HEADERS}", enabled = true }
"#,
    )
    .expect("a good form");
    let table = json!({"probe": {
        "type": "local", "command": ["node", "x.js"], "enabled": true,
        "environment": {"T": "{env:TOKEN}", "D": "${CLAUDE_SESSION_DIR}"}, "timeout": 5
    }});
    let table = table.as_object().expect("a table");
    let reference = mcp.reference.as_deref();
    let all = Servers::read(table, Level::Person, "opencode.json", reference, |_| None);
    let (table, environment) = rendered(&all.expect("good servers"), &mcp);
    assert_eq!(
        Value::Object(table),
        json!({"probe": {
            "type": "local", "command": ["node", "x.js"], "enabled": true,
            "environment": {"T": "{env:SESSCTL_MCP_1}", "D": "/s/1"}, "timeout": 5
        }})
    );
    assert_eq!(environment["SESSCTL_MCP_1"], "ghp_secret");
}

/// A form without a kind of server says so; what is no server is refused.
#[test]
fn what_can_not_be_used_is_said() {
    let mut mcp = json_form();
    mcp.remote = None;
    let all = servers(Level::Session, json!({"far": {"url": "http://x.test"}}));
    let said = render(&all, &mcp, &Variables::new(), &Variables::new()).expect_err("no form");
    assert!(said[0].contains("`far`"), "{said:?}");
    for (wrong, part) in [
        (json!({"a": 1}), "no table"),
        (json!({"a": {"command": []}}), "empty"),
        (json!({"a": {"command": 5}}), "`command`"),
        (json!({"a": {"command": "x", "url": "y"}}), "both"),
        (json!({"a": {"command": "x", "env": {"E": []}}}), "`E`"),
        (json!({"a": {"command": "x", "env": {"E=F": "1"}}}), "can't name a variable"),
        (json!({"a": {"command": ""}}), "`command` is empty"),
        (json!({"a": {"url": "http://x.test", "type": "htp"}}), "none of stdio, http, sse"),
        (json!({"": {"command": "x"}}), "name of a server"),
        (json!({"../a": {"command": "x"}}), "name of a server"),
        (json!({"\u{1b}[31m": {"command": "x"}}), "name of a server"),
    ] {
        let table = wrong.as_object().expect("a table");
        let wrong = Servers::read(table, Level::Session, "f", None, |_| None);
        let reason = wrong.expect_err("it is wrong").reason;
        assert!(reason.contains(part), "{reason}");
    }
    let more = json!({"a": {"url": "http://x.test", "type": "of their agent's"}});
    servers(Level::Person, more);
    for wrong in ["${", "${A", "${A B}", "${1}", "${A:-${B}}", "${}"] {
        assert!(Text::parse(wrong, None).is_err(), "{wrong}");
    }
}

/// What is wrong in a file is told with its line, in JSON and in TOML; and so is what is missing, with that of its server.
#[test]
fn mistakes_have_lines() {
    let path = Utf8Path::new("/f");
    let at = |format, text: &str| {
        table(format, text.as_bytes(), "mcp", path, Level::Session, None)
            .expect_err("it is wrong")
            .to_string()
    };
    let json =
        |server: &str| at(Format::Json, &format!("{{\n \"mcp\": {{\n  \"a\": {server}\n }}\n}}"));
    for (server, told) in [
        ("7", "`/f`, line 3: server `a` is no table"),
        ("{\n\n\"args\": \"x\"}", "`/f`, line 5: server `a`: `args` has another form"),
        ("{\"env\": {\n\"E\": []}}", "`/f`, line 4: server `a`: `E` has another form"),
        ("{\n\"command\": \"x\",\n\"url\": \"y\"}", "`/f`, line 3: server `a`: it has both"),
    ] {
        let said = json(server);
        assert!(said.contains(told), "{said}");
    }
    let said = at(Format::Json, "{\n\n\"mcp\": []}");
    assert!(said.contains("`/f`, line 3: `mcp` is no table"), "{said}");
    let said = at(Format::Toml, "[mcp.a]\ncommand = \"x\"\nargs = [1]\n");
    assert!(said.contains("`/f`, line 3: server `a`: `args` has another form"), "{said}");
    let said = at(Format::Toml, "[mcp]\n\na = = 1\n");
    assert!(said.contains("at line 3"), "{said}");

    let text = b"{\"mcp\": {\n\"a\": {\"args\": []},\n\"b\": {\"command\": \"${NOWHERE}\"}}}";
    let all = table(Format::Json, text, "mcp", path, Level::Session, None).expect("good forms");
    let none = Variables::new();
    let said = render(&all, &json_form(), &none, &none).expect_err("two are wrong");
    assert!(said[0].contains("`a` in `/f`, line 2: says neither"), "{said:?}");
    assert!(said[1].contains("`b` in `/f`, line 3: `command` needs `NOWHERE`"), "{said:?}");
}

/// Servers of one level, from a small space so that names and values meet.
fn any_servers() -> impl Strategy<Value = Servers> {
    let word = prop_oneof![Just("a"), Just("b"), Just("${X}")].prop_map(str::to_owned);
    let table = prop::collection::btree_map("[AB]", word.clone(), 0..3);
    let server = (
        prop::option::of(word.clone()),
        prop::option::of(prop::collection::vec(word.clone(), 0..3)),
        table.clone(),
        any::<bool>(),
        prop::option::of(any::<bool>()),
        any::<u8>(),
    );
    let server = server.prop_map(|(command, args, env, remote, enabled, null)| {
        if null < 20 {
            return Value::Null;
        }
        let mut server = Map::new();
        if let Some(command) = command {
            server.insert(if remote { "url" } else { "command" }.to_owned(), command.into());
        }
        if let Some(args) = args {
            server.insert("args".to_owned(), args.into());
        }
        if !env.is_empty() {
            server.insert("env".to_owned(), json!(env));
        }
        if let Some(enabled) = enabled {
            server.insert("enabled".to_owned(), enabled.into());
        }
        Value::Object(server)
    });
    let level = prop_oneof![Just(Level::Person), Just(Level::Project), Just(Level::Session)];
    (level, prop::collection::btree_map("[xy]", server, 0..3))
        .prop_map(|(level, table)| servers(level, json!(table)))
}

proptest! {
    /// In which order levels are put together makes no difference.
    #[test]
    fn merging_is_associative(a in any_servers(), b in any_servers(), c in any_servers()) {
        let left = a.clone().with(b.clone()).with(c.clone());
        let right = a.with(b.with(c));
        prop_assert_eq!(left, right);
    }

    /// Nothing on top changes nothing, and so does the same again.
    #[test]
    fn merging_has_a_neutral_and_is_idempotent(a in any_servers()) {
        prop_assert_eq!(a.clone().with(Servers::default()), a.clone());
        prop_assert_eq!(Servers::default().with(a.clone()), a.clone());
        prop_assert_eq!(a.clone().with(a.clone()), a);
    }

    /// What a value holds stands in the text as it is, whatever it looks like.
    #[test]
    fn nothing_is_expanded_twice(value in "[$\\{}A-Z:-]{1,12}", before in "[a-z/]{0,4}", after in "[a-z/]{0,4}") {
        let session = variables(&[("V", &value), ("A", "wrong"), ("B", "wrong")]);
        let text = format!("{before}${{V}}{after}");
        let parsed = Text::parse(&text, None).expect("a good text");
        let expanded = parsed.expand(Values { session: &session, person: None }).expect("it is set");
        prop_assert_eq!(expanded.text, format!("{before}{value}{after}"));
    }

    /// Any text can be written so that it arrives.
    #[test]
    fn anything_can_be_written_literally(value in "[${}a-zA-Z:-]{0,16}") {
        let escaped = value.replace("${", "$${");
        let parsed = Text::parse(&escaped, None).expect("a good text");
        let session = Variables::new();
        let expanded = parsed.expand(Values { session: &session, person: None }).expect("no variable");
        prop_assert_eq!(expanded.text, value);
    }

    /// A variable that is not set is an error that names it, or its default; never an empty or a literal text.
    #[test]
    fn unset_is_an_error(name in "[A-Za-z_][A-Za-z0-9_]{0,8}", default in prop::option::of("[a-z$]{0,5}"), person in any::<bool>()) {
        let text = match &default {
            Some(default) => format!("x${{{name}:-{default}}}"),
            None => format!("x${{{name}}}"),
        };
        let parsed = Text::parse(&text, None).expect("a good text");
        let (session, empty) = (Variables::new(), variables(&[(&name, "")]));
        let values = Values { session: &session, person: person.then_some(&empty) };
        match default {
            Some(default) => prop_assert_eq!(parsed.expand(values).expect("a default").text, format!("x{default}")),
            None => prop_assert_eq!(parsed.expand(values).expect_err("not set"), name),
        }
    }

    /// Whatever stands in a file, reading and expanding it ends in values or reasons.
    #[test]
    fn nothing_panics(text in "\\PC{0,24}", reference in prop::option::of("\\PC{0,6}NAME\\PC{0,3}")) {
        if let Ok(parsed) = Text::parse(&text, reference.as_deref()) {
            let session = Variables::new();
            let _ = parsed.expand(Values { session: &session, person: None });
            let _ = parsed.names().count();
        }
    }
}
