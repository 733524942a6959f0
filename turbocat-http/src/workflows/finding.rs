//! What is wrong with a workflow, told in the words of its rows.

use serde::Serialize;
use turbocat_core::{Diagnostic, Diagnostics, Pointer, Segment, Severity};
use utoipa::ToSchema;

use crate::error::{Detail, Error};

/// Something that was found: an error keeps the workflow from being executed, a warning does not.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Finding {
    #[schema(value_type = String, example = "error")]
    severity: &'static str,
    /// One of the codes of the format, such as `T101`.
    code: String,
    /// The field, as a dotted path such as `steps.0.inputs.query`.
    field: String,
    message: String,
    /// What could be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Finding {
    pub(super) fn error(code: &str, field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        Self { severity: "error", code: code.to_owned(), field, message, help: None }
    }

    pub(super) fn is_error(&self) -> bool {
        self.severity == "error"
    }
}

/// Where the rows of steps were given: their keys, and places such as `steps.0`. Empty where the
/// definition itself has the steps.
pub(super) type Places = [(String, String)];

/// Diagnostics of a definition as findings.
pub(super) fn findings(diagnostics: &Diagnostics, places: &Places) -> Vec<Finding> {
    diagnostics.iter().map(|diagnostic| finding(diagnostic, places)).collect()
}

fn finding(diagnostic: &Diagnostic, places: &Places) -> Finding {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let code = diagnostic.code.as_str().to_owned();
    let field = field(&diagnostic.pointer, places);
    Finding { severity, code, field, message: diagnostic.message.clone(), help: diagnostic.help.clone() }
}

/// Names of a definition, and what they are called in rows.
const ROWS: [(&str, &str); 13] = [
    ("agent", "agentId"),
    ("condition", "config.condition"),
    ("then", "config.trueBranch"),
    ("else", "config.falseBranch"),
    ("loop", "inputs.items"),
    ("steps", "config.steps"),
    ("wait", "config"),
    ("parallel", "config"),
    ("workflow", "config.workflowId"),
    ("timeout", "timeoutMs"),
    ("retry", "retryCount"),
    ("name", "stepName"),
    ("type", "stepType"),
];

fn field(pointer: &Pointer, places: &Places) -> String {
    let text = |segment: &Segment| match segment {
        Segment::Key(key) => super::agents::id_of(key).map_or_else(|| key.to_string(), |id| id.to_string()),
        Segment::Index(index) => index.to_string(),
    };
    let mut parts: Vec<String> = pointer.0.iter().map(text).collect();
    if places.is_empty() || parts.first().is_none_or(|first| first != "steps") {
        return parts.join(".");
    }
    let place = match pointer.0.get(1) {
        Some(Segment::Key(key)) => places.iter().find(|(known, _)| **known == **key),
        Some(Segment::Index(index)) => places.get(*index),
        None => None,
    };
    let Some((_, place)) = place else { return parts.join(".") };
    if let Some(third) = parts.get_mut(2)
        && let Some((_, name)) = ROWS.iter().find(|(name, _)| name == third)
    {
        *third = (*name).to_owned();
    }
    parts.splice(..2, [place.clone()]);
    parts.join(".")
}

/// Why a workflow cannot be executed.
pub(crate) fn refusal(message: &str, findings: &[Finding]) -> Error {
    let errors = findings.iter().filter(|finding| finding.is_error());
    let details = errors.map(|finding| {
        let message = match &finding.help {
            Some(help) => format!("{}; {help}", finding.message),
            None => finding.message.clone(),
        };
        Detail::new(finding.field.clone(), &finding.code, message)
    });
    Error::bad_request(message).with_details(details.collect())
}
