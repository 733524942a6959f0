//! What holds for any name and any value.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::output;
use super::server::{Reply, Server};

/// Names and values as the other side reads them.
fn decoded(text: &str) -> Vec<(String, String)> {
    let part = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                plain => plain,
            });
        }
        String::from_utf8(bytes).unwrap()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (part(name), part(value)))
        .collect()
}

/// Names with one or more values.
fn fields() -> impl Strategy<Value = Vec<(String, Vec<String>)>> {
    prop::collection::vec((any::<String>(), prop::collection::vec(any::<String>(), 1..3)), 0..5)
}

fn object(fields: &[(String, Vec<String>)]) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, values) in fields {
        let value = match values.as_slice() {
            [one] => json!(one),
            many => json!(many),
        };
        object.insert(name.clone(), value);
    }
    object
}

fn expected(object: &Map<String, Value>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in object {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        pairs.extend(values.iter().map(|value| (name.clone(), value.as_str().unwrap().to_owned())));
    }
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn queries_and_forms_arrive_as_they_were_given(query in fields(), form in fields()) {
        let (query, form) = (object(&query), object(&form));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let seen = runtime.block_on(async {
            let server = Server::start(|_, _| Reply::ok("")).await;
            output(json!({
                "url": server.url("/"), "method": "POST", "queryParams": query, "body": form,
                "contentType": "application/x-www-form-urlencoded",
            }))
            .await;
            server.only()
        });
        let sent = seen.target.strip_prefix('/').unwrap().trim_start_matches('?');
        prop_assert_eq!(decoded(sent), expected(&query));
        prop_assert_eq!(decoded(seen.text()), expected(&form));
    }
}
