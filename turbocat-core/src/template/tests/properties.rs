//! What holds for every value and every text.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::template::{Expression, RootKind, Template};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300f64).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "\\{\\{ ?[a-c]? ?\\}\\}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-d]{1,2}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn plain(_: &str) -> Option<RootKind> {
    Some(RootKind::Plain)
}

proptest! {
    #[test]
    fn any_value_passes_through_unchanged(value in any_json()) {
        let root = Arc::new(value.clone());
        for text in ["{{ x }}", "{{ (x) }}", "{{ [x][0] }}", "{{ x if true }}", "{{ [x] | first }}", "{{ {'k': x}.k }}"] {
            let template = Template::compile(&json!(text), &plain).unwrap();
            prop_assert_eq!(&*template.evaluate(&[Some(&root)]).unwrap(), &value, "{}", text);
        }
        let wrapped = Template::compile(&json!({"a": ["{{ x }}"]}), &plain).unwrap();
        prop_assert_eq!(&*wrapped.evaluate(&[Some(&root)]).unwrap(), &json!({"a": [value]}));
        let text = Template::compile(&json!("{{ x | tojson | fromjson }}"), &plain).unwrap();
        prop_assert_eq!(&*text.evaluate(&[Some(&root)]).unwrap(), &value);
    }

    #[test]
    fn a_literal_without_braces_stays_as_it_is(value in any_json()) {
        prop_assume!(!value.to_string().contains("{{"));
        let template = Template::compile(&value, &plain).unwrap();
        prop_assert_eq!(&**template.as_literal().unwrap(), &value);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}|(\\{\\{|\\}\\}|[a-c0-9 .|()\\[\\]'\"+*~:,<>=-]|not |is |in |if |else |and |length|default|range){0,24}", value in any_json()) {
        for text in [text.clone(), format!("{{{{ {text} }}}}"), format!("{{{{{text}")] {
            let value = Arc::new(value.clone());
            if let Ok(template) = Template::compile(&json!(text), &plain) {
                let roots = vec![Some(Arc::clone(&value)); template.roots().len()];
                let _ = template.evaluate(&super::seen(&roots));
                let _ = template.evaluate(&vec![None; template.roots().len()]);
            }
            if let Ok(expression) = Expression::compile(&json!(text), &plain) {
                let roots = vec![Some(Arc::clone(&value)); expression.roots().len()];
                let _ = expression.judge(&super::seen(&roots)).1.to_string();
            }
        }
    }

    #[test]
    fn a_path_agrees_with_walking_by_hand(value in any_json(), keys in prop::collection::vec(prop_oneof!["[a-d]{1,2}", "[0-4]"], 0..4)) {
        let text: String = keys.iter().map(|key| format!(".{key}")).collect();
        let by_hand = keys.iter().try_fold(&value, |value, key| match value {
            Value::Array(list) => list.get(key.parse::<usize>().ok()?),
            Value::Object(map) => map.get(key),
            _ => None,
        });
        for text in [format!("{{{{ x{text} }}}}"), format!("{{{{ (x{text}) }}}}")] {
            let template = Template::compile(&json!(text), &plain).unwrap();
            let result = template.evaluate(&[Some(&Arc::new(value.clone()))]).ok();
            prop_assert_eq!(result.as_deref(), by_hand, "{}", text);
        }
    }
}
