//! What the mock provider answers, as its configuration writes it down.

use std::time::Duration;

use serde_json::Value;

use super::reader::{Node, Reader};
use crate::llm::answer::{Answer, Fault, FaultKind, Tokens};
use crate::llm::conversation::ToolCall;

/// An answer that is written down.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// It answers this; tokens that are not said are counted.
    Says { answer: Answer, counted: bool },
    /// It fails like this.
    Fails(Fault),
}

/// `{replies: [text or {content, toolCalls, finishReason, usage, error}, …]}`.
pub(super) fn replies(reader: &mut Reader, node: &Node<'_>) -> Option<Vec<Reply>> {
    let mut fields = reader.object(node, "an object with `replies`")?;
    let list = fields.take("replies").and_then(|node| reader.list(&node, "a list of answers"));
    reader.finish(&fields);
    let replies: Vec<Reply> = list?.iter().filter_map(|node| reply(reader, node)).collect();
    Some(replies).filter(|replies| !replies.is_empty())
}

fn reply(reader: &mut Reader, node: &Node<'_>) -> Option<Reply> {
    if !node.value.is_object() {
        let content = reader.text(node)?;
        return Some(Reply::Says {
            answer: Answer { content, finish: Some("stop".to_owned()), ..Answer::default() },
            counted: true,
        });
    }
    let mut fields = reader.object(node, "a text or an object")?;
    let error = fields.take("error").and_then(|node| fault(reader, &node));
    let content = fields.take("content").map(|node| match node.value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    });
    let calls: Vec<ToolCall> = fields
        .take("toolCalls")
        .and_then(|node| reader.list(&node, "a list of calls"))
        .into_iter()
        .flatten()
        .enumerate()
        .filter_map(|(index, node)| call(reader, &node, index))
        .collect();
    let finish = fields.take("finishReason").and_then(|node| reader.name(&node));
    let usage = fields.take("usage").and_then(|node| tokens(reader, &node));
    reader.finish(&fields);
    if let Some(fault) = error {
        return Some(Reply::Fails(fault.spent(usage.unwrap_or_default())));
    }
    let finish = finish.unwrap_or_else(|| if calls.is_empty() { "stop" } else { "tool_calls" }.to_owned());
    let tokens = usage.unwrap_or_default();
    let answer = Answer { content: content.unwrap_or_default(), calls, finish: Some(finish), tokens };
    Some(Reply::Says { answer, counted: usage.is_none() })
}

fn call(reader: &mut Reader, node: &Node<'_>, index: usize) -> Option<ToolCall> {
    let mut fields = reader.object(node, "an object with `name` and `arguments`")?;
    let name = fields.take("name").and_then(|node| reader.name(&node));
    let id = fields.take("id").and_then(|node| reader.name(&node));
    let arguments = fields.take("arguments").map(|node| match node.value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    });
    reader.finish(&fields);
    Some(ToolCall {
        id: id.unwrap_or_else(|| format!("call_{index}")),
        name: name?,
        arguments: arguments.unwrap_or_else(|| "{}".to_owned()),
        signature: None,
    })
}

/// `{status, message, retryAfter}`; without a status the connection breaks, with `timeout: true`
/// it takes too long.
fn fault(reader: &mut Reader, node: &Node<'_>) -> Option<Fault> {
    let mut fields = reader.object(node, "an object such as `{ status: 429 }`")?;
    let status = fields.take("status").and_then(|node| reader.whole(&node, 400, 599));
    let message = fields.take("message").and_then(|node| reader.text(&node));
    let retry_after: Option<Duration> = fields.take("retryAfter").and_then(|node| reader.duration(&node));
    let timeout = fields.take("timeout").and_then(|node| reader.flag(&node)).unwrap_or_default();
    let refusal = fields.take("refusal").and_then(|node| reader.flag(&node)).unwrap_or_default();
    reader.finish(&fields);
    let kind = match status.and_then(|status| u16::try_from(status).ok()) {
        Some(status) => FaultKind::Status(status),
        None if timeout => FaultKind::Timeout,
        None if refusal => FaultKind::Refusal,
        None => FaultKind::Connection,
    };
    let message = message.unwrap_or_else(|| match kind {
        FaultKind::Status(status) => format!("answered {status}"),
        FaultKind::Timeout => "timed out".to_owned(),
        FaultKind::Refusal => "the model refused".to_owned(),
        _ => "the connection broke".to_owned(),
    });
    let mut fault = Fault::new(kind, message);
    fault.retry_after = retry_after;
    Some(fault)
}

fn tokens(reader: &mut Reader, node: &Node<'_>) -> Option<Tokens> {
    let mut fields = reader.object(node, "an object with `promptTokens` and `completionTokens`")?;
    let input = fields.take("promptTokens").and_then(|node| reader.whole(&node, 0, u64::MAX));
    let output = fields.take("completionTokens").and_then(|node| reader.whole(&node, 0, u64::MAX));
    reader.finish(&fields);
    Some(Tokens { input: input.unwrap_or_default(), output: output.unwrap_or_default(), ..Tokens::default() })
}
