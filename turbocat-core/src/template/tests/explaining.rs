//! What an explanation says.

use serde_json::json;

use super::{expression, seen, values};
use crate::template::{Explanation, Expression};

#[test]
fn an_explanation_shows_values_in_their_places() {
    let check = |text: &str, expected: &str| {
        let compiled = expression(text);
        let explanation = compiled.judge(&seen(&values(compiled.roots()))).1;
        assert_eq!(explanation.to_string(), expected, "{text}");
        let written = serde_json::to_string(&explanation).unwrap();
        assert_eq!(serde_json::from_str::<Explanation>(&written).unwrap(), explanation);
    };
    check("fetch.stories | length >= 3", "fetch.stories = array(3)\n3 >= 3 = true");
    check("{{ fetch.ok }}", "fetch.ok = true");
    check("fetch", "fetch = object(18)");
    check("not fetch.ok", "fetch.ok = true\nnot true = false");
    check(
        "fetch.tookMs > 3 and inputs.topic == 'go'",
        "fetch.tookMs = 12\ninputs.topic = \"rust\"\n12 > 3 and \"rust\" == \"go\" = false",
    );
    check(
        "fetch.tookMs > 30 and inputs.topic == 'go'",
        "fetch.tookMs = 12\n12 > 30 and inputs.topic == \"go\" = false",
    );
    check("fetch.tookMs * (inputs.limit + 1)", "fetch.tookMs = 12\ninputs.limit = 5\n12 * (5 + 1) = 72");
    check("gone.a is none", "gone.a = null\nnull is none = true");
    check("fetch.nope | default(3) > 2", "fetch.nope = missing\n3 > 2 = true");
    check("1 + 1 == 2", "1 + 1 == 2 = true");
    check("gone.a > 3", "gone.a = null\nnull > 3 = `>` cannot compare null with a number");
    check("my-step.x in [1, 5]", "my-step.x = 5\n5 in [1, 5] = true");
}

#[test]
fn a_literal_explains_itself() {
    let compiled = Expression::compile(&json!(true), &super::names).unwrap();
    assert_eq!(compiled.judge(&[]).1.to_string(), "true");
    let compiled = Expression::compile(&json!([1, 2]), &super::names).unwrap();
    assert_eq!(compiled.judge(&[]).1.to_string(), "array(2)");
}
