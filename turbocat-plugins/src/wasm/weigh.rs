//! Whether a schema of a stranger can be checked in bearable time.
//!
//! A schema may say the same thing of the same place many times, and refer to itself while it does:
//! a few lines are enough for a check that takes longer than the world lasts. So it is walked once,
//! as a check would walk a value: how many schemas are held against one place of it? The check of a
//! value costs no more than that for each of its places.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

/// The most schemas that may be held against one place of a value.
const AT_ONCE: usize = 500;
/// The most kinds of places that are looked at.
const PLACES: usize = 5_000;

/// What makes a schema unbearable, if it is.
pub(super) fn unbearable(root: &Value) -> Option<&'static str> {
    if let Some(why) = unseen(root) {
        return Some(why);
    }
    let mut seen: HashSet<Vec<*const Value>> = HashSet::new();
    let mut places = vec![vec![root]];
    while let Some(place) = places.pop() {
        let Some(here) = expand(root, place) else {
            return Some("it says too much of one place, or refers to itself without end");
        };
        for below in children(&here) {
            let mut key: Vec<*const Value> = below.iter().map(|schema| std::ptr::from_ref(*schema)).collect();
            key.sort_unstable();
            if !below.is_empty() && seen.insert(key) {
                places.push(below);
            }
        }
        if seen.len() > PLACES {
            return Some("it describes too many kinds of places");
        }
    }
    None
}

/// What would lead a check to where the walk cannot follow: references by other means than plain
/// pointers, and what gives a part of the schema a name or an address of its own.
fn unseen(root: &Value) -> Option<&'static str> {
    let is_old = root["$schema"].as_str().is_some_and(|draft| draft.contains("draft-04"));
    let mut open = vec![root];
    while let Some(value) = open.pop() {
        if let Some(items) = value.as_array() {
            open.extend(items);
        }
        for (word, below) in value.as_object().into_iter().flatten() {
            open.push(below);
            let Some(text) = below.as_str() else { continue };
            let is_root = std::ptr::eq(value, root);
            match word.as_str() {
                "$ref" | "$dynamicRef" | "$recursiveRef" if !is_plain(root, text) => {
                    return Some("it refers to something otherwise than by a plain pointer into itself");
                }
                "$id" | "$schema" if !is_root => return Some("it holds another document"),
                "id" if is_old && !is_root => return Some("it holds another document"),
                "$anchor" | "$dynamicAnchor" if !is_root => return Some("it gives names to its parts"),
                _ => {}
            }
        }
    }
    None
}

/// Whether a reference is `#`, or a pointer to a part of the schema with nothing encoded in it.
fn is_plain(root: &Value, reference: &str) -> bool {
    let pointer = reference.strip_prefix('#');
    pointer.is_some_and(|pointer| !pointer.contains('%') && root.pointer(pointer).is_some())
}

/// All schemas that are held against a place, those that others name included.
fn expand<'a>(root: &'a Value, mut open: Vec<&'a Value>) -> Option<Vec<&'a Map<String, Value>>> {
    let mut here = Vec::new();
    while let Some(schema) = open.pop() {
        let Some(schema) = schema.as_object() else { continue };
        here.push(schema);
        if here.len() > AT_ONCE {
            return None;
        }
        for (word, value) in schema {
            match word.as_str() {
                "allOf" | "anyOf" | "oneOf" => open.extend(value.as_array().into_iter().flatten()),
                "not" | "if" | "then" | "else" => open.push(value),
                "dependentSchemas" | "dependencies" => {
                    open.extend(value.as_object().into_iter().flat_map(Map::values));
                }
                "$ref" | "$dynamicRef" | "$recursiveRef" => open.push(target(root, value)),
                _ => {}
            }
        }
    }
    Some(here)
}

/// What a reference names; the whole, if that cannot be seen.
fn target<'a>(root: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(root)
}

/// For each kind of place below: the schemas that are held against it.
fn children<'a>(here: &[&'a Map<String, Value>]) -> Vec<Vec<&'a Value>> {
    let map = |schema: &'a Map<String, Value>, word: &str| schema.get(word).and_then(Value::as_object);
    let names: BTreeSet<&str> = here
        .iter()
        .filter_map(|schema| map(schema, "properties"))
        .flat_map(|properties| properties.keys().map(String::as_str))
        .collect();
    let of_field = |name: Option<&str>| -> Vec<&'a Value> {
        let mut all = Vec::new();
        for schema in here {
            // a field may meet every pattern
            all.extend(map(schema, "patternProperties").into_iter().flat_map(Map::values));
            match name.and_then(|name| map(schema, "properties")?.get(name)) {
                Some(named) => all.push(named),
                None => {
                    let rest = ["additionalProperties", "unevaluatedProperties"];
                    all.extend(rest.into_iter().filter_map(|word| schema.get(word)));
                }
            }
        }
        all
    };
    let mut places: Vec<Vec<&Value>> = names.into_iter().map(|name| of_field(Some(name))).collect();
    places.push(of_field(None));
    places.push(
        here.iter()
            .flat_map(|schema| {
                let listed =
                    ["prefixItems", "items"].into_iter().filter_map(|word| schema.get(word)?.as_array());
                let each = ["items", "additionalItems", "unevaluatedItems", "contains"];
                listed.flatten().chain(each.into_iter().filter_map(|word| schema.get(word)))
            })
            .collect(),
    );
    places.push(here.iter().filter_map(|schema| schema.get("propertyNames")).collect());
    places
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_that_people_write_are_bearable() {
        let tree = json!({ "$ref": "#/$defs/node", "$defs": { "node": {
            "type": "object",
            "properties": {
                "left": { "anyOf": [{ "$ref": "#/$defs/node" }, { "type": "null" }] },
                "right": { "anyOf": [{ "$ref": "#/$defs/node" }, { "type": "null" }] },
                "all": { "type": "array", "items": { "$ref": "#/$defs/node" } },
            },
            "additionalProperties": { "$ref": "#/$defs/node" },
        } } });
        let variants: Vec<Value> = (0..100)
            .map(|at| json!({ "properties": { "kind": { "const": at }, "x": { "type": "string" } } }))
            .collect();
        let old = json!({ "definitions": { "x/y": true }, "items": [{ "$ref": "#/definitions/x~1y" }] });
        for schema in [json!(true), json!({}), tree, json!({ "oneOf": variants }), old] {
            assert_eq!(unbearable(&schema), None, "{schema}");
        }
    }

    #[test]
    fn references_that_cannot_be_followed_are_refused() {
        let doubling = |reference: &dyn Fn(usize) -> String, named: &dyn Fn(usize) -> Value| {
            let mut layers = Map::new();
            for at in 0..40 {
                let next = json!({ "$ref": reference(at + 1) });
                let mut layer = json!({ "allOf": [next, next] });
                layer.as_object_mut().unwrap().extend(named(at).as_object().unwrap().clone());
                layers.insert(at.to_string(), layer);
            }
            layers.insert("40".to_owned(), json!(true));
            json!({ "properties": { "x": { "$ref": reference(0) } }, "$defs": layers })
        };
        for schema in [
            doubling(&|at| format!("#/%24defs/{at}"), &|_| json!({})),
            doubling(&|at| format!("#n{at}"), &|at| json!({ "$anchor": format!("n{at}") })),
            doubling(&|at| format!("n{at}.json"), &|at| json!({ "$id": format!("n{at}.json") })),
            json!({ "items": { "$id": "x.json", "$ref": "#" } }),
            json!({ "items": { "$dynamicRef": "#/nowhere" } }),
            json!({ "$schema": "http://json-schema.org/draft-04/schema#", "items": { "id": "x", "$ref": "#" } }),
        ] {
            assert!(unbearable(&schema).is_some(), "{schema}");
        }
        let named =
            json!({ "$id": "urn:x", "properties": { "$id": { "type": "string" }, "id": { "const": "x" } } });
        assert_eq!(unbearable(&named), None);
    }

    #[test]
    fn schemas_that_double_are_not() {
        let mut layers = Map::new();
        for at in 0..40 {
            let next = json!({ "$ref": format!("#/$defs/{}", at + 1) });
            layers.insert(at.to_string(), json!({ "allOf": [next, next] }));
        }
        let doubling = json!({ "$ref": "#/$defs/0", "$defs": layers });
        let recursive = json!({ "anyOf": [
            { "properties": { "a": { "$ref": "#" } } },
            { "properties": { "a": { "$ref": "#" } } },
        ] });
        let circle = json!({ "$ref": "#" });
        let in_lists = json!({ "allOf": [{ "items": { "$ref": "#" } }, { "contains": { "$ref": "#" } }] });
        let by_pattern = json!({ "patternProperties": { "a": { "$ref": "#" }, "^a": { "$ref": "#" } } });
        for schema in [doubling, recursive, circle, in_lists, by_pattern] {
            assert!(unbearable(&schema).is_some(), "{schema}");
        }
    }
}
