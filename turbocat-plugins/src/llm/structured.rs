//! Answers by schema: whether one fits, and what to tell the model if it does not.

use jsonschema::Validator;
use serde_json::Value;

use super::conversation::Format;
use super::repair::{Candidates, Repaired, candidates};

/// How many mistakes a model is told at once: more would make it forget the task.
const MISTAKES: usize = 10;

/// What answers must look like.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Anything.
    Free,
    /// JSON, if it can be had.
    Json,
    /// JSON that fits.
    Fits(Box<Validator>),
}

/// An answer that was looked at.
#[derive(Debug, PartialEq)]
pub(crate) struct Looked {
    /// The JSON in it.
    pub(crate) value: Option<Value>,
    /// Whether it had to be mended.
    pub(crate) repaired: bool,
}

impl Shape {
    /// The shape of a form.
    ///
    /// # Errors
    /// The schema is none, in a sentence.
    pub(crate) fn of(format: &Format) -> Result<Self, String> {
        match format {
            Format::Text => Ok(Self::Free),
            Format::Json => Ok(Self::Json),
            Format::Schema { schema, .. } => match jsonschema::validator_for(schema) {
                Ok(validator) => Ok(Self::Fits(Box::new(validator))),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// Looks at an answer; `cut` says that it ends because its tokens ended. Half a number is a
    /// number too, so JSON that such an answer leaves open is none, however well it fits.
    ///
    /// # Errors
    /// What is wrong with it, for the model to read.
    pub(crate) fn look(&self, content: &str, cut: bool) -> Result<Looked, Vec<String>> {
        let nothing = Looked { value: None, repaired: false };
        if matches!(self, Self::Free) {
            return Ok(nothing);
        }
        let found = candidates(content);
        let half = cut && found.is_open();
        match self {
            Self::Fits(_) if half => {
                Err(vec!["it was cut off before its end, because it is too long: make it shorter".to_owned()])
            }
            Self::Fits(validator) => choose(validator, found),
            _ if half => Ok(nothing),
            _ => Ok(found.preferred().map_or(nothing, Looked::from)),
        }
    }
}

impl From<Repaired> for Looked {
    fn from(found: Repaired) -> Self {
        Self { value: Some(found.value), repaired: found.repaired }
    }
}

/// The one that fits. What stands in fences is meant, and the rest only if nothing there fits.
fn choose(validator: &Validator, found: Candidates) -> Result<Looked, Vec<String>> {
    for level in [&found.fenced, &found.anywhere] {
        let mut fitting = level.iter().filter(|found| validator.is_valid(&found.value));
        let Some(first) = fitting.next() else { continue };
        if fitting.any(|other| other.value != first.value) {
            let mistake = "it holds several answers that fit and differ: give one, without examples";
            return Err(vec![mistake.to_owned()]);
        }
        return Ok(first.clone().into());
    }
    let Some(meant) = found.preferred() else { return Err(vec!["it is not JSON".to_owned()]) };
    Err(validator.iter_errors(&meant.value).take(MISTAKES).map(|error| mistake(&error)).collect())
}

fn mistake(error: &jsonschema::ValidationError<'_>) -> String {
    let at = error.instance_path().as_str();
    if at.is_empty() { error.to_string() } else { format!("at `{at}`: {error}") }
}

/// What to tell a model whose answer does not fit.
pub(crate) fn ask_again(mistakes: &[String]) -> String {
    format!(
        "Your answer does not fit the JSON Schema:\n- {}\nAnswer again with the corrected JSON and nothing else.",
        mistakes.join("\n- ")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape() -> Shape {
        let schema = json!({ "type": "object", "properties": { "age": { "type": "integer", "minimum": 0 } }, "required": ["age"] });
        Shape::of(&Format::Schema { name: "person".to_owned(), schema, native: true }).unwrap()
    }

    #[test]
    fn an_answer_fits_or_its_mistakes_are_told() {
        let check = |content: &str, expected: Result<(Value, bool), &[&str]>| {
            let looked = shape().look(content, false);
            let expected = match expected {
                Ok((value, repaired)) => Ok(Looked { value: Some(value), repaired }),
                Err(mistakes) => Err(mistakes.iter().map(|&mistake| mistake.to_owned()).collect::<Vec<_>>()),
            };
            assert_eq!(looked, expected, "{content}");
        };
        check(r#"{"age": 4}"#, Ok((json!({ "age": 4 }), false)));
        check("```json\n{'age': 4,}\n```", Ok((json!({ "age": 4 }), true)));
        check("four", Err(&["it is not JSON"]));
        check("{}", Err(&["\"age\" is a required property"]));
        check(r#"{"age": -1}"#, Err(&["at `/age`: -1 is less than the minimum of 0"]));
        check("[1]", Err(&["[1] is not of type \"object\""]));
        // an end that is missing is mended, if nothing says that there was more
        check(r#"{"age": 4"#, Ok((json!({ "age": 4 }), true)));
        // among several the one that fits
        check("{\"a\": 1} is wrong; {\"age\": 4}, as in [1]", Ok((json!({ "age": 4 }), true)));
        check("```\n{\"age\": 4}\n```\nnot\n```\n{\"years\": 4}\n```", Ok((json!({ "age": 4 }), true)));
        check("{\"age\": 4}, once more: {\"age\": 4}", Ok((json!({ "age": 4 }), true)));
        check("Not {\"age\": 9}:\n```\n{\"age\": 4}\n```", Ok((json!({ "age": 4 }), true)));
        check("```\n{}\n```\nor {\"age\": 4}", Ok((json!({ "age": 4 }), true)));
        let differ = "it holds several answers that fit and differ: give one, without examples";
        check("For example {\"age\": 1}. Yours: {\"age\": 4}", Err(&[differ]));
        check("```\n{\"age\": 1}\n```\nor\n```\n{\"age\": 4}\n```", Err(&[differ]));
        check(
            "{\"age\": 1, \"of\": \"this\"} {\"years\": 4} {}",
            Ok((json!({ "age": 1, "of": "this" }), true)),
        );
        check("{\"age\": -1, \"note\": \"long\"} {}", Err(&["\"age\" is a required property"]));
    }

    #[test]
    fn what_an_answer_that_was_cut_leaves_open_is_no_answer() {
        let said = "it was cut off before its end, because it is too long: make it shorter";
        let check = |content: &str, whole: bool| {
            let fits = shape().look(content, true);
            let some = Shape::of(&Format::Json).unwrap().look(content, true).unwrap();
            if whole {
                assert_eq!(fits.unwrap().value, Some(json!({ "age": 12 })), "{content}");
                assert_eq!(some.value, Some(json!({ "age": 12 })), "{content}");
            } else {
                assert_eq!(fits, Err(vec![said.to_owned()]), "{content}");
                assert_eq!(some, Looked { value: None, repaired: false }, "{content}");
            }
        };
        check(r#"{"age": 12"#, false);
        check(r#"{"age": 12,"#, false);
        check(r#"{"age": 12, "name": "Ad"#, false);
        check(r#"{"age": 12, "na"#, false);
        check(r#"{"age": 12, "name":"#, false);
        check(r#"{"age": 12, "it": tr"#, false);
        check("```json\n{\"age\": 12", false);
        check("For example {\"age\": 3}. Yours: {\"age\": 12", false);
        check("```\n{\"age\": 3}\n```\nno:\n{\"age\": 12", false);
        check("12", false);
        check(r#"{"age": 12}"#, true);
        check("{\"age\": 12}   \n\n\n", true);
        check("```json\n{\"age\": 12}\n", true);
        check("```json\n{\"age\": 12}\n```\nThat is because", true);
    }

    #[test]
    fn some_json_may_be_none() {
        let shape = Shape::of(&Format::Json).unwrap();
        assert_eq!(shape.look("no", false).unwrap(), Looked { value: None, repaired: false });
        assert_eq!(shape.look("[1,]", false).unwrap(), Looked { value: Some(json!([1])), repaired: true });
        assert_eq!(
            Shape::of(&Format::Text).unwrap().look("{}", true).unwrap(),
            Looked { value: None, repaired: false }
        );
    }
}
