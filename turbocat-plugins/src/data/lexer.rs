//! The words, signs, numbers and texts of conditions.

use std::fmt;

use serde_json::Number;

use super::mistake::Mistake;

/// A token of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'t> {
    Word(&'t str),
    Sign(&'static str),
    Number(Number),
    Text(String),
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "`{word}`"),
            Self::Sign(sign) => write!(f, "`{sign}`"),
            Self::Number(number) => write!(f, "`{number}`"),
            Self::Text(_) => f.write_str("a text"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// Longer signs come before those they begin with.
const SIGNS: [&str; 20] = [
    "===", "!==", "==", "!=", ">=", "<=", "&&", "||", "=", ">", "<", "!", "(", ")", "[", "]", ",", ".", "+",
    "-",
];

/// Gives one token after the other.
#[derive(Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Whether the last token lets an index follow: in `a.0.1` there are two of them, and no 0.1.
    after_dot: bool,
}

impl<'t> Lexer<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, at: 0, after_dot: false }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next token and its place.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'t>), Mistake> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let place = self.at;
        let token = self.token()?;
        self.after_dot = token == Token::Sign(".");
        Ok((place, token))
    }

    fn token(&mut self) -> Result<Token<'t>, Mistake> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        if first == '\'' || first == '"' {
            return self.quoted(first);
        }
        if self.after_dot && first.is_ascii_digit() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            return self.number(digits);
        }
        let after_sign = rest.strip_prefix('-').unwrap_or(rest);
        if after_sign.starts_with(|c: char| c.is_ascii_digit()) {
            return self.number(number_length(rest));
        }
        if is_word(first) {
            let length = rest.len() - rest.trim_start_matches(is_word).len();
            self.at += length;
            return Ok(Token::Word(rest.get(..length).unwrap_or_default()));
        }
        let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) else {
            return Err(Mistake::at(self.text, self.at, format!("`{first}` is not expected")));
        };
        self.at += sign.len();
        Ok(Token::Sign(sign))
    }

    fn number(&mut self, length: usize) -> Result<Token<'t>, Mistake> {
        let text = self.rest().get(..length).unwrap_or_default();
        let Ok(number) = serde_json::from_str::<Number>(text) else {
            return Err(Mistake::at(self.text, self.at, format!("`{text}` is no number")));
        };
        self.at += length;
        Ok(Token::Number(number))
    }

    fn quoted(&mut self, quote: char) -> Result<Token<'t>, Mistake> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, escaped @ ('\\' | '\'' | '"'))) => text.push(escaped),
                    // A backslash before anything else is a backslash: patterns are full of them.
                    Some((_, other)) => text.extend(['\\', other]),
                    None => break,
                },
                _ if character == quote => {
                    self.at = start + at + quote.len_utf8();
                    return Ok(Token::Text(text));
                }
                other => text.push(other),
            }
        }
        Err(Mistake::at(self.text, start, "a text is not closed").help(format!("end it with `{quote}`")))
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

/// How much of a text is a number, or wants to be one.
fn number_length(text: &str) -> usize {
    let mut before = ' ';
    let end = text.char_indices().find(|(at, character)| {
        let sign = matches!(character, '-' | '+') && (*at == 0 || matches!(before, 'e' | 'E'));
        before = *character;
        !(sign || is_word(*character) || *character == '.')
    });
    end.map_or(text.len(), |(at, _)| at)
}
