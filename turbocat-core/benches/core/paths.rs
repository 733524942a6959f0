//! Templates against walking the same value by hand.

use std::hint::black_box;
use std::sync::Arc;

use serde_json::{Value, json};
use turbocat_core::bench;

use crate::Choice;
use crate::measure::{Case, measure};
use crate::table::{figure, print, ratio};

/// What somebody would write who needs just this.
type ByHand = fn(&Value) -> Option<Value>;

pub(crate) fn tables(choice: &Choice) {
    let title = "path templates against walking the value by hand";
    if !choice.has(title) {
        return;
    }
    let root = Arc::new(json!({
        "a": 1,
        "b": { "c": { "d": { "e": { "f": 6, "other": true } }, "g": 3 } },
        "list": [{ "name": "x" }, { "name": "y" }, { "name": "z" }, { "name": "last" }],
        "name": "Turbocat",
    }));
    let rows: [(&str, Value, ByHand); 8] = [
        ("one key", json!("{{ s.a }}"), |s| Some(s.get("a")?.clone())),
        ("three keys", json!("{{ s.b.c.g }}"), |s| Some(s.get("b")?.get("c")?.get("g")?.clone())),
        ("five keys", json!("{{ s.b.c.d.e.f }}"), |s| {
            Some(s.get("b")?.get("c")?.get("d")?.get("e")?.get("f")?.clone())
        }),
        ("an index", json!("{{ s.list[3].name }}"), |s| Some(s.get("list")?.get(3)?.get("name")?.clone())),
        ("`.output` of a step", json!("{{ s.output.a }}"), |s| Some(s.get("a")?.clone())),
        ("an object that is copied", json!("{{ s.b.c.d }}"), |s| {
            Some(s.get("b")?.get("c")?.get("d")?.clone())
        }),
        (
            "an object of five",
            json!({
                "v": "{{ s.a }}", "w": "{{ s.b.c.g }}", "x": "{{ s.name }}", "y": "{{ s.list[0].name }}",
                "z": "{{ s.b.c.d.e.other }}",
            }),
            |s| {
                let mut map = serde_json::Map::with_capacity(5);
                map.insert("v".to_owned(), s.get("a")?.clone());
                map.insert("w".to_owned(), s.get("b")?.get("c")?.get("g")?.clone());
                map.insert("x".to_owned(), s.get("name")?.clone());
                map.insert("y".to_owned(), s.get("list")?.get(0)?.get("name")?.clone());
                let deep = s.get("b")?.get("c")?.get("d")?.get("e")?.get("other")?;
                map.insert("z".to_owned(), deep.clone());
                Some(Value::Object(map))
            },
        ),
        ("text around three", json!("{{ s.name }}: {{ s.b.c.g }} of {{ s.a }}"), |s| {
            let name = s.get("name")?.as_str()?;
            let three = s.get("b")?.get("c")?.get("g")?.as_i64()?;
            Some(Value::String(format!("{name}: {three} of {}", s.get("a")?.as_i64()?)))
        }),
    ];
    let mut cases = Vec::new();
    for (name, value, by_hand) in &rows {
        let template = bench::compile_template(value, &[("s", true)]).expect("it is a template");
        let floor = by_hand(&root).map(Arc::new).expect("the value is there");
        assert_eq!(template(&[Some(&root)]).expect("it gives a value"), floor, "{name}");
        let (a, b) = (&root, &root);
        cases.push(Case::new(1, move || by_hand(black_box(a)).map(Arc::new)));
        cases.push(Case::new(1, move || template(&[Some(black_box(b))])));
    }
    let expressions = ["s.a", "s.list | length >= 3", "s.a > 0 and s.b.c.g == 3", "s.name | upper"];
    for text in expressions {
        let expression =
            bench::compile_expression(&json!(text), &[("s", true)]).expect("it is an expression");
        expression(&[Some(&root)]).expect("it gives a value");
        let root = &root;
        cases.push(Case::new(1, move || expression(&[Some(black_box(root))])));
    }
    let measured = measure(choice.pace(), cases);
    let (paths, others) = measured.split_at(2 * rows.len());
    let table = rows.iter().zip(paths.chunks(2)).map(|((name, value, _), pair)| {
        let [floor, template] = pair else { unreachable!("they were made in pairs") };
        let text = value.as_str().map_or_else(|| "…".to_owned(), |text| format!("`{text}`"));
        vec![
            format!("{name}: {text}"),
            figure(floor.median()),
            figure(template.median()),
            ratio(template.ratio(floor)),
            ratio(template.best_ratio(floor)),
        ]
    });
    print(title, &["template", "ns by hand", "ns", "ratio", "ratio of mins"], table);
    let table = expressions.iter().zip(others).map(|(text, samples)| {
        let [median, best] = [samples.median(), samples.best()].map(figure);
        vec![format!("`{text}`"), median, best, ratio(samples.ratio(&others[0]))]
    });
    print("expressions", &["expression", "ns (median)", "ns (min)", "ratio to the first, a path"], table);
}
