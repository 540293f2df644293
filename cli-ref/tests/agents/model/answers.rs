//! An answer in the words of each protocol, whole or as events.

use std::io::{Read, Result, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::http::Connection;
use super::script::Answer;

/// One answer: the document, and the events that make the same.
#[derive(Debug, Default)]
pub(super) struct Told {
    whole: Value,
    before: Vec<Value>,
    /// One for each piece of text; the gap is before each.
    pieces: Vec<Value>,
    gap: Duration,
    after: Vec<Value>,
    /// Whether a word of its own ends the events.
    ends_with_done: bool,
}

impl Told {
    /// Sends it as it was asked for.
    pub(super) fn send<S: Read + Write>(
        &self,
        to: &mut Connection<S>,
        as_events: bool,
    ) -> Result<()> {
        if !as_events {
            self.pieces.iter().for_each(|_| std::thread::sleep(self.gap));
            return to.json(200, &self.whole);
        }
        to.begin_events()?;
        for event in &self.before {
            to.event(event)?;
        }
        for piece in &self.pieces {
            std::thread::sleep(self.gap);
            to.event(piece)?;
        }
        for event in &self.after {
            to.event(event)?;
        }
        if self.ends_with_done {
            to.done_event()?;
        }
        to.end_events()
    }
}

/// Anthropic's messages. Agents tell answers and calls apart by what is made of `id`.
pub(super) fn messages(id: u32, asked: &Value, answer: &Answer) -> Told {
    let (block, empty, deltas, gap, stop) = match answer {
        Answer::Call(name, input) => {
            let block = |input: &Value| json!({"type": "tool_use", "id": format!("toolu_test{id}"), "name": name, "input": input});
            let delta = json!({"type": "input_json_delta", "partial_json": input.to_string()});
            (block(input), block(&json!({})), vec![delta], Duration::ZERO, "tool_use")
        }
        Answer::Text(pieces, gap) => {
            let block = |text: String| json!({"type": "text", "text": text});
            let delta = |text: &String| json!({"type": "text_delta", "text": text});
            let deltas = pieces.iter().map(delta).collect();
            (block(pieces.concat()), block(String::new()), deltas, *gap, "end_turn")
        }
        Answer::Error(_) => return Told::default(),
    };
    let message = |content: Value, stop: Option<&str>| {
        json!({
            "id": format!("msg_test{id}"), "type": "message", "role": "assistant",
            "model": asked["model"], "content": content, "stop_reason": stop, "stop_sequence": null,
            "usage": {
                "input_tokens": 10, "output_tokens": 5,
                "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            },
        })
    };
    let piece = |delta| json!({"type": "content_block_delta", "index": 0, "delta": delta});
    let end = json!({"stop_reason": stop, "stop_sequence": null});
    Told {
        whole: message(json!([block]), Some(stop)),
        before: vec![
            json!({"type": "message_start", "message": message(json!([]), None)}),
            json!({"type": "content_block_start", "index": 0, "content_block": empty}),
        ],
        pieces: deltas.into_iter().map(piece).collect(),
        gap,
        after: vec![
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": end, "usage": {"output_tokens": 5}}),
            json!({"type": "message_stop"}),
        ],
        ends_with_done: false,
    }
}

/// OpenAI's responses.
pub(super) fn responses(id: u32, asked: &Value, answer: &Answer) -> Told {
    let (item, begun, pieces, gap) = match answer {
        Answer::Call(name, input) => {
            let mut item = json!({
                "type": "function_call", "id": format!("fc_test{id}"), "call_id": format!("call_test{id}"),
                "name": name, "arguments": input.to_string(), "status": "completed",
            });
            if let Some((space, name)) = name.split_once('/') {
                (item["namespace"], item["name"]) = (space.into(), name.into());
            }
            (item.clone(), item, Vec::new(), Duration::ZERO)
        }
        Answer::Text(pieces, gap) => {
            let item = |status: &str, content: Value| {
                json!({
                    "type": "message", "id": format!("msg_test{id}"), "role": "assistant",
                    "status": status, "content": content,
                })
            };
            let text = json!({"type": "output_text", "text": pieces.concat(), "annotations": []});
            let piece = |text| {
                json!({
                    "type": "response.output_text.delta", "item_id": format!("msg_test{id}"),
                    "output_index": 0, "content_index": 0, "delta": text,
                })
            };
            let begun = item("in_progress", json!([]));
            let pieces = pieces.iter().map(piece).collect();
            (item("completed", json!([text])), begun, pieces, *gap)
        }
        Answer::Error(_) => return Told::default(),
    };
    let response = |status: &str, output: Value| {
        json!({
            "id": format!("resp_test{id}"), "object": "response", "created_at": 1_700_000_000,
            "status": status, "model": asked["model"], "output": output,
            "usage": {
                "input_tokens": 10, "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 15,
            },
        })
    };
    let whole = response("completed", json!([item]));
    let begin = response("in_progress", json!([]));
    Told {
        before: vec![
            json!({"type": "response.created", "response": begin}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": begun}),
        ],
        pieces,
        gap,
        after: vec![
            json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
            json!({"type": "response.completed", "response": whole}),
        ],
        whole,
        ends_with_done: false,
    }
}

/// OpenAI's chat.
pub(super) fn chat(id: u32, asked: &Value, answer: &Answer) -> Told {
    let (message, deltas, gap, finish) = match answer {
        Answer::Call(name, input) => {
            let call = json!([{
                "index": 0, "id": format!("call_test{id}"), "type": "function",
                "function": {"name": name, "arguments": input.to_string()},
            }]);
            let message = json!({"role": "assistant", "content": null, "tool_calls": call});
            (message, vec![json!({ "tool_calls": call })], Duration::ZERO, "tool_calls")
        }
        Answer::Text(pieces, gap) => {
            let message = json!({"role": "assistant", "content": pieces.concat()});
            let deltas = pieces.iter().map(|text| json!({ "content": text })).collect();
            (message, deltas, *gap, "stop")
        }
        Answer::Error(_) => return Told::default(),
    };
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
    let document = |object: &str, choice: Value, usage: Value| {
        json!({
            "id": format!("chatcmpl-test{id}"), "object": object, "created": 1_700_000_000,
            "model": asked["model"], "choices": [choice], "usage": usage,
        })
    };
    let chunk = |delta: Value, finish: Option<&str>, usage| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        document("chat.completion.chunk", choice, usage)
    };
    let choice = json!({"index": 0, "message": message, "finish_reason": finish});
    let begin = json!({"role": "assistant", "content": ""});
    Told {
        whole: document("chat.completion", choice, usage.clone()),
        before: vec![chunk(begin, None, Value::Null)],
        pieces: deltas.into_iter().map(|delta| chunk(delta, None, Value::Null)).collect(),
        gap,
        after: vec![chunk(json!({}), Some(finish), usage)],
        ends_with_done: true,
    }
}

/// Google's contents.
pub(super) fn contents(_: u32, _: &Value, answer: &Answer) -> Told {
    let document = |parts: Value, finish: Option<&str>| {
        json!({
            "candidates": [{
                "index": 0, "content": {"role": "model", "parts": parts}, "finishReason": finish,
            }],
            "usageMetadata": {
                "promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15,
            },
            "modelVersion": "test",
        })
    };
    let (parts, pieces, gap) = match answer {
        Answer::Call(name, input) => {
            (json!([{"functionCall": {"name": name, "args": input}}]), Vec::new(), Duration::ZERO)
        }
        Answer::Text(pieces, gap) => {
            let piece = |text: &String| document(json!([{ "text": text }]), None);
            (json!([{"text": pieces.concat()}]), pieces.iter().map(piece).collect(), *gap)
        }
        Answer::Error(_) => return Told::default(),
    };
    let whole = document(parts, Some("STOP"));
    let last = match pieces.is_empty() {
        true => whole.clone(),
        false => document(json!([{"text": ""}]), Some("STOP")),
    };
    Told { whole, pieces, gap, after: vec![last], ..Told::default() }
}

/// A failure, as all of them word it.
pub(super) fn error(message: &str) -> Value {
    json!({"type": "error", "error": {"type": "api_error", "message": message, "code": "test"}})
}

/// The list of models.
pub(super) fn models() -> Value {
    let ids = ["claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-5", "gpt-5-codex", "test"];
    let model = |id: &&str| {
        json!({
            "id": id, "object": "model", "type": "model", "display_name": id, "owned_by": "test",
            "created": 1_700_000_000, "created_at": "2025-01-01T00:00:00Z",
        })
    };
    let data: Vec<_> = ids.iter().map(model).collect();
    json!({"object": "list", "data": data, "has_more": false, "first_id": ids[0], "last_id": "test"})
}
