//! What the kit promises, shown by the plugin `greet`: words while it works, secrets, HTTP, state,
//! panics, and what happens without a grant.

use serde_json::{Value, json};
use turbocat_core::StepFailure;
use turbocat_plugins::wasm::StateKind;

use crate::called::{Called, KEY, host};
use crate::directory::Directory;

const FOUND: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
                     {\"name\":\"Ada\",\"language\":\"English\"}";
const BUSY: &str = "HTTP/1.1 503 Busy\r\nretry-after: 7\r\nconnection: close\r\n\r\n";
const TELLTALE: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"name\":\"correct-horse-battery\"}";

async fn look_up(called: &Called, directory: &Directory) -> Result<Value, StepFailure> {
    let config = json!({ "base": format!("http://{}", directory.address) });
    called.with("look-up", json!({ "id": 7 }), config).await
}

#[tokio::test]
async fn a_plugin_says_what_it_is() {
    let called = Called::granted(host(), "greet").await;
    let manifest = called.plugin.manifest();
    assert_eq!((&*manifest.name, &*manifest.version), ("greet", "1.2.0"));
    assert_eq!(manifest.description.as_deref(), Some("Greets people, and knows whom it met"));
    assert_eq!(manifest.state, StateKind::Call);
    assert_eq!(manifest.limits.time_ms, Some(5_000));
    let asked: Vec<String> = manifest.capabilities.iter().map(ToString::to_string).collect();
    assert_eq!(asked, ["state", "http GET directory.example.com", "secret DIRECTORY_KEY"]);
    let [greet, look_up] = &manifest.agents[..] else { panic!("{:?}", manifest.agents) };
    assert_eq!((&*greet.name, &*look_up.name), ("greet", "look-up"));
    assert_eq!(greet.description.as_deref(), Some("Greets guests by name and counts how often."));
    assert_eq!(look_up.max_concurrent, Some(4));
    let input = greet.input.as_ref().unwrap();
    assert_eq!(input["required"], json!(["names"]), "{input}");
    assert_eq!(input["properties"]["names"]["description"], json!("Their names."));
    assert_eq!(greet.config.as_ref().unwrap()["additionalProperties"], json!(false));
}

#[tokio::test]
async fn log_and_progress_arrive_while_a_plugin_works() {
    let called = Called::granted(host(), "greet").await;
    called.output("greet", json!({ "names": ["Ada", "Alan"] })).await;
    let expected =
        ["progress: {\"done\":1,\"of\":2}", "progress: {\"done\":2,\"of\":2}", "info: greeted Ada, Alan"];
    assert_eq!(called.said(), expected);
}

#[tokio::test]
async fn state_outlives_an_execution() {
    let called = Called::granted(host(), "greet").await;
    for times in 1..=3 {
        let output = called.output("greet", json!({ "names": ["Ada"] })).await;
        assert_eq!(output["greetings"][0]["times"], json!(times));
    }
}

#[tokio::test]
async fn a_panic_is_told_with_its_message_and_place() {
    let called = Called::granted(host(), "greet").await;
    let failure = called.failure("greet", json!({ "names": ["Voldemort"] })).await;
    assert_eq!((failure.kind.as_str(), &*failure.message), ("panic", "`Voldemort` must not be named"));
    assert!(!failure.retryable);
    let place = failure.detail.unwrap();
    assert_eq!(place["file"], json!("greet/src/guests.rs"), "{place}");
    let source = include_str!("../../../plugins/greet/src/guests.rs");
    let line = usize::try_from(place["line"].as_u64().unwrap()).unwrap();
    assert!(source.lines().nth(line - 1).unwrap().contains("must not be named"), "{place}");
}

#[tokio::test]
async fn a_request_goes_out_with_the_secret_that_was_granted() {
    let directory = Directory::answering(FOUND).await;
    let grants = [&*format!("http GET {}", directory.address), "secret DIRECTORY_KEY"];
    let called = Called::new(host(), "greet", &grants).await;
    let person = look_up(&called, &directory).await.unwrap();
    assert_eq!(person, json!({ "name": "Ada", "language": "English" }));
    let asked = directory.asked().join("\n");
    assert!(asked.starts_with("GET /people/7 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("authorization: Bearer {KEY}\r\n")), "{asked}");
    assert!(asked.contains("/do\r\n"), "the key of the attempt: {asked}");
    assert_eq!(called.said(), ["debug: the directory answered with 200"]);
}

#[tokio::test]
async fn a_secret_that_comes_back_is_blacked_out() {
    let directory = Directory::answering(TELLTALE).await;
    let grants = [&*format!("http GET {}", directory.address), "secret DIRECTORY_KEY"];
    let called = Called::new(host(), "greet", &grants).await;
    let person = look_up(&called, &directory).await.unwrap();
    assert!(!person.to_string().contains(KEY), "{person}");
}

#[tokio::test]
async fn the_other_side_says_when_to_try_again() {
    let directory = Directory::answering(BUSY).await;
    let grants = [&*format!("http GET {}", directory.address), "secret DIRECTORY_KEY"];
    let called = Called::new(host(), "greet", &grants).await;
    let failure = look_up(&called, &directory).await.unwrap_err();
    assert_eq!(failure.kind.as_str(), "http.503");
    assert!(failure.retryable);
    assert_eq!(failure.retry_after, Some(std::time::Duration::from_secs(7)));
}

#[tokio::test]
async fn what_was_not_granted_is_named() {
    let directory = Directory::answering(FOUND).await;
    let http = format!("http GET {}", directory.address);
    let check = |failure: StepFailure, act: &str, grant: &str| {
        assert_eq!(failure.kind.as_str(), "denied");
        assert_eq!(failure.message, format!("plugin `greet` may not {act}; grant it `{grant}`"));
        assert_eq!(failure.detail.unwrap()["grant"], json!(grant));
        assert!(!failure.retryable);
    };

    let called = Called::new(host(), "greet", &[]).await;
    let failure = called.failure("greet", json!({ "names": ["Ada"] })).await;
    check(failure, "keep state", "state");
    let failure = look_up(&called, &directory).await.unwrap_err();
    check(failure, "read the secret `DIRECTORY_KEY`", "secret DIRECTORY_KEY");

    // What it asked for is another host than the one it was sent to.
    let called = Called::granted(host(), "greet").await;
    let failure = look_up(&called, &directory).await.unwrap_err();
    check(failure, &format!("do `{http}`"), &http);
    assert!(directory.asked().is_empty());
}
