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

/// Bytes without the secrets in them. `redact` takes them out of plain text.
pub(crate) fn bytes_without_secrets(bytes: &[u8], redact: impl Fn(&str) -> String) -> Cow<'_, [u8]> {
    // What is no text is left out, and a character that stands nowhere in the text holds its place.
    let free = |place: &char| bytes.utf8_chunks().all(|chunk| !chunk.valid().contains(*place));
    let Some(place) = ('\u{f0000}'..='\u{ffffd}').find(free) else { return Cow::Borrowed(bytes) };
    let mut odd = Vec::new();
    let mut whole = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        whole.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            odd.push(chunk.invalid());
            whole.push(place);
        }
    }
    let redacted = redact(&whole);
    if redacted == whole {
        return Cow::Borrowed(bytes);
    }
    let mut odd = odd.into_iter();
    let mut result = Vec::with_capacity(redacted.len());
    for part in redacted.split_inclusive(place) {
        let text = part.strip_suffix(place);
        result.extend_from_slice(text.unwrap_or(part).as_bytes());
        if text.is_some() {
            result.extend_from_slice(odd.next().unwrap_or_default());
        }
    }
    Cow::Owned(result)
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

    #[test]
    fn a_secret_is_taken_out_of_bytes_and_the_rest_stays_as_it_is() {
        let check = |bytes: &[u8], expected: &[u8]| {
            let got = bytes_without_secrets(bytes, |text| text.replace("püt", "***"));
            assert_eq!(&*got, expected, "{}", String::from_utf8_lossy(bytes));
        };
        check(b"", b"");
        check(b"\xff\xfe\x00a", b"\xff\xfe\x00a");
        check("püt".as_bytes(), b"***");
        check(b"\xffp\xc3\xbctp\xc3\xbct\xe2\x98p\xc3\xbct\xf0", b"\xff******\xe2\x98***\xf0");
        check(b"p\xc3\xffp\xbct", b"p\xc3\xffp\xbct");
        let taken = "\u{f0000}püt\u{f0001}";
        check(&[taken.as_bytes(), b"\xff"].concat(), &["\u{f0000}***\u{f0001}".as_bytes(), b"\xff"].concat());
    }
}
