//! The agent `greet`: a greeting in the language of the guest, and how often they were greeted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use turbocat_pdk::{Context, Failure, agent};

/// Whom to greet.
#[derive(Deserialize, JsonSchema)]
pub struct Guests {
    /// Their names.
    names: Vec<String>,
    /// The language they speak.
    #[serde(default)]
    language: Language,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Language {
    #[default]
    En,
    De,
    Fr,
}

/// How to greet.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Manner {
    /// With an exclamation mark.
    loud: bool,
}

/// The greetings, in the order of the names.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Greetings {
    greetings: Vec<Greeting>,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Greeting {
    text: String,
    /// How often they were greeted, this time too.
    times: u32,
}

/// Greets guests by name and counts how often.
///
/// One must not be named: a panic shows how a plugin that breaks is told.
#[agent(capabilities("state"), config = Manner)]
pub fn greet(guests: Guests, cx: &Context) -> Result<Greetings, Failure> {
    let manner: Manner = cx.config()?;
    if guests.names.is_empty() {
        return Err(Failure::new("greet.nobody", "there is nobody to greet").permanent());
    }
    let mut greetings = Vec::new();
    for (done, name) in guests.names.iter().enumerate() {
        assert!(name != "Voldemort", "`{name}` must not be named");
        let key = format!("met/{name}");
        let times = cx.state().get::<u32>(&key)?.unwrap_or(0) + 1;
        cx.state().set(&key, &times)?;
        greetings.push(Greeting { text: text(name, guests.language, manner.loud), times });
        cx.progress(json!({ "done": done + 1, "of": guests.names.len() }));
    }
    cx.info(format!("greeted {}", guests.names.join(", ")));
    Ok(Greetings { greetings })
}

fn text(name: &str, language: Language, loud: bool) -> String {
    let hello = match language {
        Language::En => "Hello",
        Language::De => "Guten Tag",
        Language::Fr => "Bonjour",
    };
    format!("{hello}, {name}{}", if loud { '!' } else { '.' })
}

#[cfg(test)]
mod tests {
    use super::*;
    use turbocat_pdk::Level;

    fn guests(names: &[&str]) -> Guests {
        Guests { names: names.iter().map(|name| (*name).to_owned()).collect(), language: Language::De }
    }

    #[test]
    fn a_guest_is_greeted_in_their_language_and_counted() {
        let cx = Context::test().state("met/Ada", &4).config(json!({ "loud": true }));
        let Greetings { greetings } = greet(guests(&["Ada", "Alan"]), &cx).unwrap();
        assert_eq!(greetings[0], Greeting { text: "Guten Tag, Ada!".to_owned(), times: 5 });
        assert_eq!(greetings[1].times, 1);
        assert_eq!(cx.kept("met/Ada"), Some(json!(5)));
        assert_eq!(cx.progressed(), [json!({ "done": 1, "of": 2 }), json!({ "done": 2, "of": 2 })]);
        assert_eq!(cx.logged(), [(Level::Info, "greeted Ada, Alan".to_owned())]);
    }

    #[test]
    fn nobody_is_no_guest() {
        let failure = greet(guests(&[]), &Context::test()).unwrap_err();
        assert_eq!(failure.kind(), "greet.nobody");
        assert!(!failure.is_retryable());
    }

    #[test]
    #[should_panic(expected = "must not be named")]
    fn one_must_not_be_named() {
        let _ = greet(guests(&["Voldemort"]), &Context::test());
    }
}
