//! The agent `look-up`: asks a directory of people, which wants a key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use turbocat_pdk::{Context, Failure, Request, agent};

/// Whom to look up.
#[derive(Deserialize, JsonSchema)]
pub struct Wanted {
    id: u32,
}

/// Where the directory is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The address before `/people/7`.
    #[serde(default = "usual")]
    base: String,
}

fn usual() -> String {
    "https://directory.example.com".to_owned()
}

/// A person, as the directory has them.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct Person {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
}

/// Finds a person in the directory.
#[agent(
    capabilities("http GET directory.example.com", "secret DIRECTORY_KEY"),
    config = Directory,
    max_concurrent = 4
)]
pub fn look_up(wanted: Wanted, cx: &Context) -> Result<Person, Failure> {
    let Directory { base } = cx.config()?;
    let key = cx.secret("DIRECTORY_KEY")?;
    let request = Request::get(format!("{base}/people/{}", wanted.id))
        .header("authorization", format!("Bearer {key}"))
        .header("idempotency-key", cx.idempotency_key());
    let response = cx.http(request)?;
    cx.debug(format!("the directory answered with {}", response.status()));
    response.ok()?.json()
}

#[cfg(test)]
mod tests {
    use super::*;
    use turbocat_pdk::Response;

    #[test]
    fn the_directory_is_asked_with_the_key() {
        let cx = Context::test().secret("DIRECTORY_KEY", "k").http(|request| {
            assert_eq!(request.url(), "https://directory.example.com/people/7");
            assert!(request.headers().contains(&("authorization".to_owned(), "Bearer k".to_owned())));
            Response::new(200, r#"{"name":"Ada"}"#)
        });
        let person = look_up(Wanted { id: 7 }, &cx).unwrap();
        assert_eq!(person, Person { name: "Ada".to_owned(), language: None });
    }

    #[test]
    fn a_busy_directory_is_asked_again_later() {
        let busy = |_: &Request| Response::new(503, "").with_header("retry-after", "3");
        let cx = Context::test().secret("DIRECTORY_KEY", "k").http(busy);
        let failure = look_up(Wanted { id: 7 }, &cx).unwrap_err();
        assert_eq!((failure.kind(), failure.is_retryable()), ("http.503", true));
    }

    #[test]
    fn without_the_key_nothing_is_asked() {
        assert_eq!(look_up(Wanted { id: 7 }, &Context::test()).unwrap_err().kind(), "secret");
    }
}
