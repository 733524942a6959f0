//! What the macros make of functions, and what a context for tests serves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use turbocat_pdk::agent::{Agent, Declaration};
use turbocat_pdk::{Context, Failure, Level, Request, Response, agent, plugin};

#[derive(Deserialize, JsonSchema)]
struct Order {
    item: String,
    #[serde(default)]
    count: u32,
}

#[derive(Serialize, JsonSchema)]
struct Receipt {
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Settings {
    currency: String,
}

/// Sells things
/// for money.
///
/// What follows is for readers of the source.
#[agent(capabilities("http POST shop.example", "state"), config = Settings, max_concurrent = 2)]
fn sell_things(order: Order, cx: &Context) -> Result<Receipt, Failure> {
    let Settings { currency } = cx.config()?;
    Ok(Receipt { text: format!("{} x {} for 1 {currency}", order.count, order.item) })
}

#[agent(name = "closing-time", description = "Says when")]
fn closes() -> Result<u8, std::num::ParseIntError> {
    "18".parse()
}

mod inside {
    use super::{Context, Failure, agent};

    #[agent]
    pub(super) fn hear(cx: &Context) -> Result<(), Failure> {
        cx.warn("heard");
        Ok(())
    }
}

plugin! {
    agents: [sell_things, closes, inside::hear],
    name: "shop",
    version: "2.0.0",
    description: "A shop",
    capabilities: ["state", concat!("secret ", "TILL")],
    limits: { time_ms: 2 * 500 },
    state: execution,
}

#[test]
fn the_manifest_holds_what_the_macros_were_told() {
    let manifest = serde_json::to_value(turbocat_manifest().unwrap()).unwrap();
    let expected = json!({
        "name": "shop",
        "version": "2.0.0",
        "description": "A shop",
        "agents": [
            {
                "name": "sell-things",
                "description": "Sells things for money.",
                "input": {
                    "title": "Order",
                    "type": "object",
                    "properties": {
                        "item": { "type": "string" },
                        "count": { "type": "integer", "format": "uint32", "minimum": 0, "default": 0 },
                    },
                    "required": ["item"],
                },
                "output": {
                    "title": "Receipt",
                    "type": "object",
                    "properties": { "text": { "type": "string" } },
                    "required": ["text"],
                },
                "config": {
                    "title": "Settings",
                    "type": "object",
                    "properties": { "currency": { "type": "string" } },
                    "required": ["currency"],
                },
                "maxConcurrent": 2,
            },
            {
                "name": "closing-time",
                "description": "Says when",
                "function": "closes",
                "output": { "title": "uint8", "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255 },
            },
            { "name": "hear", "output": { "title": "null", "type": "null" } },
        ],
        "capabilities": ["state", "secret TILL", "http POST shop.example"],
        "limits": { "timeMs": 1000 },
        "state": "execution",
    });
    assert_eq!(manifest, expected, "{manifest:#}");
}

#[test]
fn an_agent_reads_inputs_and_writes_its_output() {
    let cx = Context::test().config(json!({ "currency": "EUR" }));
    let output = sell_things::answer(br#"{"item":"tea","count":3}"#, &cx).unwrap();
    assert_eq!(output, br#"{"text":"3 x tea for 1 EUR"}"#);
    assert_eq!(closes::answer(b"{}", &cx).unwrap(), b"18");
    assert_eq!(inside::hear::answer(b"{}", &cx).unwrap(), b"null");
    assert_eq!(cx.logged(), [(Level::Warn, "heard".to_owned())]);
}

#[test]
fn what_does_not_fit_is_a_failure_that_nobody_tries_again() {
    let check = |inputs: &[u8], config: Value, kind: &str, message: &str| {
        let failure = sell_things::answer(inputs, &Context::test().config(config)).unwrap_err();
        assert_eq!(failure.kind(), kind);
        assert!(failure.message().contains(message), "{failure}");
        assert!(!failure.is_retryable());
    };
    let inputs = br#"{"item":"tea"}"#;
    check(b"{}", json!({}), "input", "the inputs do not fit: missing field `item`");
    check(inputs, json!({}), "config", "the configuration does not fit: missing field `currency`");
    check(inputs, Value::Null, "config", "missing field `currency`");
}

#[test]
fn any_error_becomes_a_failure_with_its_causes() {
    let failure = closes_at("late").unwrap_err();
    assert_eq!((failure.kind(), failure.message()), ("error", "invalid digit found in string"));
    assert!(failure.is_retryable());
}

fn closes_at(text: &str) -> Result<u8, Failure> {
    Ok(text.parse()?)
}

#[test]
fn a_manifest_with_a_capability_that_is_none_is_refused() {
    let declaration = || Declaration {
        name: "shop",
        version: "2.0.0",
        description: "",
        limits: turbocat_pdk::wire::Limits::default(),
        state: turbocat_pdk::wire::StateKind::Call,
    };
    let agents = || vec![closes::describe()];
    let refused = |asked: &[&str], agents| declaration().manifest(agents, &[asked]).unwrap_err();
    let failure = refused(&["http shop.example"], agents());
    assert!(
        failure
            .message()
            .starts_with("`http shop.example` does not name one method and one host; help: write")
    );
    assert_eq!(refused(&[], Vec::new()).message(), "the manifest names no agent");
    assert_eq!(declaration().manifest(agents(), &[]).unwrap().description, None);
}

#[test]
fn a_context_for_tests_serves_what_it_was_given_and_tells_what_was_done() {
    let cx = Context::test().secret("KEY", "k").state("visits", &3).attempt(2).http(|request| {
        Response::new(201, request.body().to_vec()).with_header("X-Method", request.method())
    });

    assert_eq!(Context::secret(&cx, "KEY").unwrap(), "k");
    let missing = Context::secret(&cx, "OTHER").unwrap_err();
    assert_eq!((missing.kind(), missing.message()), ("secret", "there is no secret `OTHER`"));

    let state = Context::state(&cx);
    assert_eq!(state.get::<u32>("visits").unwrap(), Some(3));
    assert_eq!(state.get::<String>("visits").unwrap_err().kind(), "state");
    state.set("visits", &4).unwrap();
    state.set("gone", "soon").unwrap();
    state.remove("gone");
    assert_eq!((cx.kept("visits"), cx.kept("gone")), (Some(json!(4)), None));

    let response = Context::http(&cx, Request::post("http://a.example").json(&[1]).unwrap()).unwrap();
    assert_eq!((response.status(), response.header("x-method")), (201, Some("POST")));
    assert_eq!(response.json::<Vec<u8>>().unwrap(), [1]);
    assert_eq!(response.text().unwrap(), "[1]");

    cx.progress(json!({ "done": 1 }));
    assert_eq!(cx.progressed(), [json!({ "done": 1 })]);
    assert_eq!((Context::attempt(&cx), cx.step(), cx.idempotency_key()), (2, "test", "test/test"));
}

#[test]
fn without_somebody_who_answers_a_request_fails() {
    let failure = Context::http(&Context::test(), Request::get("http://a.example")).unwrap_err();
    assert_eq!(failure.kind(), "http");
}
