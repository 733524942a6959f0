//! Answers by schema: whether one fits, and what to tell the model if it does not.

use jsonschema::Validator;
use serde_json::Value;

use super::conversation::Format;
use super::repair::repair;

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

    /// Looks at an answer.
    ///
    /// # Errors
    /// What is wrong with it, for the model to read.
    pub(crate) fn look(&self, content: &str) -> Result<Looked, Vec<String>> {
        let found = match self {
            Self::Free => return Ok(Looked { value: None, repaired: false }),
            Self::Json | Self::Fits(_) => repair(content),
        };
        let Self::Fits(validator) = self else {
            return Ok(match found {
                Some(found) => Looked { value: Some(found.value), repaired: found.repaired },
                None => Looked { value: None, repaired: false },
            });
        };
        let Some(found) = found else { return Err(vec!["it is not JSON".to_owned()]) };
        let mistakes: Vec<String> =
            validator.iter_errors(&found.value).take(MISTAKES).map(|error| mistake(&error)).collect();
        if mistakes.is_empty() {
            return Ok(Looked { value: Some(found.value), repaired: found.repaired });
        }
        Err(mistakes)
    }
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
            let looked = shape().look(content);
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
    }

    #[test]
    fn some_json_may_be_none() {
        let shape = Shape::of(&Format::Json).unwrap();
        assert_eq!(shape.look("no").unwrap(), Looked { value: None, repaired: false });
        assert_eq!(shape.look("[1,]").unwrap(), Looked { value: Some(json!([1])), repaired: true });
        assert_eq!(
            Shape::of(&Format::Text).unwrap().look("{}").unwrap(),
            Looked { value: None, repaired: false }
        );
    }
}
