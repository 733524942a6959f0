//! Bodies of many parts: `multipart/form-data`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use turbocat_core::BadConfig;

use super::encode::plain;
use super::reader::{Reader, pointer, word};

/// The settings of a part that is a file.
const FILE: [&str; 4] = ["filename", "contentType", "text", "base64"];

struct Part {
    head: String,
    content: Vec<u8>,
}

/// Reads an object: texts, numbers and flags are fields, lists are fields many times, and
/// `{filename, contentType, text}` or `{filename, contentType, base64}` is a file. Gives the content
/// type and the body.
pub(crate) fn multipart(reader: &mut Reader<'_>, at: &str, object: &Map<String, Value>) -> (String, Vec<u8>) {
    let mut parts = Vec::new();
    for (name, value) in object {
        let at = pointer(at, name);
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    parts.extend(part(reader, &pointer(&at, &index.to_string()), name, item));
                }
            }
            one => parts.extend(part(reader, &at, name, one)),
        }
    }
    join(&parts)
}

fn part(reader: &mut Reader<'_>, at: &str, name: &str, value: &Value) -> Option<Part> {
    let head = format!("content-disposition: form-data; name=\"{}\"", quoted(name));
    if let Some(text) = plain(value) {
        return Some(Part { head: head + "\r\n", content: text.into_bytes() });
    }
    match value {
        Value::Object(file) => {
            let mut inner = Reader::unforeseen(file, at.to_owned(), reader.stage);
            let part = self::file(&mut inner, head, file);
            reader.found.append(&mut inner.found);
            part
        }
        Value::Null => None,
        other => {
            let message = format!("part `{name}` holds {}", word(other));
            reader.report(BadConfig::at(at, message).help("use a text, a number, true, false or a file"));
            None
        }
    }
}

fn file(reader: &mut Reader<'_>, mut head: String, file: &Map<String, Value>) -> Option<Part> {
    for unknown in file.keys().filter(|key| !FILE.contains(&key.as_str())) {
        let bad = BadConfig::at(reader.at(unknown), format!("a file has no `{unknown}`"));
        reader.report(bad.suggest(unknown, FILE));
    }
    let filename = reader.text("filename").unwrap_or("file");
    let kind = reader.text("contentType").unwrap_or("application/octet-stream");
    if kind.contains(['\r', '\n']) {
        reader.wrong("contentType", "`contentType` holds a line break");
    }
    let content = match (reader.has("text"), reader.has("base64")) {
        (true, false) => reader.text("text")?.as_bytes().to_vec(),
        (false, true) => {
            let text = reader.text("base64")?;
            match BASE64_STANDARD.decode(text.trim()) {
                Ok(content) => content,
                Err(_) => {
                    reader.wrong("base64", "`base64` holds no base64");
                    return None;
                }
            }
        }
        _ => {
            reader.wrong("", "a file has either `text` or `base64`");
            return None;
        }
    };
    head.push_str(&format!("; filename=\"{}\"\r\ncontent-type: {kind}\r\n", quoted(filename)));
    Some(Part { head, content })
}

/// As browsers write names.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// The line between parts stands in none of them: it is made of their digest, so the same parts
/// make the same body, and whoever chooses the content cannot choose the line.
fn join(parts: &[Part]) -> (String, Vec<u8>) {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(&part.head);
        digest.update(&part.content);
    }
    let boundary: String = digest
        .finalize()
        .iter()
        .take(16)
        .fold("turbocat-".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(format!("--{boundary}\r\n{}\r\n", part.head).as_bytes());
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}
