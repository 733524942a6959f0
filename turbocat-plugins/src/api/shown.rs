//! What may be seen of a request. The engine blacks secrets out of what leaves an agent, but only
//! as they are: here are those in another dress.

use std::borrow::Cow;

use reqwest::Url;

/// An address without the secrets that percent signs hide. `redact` takes them out of plain text.
pub(crate) fn without_secrets(address: &str, redact: impl Fn(&str) -> String) -> String {
    let Ok(mut url) = Url::parse(address) else { return redact(address) };
    let hides = |text: &str| redact(text) != text;
    let segments: Vec<String> = url.path_segments().into_iter().flatten().map(decoded).collect();
    if segments.iter().any(|segment| hides(segment))
        && let Ok(mut path) = url.path_segments_mut()
    {
        path.clear().extend(segments.iter().map(|segment| redact(segment)));
    }
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = url.query_pairs().collect();
    if pairs.iter().any(|(name, value)| hides(name) || hides(value)) {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| (redact(name), redact(value))).collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    }
    redact(url.as_str())
}

/// A part of an address as it was before it was encoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if let (Some(high), Some(low)) = (hex(*high), hex(*low)) => {
                bytes.push(high << 4 | low);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_however_it_is_encoded() {
        let check = |address: &str, expected: &str| {
            assert_eq!(without_secrets(address, |text| text.replace("p/s s&ä", "***")), expected);
        };
        check("https://x.org/a/b?c=d%20e#f", "https://x.org/a/b?c=d%20e#f");
        check("https://x.org/a%20b/p%2Fs%20s&%C3%A4/c", "https://x.org/a%20b/***/c");
        check("https://x.org/bot-p%2fs%20s%26%c3%a4-1/c?d", "https://x.org/bot-***-1/c?d");
        check("https://x.org/?a=b%20c&key=p%2Fs+s%26%C3%A4", "https://x.org/?a=b+c&key=***");
        check("https://x.org/?p%2Fs+s%26%C3%A4=1", "https://x.org/?***=1");
        check("https://x.org/100%/%zz?%", "https://x.org/100%/%zz?%");
        check("no address p/s s&ä", "no address ***");
    }
}
