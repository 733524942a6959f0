//! The form of the answer: text, some JSON, or JSON by a schema.

use serde_json::Value;
use turbocat_core::BadConfig;

use super::reader::{Fields, Node, Reader};
use crate::llm::conversation::Format;

const FORMS: [&str; 3] = ["text", "json_object", "json_schema"];

impl Reader {
    /// What `responseFormat` and `outputSchema` say together.
    pub(super) fn format(&mut self, fields: &mut Fields<'_>) -> Format {
        let short = fields.take("outputSchema");
        let said = fields.take("responseFormat");
        match (short, said) {
            (None, None) => Format::Text,
            (Some(node), None) => self.by_schema(&node, None, true),
            (None, Some(node)) => self.said_format(&node),
            (Some(node), Some(_)) => {
                let fault = BadConfig::at(node.at, "`outputSchema` and `responseFormat` exclude each other");
                self.fault(fault.help("leave `responseFormat` out"));
                Format::Text
            }
        }
    }

    fn said_format(&mut self, node: &Node<'_>) -> Format {
        if self.is_template(node.value) {
            return Format::Text;
        }
        if let Value::String(word) = node.value {
            return self.form(&node.at, word);
        }
        let Some(mut fields) = self.object(node, "`text`, `json_object` or an object with `type`") else {
            return Format::Text;
        };
        let form = fields.take("type").and_then(|node| self.name(&node).map(|word| (node.at, word)));
        let name = fields.take("name").and_then(|node| self.name(&node));
        let schema = fields.take("schema");
        let native = fields.take("native").and_then(|node| self.flag(&node)).unwrap_or(true);
        // As OpenAI writes it: everything in an object of its own. Strictness is found out anyway.
        let nested =
            fields.take("json_schema").and_then(|node| self.object(&node, "an object with `schema`"));
        fields.take("strict").and_then(|node| self.flag(&node));
        self.finish(&fields);
        let (name, schema) = match nested {
            None => (name, schema),
            Some(mut nested) => {
                let name = nested.take("name").and_then(|node| self.name(&node)).or(name);
                let schema = nested.take("schema").or(schema);
                nested.take("strict").and_then(|node| self.flag(&node));
                self.finish(&nested);
                (name, schema)
            }
        };
        match (form, schema) {
            (Some((_, form)), Some(schema)) if form == "json_schema" => self.by_schema(&schema, name, native),
            (None, Some(schema)) => self.by_schema(&schema, name, native),
            (Some((at, form)), Some(_)) => {
                let fault = BadConfig::at(at, format!("`{form}` takes no schema"));
                self.fault(fault.help("say `type: json_schema`"));
                Format::Text
            }
            (Some((_, form)), None) if form == "json_schema" => {
                let fault = BadConfig::at(&node.at, "`json_schema` needs a `schema`");
                self.fault(fault.help("or say `type: json_object` for any JSON object"));
                Format::Text
            }
            (Some((at, form)), None) => self.form(&at, &form),
            (None, None) => {
                self.fault(BadConfig::at(&node.at, "`responseFormat` needs a `type`"));
                Format::Text
            }
        }
    }

    fn form(&mut self, at: &str, word: &str) -> Format {
        match word {
            "text" => Format::Text,
            "json_object" => Format::Json,
            "json_schema" => {
                let fault = BadConfig::at(at, "`json_schema` needs a `schema`");
                self.fault(fault.help("write `outputSchema: { type: object, … }`"));
                Format::Text
            }
            other => {
                let fault = BadConfig::at(at, format!("unknown form `{other}` of an answer"));
                self.fault(fault.suggest(other, FORMS));
                Format::Text
            }
        }
    }

    fn by_schema(&mut self, node: &Node<'_>, name: Option<String>, native: bool) -> Format {
        if self.is_template(node.value) {
            return Format::Text;
        }
        if self.schema(node).is_none() {
            return Format::Text;
        }
        let title = node.value["title"].as_str().map(identifier).filter(|title| !title.is_empty());
        let name = name.map(|name| identifier(&name)).or(title).unwrap_or_else(|| "answer".to_owned());
        Format::Schema { name, schema: node.value.clone(), native }
    }

    /// A JSON Schema.
    pub(super) fn schema(&mut self, node: &Node<'_>) -> Option<Value> {
        self.object(node, "a JSON Schema")?;
        if self.has_template(node.value) {
            return Some(node.value.clone());
        }
        match jsonschema::validator_for(node.value) {
            Ok(_) => Some(node.value.clone()),
            Err(error) => {
                let at = format!("{}{}", node.at, error.instance_path().as_str());
                self.fault(BadConfig::at(at, format!("is no JSON Schema: {error}")));
                None
            }
        }
    }
}

/// A text as providers allow it for names of tools and schemas.
pub(super) fn identifier(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    text.chars().map(fit).take(64).collect()
}
