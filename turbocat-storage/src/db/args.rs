//! Arguments of statements: what can be one, and the list of them.

use serde_json::Value;
use turbocat_core::{ExecutionId, Timestamp};
use uuid::Uuid;

use crate::error::StorageError;

/// One argument. An absent value keeps its type, because PostgreSQL asks for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Arg {
    /// Yes or no.
    Bool(Option<bool>),
    /// A whole number.
    Int(Option<i64>),
    /// A number.
    Float(Option<f64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
    /// A UUID: 16 bytes on SQLite.
    Uuid(Option<Uuid>),
    /// A moment: `timestamptz` on PostgreSQL, milliseconds since 1970 on SQLite.
    Time(Option<Timestamp>),
    /// JSON as text: `json` on PostgreSQL, which can be assigned to `jsonb` as well.
    Json(Option<String>),
    /// Texts: `text[]` on PostgreSQL, JSON on SQLite.
    Texts(Option<Vec<String>>),
    /// UUIDs: `uuid[]` on PostgreSQL, JSON of hexadecimal texts on SQLite (`unhex` reads them).
    Uuids(Vec<Uuid>),
    /// Whole numbers: `int8[]` on PostgreSQL, JSON on SQLite.
    Ints(Vec<i64>),
    /// Texts some of which are absent: `text[]` on PostgreSQL, JSON on SQLite.
    SomeTexts(Vec<Option<String>>),
    /// A value that no database can hold, and why not. Using it gives the error.
    Impossible(String),
}

/// What can be an argument.
pub trait IntoArg {
    /// The argument.
    fn into_arg(self) -> Arg;

    /// The argument that stands for an absent value of this type.
    fn absent() -> Arg;
}

macro_rules! into_arg {
    ($($type:ty => $variant:ident, $value:ident => $made:expr;)+) => {$(
        impl IntoArg for $type {
            fn into_arg(self) -> Arg {
                let $value = self;
                Arg::$variant(Some($made))
            }

            fn absent() -> Arg {
                Arg::$variant(None)
            }
        }
    )+};
}

into_arg! {
    bool => Bool, value => value;
    i32 => Int, value => value.into();
    i64 => Int, value => value;
    u32 => Int, value => value.into();
    f64 => Float, value => value;
    &str => Text, value => value.to_owned();
    String => Text, value => value;
    &String => Text, value => value.clone();
    Vec<u8> => Bytes, value => value;
    &[u8] => Bytes, value => value.to_vec();
    Uuid => Uuid, value => value;
    &Uuid => Uuid, value => *value;
    ExecutionId => Uuid, value => *value.as_uuid();
    Timestamp => Time, value => value;
    Value => Json, value => value.to_string();
    &Value => Json, value => value.to_string();
    Vec<String> => Texts, value => value;
    &[String] => Texts, value => value.to_vec();
    &Vec<String> => Texts, value => value.clone();
}

impl IntoArg for u64 {
    fn into_arg(self) -> Arg {
        match i64::try_from(self) {
            Ok(value) => Arg::Int(Some(value)),
            Err(_) => Arg::Impossible(format!("the number {self} is too large for the database")),
        }
    }

    fn absent() -> Arg {
        Arg::Int(None)
    }
}

impl IntoArg for Vec<Uuid> {
    fn into_arg(self) -> Arg {
        Arg::Uuids(self)
    }

    fn absent() -> Arg {
        Arg::Uuids(Self::new())
    }
}

impl IntoArg for Vec<i64> {
    fn into_arg(self) -> Arg {
        Arg::Ints(self)
    }

    fn absent() -> Arg {
        Arg::Ints(Self::new())
    }
}

impl IntoArg for Vec<Option<String>> {
    fn into_arg(self) -> Arg {
        Arg::SomeTexts(self)
    }

    fn absent() -> Arg {
        Arg::SomeTexts(Self::new())
    }
}

impl<T: IntoArg> IntoArg for Option<T> {
    fn into_arg(self) -> Arg {
        self.map_or_else(T::absent, T::into_arg)
    }

    fn absent() -> Arg {
        T::absent()
    }
}

impl IntoArg for Arg {
    fn into_arg(self) -> Arg {
        self
    }

    fn absent() -> Arg {
        Self::Text(None)
    }
}

/// The arguments of a statement: the first is `$1`. Made by [`args!`](crate::args).
#[derive(Clone, Debug, Default)]
pub struct Args(Vec<Arg>);

impl Args {
    /// No arguments.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// One more; its number is the answer.
    pub fn push(&mut self, value: impl IntoArg) -> usize {
        self.0.push(value.into_arg());
        self.0.len()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// SQLite takes a missing argument for null without a word; PostgreSQL refuses.
    pub(crate) fn expect_all_of(&self, text: &str) -> Result<(), StorageError> {
        let asked = places(text);
        if asked > self.len() {
            return Err(StorageError::new(
                crate::error::StorageErrorKind::Internal,
                format!("the statement asks for {asked} arguments and got {}", self.len()),
            ));
        }
        Ok(())
    }
}

/// The highest `$n` of a text.
fn places(text: &str) -> usize {
    let number = |part: &str| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..end].parse::<usize>().unwrap_or(0)
    };
    text.split('$').skip(1).map(number).max().unwrap_or(0)
}

impl IntoIterator for Args {
    type Item = Arg;
    type IntoIter = std::vec::IntoIter<Arg>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The arguments of a statement: `args![id, name]`.
#[macro_export]
macro_rules! args {
    () => { $crate::Args::new() };
    ($($value:expr),+ $(,)?) => {{
        let mut args = $crate::Args::new();
        $(args.push($value);)+
        args
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_place_counts() {
        assert_eq!(places("select $2, $10 where a = $1"), 10);
        assert_eq!(places("select 1"), 0);
        assert!(args![1i64].expect_all_of("select $1, $2").is_err());
        assert!(args![1i64, "b"].expect_all_of("select $1, $2").is_ok());
    }
}
