//! Definitions that can be read but not be compiled, and what an author is told about each:
//! `miscompiled/*.yaml` or `.json` with the expected text beside it. `TURBOCAT_BLESS=1` writes
//! the expected texts anew; read them before you commit them.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use turbocat_core::{AgentDescription, BadConfig, Catalog, Code, Diagnostics, Severity, Workflow, check};

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Search {
    query: String,
    limit: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Found {
    stories: Vec<Story>,
    took_ms: u32,
}

#[derive(Serialize, JsonSchema)]
struct Story {
    title: String,
    url: Option<String>,
    author: Option<Author>,
    tags: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct Author {
    name: String,
    followers: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Mail {
    to: Vec<String>,
    subject: String,
    body: Option<String>,
    headers: Option<Map<String, Value>>,
}

#[derive(Serialize, JsonSchema)]
struct Sent {
    id: String,
    delivered: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct LlmConfig {
    model: String,
    temperature: Option<f64>,
}

/// A handful of typed agents and two workflows.
struct Shop {
    agents: Vec<(&'static str, AgentDescription)>,
    workflows: Vec<(&'static str, Option<Value>)>,
}

fn describe(input: Option<schemars::Schema>, output: Option<schemars::Schema>) -> AgentDescription {
    let mut description = AgentDescription::default();
    description.input = input.map(schemars::Schema::to_value);
    description.output = output.map(schemars::Schema::to_value);
    description
}

impl Shop {
    fn new() -> Self {
        let mut llm = describe(None, None);
        llm.config = Some(schemars::schema_for!(LlmConfig).to_value());
        Self {
            agents: vec![
                ("api", describe(None, None)),
                ("echo", describe(None, None)),
                (
                    "hn-search@1",
                    describe(Some(schemars::schema_for!(Search)), Some(schemars::schema_for!(Found))),
                ),
                ("llm", llm),
                ("mail", describe(Some(schemars::schema_for!(Mail)), Some(schemars::schema_for!(Sent)))),
            ],
            workflows: vec![
                ("anything", None),
                (
                    "daily-brief",
                    Some(json!({
                        "type": "object",
                        "properties": { "topic": { "type": "string" }, "limit": { "type": "integer", "default": 5 } },
                        "required": ["topic", "limit"],
                        "additionalProperties": false,
                    })),
                ),
            ],
        }
    }
}

impl Catalog for Shop {
    fn agent(&self, name: &str) -> Option<&AgentDescription> {
        self.agents.iter().find(|(known, _)| *known == name).map(|(_, description)| description)
    }

    fn agent_names(&self) -> Vec<&str> {
        self.agents.iter().map(|(name, _)| *name).collect()
    }

    fn check_config(&self, agent: &str, config: &Value) -> Vec<BadConfig> {
        match (agent, config["method"].as_str(), config["url"].as_str()) {
            ("api", Some("FETCH"), _) => {
                vec![BadConfig::at("/method", "`method` must be one of GET, POST, PUT")]
            }
            ("api", _, None) => vec![BadConfig::at("", "there is no `url`")],
            _ => Vec::new(),
        }
    }

    fn workflow(&self, name: &str) -> Option<Option<&Value>> {
        self.workflows.iter().find(|(known, _)| *known == name).map(|(_, schema)| schema.as_ref())
    }

    fn workflow_names(&self) -> Vec<&str> {
        self.workflows.iter().map(|(name, _)| *name).collect()
    }
}

fn mistakes(path: &Path) -> Diagnostics {
    let name = path.file_name().unwrap().to_str().unwrap();
    let workflow = Workflow::parse(name, &fs::read_to_string(path).unwrap())
        .unwrap_or_else(|mistakes| panic!("{name} cannot even be read:\n{mistakes}"));
    let (plan, mistakes) = check(&workflow, &Shop::new());
    assert_eq!(plan.is_none(), mistakes.has_errors(), "{name}");
    mistakes
}

fn definitions() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/miscompiled");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "yaml" || end == "json"));
    files.sort();
    files
}

#[test]
fn every_definition_that_does_not_compile_is_explained_as_expected() {
    let bless = std::env::var_os("TURBOCAT_BLESS").is_some();
    let mut wrong = Vec::new();
    let files = definitions();
    for path in &files {
        let shown = mistakes(path).to_string();
        let expected = path.with_extension("expected");
        if bless {
            fs::write(&expected, &shown).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != shown {
            wrong.push(format!("--- {}\n{shown}", path.display()));
        }
    }
    assert!(files.len() >= 45, "only {} files found", files.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_code_of_compiling_has_an_example_with_a_place_and_a_next_action() {
    let mut seen = BTreeSet::new();
    for path in definitions() {
        let mistakes = mistakes(&path);
        assert!(!mistakes.is_empty(), "{} has no mistakes", path.display());
        for mistake in &mistakes {
            let shown = format!("{}: {}", path.display(), mistake.message);
            assert!(mistake.place.is_some() || mistake.pointer.0.is_empty(), "{shown} has no place");
            assert!(mistake.help.is_some(), "{shown} has no help");
            seen.insert(mistake.code);
        }
    }
    let compiling = Code::ALL.iter().filter(|code| code.as_str().starts_with(['G', 'A', 'T']));
    let missing: Vec<&str> =
        compiling.filter(|code| !seen.contains(code)).map(|code| code.as_str()).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn mistakes_are_told_in_the_order_of_the_text() {
    for path in definitions() {
        let places: Vec<_> = mistakes(&path).iter().filter_map(|mistake| mistake.place).collect();
        assert!(places.is_sorted_by_key(|place| (place.line, place.column)), "{}", path.display());
    }
}

#[test]
fn a_mark_stays_within_its_line() {
    for path in definitions() {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for mistake in &mistakes(&path) {
            let Some(place) = mistake.place else { continue };
            let line = lines[place.line as usize - 1].chars().count() as u32;
            let end = place.column + place.length - 1;
            // what is folded goes on in the next line
            assert!(
                end <= line || path.to_string_lossy().contains("folded"),
                "{}: {place:?}",
                path.display()
            );
        }
    }
}

#[test]
fn a_warning_is_shown_and_stops_nothing() {
    let text = "steps:\n  c: { condition: false, then: [a] }\n  a: { agent: echo }\n";
    let workflow = Workflow::parse("warning.yaml", text).unwrap();
    let (plan, mistakes) = check(&workflow, &Shop::new());
    assert!(plan.is_some());
    assert!(mistakes.iter().all(|mistake| mistake.severity == Severity::Warning));
    assert_eq!(mistakes.len(), 1);
    assert!(turbocat_core::compile(&workflow, &Shop::new()).is_ok());
}
