//! What the result looks like at last: JSON, a list, or CSV.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

use super::fault::Outcome;
use super::identity::text_of;
use super::meter::Meter;

/// A form of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As it is.
    Json,
    /// Text as RFC 4180 has it.
    Csv,
    /// A list in any case.
    Array,
}

impl Format {
    /// All of them, as they are written.
    pub(super) const ALL: [(&'static str, Self); 3] =
        [("json", Self::Json), ("csv", Self::Csv), ("array", Self::Array)];

    pub(super) fn apply(self, value: Value, meter: &Meter) -> Outcome<Value> {
        match (self, value) {
            (Self::Json, value) | (Self::Array, value @ Value::Array(_)) => Ok(value),
            (Self::Array, Value::Null) => Ok(Value::Array(Vec::new())),
            (Self::Array, value) => Ok(Value::Array(vec![value])),
            (Self::Csv, Value::Array(rows)) => csv(&rows, meter).map(Value::String),
            (Self::Csv, value) => csv(&[value], meter).map(Value::String),
        }
    }
}

/// Rows as CSV. Objects have a line with all their keys above them, in the order they were met;
/// lists are lines as they are; anything else stands in a column `value`.
fn csv(rows: &[Value], meter: &Meter) -> Outcome<String> {
    static NULL: Value = Value::Null;
    meter.anew();
    let mut text = String::new();
    if !rows.is_empty() && rows.iter().all(Value::is_array) {
        for row in rows {
            line(&mut text, row.as_array().into_iter().flatten(), meter)?;
        }
        return Ok(text);
    }
    let mut columns: Vec<Cow<'_, str>> = Vec::new();
    let mut known: HashSet<&str> = HashSet::new();
    for row in rows {
        meter.step()?;
        match row {
            Value::Object(fields) => {
                columns.extend(fields.keys().filter(|key| known.insert(key)).map(Cow::from));
            }
            _ => columns.extend(known.insert("value").then_some(Cow::Borrowed("value"))),
        }
    }
    if columns.is_empty() {
        return Ok(text);
    }
    let header: Vec<Value> = columns.iter().map(|name| Value::from(&**name)).collect();
    line(&mut text, header.iter(), meter)?;
    for row in rows {
        match row {
            Value::Object(fields) => {
                let cells = columns.iter().map(|name| fields.get(&**name).unwrap_or(&NULL));
                line(&mut text, cells, meter)?;
            }
            row => {
                let cells = columns.iter().map(|name| if name == "value" { row } else { &NULL });
                line(&mut text, cells, meter)?;
            }
        }
    }
    Ok(text)
}

fn line<'v>(text: &mut String, cells: impl Iterator<Item = &'v Value>, meter: &Meter) -> Outcome<()> {
    let before = text.len();
    for (at, cell) in cells.enumerate() {
        meter.step()?;
        if at > 0 {
            text.push(',');
        }
        match cell {
            // Nothing between two commas is null, so that an empty text can be told from it.
            Value::Null => {}
            cell => quote(text, &text_of(cell)),
        }
    }
    text.push_str("\r\n");
    meter.grow(text.len() - before)
}

fn quote(text: &mut String, cell: &str) {
    if !cell.is_empty() && !cell.contains([',', '"', '\r', '\n']) {
        text.push_str(cell);
        return;
    }
    text.push('"');
    for character in cell.chars() {
        if character == '"' {
            text.push('"');
        }
        text.push(character);
    }
    text.push('"');
}
