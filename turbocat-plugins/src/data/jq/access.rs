//! What the interpreter asks of values: parts of them, and values with other parts.

use std::rc::Rc;

use jaq_core::box_iter::BoxIter;
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Exn, ValX};

use super::arithmetic::{Error, ValR};
use super::limits;
use super::value::{Jv, List};

impl From<bool> for Jv {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<isize> for Jv {
    fn from(value: isize) -> Self {
        Self::Whole(value as i64)
    }
}

impl From<usize> for Jv {
    fn from(value: usize) -> Self {
        Self::number(crate::data::number::Numeric::Whole(value as i128))
    }
}

impl From<f64> for Jv {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<String> for Jv {
    fn from(value: String) -> Self {
        Self::text(value)
    }
}

impl From<Range<Self>> for Jv {
    fn from(range: Range<Self>) -> Self {
        let ends = [("start", range.start), ("end", range.end)];
        Self::object(ends.into_iter().filter_map(|(key, end)| Some((Rc::from(key), end?))))
    }
}

impl FromIterator<Self> for Jv {
    fn from_iter<T: IntoIterator<Item = Self>>(items: T) -> Self {
        Self::list(items)
    }
}

/// A place in a list of some length; from its end if negative.
fn place(index: i128, length: usize) -> Option<usize> {
    let at = if index < 0 { index + length as i128 } else { index };
    usize::try_from(at).ok()
}

/// The part of a list or text that a range means.
fn part(range: &Range<&Jv>, length: usize) -> Result<(usize, usize), Error> {
    let end = |end: Option<&Jv>, default: usize| match end {
        None | Some(Jv::Null(_)) => Ok(default),
        Some(end) => {
            let whole = end.as_whole().ok_or_else(|| Error::typ(end.clone(), "integer"))?;
            Ok(if whole < 0 {
                place(whole, length).unwrap_or(0)
            } else {
                place(whole, length).unwrap_or(length)
            }
            .min(length))
        }
    };
    let (from, to) = (end(range.start, 0)?, end(range.end, length)?);
    Ok((from, to.max(from)))
}

/// Where the characters of a text begin that a range means.
fn part_of_text(range: &Range<&Jv>, text: &str) -> Result<(usize, usize), Error> {
    let (from, to) = part(range, text.chars().count())?;
    let byte = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    Ok((byte(from), byte(to)))
}

fn range_of(index: &Jv) -> Option<(Option<&Jv>, Option<&Jv>)> {
    let Jv::Object(object) = index else { return None };
    Some((object.fields().get("start"), object.fields().get("end")))
}

impl Jv {
    /// A part of the value; `None`: it has none there.
    pub(super) fn part(self, index: &Self) -> Result<Option<Self>, Error> {
        limits::step();
        match (&self, index) {
            (Self::Null(parts), _) => Ok(Some(Self::Null(limits::path(parts + 1)))),
            (Self::Object(object), Self::Text(key)) => Ok(object.fields().get(&*key.text).cloned()),
            (Self::List(list), Self::Whole(_) | Self::Float(_)) => {
                let at = index.as_whole().and_then(|index| place(index, list.items().len()));
                Ok(at.and_then(|at| list.items().get(at)).cloned())
            }
            (Self::List(list), Self::List(wanted)) => Ok(Some(positions(list, wanted.items()))),
            (Self::List(_) | Self::Text(_), Self::Object(_)) => {
                let Some((start, end)) = range_of(index) else { return Ok(None) };
                self.cut(&(start..end)).map(Some)
            }
            _ => Err(Error::index(self, index.clone())),
        }
    }

    fn cut(self, range: &Range<&Self>) -> ValR {
        limits::step();
        match self {
            Self::Null(parts) => Ok(Self::Null(limits::path(parts + 1))),
            Self::List(list) => {
                let (from, to) = part(range, list.items().len())?;
                let mut cut = List::default();
                list.items().get(from..to).into_iter().flatten().for_each(|item| cut.push(item.clone()));
                cut.slices = limits::path(list.slices + 1);
                Ok(Self::List(Rc::new(cut)))
            }
            Self::Text(text) => {
                let (from, to) = part_of_text(range, &text.text)?;
                Ok(Self::slice(text.text.get(from..to).unwrap_or_default(), text.slices + 1))
            }
            other => Err(Error::typ(other, "rangeable (array or string)")),
        }
    }
}

/// Where a list is a part of another.
pub(super) fn positions(list: &List, wanted: &[Jv]) -> Jv {
    if wanted.is_empty() {
        return Jv::list([]);
    }
    let windows = list.items().windows(wanted.len()).enumerate();
    Jv::list(windows.filter(|(_, window)| *window == wanted).map(|(at, _)| Jv::from(at)))
}

/// The first value of a filter, if it gives one.
fn first<'a>(mut values: impl Iterator<Item = ValX<'a, Jv>>) -> Result<Option<Jv>, Exn<'a, Jv>> {
    values.next().transpose()
}

impl jaq_core::ValT for Jv {
    fn from_num(number: &str) -> ValR {
        if let Ok(whole) = number.parse::<i64>() {
            return Ok(Self::Whole(whole));
        }
        if let Ok(large) = number.parse::<u64>() {
            return Ok(Self::Large(large));
        }
        number.parse().map(Self::Float).map_err(|_| Error::str(format!("`{number}` is no number")))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(fields: I) -> ValR {
        let fields = fields.into_iter().map(|(key, value)| match key {
            Self::Text(key) => Ok((Rc::from(&*key.text), value)),
            key => Err(Error::typ(key, "key of an object")),
        });
        fields.collect::<Result<Vec<_>, _>>().map(Self::object)
    }

    fn key_values(self) -> BoxIter<'static, Result<(Self, Self), Error>> {
        limits::step();
        match self {
            Self::List(list) => {
                let items = list.into_items().enumerate();
                Box::new(items.map(|(at, item)| Ok((Self::from(at), item))))
            }
            Self::Object(object) => {
                let fields = object.into_fields();
                Box::new(fields.map(|(key, value)| Ok((Self::text(&*key), value))))
            }
            other => Box::new(std::iter::once(Err(Error::typ(other, "iterable (array or object)")))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR>> {
        limits::step();
        match self {
            Self::List(list) => Box::new(list.into_items().map(Ok)),
            Self::Object(object) => Box::new(object.into_fields().map(|(_, value)| Ok(value))),
            other => Box::new(std::iter::once(Err(Error::typ(other, "iterable (array or object)")))),
        }
    }

    fn index(self, index: &Self) -> ValR {
        self.part(index).map(Option::unwrap_or_default)
    }

    fn range(self, range: Range<&Self>) -> ValR {
        self.cut(&range)
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        match self {
            Self::List(list) => list.into_items().flat_map(f).collect(),
            Self::Object(object) => {
                let fields = object.into_fields();
                let fields = fields.filter_map(|(key, value)| f(value).next().map(|value| Ok((key, value?))));
                Ok(Self::object(fields.collect::<Result<Vec<_>, Exn<'a, Self>>>()?))
            }
            other => opt.fail(other, |other| Exn::from(Error::typ(other, "iterable (array or object)"))),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        limits::step();
        match (self, index) {
            (value @ (Self::List(_) | Self::Text(_)), Self::Object(_)) => {
                let (start, end) = range_of(index).unwrap_or_default();
                value.map_range(start..end, opt, f)
            }
            (Self::Null(_), Self::Text(_)) => Self::object([]).map_index(index, opt, f),
            (Self::Null(_), Self::Whole(_)) => Self::list([]).map_index(index, opt, f),
            (Self::Object(mut object), Self::Text(key)) => {
                let fields = Rc::make_mut(&mut object);
                let old = fields.take(&key.text).unwrap_or_default();
                match first(f(old))? {
                    Some(new) => fields.insert(Rc::from(&*key.text), new),
                    None => fields.remove(&key.text),
                }
                Ok(Self::Object(object))
            }
            (Self::List(mut list), Self::Whole(_) | Self::Float(_)) => {
                let length = list.items().len();
                let Some(at) = index.as_whole().and_then(|index| place(index, length)) else {
                    let error = || Exn::from(Error::str(format!("index {index} is out of bounds")));
                    return opt.fail(Self::List(list), |_| error());
                };
                let items = Rc::make_mut(&mut list);
                let old = items.take(at);
                match first(f(old))? {
                    Some(new) => {
                        // Further than the end: filled up with null, which pays for each.
                        while items.items().len() <= at {
                            items.push(Self::Null(0));
                        }
                        items.set(at, new);
                    }
                    None => items.remove(at),
                }
                Ok(Self::List(list))
            }
            (other, _) => opt.fail(other, |other| Exn::from(Error::index(other, index.clone()))),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        limits::step();
        match self {
            Self::List(list) => {
                let (from, to) = match part(&range, list.items().len()) {
                    Ok(part) => part,
                    Err(error) => return opt.fail(Self::List(list), |_| Exn::from(error)),
                };
                let cut = Self::list(list.items().get(from..to).into_iter().flatten().cloned());
                let new = match first(f(cut))? {
                    None => Rc::default(),
                    Some(Self::List(new)) => new,
                    Some(other) => return Err(Exn::from(Error::typ(other, "array"))),
                };
                let before = list.items().iter().take(from).cloned();
                let after = list.items().iter().skip(to).cloned();
                Ok(Self::list(before.chain(new.into_items()).chain(after)))
            }
            Self::Text(text) => {
                let (from, to) = match part_of_text(&range, &text.text) {
                    Ok(part) => part,
                    Err(error) => return opt.fail(Self::Text(text), |_| Exn::from(error)),
                };
                let piece = |from: usize, to: usize| text.text.get(from..to).unwrap_or_default();
                let new = match first(f(Self::text(piece(from, to))))? {
                    None => Self::text(""),
                    Some(new) => new,
                };
                let Self::Text(new) = new else { return Err(Exn::from(Error::typ(new, "string"))) };
                Ok(Self::text([piece(0, from), &new.text, piece(to, text.text.len())].concat()))
            }
            other => opt.fail(other, |other| Exn::from(Error::typ(other, "array"))),
        }
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Self::Null(_) | Self::Bool(false))
    }

    fn into_string(self) -> Self {
        match self {
            Self::Text(_) => self,
            other => other.json_text(),
        }
    }
}

impl jaq_std::ValT for Jv {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Self::List(list) => Ok(list.into_items().collect()),
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Whole(_) | Self::Large(_))
    }

    fn as_isize(&self) -> Option<isize> {
        self.as_whole().and_then(|whole| isize::try_from(whole).ok())
    }

    fn as_f64(&self) -> Option<f64> {
        self.numeric().map(crate::data::number::Numeric::as_float)
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) => Some(text.text.as_bytes()),
            _ => None,
        }
    }

    fn as_sub_str(&self, part: &[u8]) -> Self {
        Self::text(String::from_utf8_lossy(part))
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::text(String::from_utf8_lossy(bytes.as_ref()))
    }
}
