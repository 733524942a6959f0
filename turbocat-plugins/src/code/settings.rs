//! What a configuration says, in either spelling, and what is wrong with it.

use std::time::Duration;

use serde_json::{Map, Value, json};
use turbocat_core::BadConfig;

use super::limits::{Limits, USUAL_TIME};
use super::runtime::{Language, language_named, language_of};

/// What a configuration says.
#[derive(Debug)]
pub(super) struct Settings<'a> {
    pub(super) language: Language,
    pub(super) code: &'a str,
    pub(super) entry: Option<&'a str>,
    /// The environment: texts by name.
    pub(super) env: Map<String, Value>,
    pub(super) timeout: Duration,
    /// In bytes.
    pub(super) memory: u64,
}

const ENVS: [&str; 3] = ["env", "envVars", "environment"];
const PACKAGES: [&str; 3] = ["packages", "npmPackages", "pipPackages"];
const TIMES: [&str; 2] = ["timeout", "timeoutMs"];

/// Whether a configuration is as its author wrote it, or as it is when all templates are evaluated.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stage {
    Written,
    Evaluated,
}

/// JSON Schema of the configuration.
pub(super) fn schema() -> Value {
    let texts = |description: &str| {
        json!({
            "type": "object",
            "description": description,
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        })
    };
    let names = |description: &str| json!({ "type": "array", "description": description, "items": { "type": "string" } });
    json!({
        "type": "object",
        "required": ["code"],
        "additionalProperties": false,
        "properties": {
            "runtime": { "type": "string", "description": "what the code is written for, such as `nodejs` (default), `javascript`, `typescript`, `deno`" },
            "language": { "type": "string", "description": "`javascript` or `typescript`, if the runtime does not say" },
            "code": { "type": "string", "description": "an expression, the body of a function, or a module" },
            "entryFunction": { "type": "string", "description": "a function of the code to be called with the inputs" },
            "env": texts("the environment, as `process.env` and `env`"),
            "envVars": texts("as `env`"),
            "environment": texts("as `env`"),
            "packages": names("refused unless it is empty: there are no packages"),
            "npmPackages": names("as `packages`"),
            "pipPackages": names("as `packages`"),
            "timeout": { "type": "number", "exclusiveMinimum": 0, "description": "in seconds; 30 unless said" },
            "timeoutMs": { "type": "number", "exclusiveMinimum": 0, "description": "in milliseconds" },
            "memory": { "type": "number", "exclusiveMinimum": 0, "description": "in MB" },
        },
    })
}

impl<'a> Settings<'a> {
    /// Reads a configuration. As it was written, whatever holds a template is passed over, and
    /// what the schema says of it is left to the schema.
    pub(super) fn read(config: &'a Value, limits: &Limits, stage: Stage, packages: bool) -> Reading<'a> {
        Reader { config, stage, wrong: Vec::new() }.read(limits, packages)
    }
}

/// What was read: what is wrong, and what there is if nothing is.
pub(super) struct Reading<'a> {
    pub(super) settings: Settings<'a>,
    pub(super) wrong: Vec<BadConfig>,
}

struct Reader<'a> {
    config: &'a Value,
    stage: Stage,
    wrong: Vec<BadConfig>,
}

impl<'a> Reader<'a> {
    fn read(mut self, limits: &Limits, packages: bool) -> Reading<'a> {
        for names in [&ENVS[..], &PACKAGES[..], &TIMES[..]] {
            self.only_one(names);
        }
        let language = self.language();
        let code = self.code();
        let entry = self.entry();
        let env = self.env();
        if !packages {
            self.packages();
        }
        let timeout = self.timeout().unwrap_or(USUAL_TIME).min(limits.longest);
        let memory = self.number("memory").map_or(limits.memory, |megabytes| {
            let bytes = megabytes * f64::from(1 << 20);
            if bytes >= limits.memory as f64 { limits.memory } else { bytes as u64 }
        });
        let settings = Settings { language, code, entry, env, timeout, memory };
        Reading { settings, wrong: self.wrong }
    }

    /// A setting, unless it is absent, null, or not evaluated yet.
    fn given(&self, name: &str) -> Option<&'a Value> {
        let value = self.config.get(name).filter(|value| !value.is_null())?;
        let open = self.stage == Stage::Written && value.as_str().is_some_and(|text| text.contains("{{"));
        (!open).then_some(value)
    }

    fn say(&mut self, bad: BadConfig) {
        self.wrong.push(bad);
    }

    /// A setting has a type that it cannot have; as it was written, the schema has said so.
    fn mistyped(&mut self, name: &str, wanted: &str) {
        if self.stage == Stage::Evaluated {
            self.say(BadConfig::at(format!("/{name}"), format!("`{name}` must be {wanted}")));
        }
    }

    fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = self.given(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.mistyped(name, "a text");
        }
        text
    }

    fn number(&mut self, name: &str) -> Option<f64> {
        let value = self.given(name)?;
        let number = value.as_f64().filter(|number| *number > 0.0);
        if number.is_none() {
            self.mistyped(name, "a number above zero");
        }
        number
    }

    fn only_one(&mut self, names: &[&str]) {
        let mut there =
            names.iter().filter(|name| self.config.get(**name).is_some_and(|value| !value.is_null()));
        if let (Some(first), Some(second)) = (there.next(), there.next()) {
            let message = format!("`{first}` and `{second}` mean the same");
            self.say(BadConfig::at(format!("/{second}"), message).help(format!("keep `{first}` alone")));
        }
    }

    fn language(&mut self) -> Language {
        let runtime = self.text("runtime").map(language_of);
        let named = self.text("language").map(language_named);
        let mut language = None;
        for found in [runtime, named].into_iter().flatten() {
            match found {
                Ok(found) => language = Some(found),
                Err(bad) => self.say(bad),
            }
        }
        language.unwrap_or(Language::JavaScript)
    }

    fn code(&mut self) -> &'a str {
        match self.text("code") {
            Some(code) if code.trim().is_empty() => {
                self.say(BadConfig::at("/code", "the code is empty").help("write what the step is to do"));
                ""
            }
            Some(code) => code,
            None => {
                if self.stage == Stage::Evaluated && self.given("code").is_none() {
                    self.say(BadConfig::at("", "there is no `code`").help("add `code` under `config`"));
                }
                ""
            }
        }
    }

    fn entry(&mut self) -> Option<&'a str> {
        let entry = self.text("entryFunction")?;
        let mut chars = entry.chars();
        let is_name = chars.next().is_some_and(|first| first.is_alphabetic() || matches!(first, '_' | '$'))
            && chars.all(|next| next.is_alphanumeric() || matches!(next, '_' | '$'));
        if !is_name {
            let message = format!("the entry function `{entry}` is no name of a function");
            self.say(BadConfig::at("/entryFunction", message).help("give its name alone, such as `main`"));
            return None;
        }
        Some(entry)
    }

    fn env(&mut self) -> Map<String, Value> {
        let Some((name, given)) = ENVS.iter().find_map(|name| Some((*name, self.given(name)?))) else {
            return Map::new();
        };
        let Some(given) = given.as_object() else {
            self.mistyped(name, "an object of texts");
            return Map::new();
        };
        let mut env = Map::with_capacity(given.len());
        for (key, value) in given {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => {
                    self.mistyped(&format!("{name}/{key}"), "a text, a number or a truth value");
                    continue;
                }
            };
            env.insert(key.clone(), Value::String(text));
        }
        env
    }

    fn packages(&mut self) {
        for name in PACKAGES {
            let Some(given) = self.given(name) else { continue };
            let names = match given {
                Value::Array(list) => list.iter().map(shown).collect(),
                Value::Object(map) => map.keys().map(|name| format!("`{name}`")).collect(),
                Value::String(text) if text.trim().is_empty() => Vec::new(),
                other => vec![shown(other)],
            };
            if !names.is_empty() {
                let message =
                    format!("the sandbox has no packages: {} cannot be installed", names.join(", "));
                let help = "bundle what is needed into the code itself, or write a plugin";
                self.say(BadConfig::at(format!("/{name}"), message).help(help));
            }
        }
    }

    fn timeout(&mut self) -> Option<Duration> {
        let seconds = self.number("timeout");
        let milliseconds = self.number("timeoutMs").map(|milliseconds| milliseconds / 1_000.0);
        // longer than time can be told is as long as is allowed
        let seconds = seconds.or(milliseconds)?;
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| format!("`{value}`"), |text| format!("`{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(config: &Value, stage: Stage) -> Reading<'_> {
        Settings::read(config, &Limits::default(), stage, false)
    }

    fn wrong(config: &Value) -> Vec<String> {
        read(config, Stage::Evaluated).wrong.iter().map(|bad| format!("{} {}", bad.at, bad.message)).collect()
    }

    #[test]
    fn both_spellings_of_a_setting_are_read() {
        for name in ["env", "envVars", "environment"] {
            let config = json!({ "code": "1", name: { "KEY": "a", "PORT": 8080, "ON": true } });
            let env = read(&config, Stage::Evaluated).settings.env;
            assert_eq!(Value::Object(env), json!({ "KEY": "a", "PORT": "8080", "ON": "true" }), "{name}");
        }
        for (config, expected) in [
            (json!({ "code": "1" }), 30_000),
            (json!({ "code": "1", "timeout": 2 }), 2_000),
            (json!({ "code": "1", "timeout": 0.25 }), 250),
            (json!({ "code": "1", "timeoutMs": 1_500 }), 1_500),
            (json!({ "code": "1", "timeout": 1e300 }), 300_000),
        ] {
            assert_eq!(read(&config, Stage::Evaluated).settings.timeout.as_millis(), expected, "{config}");
        }
        let config = json!({ "code": "1", "memory": 16 });
        assert_eq!(read(&config, Stage::Evaluated).settings.memory, 16 << 20);
        let config = json!({ "code": "1", "memory": 1e9 });
        assert_eq!(read(&config, Stage::Evaluated).settings.memory, Limits::default().memory);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        assert_eq!(wrong(&json!({})), [" there is no `code`"]);
        assert_eq!(wrong(&json!({ "code": " \n" })), ["/code the code is empty"]);
        assert_eq!(wrong(&json!({ "code": 5 })), ["/code `code` must be a text"]);
        assert_eq!(
            wrong(&json!({ "code": "1", "timeout": 0 })),
            ["/timeout `timeout` must be a number above zero"]
        );
        assert_eq!(
            wrong(&json!({ "code": "1", "memory": "much" })),
            ["/memory `memory` must be a number above zero"]
        );
        assert_eq!(
            wrong(&json!({ "code": "1", "env": {}, "envVars": {} })),
            ["/envVars `env` and `envVars` mean the same"]
        );
        assert_eq!(
            wrong(&json!({ "code": "1", "timeout": 1, "timeoutMs": 1 })),
            ["/timeoutMs `timeout` and `timeoutMs` mean the same"]
        );
        assert_eq!(
            wrong(&json!({ "code": "1", "env": { "A": [] } })),
            ["/env/A `env/A` must be a text, a number or a truth value"]
        );
        assert_eq!(
            wrong(&json!({ "code": "1", "entryFunction": "a.b()" })),
            ["/entryFunction the entry function `a.b()` is no name of a function"]
        );
    }

    #[test]
    fn packages_are_refused_by_their_names() {
        for name in ["packages", "npmPackages", "pipPackages"] {
            assert_eq!(
                wrong(&json!({ "code": "1", name: ["lodash", "axios"] })),
                [format!("/{name} the sandbox has no packages: `lodash`, `axios` cannot be installed")]
            );
            assert!(wrong(&json!({ "code": "1", name: [] })).is_empty());
        }
        let config = json!({ "code": "1", "packages": ["lodash"] });
        let reading = Settings::read(&config, &Limits::default(), Stage::Evaluated, true);
        assert!(reading.wrong.is_empty());
    }

    #[test]
    fn what_holds_a_template_is_not_judged_as_it_was_written() {
        let config = json!({
            "code": "return {{ inputs.code }}", "runtime": "{{ inputs.runtime }}", "timeout": "{{ inputs.t }}",
        });
        assert!(read(&config, Stage::Written).wrong.is_empty());
        assert_eq!(wrong(&json!({ "code": "1", "timeout": "{{ inputs.t }}" })).len(), 1);
    }
}
