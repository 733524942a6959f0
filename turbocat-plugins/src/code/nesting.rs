//! Whether code nests so deep that nobody wrote it by hand, found without nesting calls.
//!
//! A parser calls itself for what is inside of something. This looks at the letters alone, in one
//! loop, and refuses what is plainly too deep; what it misjudges meets the stack of [`super::room`].

/// Brackets inside of brackets that are taken.
const BRACKETS: usize = 500;
/// Operators, members and `else` in a row that are taken, such as the terms of a sum.
const LINKS: usize = 10_000;
/// Operators before one value that are taken.
const PREFIXES: usize = 500;

/// Where the code becomes too deep, as an offset.
pub(super) fn too_deep(code: &str) -> Option<usize> {
    Walk::new(code.as_bytes()).find()
}

/// What a bracket holds.
struct Level {
    bracket: u8,
    links: usize,
}

struct Walk<'a> {
    code: &'a [u8],
    at: usize,
    levels: Vec<Level>,
    prefixes: usize,
    /// The last letter that is neither space nor comment.
    last: u8,
    after_line: bool,
}

impl<'a> Walk<'a> {
    fn new(code: &'a [u8]) -> Self {
        let whole = Level { bracket: 0, links: 0 };
        Self { code, at: 0, levels: vec![whole], prefixes: 0, last: b';', after_line: false }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.code.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn find(mut self) -> Option<usize> {
        while self.at < self.code.len() {
            let start = self.at;
            self.step();
            let too_long = self.levels.last().is_some_and(|level| level.links > LINKS);
            if too_long || self.levels.len() > BRACKETS || self.prefixes > PREFIXES {
                return Some(start);
            }
        }
        None
    }

    /// Takes one word, text, comment or sign.
    fn step(&mut self) {
        let letter = self.peek(0);
        match letter {
            b'\n' => {
                self.after_line = true;
                self.at += 1;
            }
            _ if letter.is_ascii_whitespace() => self.at += 1,
            b'/' if self.peek(1) == b'/' => self.skip_until(b"\n"),
            b'/' if self.peek(1) == b'*' => {
                self.at += 2;
                self.skip_until(b"*/");
                self.at += 2;
            }
            b'/' if self.begins_a_pattern() => self.pattern(),
            b'"' | b'\'' => self.text(letter),
            b'`' => {
                self.at += 1;
                self.template();
            }
            b'(' | b'[' | b'{' => {
                self.begins(letter);
                self.levels.push(Level { bracket: letter, links: 0 });
                self.at += 1;
            }
            b')' | b']' | b'}' => self.close(letter),
            b',' | b';' => {
                self.reset();
                self.sign(letter);
            }
            b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'?' | b'=' | b'<' | b'>'
            | b'!' | b'~' | b':' => self.link(letter),
            _ if is_word(letter) => self.word(),
            _ => self.sign(letter),
        }
    }

    fn sign(&mut self, letter: u8) {
        self.last = letter;
        self.after_line = false;
        self.prefixes = 0;
        self.at += 1;
    }

    fn reset(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.links = 0;
        }
    }

    fn count(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.links += 1;
        }
    }

    fn link(&mut self, letter: u8) {
        self.count();
        if matches!(letter, b'!' | b'~' | b'+' | b'-') {
            self.prefixes += 1;
        } else {
            self.prefixes = 0;
        }
        self.last = letter;
        self.after_line = false;
        self.at += 1;
    }

    /// Something that is no operator: what stood on the lines before is no part of it.
    fn begins(&mut self, letter: u8) {
        if self.after_line && !is_link(self.last) && !matches!(letter, b'(' | b'[' | b'`') {
            self.reset();
        }
        self.after_line = false;
        self.prefixes = 0;
        self.last = letter;
    }

    fn word(&mut self) {
        let start = self.at;
        while is_word(self.peek(0)) {
            self.at += 1;
        }
        let (word, prefixes) = (&self.code[start..self.at], self.prefixes);
        let joins = matches!(word, b"else" | b"in" | b"of" | b"instanceof" | b"as" | b"satisfies");
        let prefix =
            matches!(word, b"typeof" | b"void" | b"delete" | b"await" | b"new" | b"yield" | b"throw");
        if joins {
            self.count();
            self.after_line = false;
        }
        self.begins(word.last().copied().unwrap_or(0));
        if prefix {
            self.prefixes = prefixes + 1;
        }
        if prefix || joins || matches!(word, b"return" | b"case" | b"do") {
            // what follows is a value: a slash begins a pattern
            self.last = b'=';
        }
    }

    fn text(&mut self, quote: u8) {
        self.begins(quote);
        self.at += 1;
        while self.at < self.code.len() {
            match self.peek(0) {
                b'\\' => self.at += 2,
                b'\n' => return,
                letter => {
                    self.at += 1;
                    if letter == quote {
                        return;
                    }
                }
            }
        }
    }

    /// The rest of a template, up to what is put into it.
    fn template(&mut self) {
        self.begins(b'`');
        while self.at < self.code.len() {
            match self.peek(0) {
                b'\\' => self.at += 2,
                b'`' => {
                    self.at += 1;
                    return;
                }
                b'$' if self.peek(1) == b'{' => {
                    self.at += 2;
                    self.levels.push(Level { bracket: b'`', links: 0 });
                    self.last = b'{';
                    return;
                }
                _ => self.at += 1,
            }
        }
    }

    fn close(&mut self, letter: u8) {
        let opened = if self.levels.len() > 1 { self.levels.pop() } else { None };
        self.at += 1;
        self.last = letter;
        self.after_line = false;
        self.prefixes = 0;
        if letter == b'}' && opened.is_some_and(|level| level.bracket == b'`') {
            self.template();
            self.last = b')';
        }
    }

    /// Whether a slash begins a pattern and does not divide.
    fn begins_a_pattern(&self) -> bool {
        is_link(self.last) || matches!(self.last, b'(' | b'[' | b'{' | b'}' | b',' | b';')
    }

    fn pattern(&mut self) {
        self.begins(b')');
        self.at += 1;
        let mut in_class = false;
        while self.at < self.code.len() {
            match self.peek(0) {
                b'\\' => self.at += 2,
                b'\n' => return,
                b'/' if !in_class => {
                    self.at += 1;
                    return;
                }
                letter => {
                    in_class = letter == b'[' || in_class && letter != b']';
                    self.at += 1;
                }
            }
        }
    }

    fn skip_until(&mut self, end: &[u8]) {
        let rest = self.code.get(self.at..).unwrap_or_default();
        self.at += rest.windows(end.len()).position(|found| found == end).unwrap_or(rest.len());
    }
}

fn is_word(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'$' | b'\\' | b'#') || letter >= 0x80
}

fn is_link(letter: u8) -> bool {
    matches!(
        letter,
        b'.' | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'&'
            | b'|'
            | b'^'
            | b'?'
            | b'='
            | b'<'
            | b'>'
            | b'!'
            | b'~'
            | b':'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_people_write_is_not_too_deep() {
        let lines = "const a1 = b.c + d / 2 * (e - f)\n".repeat(5000);
        let list = format!("[{}]", "{ a: -1.5, b: 'x' }, ".repeat(9000));
        let texts =
            "const s = '((((' + \"[[[[\" + `{{{{ ${a} ((((` + /[(]\\((?:/.source // ((((\n".repeat(400);
        let chain = format!("x{}", "\n  .map(y => y)".repeat(2000));
        for code in [&*lines, &list, &texts, &chain, "", "((((", "`${`${`${1}`}`}`", "/*", "'", "`", "a\\"] {
            assert_eq!(too_deep(code), None, "{}", &code[..code.len().min(60)]);
        }
    }

    #[test]
    fn code_that_nests_without_end_is_too_deep() {
        for code in [
            "(".repeat(20_000),
            "[".repeat(20_000),
            "a={".repeat(20_000),
            "!".repeat(20_000),
            "- ".repeat(20_000),
            "typeof ".repeat(20_000),
            "`${".repeat(20_000),
            format!("1{}", "+1".repeat(100_000)),
            format!("1{}", "\n+ 1".repeat(50_000)),
            format!("a{}", ".b".repeat(100_000)),
            "if (a) {} else ".repeat(15_000),
            "if (a) b()\nelse ".repeat(15_000),
            format!("1{}", "\n// x\n+\n1".repeat(20_000)),
            "a?b:".repeat(20_000),
            format!("{}1", "x =>".repeat(20_000)),
            "let x: ".to_owned() + &"A<".repeat(20_000),
        ] {
            assert!(too_deep(&code).is_some(), "{}", &code[..40]);
        }
    }
}
