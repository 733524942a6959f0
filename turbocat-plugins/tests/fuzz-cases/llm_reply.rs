//! Any bytes as the reply of a provider: it is an answer or a fault, and a stream is the same
//! wherever the network cuts it.

use turbocat_plugins::llm::Provider;
use turbocat_plugins::llm::answer::{Answer, Fault, Tokens};

const PROVIDERS: [Provider; 4] = [Provider::OpenAi, Provider::Anthropic, Provider::Google, Provider::Ollama];

/// Reads a reply in every way there is: the first byte says whose it is, the second where it is
/// cut.
pub(crate) fn check(data: &[u8]) {
    let [whose, cut, reply @ ..] = data else { return };
    let provider = PROVIDERS[*whose as usize % PROVIDERS.len()];
    if let Err(fault) = provider.read(reply) {
        is_readable(&fault);
    }
    is_readable(&provider.fault(u16::from(*cut) + 400, reply));
    let whole = stream(provider, [reply].into_iter());
    let pieces = stream(provider, reply.chunks(usize::from(*cut).max(1)));
    assert_eq!(whole, pieces);
    if let Err(fault) = &whole.0 {
        is_readable(fault);
    }
}

fn is_readable(fault: &Fault) {
    assert!(!fault.message.is_empty() && fault.message.len() < 4096, "{} bytes", fault.message.len());
}

/// What a stream gives: an answer or a fault, the text that was shown, and what was spent.
fn stream<'a>(
    provider: Provider,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Result<Answer, Fault>, String, Tokens) {
    let Some(mut reader) = provider.stream() else { panic!("it is no provider of streams") };
    let mut text = String::new();
    for piece in pieces {
        if let Err(fault) = reader.feed(piece, &mut text) {
            return (Err(fault), text, reader.tokens());
        }
    }
    let tokens = reader.tokens();
    (reader.end(), text, tokens)
}
