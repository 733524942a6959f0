//! Secrets within JSON: values of a map of variables, and marked values of a configuration.
//!
//! In a configuration a secret is the object `{"$secret": "v1:…"}`: what is sealed is then seen by
//! its form and not by its name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::keyring::Keyring;
use super::mask::mask;
use super::seal::{Place, is_sealed};
use crate::error::StorageError;

const MARK: &str = "$secret";

impl Keyring {
    /// Seals every value of a map of variables.
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    pub fn seal_variables(
        &self,
        place: &Place,
        variables: &BTreeMap<String, String>,
    ) -> Result<Value, StorageError> {
        let sealed = variables
            .iter()
            .map(|(name, text)| Ok((name.clone(), Value::from(self.seal(&place.field(name), text)?))));
        sealed.collect::<Result<Map<_, _>, StorageError>>().map(Value::Object)
    }

    /// Opens every value of a map of variables.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_variables(
        &self,
        place: &Place,
        sealed: &Value,
    ) -> Result<BTreeMap<String, String>, StorageError> {
        let Some(map) = sealed.as_object() else {
            return Err(StorageError::corrupt("the variables are no map"));
        };
        let opened = map.iter().map(|(name, value)| {
            let text = text_of(value).ok_or_else(|| StorageError::corrupt("a variable is no text"))?;
            Ok((name.clone(), self.open(&place.field(name), &text)?))
        });
        opened.collect()
    }

    /// A map of variables as it may be shown.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn mask_variables(
        &self,
        place: &Place,
        sealed: &Value,
    ) -> Result<BTreeMap<String, String>, StorageError> {
        let mut opened = self.open_variables(place, sealed)?;
        opened.values_mut().for_each(|text| *text = mask(text));
        Ok(opened)
    }

    /// Seals the texts with one of these names, wherever they stand in a configuration. What is sealed
    /// stays so, and so do templates such as `{{ secrets.KEY }}`: they hold no secret.
    ///
    /// # Errors
    /// As [`seal`](Self::seal).
    pub fn seal_named(&self, place: &Place, value: &mut Value, names: &[&str]) -> Result<(), StorageError> {
        match value {
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.seal_named(place, item, names)),
            Value::Object(map) if map.contains_key(MARK) => Ok(()),
            Value::Object(map) => {
                for (name, inner) in map.iter_mut() {
                    match inner {
                        Value::String(text) if names.contains(&name.as_str()) && !is_template(text) => {
                            *inner = marked(self.seal(place, text)?);
                        }
                        _ => self.seal_named(place, inner, names)?,
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Puts texts in the place of all that is sealed in a configuration.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_marked(&self, place: &Place, value: &mut Value) -> Result<(), StorageError> {
        each_marked(value, &mut |sealed| self.open(place, sealed).map(|text| Some(Value::from(text))))
    }

    /// Puts masks in the place of all that is sealed in a configuration.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn mask_marked(&self, place: &Place, value: &mut Value) -> Result<(), StorageError> {
        each_marked(value, &mut |sealed| self.open(place, sealed).map(|text| Some(Value::from(mask(&text)))))
    }

    /// Seals what is sealed in a configuration for another place: for a copy of it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn move_marked(&self, from: &Place, to: &Place, value: &mut Value) -> Result<(), StorageError> {
        each_marked(value, &mut |sealed| {
            let text = self.open(from, sealed)?;
            self.seal(to, &text).map(|sealed| Some(marked(sealed)))
        })
    }

    /// Seals what is sealed in a configuration anew with the current key.
    pub(super) fn reseal_marked(&self, place: &Place, value: &mut Value) -> Result<(), StorageError> {
        each_marked(value, &mut |sealed| Ok(self.reseal(place, sealed)?.map(marked)))
    }

    /// Seals the variables anew with the current key.
    pub(super) fn reseal_variables(&self, place: &Place, value: &mut Value) -> Result<(), StorageError> {
        let Some(map) = value.as_object_mut() else { return Ok(()) };
        for (name, value) in map.iter_mut() {
            let Some(text) = text_of(value) else { continue };
            if let Some(sealed) = self.reseal(&place.field(name), &text)? {
                *value = Value::from(sealed);
            }
        }
        Ok(())
    }
}

/// Whether something in a configuration is sealed.
pub(crate) fn has_marked(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_marked),
        Value::Object(map) => sealed_in(map).is_some() || map.values().any(has_marked),
        _ => false,
    }
}

fn marked(sealed: String) -> Value {
    Value::Object(Map::from_iter([(MARK.to_owned(), Value::from(sealed))]))
}

fn sealed_in(map: &Map<String, Value>) -> Option<&str> {
    let text = map.get(MARK)?.as_str()?;
    (map.len() == 1 && is_sealed(text)).then_some(text)
}

/// A sealed text: imported ones may stand as objects.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(_) => Some(value.to_string()),
        _ => None,
    }
}

fn is_template(text: &str) -> bool {
    text.contains("{{")
}

type Change<'a> = dyn FnMut(&str) -> Result<Option<Value>, StorageError> + 'a;

fn each_marked(value: &mut Value, change: &mut Change<'_>) -> Result<(), StorageError> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| each_marked(item, change)),
        Value::Object(map) => {
            let Some(sealed) = sealed_in(map) else {
                return map.values_mut().try_for_each(|inner| each_marked(inner, change));
            };
            if let Some(changed) = change(sealed)? {
                *value = changed;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
