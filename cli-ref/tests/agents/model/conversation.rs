//! What the protocols have in common: who said what, and what the model may use.

use serde_json::Value;

/// What agents say in the person's name, by its beginning: files of instructions, and examples of how to talk to them.
const ASIDES: [&str; 8] = [
    "# AGENTS.md",
    "Change the greeting to be more casual",
    "I switched to a new code base.",
    "Here are summaries of some files present in my git repository.",
    "I have *added these files to the chat*",
    "I am not sharing any files that you can edit yet.",
    "I am not sharing the full contents of any files with you yet.",
    "Don't try and edit any existing code without asking me",
];

/// A request for an answer, whichever protocol it came by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Conversation {
    /// All that the model is told and no person said: system prompts, reminders, files of instructions, what tools say of themselves.
    pub(crate) system: String,
    /// What the person said, in order; agents' side questions count as said.
    pub(crate) said: Vec<String>,
    /// The names of the tools that are offered.
    pub(crate) tools: Vec<String>,
    /// The last tool's result, if nobody has said anything since.
    pub(crate) result: Option<String>,
}

impl Conversation {
    /// From `POST …/messages` (Anthropic).
    pub(crate) fn of_messages(body: &Value) -> Self {
        let mut found = Self::offered(&body["tools"]);
        found.told(&text(&body["system"]));
        for message in list(&body["messages"]) {
            let content = &message["content"];
            match message["role"].as_str() {
                Some("user") => {
                    let results = list(content).iter();
                    let mut results = results.filter(|block| block["type"] == "tool_result");
                    match results.next_back() {
                        Some(result) => found.result = Some(text(&result["content"])),
                        None => found.result = None,
                    }
                    found.heard(content);
                }
                Some("system") => found.told(&text(content)),
                _ => {}
            }
        }
        found
    }

    /// From `POST …/responses` (OpenAI).
    pub(crate) fn of_responses(body: &Value) -> Self {
        let mut found = Self::offered(&body["tools"]);
        found.told(&text(&body["instructions"]));
        for item in list(&body["input"]) {
            let kind = item["type"].as_str().unwrap_or_default();
            match item["role"].as_str() {
                Some("system" | "developer") => found.told(&text(&item["content"])),
                Some("user") => {
                    found.result = None;
                    found.heard(&item["content"]);
                }
                _ if kind.ends_with("_call_output") => found.result = Some(text(&item["output"])),
                _ => {}
            }
        }
        if body["input"].is_string() {
            found.heard(&body["input"]);
        }
        found
    }

    /// From `POST …/chat/completions` (OpenAI, and whoever does the same).
    pub(crate) fn of_chat(body: &Value) -> Self {
        let functions = list(&body["tools"]).iter().map(|tool| tool["function"].clone());
        let mut found = Self::offered(&Value::Array(functions.collect()));
        for message in list(&body["messages"]) {
            let content = &message["content"];
            match message["role"].as_str() {
                Some("system" | "developer") => found.told(&text(content)),
                Some("tool") => found.result = Some(text(content)),
                Some("user") => {
                    found.result = None;
                    found.heard(content);
                }
                _ => {}
            }
        }
        found
    }

    /// From `POST …:generateContent` and `:streamGenerateContent` (Google).
    pub(crate) fn of_contents(body: &Value) -> Self {
        let declared = list(&body["tools"]).iter().flat_map(|it| list(&it["functionDeclarations"]));
        let mut found = Self::offered(&Value::Array(declared.cloned().collect()));
        found.told(&text(&body["systemInstruction"]["parts"]));
        for content in list(&body["contents"]) {
            if content["role"] == "model" {
                continue;
            }
            let results = list(&content["parts"]).iter();
            let mut results = results.filter_map(|part| part.get("functionResponse"));
            found.result = results.next_back().map(|result| result["response"].to_string());
            found.heard(&content["parts"]);
        }
        found
    }

    /// A conversation without words yet: the tools, and what they tell.
    fn offered(tools: &Value) -> Self {
        let mut found = Self { tools: names(tools), ..Self::default() };
        found.told_all(tools);
        found
    }

    fn told(&mut self, text: &str) {
        self.system.push_str(text);
        self.system.push('\n');
    }

    /// Takes every text in it for told: a list of skills may stand in a tool's description, or in one of its parameters.
    fn told_all(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.told(text),
            Value::Array(values) => values.iter().for_each(|value| self.told_all(value)),
            Value::Object(values) => values.values().for_each(|value| self.told_all(value)),
            _ => {}
        }
    }

    /// Takes a message of the person's side apart: agents put reminders and files beside the words.
    fn heard(&mut self, content: &Value) {
        let blocks = match content {
            Value::Array(blocks) => blocks.iter().filter(|it| it["text"].is_string()).collect(),
            whole => vec![whole],
        };
        let mut said = Vec::new();
        for block in blocks {
            let mut words = String::new();
            for (part, is_reminder) in reminders(&text(block)) {
                if is_reminder {
                    self.told(part);
                } else {
                    words.push_str(part);
                }
            }
            let mut words = words.trim();
            while let Some((tagged, rest)) = leading_element(words) {
                self.told(tagged);
                words = rest.trim_start();
            }
            if ASIDES.iter().any(|begin| words.starts_with(begin)) {
                self.told(words);
            } else if !words.is_empty() {
                said.push(words.to_owned());
            }
        }
        if !said.is_empty() {
            self.said.push(said.join("\n"));
        }
    }
}

/// A `<name>…</name>` at the beginning, and what follows it: agents say so what no person said.
fn leading_element(text: &str) -> Option<(&str, &str)> {
    let name = text.strip_prefix('<')?.split(['>', ' ']).next()?;
    let end = format!("</{name}>");
    text.find(&end).map(|at| text.split_at(at + end.len()))
}

/// The parts of a text, and which of them are reminders.
fn reminders(text: &str) -> Vec<(&str, bool)> {
    const BEGIN: &str = "<system-reminder>";
    const END: &str = "</system-reminder>";
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(BEGIN) {
        parts.push((&rest[..at], false));
        let end = rest[at..].find(END).map_or(rest.len(), |end| at + end + END.len());
        parts.push((&rest[at..end], true));
        rest = &rest[end..];
    }
    parts.push((rest, false));
    parts
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a string, of a block, or of a list of either.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts: Vec<_> = blocks.iter().map(text).filter(|it| !it.is_empty()).collect();
            texts.join("\n")
        }
        Value::Object(block) => {
            let part = block.get("text").or_else(|| block.get("content"));
            part.map(text).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// Tools that come in a namespace have it before them, and a `/` between.
fn names(tools: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for tool in list(tools) {
        let Some(name) = tool["name"].as_str().or(tool["type"].as_str()) else { continue };
        let inner = names(&tool["tools"]);
        if inner.is_empty() {
            found.push(name.to_owned());
        }
        found.extend(inner.into_iter().map(|inner| format!("{name}/{inner}")));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reminder_is_told_and_not_said() {
        let content = json!([
            {"type": "text", "text": "<system-reminder>rule ZZONE</system-reminder>"},
            {"type": "text", "text": "remember PLUM <system-reminder>ZZTWO</system-reminder>"},
        ]);
        let body = json!({
            "system": [{"type": "text", "text": "be good"}],
            "messages": [
                {"role": "user", "content": content},
                {"role": "assistant", "content": [{"type": "text", "text": "noted"}]},
                {"role": "user", "content": "RECALL"},
            ],
            "tools": [{"name": "Bash"}],
        });
        let found = Conversation::of_messages(&body);
        assert_eq!(found.said, ["remember PLUM", "RECALL"]);
        assert_eq!(found.tools, ["Bash"]);
        assert_eq!(found.result, None);
        for told in ["be good", "ZZONE", "ZZTWO"] {
            assert!(found.system.contains(told), "{found:?}");
        }
    }

    #[test]
    fn a_result_counts_until_somebody_speaks() {
        let call = json!({"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "42"}]}]});
        let mut messages = vec![json!({"role": "user", "content": "TOOL"}), call];
        let found = Conversation::of_messages(&json!({ "messages": messages }));
        assert_eq!(found.result.as_deref(), Some("42"));
        messages.push(json!({"role": "user", "content": "on"}));
        let found = Conversation::of_messages(&json!({ "messages": messages }));
        assert_eq!((found.result, found.said.len()), (None, 2));
    }

    /// What leaks into a tool's description is no less told.
    #[test]
    fn tools_tell_of_themselves() {
        let name = json!({"type": "string", "enum": ["ZZNAME"]});
        let tool = json!({
            "name": "skill",
            "description": "Skills:\nZZTOOL",
            "parameters": {"type": "object", "properties": {"name": name}},
        });
        let of = [
            Conversation::of_messages(&json!({"tools": [tool]})),
            Conversation::of_responses(&json!({"tools": [{"name": "all", "tools": [tool]}]})),
            Conversation::of_chat(&json!({"tools": [{"type": "function", "function": tool}]})),
            Conversation::of_contents(&json!({"tools": [{"functionDeclarations": [tool]}]})),
        ];
        for found in of {
            for told in ["ZZTOOL", "ZZNAME"] {
                assert!(found.system.contains(told), "{found:?}");
            }
            assert!(found.said.is_empty(), "{found:?}");
        }
    }

    #[test]
    fn tools_are_found_in_their_namespaces() {
        let body = json!({"tools": [
            {"type": "function", "name": "shell"},
            {"type": "namespace", "name": "mcp__a", "tools": [{"name": "one"}, {"name": "two"}]},
            {"type": "web_search"},
        ]});
        let found = Conversation::of_responses(&body).tools;
        assert_eq!(found, ["shell", "mcp__a/one", "mcp__a/two", "web_search"]);
    }

    #[test]
    fn the_context_of_gemini_is_not_said() {
        let said = |text: &str| json!({"role": "user", "parts": [{"text": text}]});
        let call = json!({"functionCall": {"name": "shell", "args": {}}});
        let result = json!({"functionResponse": {"name": "shell", "response": {"output": "42"}}});
        let mut body = json!({
            "systemInstruction": {"role": "user", "parts": [{"text": "ZZSYS"}]},
            "tools": [{"functionDeclarations": [{"name": "shell"}, {"name": "edit"}]}],
            "contents": [
                said("<session_context>\nZZCONTEXT\n</session_context>"),
                said("remember PLUM"),
                {"role": "model", "parts": [call]},
                {"role": "user", "parts": [result]},
            ],
        });
        let found = Conversation::of_contents(&body);
        assert_eq!(
            (found.said, found.tools),
            (vec!["remember PLUM".to_owned()], vec!["shell".to_owned(), "edit".to_owned()])
        );
        assert_eq!(found.result.as_deref(), Some(r#"{"output":"42"}"#));
        for told in ["ZZSYS", "ZZCONTEXT"] {
            assert!(found.system.contains(told), "{}", found.system);
        }
        body["contents"].as_array_mut().expect("a list").push(said("on"));
        assert_eq!(Conversation::of_contents(&body).result, None);
    }

    #[test]
    fn the_environment_of_codex_is_not_said() {
        let user = |text: &str| json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]});
        let input = json!([
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "ZZDEV"}]},
            user("# AGENTS.md instructions for /p\n\nZZMD"),
            user("<environment_context>ZZENV</environment_context>"),
            user("<now>ZZNOW</now>\n\nremember PLUM"),
            {"type": "function_call", "name": "shell", "call_id": "1"},
            {"type": "function_call_output", "call_id": "1", "output": "done"},
        ]);
        let found = Conversation::of_responses(&json!({"instructions": "ZZSYS", "input": input}));
        assert_eq!(found.said, ["remember PLUM"]);
        assert_eq!(found.result.as_deref(), Some("done"));
        for told in ["ZZDEV", "ZZMD", "ZZENV", "ZZNOW", "ZZSYS"] {
            assert!(found.system.contains(told), "{found:?}");
        }
    }
}
