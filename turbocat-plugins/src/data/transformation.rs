//! The short form of an operation: a text such as `item.value > 100`, or its settings.

use serde_json::Value;
use turbocat_core::BadConfig;

use super::fold::Fold;
use super::jq::Jq;
use super::operation::{Name, Operation, condition};
use super::path::Path;
use super::settings::Setting;
use super::shape::Mapping;
use super::sort::SortKey;
use super::tally::Aggregate;

/// Reads a transformation. `None`: something is wrong, or not known yet.
pub(super) fn read<'c>(name: Name, setting: &Setting<'c, '_>) -> Option<Operation<'c>> {
    let Value::String(text) = setting.value else { return Operation::read(name, setting) };
    match name {
        Name::Filter => condition(setting).map(Operation::Filter),
        Name::Map => path(setting, text).map(|path| Operation::Map(Mapping::Path(path))),
        Name::Transform => path(setting, text).map(|path| Operation::Transform(Some(path))),
        Name::Group => path(setting, text).map(Operation::Group),
        Name::Unique => path(setting, text).map(|path| Operation::Unique(Some(path))),
        Name::Sort => sort(setting, text).map(Operation::Sort),
        Name::Reduce => reduce(setting, text).map(Operation::Reduce),
        Name::Jq => Jq::of_text(setting).map(Operation::Jq),
        _ => {
            let name = name.text();
            setting
                .bad(format!("`transformation` of `{name}` must be an object with the settings of `{name}`"));
            None
        }
    }
}

/// A path, with or without `item.` before it.
fn path(setting: &Setting<'_, '_>, text: &str) -> Option<Path> {
    let text = text.trim();
    let text = text.strip_prefix("item.").unwrap_or(text);
    Path::parse(text).map_err(|message| setting.bad(format!("`{}`: {message}", setting.name))).ok()
}

/// `item.price desc, item.name`.
fn sort(setting: &Setting<'_, '_>, text: &str) -> Option<Vec<SortKey>> {
    let key = |text: &str| {
        let mut words = text.split_whitespace();
        let field = words.next().unwrap_or_default();
        let descending = match (words.next(), words.next()) {
            (None | Some("asc"), None) => false,
            (Some("desc"), None) => true,
            _ => {
                let text = text.trim();
                setting.bad(format!(
                    "`transformation` of `sort` has fields with `asc` or `desc` behind them, and not `{text}`"
                ));
                return None;
            }
        };
        Some(SortKey { path: path(setting, field)?, descending, ignore_case: false })
    };
    text.split(',').map(key).collect()
}

/// `sum(item.price)`.
fn reduce<'c>(setting: &Setting<'c, '_>, text: &str) -> Option<Fold<'c>> {
    let parts = text.trim().strip_suffix(')').and_then(|text| text.split_once('('));
    let Some((aggregate, field)) = parts else {
        setting.bad("`transformation` of `reduce` is an aggregate and its field, such as `sum(item.price)`");
        return None;
    };
    let wanted = aggregate.trim();
    let Some((_, aggregate)) = Aggregate::ALL.into_iter().find(|(name, _)| *name == wanted) else {
        let bad = BadConfig::at(setting.at.clone(), format!("unknown aggregate `{wanted}`"));
        setting.findings().add(bad.suggest(wanted, Aggregate::ALL.iter().map(|(name, _)| *name)));
        return None;
    };
    let field = path(setting, field)?;
    Some(Fold::Aggregate { aggregate, name: field.to_string(), field })
}
