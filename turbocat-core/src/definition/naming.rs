//! What can be the name of a step, an item, an agent or a branch.

use crate::diagnostic::{Code, Diagnostic};

use super::decode::Decoder;

const NAMES: &str = "names have letters, digits, `_` and `-`, and do not begin with a digit";
/// What templates find at their root besides steps.
const ROOTS: [&str; 4] = ["inputs", "secrets", "metadata", "execution"];
const WORDS: [&str; 11] = ["true", "false", "none", "null", "not", "and", "or", "in", "is", "if", "else"];

impl Decoder<'_> {
    /// Reports a key that cannot be the name of something; `place` is that of the name.
    pub(super) fn name(
        &mut self,
        name: &str,
        what: &str,
        reserved: bool,
        error: impl Fn(Code, String) -> Diagnostic,
    ) {
        const LONGEST: usize = 100;
        if name.is_empty() {
            self.report(error(Code::BAD_NAME, format!("the name of {what} is empty")).help(NAMES));
        } else if let Some(reason) = unfit(name) {
            let diagnostic =
                error(Code::BAD_NAME, format!("`{}` cannot be the name of {what}: {reason}", clip(name)));
            let help = match fit(name) {
                Some(near) => format!("did you mean `{near}`? {NAMES}"),
                None => NAMES.to_owned(),
            };
            self.report(diagnostic.help(help));
        } else if name.len() > LONGEST {
            let message = format!("the name `{}` is longer than {LONGEST} characters", clip(name));
            self.report(error(Code::BAD_NAME, message).help("shorten it; there is `name` for a title"));
        } else if reserved && ROOTS.contains(&name) {
            let message =
                format!("`{name}` cannot be the name of {what}: templates use it for something else");
            self.report(error(Code::BAD_NAME, message).help(format!("`{}` are taken", ROOTS.join("`, `"))));
        } else if reserved && WORDS.contains(&name) {
            let message =
                format!("`{name}` cannot be the name of {what}: it is a word of the expression language");
            self.report(error(Code::BAD_NAME, message).help(format!("`{}` are taken", WORDS.join("`, `"))));
        }
    }
}

fn unfit(name: &str) -> Option<&'static str> {
    let first = name.chars().next()?;
    if first.is_ascii_digit() || first == '-' {
        return Some("it does not begin with a letter");
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (!name.chars().all(fits)).then_some("it has other characters than letters, digits, `_` and `-`")
}

/// The name with what does not fit replaced, if anything sensible is left.
fn fit(name: &str) -> Option<String> {
    if !name.is_ascii() {
        return None;
    }
    let fitting: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
        .collect();
    let fitting = fitting.trim_matches(['_', '-']);
    let fitting = match fitting.chars().next()? {
        c if c.is_ascii_digit() => format!("step_{fitting}"),
        _ => fitting.to_owned(),
    };
    (fitting.len() <= 40).then_some(fitting)
}

fn clip(name: &str) -> String {
    match name.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_owned(),
    }
}
