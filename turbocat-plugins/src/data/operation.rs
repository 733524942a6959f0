//! The 14 operations: what each may be told, and how it is done.

use std::borrow::Cow;

use serde_json::Value;
use turbocat_core::BadConfig;

use super::fault::Outcome;
use super::filter::{Filter, unique};
use super::fold::Fold;
use super::grammar;
use super::group::{Aggregation, Aggregations, group};
use super::join::{Join, JoinType};
use super::jq::Jq;
use super::merge::merge;
use super::meter::Meter;
use super::operator::{Operator, Test};
use super::path::Path;
use super::rows::Data;
use super::settings::{Setting, Settings};
use super::shape::{Mapping, flatten, omit, pick, transform};
use super::sort::{SortKey, sort};
use super::tally::Aggregate;

/// The name of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Filter,
    Map,
    Reduce,
    Sort,
    Group,
    Flatten,
    Unique,
    Pick,
    Omit,
    Merge,
    Join,
    Aggregate,
    Transform,
    Jq,
}

impl Name {
    /// All of them, as they are written.
    pub(super) const ALL: [(&'static str, Self); 14] = [
        ("filter", Self::Filter),
        ("map", Self::Map),
        ("reduce", Self::Reduce),
        ("sort", Self::Sort),
        ("group", Self::Group),
        ("flatten", Self::Flatten),
        ("unique", Self::Unique),
        ("pick", Self::Pick),
        ("omit", Self::Omit),
        ("merge", Self::Merge),
        ("join", Self::Join),
        ("aggregate", Self::Aggregate),
        ("transform", Self::Transform),
        ("jq", Self::Jq),
    ];

    pub(super) fn text(self) -> &'static str {
        Self::ALL.iter().find(|(_, name)| *name == self).map_or("", |(text, _)| text)
    }

    /// The settings it takes.
    pub(super) const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Filter => &["conditions", "logic", "condition"],
            Self::Map => &["expression", "fields"],
            Self::Reduce => &["operation", "field", "initialValue"],
            Self::Sort => &["field", "direction", "ignoreCase", "by"],
            Self::Group | Self::Unique => &["field"],
            Self::Flatten => &["depth"],
            Self::Pick | Self::Omit => &["fields"],
            Self::Merge => &["source", "strategy"],
            Self::Join => &["with", "on", "rightOn", "type"],
            Self::Aggregate => &["aggregations", "groupBy"],
            Self::Transform => &["expression"],
            Self::Jq => &["filter", "args", "outputs", "timeoutMs", "maxMemoryMb"],
        }
    }
}

/// An operation that is ready.
#[derive(Debug)]
pub(super) enum Operation<'c> {
    Filter(Filter<'c>),
    Map(Mapping),
    Reduce(Fold<'c>),
    Sort(Vec<SortKey>),
    Group(Path),
    Flatten(u64),
    Unique(Option<Path>),
    Pick(Vec<Path>),
    Omit(Vec<&'c str>),
    Merge { source: &'c Value, deep: bool },
    Join(Join<'c>),
    Aggregate(Aggregations),
    Transform(Option<Path>),
    Jq(Jq<'c>),
}

impl<'c> Operation<'c> {
    pub(super) fn apply<'a>(&self, data: Data<'a>, meter: &Meter) -> Outcome<Data<'a>>
    where
        'c: 'a,
    {
        match self {
            Self::Filter(filter) => filter.apply(data, meter),
            Self::Map(mapping) => mapping.apply(data, meter),
            Self::Reduce(fold) => fold.apply(data, meter),
            Self::Sort(keys) => sort(data, keys, meter),
            Self::Group(field) => group(data, field, meter),
            Self::Flatten(depth) => flatten(data, *depth, meter),
            Self::Unique(field) => unique(data, field.as_ref(), meter),
            Self::Pick(fields) => pick(data, fields, meter),
            Self::Omit(keys) => omit(data, keys, meter),
            Self::Merge { source, deep } => merge(data, source, *deep, meter),
            Self::Join(join) => join.apply(data, meter),
            Self::Aggregate(aggregations) => aggregations.apply(data, meter),
            Self::Transform(path) => transform(data, path.as_ref(), meter),
            Self::Jq(jq) => jq.apply(data, meter),
        }
    }

    /// Reads the settings of an operation. `None`: something is wrong, or not known yet.
    pub(super) fn read(name: Name, config: &Setting<'c, '_>) -> Option<Self> {
        let what = format!("`{}`", name.text());
        let settings = config.settings(&what, name.settings())?;
        match name {
            Name::Filter => filter(&settings).map(Self::Filter),
            Name::Map => mapping(&settings).map(Self::Map),
            Name::Reduce => fold(&settings).map(Self::Reduce),
            Name::Sort => sort_keys(&settings).map(Self::Sort),
            Name::Group => {
                settings.need("field", &what);
                settings.path("field").map(Self::Group)
            }
            Name::Flatten => settings.whole("depth", 0, 1).map(Self::Flatten),
            Name::Unique => optional(&settings, "field").map(Self::Unique),
            Name::Pick => {
                settings.need("fields", &what);
                settings.list("fields")?.iter().map(Setting::path).collect::<Option<_>>().map(Self::Pick)
            }
            Name::Omit => {
                settings.need("fields", &what);
                settings.list("fields")?.iter().map(Setting::text).collect::<Option<_>>().map(Self::Omit)
            }
            Name::Merge => {
                if settings.raw("source").is_none() {
                    settings.need("source", &what);
                }
                let deep = settings.word("strategy", &[("shallow", false), ("deep", true)])?;
                Some(Self::Merge { source: settings.raw("source")?, deep })
            }
            Name::Join => join(&settings).map(Self::Join),
            Name::Aggregate => aggregations(&settings).map(Self::Aggregate),
            Name::Transform => optional(&settings, "expression").map(Self::Transform),
            Name::Jq => Jq::read(&settings).map(Self::Jq),
        }
    }
}

/// A path that need not be given.
fn optional<'f>(settings: &Settings<'_, 'f>, name: &'f str) -> Option<Option<Path>> {
    if settings.has(name) { settings.path(name).map(Some) } else { Some(None) }
}

/// All of a list, each of which was looked at even if one before it is wrong.
fn all<T>(found: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    found.collect::<Vec<_>>().into_iter().collect()
}

fn filter<'c>(settings: &Settings<'c, '_>) -> Option<Filter<'c>> {
    let all_of = settings.word("logic", &[("and", true), ("or", false)]);
    if settings.has("condition") {
        if settings.has("conditions") {
            settings.bad("condition", "give `conditions` or `condition`, not both");
            return None;
        }
        return condition(&settings.given("condition")?);
    }
    if !settings.has("conditions") {
        return Some(Filter::Conditions { tests: Vec::new(), all: true });
    }
    let tests = all(settings.list("conditions")?.iter().map(test))?;
    Some(Filter::Conditions { tests, all: all_of? })
}

/// A condition in our language.
pub(super) fn condition<'c>(setting: &Setting<'c, '_>) -> Option<Filter<'c>> {
    match grammar::parse(setting.text()?) {
        Ok(condition) => Some(Filter::Condition(condition)),
        Err(mistake) => {
            let mut bad =
                BadConfig::at(setting.at.clone(), format!("`{}`: {}", setting.name, mistake.message));
            bad.help = mistake.help;
            setting.findings().add(bad);
            None
        }
    }
}

fn test<'c>(setting: &Setting<'c, '_>) -> Option<(Path, Test<'c>)> {
    const WHAT: &str = "a condition";
    let settings = setting.settings(WHAT, &["field", "operator", "value"])?;
    settings.need("field", WHAT);
    settings.need("operator", WHAT);
    let path = settings.path("field");
    let operator = settings.given("operator")?.word(&Operator::ALL)?;
    let value = match settings.raw("value") {
        Some(value) if setting.findings().open(value) => return None,
        None if operator != Operator::Exists => {
            settings.need("value", WHAT);
            return None;
        }
        value => value.map_or(Cow::Owned(Value::Null), Cow::Borrowed),
    };
    let test = Test::new(operator, value).map_err(|message| settings.bad("value", message)).ok();
    Some((path?, test?))
}

fn mapping(settings: &Settings<'_, '_>) -> Option<Mapping> {
    let expression = optional(settings, "expression");
    if !settings.has("fields") {
        return expression.map(|path| path.map_or(Mapping::Same, Mapping::Path));
    }
    let fields = settings.given("fields")?.members()?.into_iter().map(|(name, setting)| {
        if setting.open() {
            return None;
        }
        Some((name.to_owned(), setting.path()?))
    });
    let fields = all(fields);
    // Both were read for what may be wrong with them; the expression wins.
    match expression? {
        Some(path) => Some(Mapping::Path(path)),
        // Of no fields at all nothing would be left.
        None => fields.map(|fields| if fields.is_empty() { Mapping::Same } else { Mapping::Fields(fields) }),
    }
}

fn fold<'c>(settings: &Settings<'c, '_>) -> Option<Fold<'c>> {
    let field = optional(settings, "field");
    let aggregate = match settings.given("operation") {
        Some(setting) => Some(setting.word(&Aggregate::ALL)?),
        None if settings.has("operation") => return None,
        None => None,
    };
    Some(match (aggregate, field?, settings.raw("initialValue")) {
        (Some(aggregate), Some(field), _) => Fold::Aggregate { aggregate, name: field.to_string(), field },
        (_, _, Some(first)) => Fold::From(first),
        (_, _, None) => Fold::Same,
    })
}

const DIRECTIONS: [(&str, bool); 2] = [("asc", false), ("desc", true)];

fn sort_keys(settings: &Settings<'_, '_>) -> Option<Vec<SortKey>> {
    let Some(by) = settings.given("by") else {
        // What is not known yet must not be sorted by something else.
        if settings.has("by") {
            return None;
        }
        return sort_key(settings).map(|key| key.into_iter().collect());
    };
    let key = |setting: &Setting<'_, '_>| {
        let settings = setting.settings("a key of `sort`", &["field", "direction", "ignoreCase"])?;
        settings.need("field", "a key of `sort`");
        sort_key(&settings)?
    };
    match by.value {
        Value::Object(_) => Some(vec![key(&by)?]),
        _ => all(by.list()?.iter().map(key)),
    }
}

fn sort_key(settings: &Settings<'_, '_>) -> Option<Option<SortKey>> {
    let descending = settings.word("direction", &DIRECTIONS);
    let ignore_case = settings.flag("ignoreCase", false);
    let Some(path) = optional(settings, "field")? else { return Some(None) };
    Some(Some(SortKey { path, descending: descending?, ignore_case: ignore_case? }))
}

fn join<'c>(settings: &Settings<'c, '_>) -> Option<Join<'c>> {
    settings.need("with", "`join`");
    settings.need("on", "`join`");
    let kind = settings.word("type", &JoinType::ALL);
    let on = settings.path("on");
    let right_on = optional(settings, "rightOn");
    let with = settings.given("with")?;
    let Value::Array(with) = with.value else { return with.must_be("an array") };
    let on = on?;
    Some(Join { with, right_on: right_on?.unwrap_or_else(|| on.clone()), on, kind: kind? })
}

fn aggregations(settings: &Settings<'_, '_>) -> Option<Aggregations> {
    settings.need("aggregations", "`aggregate`");
    let group_by = optional(settings, "groupBy");
    let list = settings.list("aggregations")?;
    if list.is_empty() {
        settings.bad("aggregations", "`aggregations` must not be empty");
        return None;
    }
    let group_name = settings.text("groupBy");
    let mut names: Vec<String> = group_name.map(str::to_owned).into_iter().collect();
    let read = list.iter().map(|setting| {
        let found = aggregation(setting)?;
        if names.contains(&found.alias) {
            setting.bad(format!("two results would be called `{}`", found.alias));
            return None;
        }
        names.push(found.alias.clone());
        Some(found)
    });
    let each = all(read)?;
    let group_by = match (group_name, group_by?) {
        (Some(name), Some(path)) => Some((name.to_owned(), path)),
        _ => None,
    };
    Some(Aggregations { each, group_by })
}

fn aggregation(setting: &Setting<'_, '_>) -> Option<Aggregation> {
    const WHAT: &str = "an aggregation";
    let settings = setting.settings(WHAT, &["field", "operation", "alias"])?;
    settings.need("operation", WHAT);
    let field = optional(&settings, "field");
    let alias = if settings.has("alias") { settings.text("alias").map(Some) } else { Some(None) };
    let aggregate = settings.given("operation")?.word(&Aggregate::ALL)?;
    if aggregate != Aggregate::Count {
        settings.need("field", WHAT);
    }
    let name = settings.text("field");
    let field = match (name, field?) {
        (Some(name), Some(path)) => Some((name.to_owned(), path)),
        _ if aggregate == Aggregate::Count && !settings.has("field") => None,
        _ => return None,
    };
    let alias = alias?.map_or_else(
        || match name {
            Some(name) => format!("{}_{name}", aggregate.name()),
            None => aggregate.name().to_owned(),
        },
        str::to_owned,
    );
    Some(Aggregation { aggregate, field, alias })
}
