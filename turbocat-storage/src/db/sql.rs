//! SQL text: static, or put together from static parts; and the words that are written differently
//! for each database.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use super::settings::Kind;
use crate::error::{StorageError, StorageErrorKind};

/// A statement: a static text, or one put together from static parts.
///
/// Nothing that came from outside can get into it: all of its parts are `&'static str`, and numbers
/// of arguments.
#[derive(Clone, Debug)]
pub struct Sql(Text);

#[derive(Clone, Debug)]
enum Text {
    Static(&'static str),
    Built(String),
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self(Text::Static(text))
    }
}

impl Sql {
    /// A text to begin with.
    pub fn new(text: &'static str) -> Self {
        text.into()
    }

    /// The same, for constants.
    pub const fn fixed(text: &'static str) -> Self {
        Self(Text::Static(text))
    }

    /// With more text.
    pub fn push(&mut self, text: &'static str) -> &mut Self {
        self.built().push_str(text);
        self
    }

    /// With the text of another.
    pub fn push_sql(&mut self, other: &Self) -> &mut Self {
        self.built().push_str(other.as_str());
        self
    }

    /// With the place of an argument: `$1` is the first.
    pub fn push_place(&mut self, number: usize) -> &mut Self {
        let text = self.built();
        text.push('$');
        text.push_str(&number.to_string());
        self
    }

    /// Writes `{word}` and `{word:argument}` for a database. A brace that no letter follows stays, so
    /// that `'{}'` needs no care.
    ///
    /// Types: `uuid`, `time` (milliseconds), `json` (text, given back as it came),
    /// `texts`, `bool`, `bytes`, `float`, `bigint`, `serial` (a key that counts up). For tables:
    /// `uuid_default`, `now`, `no_texts`, `strict` (at the end of a table). For statements: `like`
    /// (whatever the case), `any_uuid:$1`, `any_text:$1`, `any_int:$1` (equal to one of a list),
    /// `overlap:column,$1` (lists of texts that share one), `later:column,$1` (the time `$1`, or a
    /// millisecond after the column if that is later), `for_update`.
    ///
    /// # Errors
    /// For a word that does not exist.
    pub fn render(&self, kind: Kind) -> Result<Self, StorageError> {
        render(self.as_str(), kind).map(|text| Self(Text::Built(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(text) => text,
            Text::Built(text) => text,
        }
    }

    pub(crate) fn into_safe(self) -> SqlStr {
        match self.0 {
            Text::Static(text) => text.into_sql_str(),
            Text::Built(text) => safe(text),
        }
    }

    fn built(&mut self) -> &mut String {
        if let Text::Static(text) = self.0 {
            self.0 = Text::Built(text.to_owned());
        }
        match &mut self.0 {
            Text::Built(text) => text,
            Text::Static(_) => unreachable!("a static text was just replaced"),
        }
    }
}

/// The one place where a text that was put together is declared safe. Who calls it has made it from
/// static parts, or it is a migration, which is part of the program.
pub(crate) fn safe(text: String) -> SqlStr {
    AssertSqlSafe(text).into_sql_str()
}

/// See [`Sql::render`].
pub(crate) fn render(text: &str, kind: Kind) -> Result<String, StorageError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find('}');
        match end {
            Some(end) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => {
                word(&rest[..end], kind, &mut out)?;
                rest = &rest[end + 1..];
            }
            _ => out.push('{'),
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn word(word: &str, kind: Kind, out: &mut String) -> Result<(), StorageError> {
    let sqlite = kind == Kind::Sqlite;
    let mut either = |first: &str, second: &str| out.push_str(if sqlite { first } else { second });
    match word {
        "uuid" => either("blob", "uuid"),
        "uuid_default" => either("", "default gen_random_uuid()"),
        "time" => either("integer", "timestamptz(3)"),
        "json" => either("text", "json"),
        "texts" => either("text", "text[]"),
        "no_texts" => either("'[]'", "'{}'"),
        "bool" => either("integer", "boolean"),
        "bytes" => either("blob", "bytea"),
        "float" => either("real", "double precision"),
        "bigint" => either("integer", "bigint"),
        "serial" => {
            either("integer primary key autoincrement", "bigint generated always as identity primary key")
        }
        "now" => either("(cast(unixepoch('subsec') * 1000 as integer))", "now()"),
        "strict" => either("strict", ""),
        "like" => either("like", "ilike"),
        "for_update" => either("", "for update"),
        _ => return word_of(word, sqlite, out),
    }
    Ok(())
}

fn word_of(word: &str, sqlite: bool, out: &mut String) -> Result<(), StorageError> {
    let text = match word.split_once(':') {
        Some(("any_uuid", list)) if sqlite => format!("in (select unhex(value) from json_each({list}))"),
        Some(("any_text" | "any_int", list)) if sqlite => format!("in (select value from json_each({list}))"),
        Some(("any_uuid" | "any_text" | "any_int", list)) => format!("= any({list})"),
        Some(("overlap", pair)) => match pair.split_once(',') {
            Some((column, list)) if sqlite => format!(
                "exists (select 1 from json_each({column}) as had join json_each({list}) as wanted on had.value = wanted.value)"
            ),
            Some((column, list)) => format!("{column} && {list}"),
            None => return Err(unknown(word)),
        },
        Some(("later", pair)) => match pair.split_once(',') {
            Some((column, now)) if sqlite => format!("max({now}, {column} + 1)"),
            Some((column, now)) => format!("greatest({now}, {column} + interval '1 millisecond')"),
            None => return Err(unknown(word)),
        },
        _ => return Err(unknown(word)),
    };
    out.push_str(&text);
    Ok(())
}

fn unknown(word: &str) -> StorageError {
    StorageError::new(StorageErrorKind::Internal, format!("`{{{word}}}` is no word of SQL texts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, sqlite: &str, postgres: &str) {
        assert_eq!(render(text, Kind::Sqlite).unwrap(), sqlite);
        assert_eq!(render(text, Kind::Postgres).unwrap(), postgres);
    }

    #[test]
    fn words_are_written_for_each_database() {
        check("id {uuid} not null", "id blob not null", "id uuid not null");
        check("a {json} default '{}'", "a text default '{}'", "a json default '{}'");
        check("a default '{\"b\":{}}'", "a default '{\"b\":{}}'", "a default '{\"b\":{}}'");
        check("id {any_text:$2}", "id in (select value from json_each($2))", "id = any($2)");
        check("{", "{", "{");
    }

    #[test]
    fn an_unknown_word_is_refused() {
        assert_eq!(render("{uid}", Kind::Sqlite).unwrap_err().to_string(), "`{uid}` is no word of SQL texts");
        assert!(render("{overlap:tags}", Kind::Postgres).is_err());
    }

    #[test]
    fn a_text_grows_from_static_parts() {
        let mut sql = Sql::new("select 1 where a = ");
        sql.push_place(3).push(" and b");
        assert_eq!(sql.as_str(), "select 1 where a = $3 and b");
    }
}
