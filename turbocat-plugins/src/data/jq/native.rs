//! Functions of jq that know our values, and those of jaq's library that we do otherwise.

use std::rc::Rc;

use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{RunPtr, ValXs};

use super::access::positions;
use super::arithmetic::{Error, ValR};
use super::context::Bounded;
use super::value::Jv;
use crate::data::number::Numeric;
use crate::data::operator::too_long;
use crate::data::pattern::{Flags, LONGEST_TEXT, pattern};

/// All of them, but for those of [`sorting`](super::sorting).
pub(super) fn functions() -> impl Iterator<Item = Fun<Bounded>> {
    list().into_vec().into_iter().map(run::<Bounded>)
}

fn list() -> Box<[Filter<RunPtr<Bounded>>]> {
    Box::new([
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("tojson", v(0), |cv| bome(Ok(cv.1.json_text()))),
        ("length", v(0), |cv| bome(length(&cv.1))),
        ("contains", v(1), |cv| unary(cv, |a, b| Ok(Jv::Bool(contains(&a, &b))))),
        ("has", v(1), |cv| unary(cv, has)),
        ("indices", v(1), |cv| unary(cv, indices)),
        ("bsearch", v(1), |cv| unary(cv, |list, wanted| search(list, &wanted))),
        ("matches", v(2), |cv| matched(cv, false, true)),
        ("split_matches", v(2), |cv| matched(cv, true, true)),
        ("split_", v(2), |cv| matched(cv, true, false)),
        // What a filter says to a terminal, nobody hears.
        ("debug_empty", v(0), |_| Box::new(std::iter::empty())),
        ("stderr_empty", v(0), |_| Box::new(std::iter::empty())),
        ("halt", v(1), |_| bome(Err(Error::str("a filter cannot end the program")))),
    ])
}

fn text(value: &Jv) -> Result<&str, Error> {
    match value {
        Jv::Text(text) => Ok(&text.text),
        other => Err(Error::typ(other.clone(), "string")),
    }
}

fn from_json(value: &Jv) -> ValR {
    let value: serde_json::Value = serde_json::from_str(text(value)?)
        .map_err(|error| Error::str(format!("the text is no JSON: {error}")))?;
    Ok(Jv::from(&value))
}

fn length(value: &Jv) -> ValR {
    Ok(match value {
        Jv::Null(_) => Jv::Whole(0),
        Jv::Bool(_) => return Err(Error::str(format!("{value} has no length"))),
        Jv::Text(text) => Jv::from(text.text.chars().count()),
        Jv::List(list) => Jv::from(list.items().len()),
        Jv::Object(object) => Jv::from(object.fields().len()),
        number => match number.numeric() {
            Some(Numeric::Whole(whole)) => Jv::number(Numeric::Whole(whole.abs())),
            Some(Numeric::Float(float)) => Jv::Float(float.abs()),
            None => Jv::Whole(0),
        },
    })
}

fn contains(a: &Jv, b: &Jv) -> bool {
    super::limits::step();
    match (a, b) {
        (Jv::Text(a), Jv::Text(b)) => a.text.contains(&*b.text),
        (Jv::List(a), Jv::List(b)) => b.items().iter().all(|b| a.items().iter().any(|a| contains(a, b))),
        (Jv::Object(a), Jv::Object(b)) => {
            b.fields().iter().all(|(key, b)| a.fields().get(key).is_some_and(|a| contains(a, b)))
        }
        (a, b) => a == b,
    }
}

fn has(value: Jv, key: Jv) -> ValR {
    match (&value, &key) {
        (Jv::Object(_), Jv::Text(_)) | (Jv::List(_), Jv::Whole(_)) => {
            value.part(&key).map(|part| Jv::Bool(part.is_some()))
        }
        _ => Err(Error::index(value, key)),
    }
}

fn indices(value: Jv, wanted: Jv) -> ValR {
    Ok(match (&value, &wanted) {
        (Jv::Null(_), _) => Jv::Null(0),
        (Jv::Text(_), Jv::Text(part)) if part.text.is_empty() => Jv::list([]),
        (Jv::Text(text), Jv::Text(part)) => {
            // Places are counted in characters; overlapping ones count too, as in jq.
            let places = text.text.char_indices().enumerate();
            let found = places.filter(|(_, (byte, _))| {
                super::limits::step();
                text.text.get(*byte..).is_some_and(|rest| rest.starts_with(&*part.text))
            });
            Jv::list(found.map(|(at, _)| Jv::from(at)))
        }
        (Jv::List(list), Jv::List(part)) => positions(list, part.items()),
        (Jv::List(list), item) => positions(list, std::slice::from_ref(item)),
        _ => return Err(Error::index(value, wanted)),
    })
}

fn search(list: Jv, wanted: &Jv) -> ValR {
    let Jv::List(items) = &list else { return Err(Error::typ(list, "array")) };
    let place = match items.items().binary_search(wanted) {
        Ok(at) => at as i64,
        Err(at) => -1 - at as i64,
    };
    Ok(Jv::Whole(place))
}

/// The flags of a pattern: also whether all matches are wanted, and whether empty ones are not.
fn flags(text: &str) -> Result<(Flags, bool, bool), Error> {
    let mut flags = Flags::default();
    let (mut global, mut not_empty) = (false, false);
    for flag in text.chars() {
        match flag {
            'g' => global = true,
            'n' => not_empty = true,
            'i' => flags.ignore_case = true,
            'm' => flags.multi_line = true,
            's' => flags.dot_matches_new_line = true,
            'p' => (flags.multi_line, flags.dot_matches_new_line) = (true, true),
            'l' => flags.swap_greed = true,
            'x' => flags.ignore_whitespace = true,
            other => return Err(Error::str(format!("`{other}` is no flag of a pattern"))),
        }
    }
    Ok((flags, global, not_empty))
}

/// Matches a pattern: what does not match, what does, or both in turn.
fn matched<'a>(mut cv: jaq_core::Cv<'a, Bounded>, between: bool, matches: bool) -> ValXs<'a, Jv> {
    let flags_given = cv.0.pop_var();
    let given = cv.0.pop_var();
    let find = || -> ValR {
        let (flags, global, not_empty) = flags(text(&flags_given)?)?;
        let pattern = pattern(text(&given)?, flags).map_err(Error::str)?;
        let subject = text(&cv.1)?;
        if subject.len() > LONGEST_TEXT {
            return Err(Error::str(too_long(subject.len()).message));
        }
        let mut places = Places { text: subject, byte: 0, characters: 0 };
        let mut found = Vec::new();
        let mut last = 0;
        for captures in pattern.captures_iter(subject) {
            super::limits::step();
            let Some(whole) = captures.get(0) else { continue };
            if not_empty && whole.is_empty() {
                continue;
            }
            if between {
                found.push(Jv::text(subject.get(last..whole.start()).unwrap_or_default()));
                last = whole.end();
            }
            if matches {
                let offset = places.characters_before(whole.start());
                let groups = captures.iter().zip(pattern.capture_names());
                let groups = groups.filter_map(|(group, name)| {
                    let group = group?;
                    let before = subject.get(whole.start()..group.start()).unwrap_or_default();
                    let mut fields = vec![
                        ("offset", Jv::from(offset + before.chars().count())),
                        ("length", Jv::from(group.as_str().chars().count())),
                        ("string", Jv::text(group.as_str())),
                    ];
                    fields.extend(name.map(|name| ("name", Jv::text(name))));
                    Some(Jv::object(fields.into_iter().map(|(key, value)| (Rc::from(key), value))))
                });
                found.push(Jv::list(groups));
            }
            if !global {
                break;
            }
        }
        if between {
            found.push(Jv::text(subject.get(last..).unwrap_or_default()));
        }
        Ok(Jv::list(found))
    };
    bome(find())
}

/// Counts characters up to places that come one after the other.
struct Places<'t> {
    text: &'t str,
    byte: usize,
    characters: usize,
}

impl Places<'_> {
    fn characters_before(&mut self, byte: usize) -> usize {
        self.characters += self.text.get(self.byte..byte).map_or(0, |text| text.chars().count());
        self.byte = byte;
        self.characters
    }
}
