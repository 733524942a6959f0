//! Evaluates the tree of an expression against the values of its roots.

use std::collections::BTreeMap;

use minijinja::State;
use minijinja::value::{Kwargs, Value as Dynamic, ValueKind};

use super::error::Fault;
use super::filters;
use super::fuel::{self, Fuel, LONGEST};
use super::lower::allows_missing;
use super::node::{Argument, Node};
use super::operate::{self, items};
use super::path::{Found, Key, Path};
use super::print::print;
use super::reference::RootValue;
use super::view::{View, kind, lift};

/// What the parts of an expression evaluated to. Parts that were not needed are not in it. Most
/// expressions have few, which a tree finds without hashing.
pub(super) type Record = BTreeMap<*const Node, Dynamic>;

/// Evaluates an expression.
pub(super) fn evaluate(node: &Node, roots: &[RootValue<'_>]) -> Result<Dynamic, Fault> {
    Evaluation { roots, state: filters::environment().empty_state(), record: None }.value(node)
}

/// The same, writing down what every part evaluated to.
pub(super) fn record(node: &Node, roots: &[RootValue<'_>]) -> (Result<Dynamic, Fault>, Record) {
    let state = filters::environment().empty_state();
    let mut evaluation = Evaluation { roots, state, record: Some(Record::new()) };
    let result = evaluation.value(node);
    (result, evaluation.record.unwrap_or_default())
}

struct Evaluation<'a> {
    roots: &'a [RootValue<'a>],
    state: State<'static, 'static>,
    record: Option<Record>,
}

impl Evaluation<'_> {
    fn fuel(&mut self) -> &mut Fuel {
        fuel::of(&mut self.state)
    }

    /// The value of a node, which must be there.
    fn value(&mut self, node: &Node) -> Result<Dynamic, Fault> {
        let value = self.perhaps(node, false)?;
        if value.is_undefined() {
            return Err(Fault::new(format!("`{}` is missing", print(node, &|_| None)))
                .help("`| default(…)` allows it to be missing"));
        }
        Ok(value)
    }

    /// The value of a node. When it is optional it may be undefined, and what is in a step that
    /// gave nothing is undefined instead of null.
    fn perhaps(&mut self, node: &Node, optional: bool) -> Result<Dynamic, Fault> {
        self.fuel().burn(1)?;
        let value = self.compute(node, optional)?;
        if let Some(record) = &mut self.record {
            record.insert(std::ptr::from_ref(node), value.clone());
        }
        Ok(value)
    }

    fn truth(&mut self, node: &Node) -> Result<bool, Fault> {
        self.value(node).map(|value| value.is_true())
    }

    fn compute(&mut self, node: &Node, optional: bool) -> Result<Dynamic, Fault> {
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Path(path) => self.path(path, optional),
            Node::Member { of, key } => {
                let of = self.perhaps(of, optional)?;
                member(&of, key, optional)
            }
            Node::Item { of, at } => {
                let of = self.perhaps(of, optional)?;
                let at = self.value(at)?;
                item(&of, &at, optional)
            }
            Node::Slice { of, bounds } => {
                let of = self.value(of)?;
                let mut numbers = [None; 3];
                for (number, bound) in numbers.iter_mut().zip(bounds) {
                    if let Some(bound) = bound {
                        let bound = self.value(bound)?;
                        *number = if bound.is_none() { None } else { Some(whole(&bound, "a slice")?) };
                    }
                }
                operate::slice(&of, numbers, self.fuel())
            }
            Node::Not(of) => self.truth(of).map(|truth| Dynamic::from(!truth)),
            Node::Negate(of) => operate::negate(&self.value(of)?),
            Node::And(left, right) => {
                let left = self.value(left)?;
                if left.is_true() { self.value(right) } else { Ok(left) }
            }
            Node::Or(left, right) => {
                let left = self.value(left)?;
                if left.is_true() { Ok(left) } else { self.value(right) }
            }
            Node::Operation { operator, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                operator.apply(&left, &right, self.fuel())
            }
            Node::Comparison { first, rest } => {
                let mut left = self.value(first)?;
                for (comparison, node) in rest {
                    let right = self.value(node)?;
                    if !comparison.holds(&left, &right)? {
                        return Ok(Dynamic::from(false));
                    }
                    left = right;
                }
                Ok(Dynamic::from(true))
            }
            Node::Choice { test, yes, no } => match (self.truth(test)?, no) {
                (true, _) => self.value(yes),
                (false, Some(no)) => self.value(no),
                (false, None) => Ok(Dynamic::from(())),
            },
            Node::Filter { call, of, arguments } | Node::Test { call, of, arguments } => {
                let mut given = Vec::with_capacity(arguments.len() + 1);
                given.push(if allows_missing(call) { self.perhaps(of, true)? } else { self.value(of)? });
                self.arguments(arguments, &mut given)?;
                call.call(&mut self.state, &given)
            }
            Node::Range(bounds) => self.range(bounds),
            Node::List(nodes) => {
                let list: Vec<Dynamic> =
                    nodes.iter().map(|node| self.value(node)).collect::<Result<_, _>>()?;
                let list = Dynamic::from(list);
                self.fuel().burn_value(&list)?;
                Ok(list)
            }
            Node::Object(members) => {
                let mut pairs = Vec::with_capacity(members.len());
                for (key, value) in members {
                    let key = self.value(key)?;
                    if key.kind() != ValueKind::String {
                        return Err(Fault::new(format!(
                            "a key of an object must be text, not {}",
                            kind(&key)
                        )));
                    }
                    pairs.push((key, self.value(value)?));
                }
                let object = Dynamic::from_pairs(pairs);
                self.fuel().burn_value(&object)?;
                Ok(object)
            }
        }
    }

    fn path(&mut self, path: &Path, optional: bool) -> Result<Dynamic, Fault> {
        match path.find(self.roots) {
            Ok(Found::Absent) if optional => Ok(Dynamic::UNDEFINED),
            Ok(Found::Absent) => Ok(Dynamic::from(())),
            Ok(Found::Root(root)) => Ok(lift(root, &[], root)),
            Ok(Found::Part { root, skip, value }) => Ok(lift(root, &path.keys[skip..], value)),
            Ok(Found::Length(length)) => Ok(Dynamic::from(length)),
            Err(_) if optional => Ok(Dynamic::UNDEFINED),
            Err(fault) => Err(fault),
        }
    }

    fn arguments(&mut self, arguments: &[Argument], given: &mut Vec<Dynamic>) -> Result<(), Fault> {
        let mut named = Vec::new();
        for argument in arguments {
            match argument {
                Argument::Positional(node) => given.push(self.value(node)?),
                Argument::Named(name, node) => named.push((name.to_string(), self.value(node)?)),
            }
        }
        if !named.is_empty() {
            given.push(Dynamic::from(named.into_iter().collect::<Kwargs>()));
        }
        Ok(())
    }

    fn range(&mut self, bounds: &[Node]) -> Result<Dynamic, Fault> {
        let mut numbers = Vec::with_capacity(bounds.len());
        for bound in bounds {
            numbers.push(whole(&self.value(bound)?, "`range`")?);
        }
        let (start, stop, step) = match numbers[..] {
            [stop] => (0, stop, 1),
            [start, stop] => (start, stop, 1),
            [start, stop, step] if step != 0 => (start, stop, step),
            _ => return Err(Fault::new("`range` takes one to three numbers, and a step that is not 0")),
        };
        let span = if step > 0 {
            i128::from(stop) - i128::from(start)
        } else {
            i128::from(start) - i128::from(stop)
        };
        let count = span.max(0).unsigned_abs().div_ceil(u128::from(step.unsigned_abs()));
        let count = usize::try_from(count).ok().filter(|count| *count <= LONGEST);
        let Some(count) = count else {
            return Err(Fault::new(format!("`range` gives at most {LONGEST} numbers")));
        };
        self.fuel().burn(count as u64)?;
        Ok(std::iter::successors(Some(start), |at| at.checked_add(step)).take(count).collect())
    }
}

fn whole(value: &Dynamic, what: &str) -> Result<i64, Fault> {
    match value.as_i64() {
        Some(number) if value.is_integer() => Ok(number),
        _ => Err(Fault::new(format!("{what} needs whole numbers, not {}", kind(value)))),
    }
}

fn member(of: &Dynamic, key: &Key, optional: bool) -> Result<Dynamic, Fault> {
    let (name, index) = match key {
        Key::Name(name) => (Dynamic::from(&**name), Dynamic::from(&**name)),
        Key::Digits(name, index) => (Dynamic::from(&**name), Dynamic::from(*index)),
        Key::Index(index) => (Dynamic::from(*index), Dynamic::from(*index)),
    };
    let is_list = matches!(of.kind(), ValueKind::Seq | ValueKind::Iterable);
    if is_list && matches!(key, Key::Name(name) if &**name == "length") {
        return Ok(Dynamic::from(items(of)?.count()));
    }
    get(of, if is_list { &index } else { &name }, optional)
}

fn item(of: &Dynamic, at: &Dynamic, optional: bool) -> Result<Dynamic, Fault> {
    match (of.kind(), at.as_i64()) {
        (ValueKind::Seq | ValueKind::Iterable, Some(index)) if index < 0 => {
            let index = of.len().and_then(|length| length.checked_add_signed(isize::try_from(index).ok()?));
            index.map_or_else(|| absent(of, optional), |index| get(of, &Dynamic::from(index), optional))
        }
        (ValueKind::Map, _) if at.kind() == ValueKind::Number => {
            get(of, &Dynamic::from(at.to_string()), optional)
        }
        _ => get(of, at, optional),
    }
}

fn get(of: &Dynamic, key: &Dynamic, optional: bool) -> Result<Dynamic, Fault> {
    if !matches!(of.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return absent(of, optional);
    }
    match of.get_item(key) {
        Ok(value) if !value.is_undefined() => Ok(value),
        _ => absent(of, optional),
    }
}

fn absent(of: &Dynamic, optional: bool) -> Result<Dynamic, Fault> {
    if optional {
        return Ok(Dynamic::UNDEFINED);
    }
    let what = of
        .downcast_object_ref::<View>()
        .map_or_else(|| kind(of).to_owned(), |view| super::path::describe(view.value()));
    Err(Fault::new(format!("a member is missing: the value before it is {what}"))
        .help("`| default(…)` allows it to be missing"))
}
