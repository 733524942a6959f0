//! The environment of a deployment: names and secret texts, sealed one by one for its row.

use std::collections::BTreeMap;

use serde_json::Value;
use turbocat_storage::platform::Deployment;
use turbocat_storage::vault::{Place, mask};
use uuid::Uuid;

use crate::api::Api;
use crate::error::{Detail, Error, Result};

/// How many there may be, and how long.
const MOST: usize = 200;
const LONGEST_NAME: usize = 255;
const LONGEST: usize = 32_768;
/// What is shown of a text that cannot be opened.
const UNREADABLE: &str = "********";

fn place(id: Uuid) -> Place {
    Place::new("deployments", "environment_vars", id)
}

/// As they may be shown.
pub(super) fn shown(api: &Api, deployment: &Deployment) -> BTreeMap<String, String> {
    let masked = api.keyring().mask_variables(&place(deployment.id), &deployment.environment_vars);
    masked.unwrap_or_else(|error| {
        tracing::error!(%error, deployment = %deployment.id, "variables cannot be opened");
        let names = deployment.environment_vars.as_object().into_iter().flatten();
        names.map(|(name, _)| (name.clone(), UNREADABLE.to_owned())).collect()
    })
}

/// Seals what was given. A text that is the mask of the one before stands for it: who sends back
/// what was shown changes nothing.
pub(super) fn sealed(
    api: &Api,
    id: Uuid,
    mut given: BTreeMap<String, String>,
    before: Option<&Value>,
) -> Result<Value> {
    let wrong = wrong(&given);
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    if let Some(before) = before {
        let opened = api.keyring().open_variables(&place(id), before)?;
        for (name, text) in &mut given {
            if let Some(kept) = opened.get(name).filter(|kept| mask(kept) == *text) {
                text.clone_from(kept);
            }
        }
    }
    Ok(api.keyring().seal_variables(&place(id), &given)?)
}

fn wrong(given: &BTreeMap<String, String>) -> Vec<Detail> {
    let mut wrong = Vec::new();
    if given.len() > MOST {
        let message = format!("must have at most {MOST} variables");
        wrong.push(Detail::new("environmentVars", "too_big", message));
    }
    for (name, text) in given.iter().take(MOST) {
        let field = format!("environmentVars.{name}");
        let first = name.chars().next();
        let named = first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.len() <= LONGEST_NAME;
        if !named {
            let message = "a name has letters, digits and underscores, and does not begin with a digit";
            wrong.push(Detail::new(field, "invalid_format", message));
        } else if text.contains('\0') {
            wrong.push(Detail::new(field, "invalid_format", "must not have a zero byte in it"));
        } else if text.len() > LONGEST {
            wrong.push(Detail::new(field, "too_big", format!("must have at most {LONGEST} bytes")));
        }
    }
    wrong
}
