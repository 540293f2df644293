//! What the model answers: the person's last words say it.
//!
//! | words | answer |
//! |---|---|
//! | `SAY text` | `said text` |
//! | `RECALL` | `recalled N: …`, all that was said before |
//! | `SYSTEM word` | `told N: …`, the words of the system prompt and of the tools that begin with it and are longer |
//! | `TOOLS` | `offered N: …`, the tools' names |
//! | `TOOL name {"json": 1}` | a call of the tool; then `result …` |
//! | `SLEEP ms` | `slept`, later |
//! | `DRIP count ms` | `drop-0 drop-1 …`, one at a time |
//! | `ERROR status` | that status |
//! | anything else | `noted` |
//!
//! No answer has the words of its question at its beginning, so a test that waits for one on a
//! screen doesn't find the question.

use std::time::Duration;

use serde_json::Value;

use super::conversation::Conversation;

/// What the model does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// Says the pieces, waiting before each.
    Text(Vec<String>, Duration),
    /// Calls a tool.
    Call(String, Value),
    /// Fails with this status.
    Error(u16),
}

impl Answer {
    fn text(text: impl Into<String>) -> Self {
        Self::Text(vec![text.into()], Duration::ZERO)
    }

    /// The answer to what was said last.
    pub(crate) fn to(asked: &Conversation) -> Self {
        if let Some(result) = &asked.result {
            return Self::text(format!("result {}", result.chars().take(4000).collect::<String>()));
        }
        let Some((last, before)) = asked.said.split_last() else { return Self::text("noted") };
        let orders = last.lines().rev().filter_map(|line| Self::ordered(line, before, asked));
        orders.into_iter().next().unwrap_or_else(|| Self::text("noted"))
    }

    /// What a line orders; nothing if it is no order.
    fn ordered(line: &str, before: &[String], asked: &Conversation) -> Option<Self> {
        let line = line.trim().trim_matches('"');
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = |text: &str| text.parse().ok();
        Some(match word {
            "SAY" => Self::text(format!("said {rest}")),
            "RECALL" => {
                let before: Vec<_> = before.iter().map(|said| said.replace('\n', " ")).collect();
                Self::text(listed("recalled", &before))
            }
            "SYSTEM" => Self::text(listed("told", &words(&asked.system, rest))),
            "TOOLS" => Self::text(listed("offered", &asked.tools)),
            // Who offers none asks for something else by these words, such as a title.
            "TOOL" if asked.tools.is_empty() => return None,
            "TOOL" => {
                let (name, input) = rest.split_once(' ').unwrap_or((rest, "{}"));
                let quoted = input.replace("\\\"", "\"");
                let input = serde_json::from_str(input).or_else(|_| serde_json::from_str(&quoted));
                Self::Call(name.to_owned(), input.ok()?)
            }
            "SLEEP" => Self::Text(vec!["slept".to_owned()], Duration::from_millis(number(rest)?)),
            "DRIP" => {
                let (count, gap) = rest.split_once(' ')?;
                let drops = (0..number(count)?).map(|at| format!("drop-{at} ")).collect();
                Self::Text(drops, Duration::from_millis(number(gap)?))
            }
            "ERROR" => Self::Error(rest.parse().ok()?),
            _ => return None,
        })
    }
}

fn listed(word: &str, found: &[String]) -> String {
    format!("{word} {}: {}", found.len(), found.join(" | "))
}

/// The different words of a text that begin with `prefix` and go on.
fn words(text: &str, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in text.split(|letter: char| !letter.is_alphanumeric() && letter != '-') {
        let word = word.to_owned();
        if !prefix.is_empty()
            && word.len() > prefix.len()
            && word.starts_with(prefix)
            && !found.contains(&word)
        {
            found.push(word);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(said: &[&str]) -> Answer {
        let said = said.iter().map(|said| (*said).to_owned()).collect();
        let system = "rules: ZZONE, ZZTWO.\nZZ ZZONE".to_owned();
        Answer::to(&Conversation { said, system, tools: vec!["Bash".to_owned()], result: None })
    }

    #[test]
    fn the_last_words_order_the_answer() {
        let table = [
            (&["hello"][..], "noted"),
            (&[][..], "noted"),
            (&["SAY pong"][..], "said pong"),
            (&["quoted\n\"SAY pong\""][..], "said pong"),
            (&["one", "two\nlines", "RECALL"][..], "recalled 2: one | two lines"),
            (&["SYSTEM ZZ"][..], "told 2: ZZONE | ZZTWO"),
            (&["TOOLS"][..], "offered 1: Bash"),
            (&["TOOL Bash not json"][..], "noted"),
            (&["SAYING nothing"][..], "noted"),
        ];
        for (said, expected) in table {
            assert_eq!(answer(said), Answer::text(expected), "{said:?}");
        }
        assert_eq!(answer(&["ERROR 529"]), Answer::Error(529));
        let call = Answer::Call("Bash".to_owned(), json!({"command": "ls"}));
        assert_eq!(answer(&[r#"TOOL Bash {"command":"ls"}"#]), call);
        assert_eq!(answer(&[r#""TOOL Bash {\"command\":\"ls\"}""#]), call);
        let drip = Answer::Text(vec!["drop-0 ".into(), "drop-1 ".into()], Duration::from_millis(5));
        assert_eq!(answer(&["DRIP 2 5"]), drip);
    }

    #[test]
    fn a_result_is_said_first() {
        let asked = Conversation {
            said: vec!["TOOL Bash {}".to_owned()],
            result: Some("42".to_owned()),
            ..Conversation::default()
        };
        assert_eq!(Answer::to(&asked), Answer::text("result 42"));
    }
}
