//! The provider that is nobody: answers what is written down, the same every time, and counts
//! words as tokens.

use super::answer::{Answer, Fault, Tokens};
use super::config::Reply;
use super::conversation::{Conversation, Message};

/// The answer to a call. `index` says which call it is; the last reply is given again and again.
/// Without replies it answers what it is told.
pub(crate) fn answer(
    replies: Option<&[Reply]>,
    index: usize,
    conversation: &Conversation,
) -> Result<Answer, Fault> {
    let reply = replies.and_then(|replies| replies.get(index).or_else(|| replies.last()));
    let (mut answer, counted) = match reply {
        Some(Reply::Fails(fault)) => return Err(fault.clone()),
        Some(Reply::Says { answer, counted }) => (answer.clone(), *counted),
        None => {
            let content = echo(conversation).to_owned();
            (Answer { content, finish: Some("stop".to_owned()), ..Answer::default() }, true)
        }
    };
    if counted {
        answer.tokens = Tokens { input: told(conversation), output: written(&answer), ..Tokens::default() };
    }
    Ok(answer)
}

fn echo(conversation: &Conversation) -> &str {
    let said = conversation.messages.iter().rev().find_map(|message| match message {
        Message::User(text) => Some(&**text),
        _ => None,
    });
    said.unwrap_or_default()
}

fn told(conversation: &Conversation) -> u64 {
    let system = conversation.system.as_deref().map(words).unwrap_or_default();
    let said = conversation.messages.iter().map(|message| match message {
        Message::System(text) | Message::User(text) => words(text),
        Message::Assistant { content, calls } => {
            words(content) + calls.iter().map(|call| words(&call.arguments)).sum::<u64>()
        }
        Message::Results(results) => results.iter().map(|result| words(&result.content)).sum(),
    });
    system + said.sum::<u64>()
}

fn written(answer: &Answer) -> u64 {
    words(&answer.content) + answer.calls.iter().map(|call| words(&call.arguments)).sum::<u64>()
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// An answer as it would be streamed: word by word.
pub(crate) fn pieces(content: &str) -> impl Iterator<Item = &str> {
    content.split_inclusive(char::is_whitespace)
}
