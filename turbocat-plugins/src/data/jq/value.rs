//! The values of filters: JSON that is shared, bounded in depth, and pays for its memory.

use std::collections::hash_map::RandomState;
use std::rc::Rc;

use indexmap::IndexMap;

use super::limits::{self, Charge};
use crate::data::number::Numeric;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Jv {
    /// With how many parts of null it is a part: a path into null has no other end.
    Null(u32),
    Bool(bool),
    Whole(i64),
    /// Larger than any `i64`.
    Large(u64),
    Float(f64),
    Text(Rc<Text>),
    List(Rc<List>),
    Object(Rc<Object>),
}

/// A text.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: Box<str>,
    /// How many slices it is away from a whole text.
    pub(super) slices: u32,
    _charge: Charge,
}

/// A list.
#[derive(Debug)]
pub(super) struct List {
    items: Vec<Jv>,
    depth: u16,
    pub(super) slices: u32,
    charge: Charge,
}

pub(super) type Fields = IndexMap<Rc<str>, Jv, RandomState>;

/// An object.
#[derive(Debug)]
pub(super) struct Object {
    fields: Fields,
    depth: u16,
    charge: Charge,
}

/// What an item of a list costs, and a field of an object beside its name.
const ITEM: usize = size_of::<Jv>();
const FIELD: usize = 64;

impl Jv {
    pub(super) fn depth(&self) -> u16 {
        match self {
            Self::List(list) => list.depth,
            Self::Object(object) => object.depth,
            _ => 0,
        }
    }

    pub(super) fn text(text: impl Into<Box<str>>) -> Self {
        Self::slice(text, 0)
    }

    /// A part of a text that is so many slices away from a whole one.
    pub(super) fn slice(text: impl Into<Box<str>>, slices: u32) -> Self {
        let text = text.into();
        let charge = Charge::new(limits::text(text.len()) + 48);
        Self::Text(Rc::new(Text { text, slices: limits::path(slices), _charge: charge }))
    }

    pub(super) fn number(number: Numeric) -> Self {
        match number {
            Numeric::Whole(whole) => {
                if let Ok(small) = i64::try_from(whole) {
                    Self::Whole(small)
                } else if let Ok(large) = u64::try_from(whole) {
                    Self::Large(large)
                } else {
                    Self::Float(whole as f64)
                }
            }
            Numeric::Float(float) => Self::Float(float),
        }
    }

    pub(super) fn numeric(&self) -> Option<Numeric> {
        match self {
            Self::Whole(whole) => Some(Numeric::Whole((*whole).into())),
            Self::Large(large) => Some(Numeric::Whole((*large).into())),
            Self::Float(float) => Some(Numeric::Float(*float)),
            _ => None,
        }
    }

    /// A whole number, written as one or as a float.
    pub(super) fn as_whole(&self) -> Option<i128> {
        self.numeric()?.whole()
    }

    pub(super) fn list(items: impl IntoIterator<Item = Self>) -> Self {
        let mut list = List::default();
        items.into_iter().for_each(|item| list.push(item));
        Self::List(Rc::new(list))
    }

    /// A list of fields; of two with the same name the last one counts.
    pub(super) fn object(fields: impl IntoIterator<Item = (Rc<str>, Self)>) -> Self {
        let mut object = Object::default();
        fields.into_iter().for_each(|(key, value)| object.insert(key, value));
        Self::Object(Rc::new(object))
    }
}

impl Default for Jv {
    fn default() -> Self {
        Self::Null(0)
    }
}

impl Default for List {
    fn default() -> Self {
        Self { items: Vec::new(), depth: 1, slices: 0, charge: Charge::new(48) }
    }
}

impl Clone for List {
    fn clone(&self) -> Self {
        limits::work(self.items.len() * ITEM);
        let charge = Charge::new(48 + self.items.len() * ITEM);
        Self { items: self.items.clone(), depth: self.depth, slices: self.slices, charge }
    }
}

impl List {
    pub(super) fn items(&self) -> &[Jv] {
        &self.items
    }

    pub(super) fn push(&mut self, item: Jv) {
        limits::step();
        self.charge.grow(ITEM);
        self.depth = limits::depth(self.depth.max(item.depth() + 1));
        self.items.push(item);
    }

    pub(super) fn set(&mut self, at: usize, item: Jv) {
        self.depth = limits::depth(self.depth.max(item.depth() + 1));
        if let Some(place) = self.items.get_mut(at) {
            *place = item;
        }
    }

    pub(super) fn take(&mut self, at: usize) -> Jv {
        self.items.get_mut(at).map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn remove(&mut self, at: usize) {
        if at < self.items.len() {
            self.items.remove(at);
        }
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Jv) -> bool) {
        self.items.retain(keep);
    }

    /// The items one by one, which pay for their memory as long as any of them is left.
    pub(super) fn into_items(self: Rc<Self>) -> impl Iterator<Item = Jv> + use<> {
        let Self { items, charge, .. } = Rc::try_unwrap(self).unwrap_or_else(|shared| (*shared).clone());
        Paid { items: items.into_iter(), _charge: charge }
    }
}

impl Default for Object {
    fn default() -> Self {
        Self { fields: Fields::default(), depth: 1, charge: Charge::new(96) }
    }
}

impl Clone for Object {
    fn clone(&self) -> Self {
        limits::work(self.fields.len() * FIELD);
        let charge = Charge::new(96 + self.fields.len() * FIELD);
        Self { fields: self.fields.clone(), depth: self.depth, charge }
    }
}

impl Object {
    pub(super) const fn fields(&self) -> &Fields {
        &self.fields
    }

    pub(super) fn insert(&mut self, key: Rc<str>, value: Jv) {
        limits::step();
        self.depth = limits::depth(self.depth.max(value.depth() + 1));
        self.charge.grow(FIELD + key.len());
        self.fields.insert(key, value);
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Jv> {
        self.fields.get_mut(key).map(std::mem::take)
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.fields.shift_remove(key);
    }

    /// The fields one by one, which pay for their memory as long as any of them is left.
    pub(super) fn into_fields(self: Rc<Self>) -> impl Iterator<Item = (Rc<str>, Jv)> + use<> {
        let Self { fields, charge, .. } = Rc::try_unwrap(self).unwrap_or_else(|shared| (*shared).clone());
        Paid { items: fields.into_iter(), _charge: charge }
    }
}

/// What is left of a list or an object, and what it costs.
struct Paid<I> {
    items: I,
    _charge: Charge,
}

impl<I: Iterator> Iterator for Paid<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.items.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}
