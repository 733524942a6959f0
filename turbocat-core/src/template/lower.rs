//! From minijinja's syntax tree to ours: references gathered, filters and tests looked up.

use minijinja::machinery::ast::{self, BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind};
use minijinja::machinery::{Span, parse_expr};
use minijinja::value::Value as Dynamic;

use super::error::Fault;
use super::filters::{self, Callable};
use super::guard;
use super::node::{Argument, Node};
use super::operate::{Comparison, Operator};
use super::path::{self, Key, Path};
use super::reference::{Names, Reference, RootKind, Uses};
use crate::Pointer;
use crate::diagnostic::suggest;

/// Parses an expression.
pub(super) fn parse(
    source: &str,
    names: &Names<'_>,
    uses: &mut Uses,
    pointer: &Pointer,
) -> Result<Node, Fault> {
    guard::check(source)?;
    let words = guard::one_word(source, names);
    let tree = parse_expr(&words).map_err(|error| {
        let detail = error.detail().unwrap_or("it cannot be read").replace("template exceeds", "it exceeds");
        Fault::new(format!("`{source}` is no expression: {detail}"))
    })?;
    Lowering { source, names, uses, pointer }.node(&tree, false)
}

struct Lowering<'a, 'n> {
    source: &'a str,
    names: &'a Names<'n>,
    uses: &'a mut Uses,
    pointer: &'a Pointer,
}

impl<'a> Lowering<'a, '_> {
    fn boxed(&mut self, expr: &Expr<'_>) -> Result<Box<Node>, Fault> {
        self.node(expr, false).map(Box::new)
    }

    fn all(&mut self, exprs: &[Expr<'_>]) -> Result<Vec<Node>, Fault> {
        exprs.iter().map(|expr| self.node(expr, false)).collect()
    }

    fn node(&mut self, expr: &Expr<'_>, optional: bool) -> Result<Node, Fault> {
        if let Some((var, keys)) = chain(expr) {
            return self.path(var, keys, expr.span(), optional);
        }
        Ok(match expr {
            Expr::Const(constant) => Node::Constant(constant.value.clone()),
            Expr::Var(var) => self.path(var, Vec::new(), expr.span(), optional)?,
            Expr::GetAttr(get) => Node::Member {
                of: Box::new(self.node(&get.expr, optional)?),
                key: Key::Name(get.name.into()),
            },
            Expr::GetItem(get) => match constant_key(&get.subscript_expr) {
                Some(key) => Node::Member { of: Box::new(self.node(&get.expr, optional)?), key },
                None => Node::Item {
                    of: Box::new(self.node(&get.expr, optional)?),
                    at: self.boxed(&get.subscript_expr)?,
                },
            },
            Expr::Slice(slice) => {
                let mut bound = |expr: &Option<Expr<'_>>| match expr {
                    Some(expr) => self.boxed(expr).map(Some),
                    None => Ok(None),
                };
                let bounds = [bound(&slice.start)?, bound(&slice.stop)?, bound(&slice.step)?];
                Node::Slice { of: self.boxed(&slice.expr)?, bounds }
            }
            Expr::UnaryOp(unary) => match (&unary.op, &unary.expr) {
                (UnaryOpKind::Not, Expr::BinOp(inner)) if matches!(inner.op, BinOpKind::In) => {
                    self.compare(Comparison::NotIn, &inner.left, &inner.right)?
                }
                (UnaryOpKind::Not, of) => Node::Not(self.boxed(of)?),
                (UnaryOpKind::Neg, of) => Node::Negate(self.boxed(of)?),
            },
            Expr::BinOp(binary) => self.binary(binary)?,
            Expr::Compare(compare) => Node::Comparison {
                first: self.boxed(&compare.expr)?,
                rest: compare
                    .ops
                    .iter()
                    .map(|op| Ok((comparison(op.op), self.node(&op.expr, false)?)))
                    .collect::<Result<_, Fault>>()?,
            },
            Expr::IfExpr(choice) => Node::Choice {
                yes: self.boxed(&choice.true_expr)?,
                test: self.boxed(&choice.test_expr)?,
                no: choice.false_expr.as_ref().map(|expr| self.boxed(expr)).transpose()?,
            },
            Expr::Filter(filter) => {
                let call = filters::filter(filter.name)
                    .ok_or_else(|| unknown("filter", filter.name, filters::filter_names()))?;
                let Some(of) = &filter.expr else {
                    return Err(Fault::new("a filter needs a value before `|`"));
                };
                let of = Box::new(self.node(of, allows_missing(&call))?);
                Node::Filter { call, of, arguments: self.arguments(&filter.args)? }
            }
            Expr::Test(test) => {
                let call = filters::test(test.name)
                    .ok_or_else(|| unknown("test", test.name, filters::test_names()))?;
                let of = Box::new(self.node(&test.expr, allows_missing(&call))?);
                Node::Test { call, of, arguments: self.arguments(&test.args)? }
            }
            Expr::Call(call) => self.call(call)?,
            Expr::List(list) => Node::List(self.all(&list.items)?),
            Expr::Tuple(tuple) => Node::List(self.all(&tuple.items)?),
            Expr::Map(map) => {
                Node::Object(self.all(&map.keys)?.into_iter().zip(self.all(&map.values)?).collect())
            }
        })
    }

    fn binary(&mut self, binary: &ast::BinOp<'_>) -> Result<Node, Fault> {
        let (left, right) = (&binary.left, &binary.right);
        let operator = match binary.op {
            BinOpKind::ScAnd => return Ok(Node::And(self.boxed(left)?, self.boxed(right)?)),
            BinOpKind::ScOr => return Ok(Node::Or(self.boxed(left)?, self.boxed(right)?)),
            BinOpKind::Eq => return self.compare(Comparison::Equal, left, right),
            BinOpKind::Ne => return self.compare(Comparison::Unequal, left, right),
            BinOpKind::Lt => return self.compare(Comparison::Less, left, right),
            BinOpKind::Lte => return self.compare(Comparison::AtMost, left, right),
            BinOpKind::Gt => return self.compare(Comparison::Greater, left, right),
            BinOpKind::Gte => return self.compare(Comparison::AtLeast, left, right),
            BinOpKind::In => return self.compare(Comparison::In, left, right),
            BinOpKind::Add => Operator::Add,
            BinOpKind::Sub => Operator::Subtract,
            BinOpKind::Mul => Operator::Multiply,
            BinOpKind::Div => Operator::Divide,
            BinOpKind::FloorDiv => Operator::DivideFloor,
            BinOpKind::Rem => Operator::Remainder,
            BinOpKind::Pow => Operator::Power,
            BinOpKind::Concat => Operator::Concat,
        };
        Ok(Node::Operation { operator, left: self.boxed(left)?, right: self.boxed(right)? })
    }

    fn compare(&mut self, by: Comparison, left: &Expr<'_>, right: &Expr<'_>) -> Result<Node, Fault> {
        Ok(Node::Comparison { first: self.boxed(left)?, rest: vec![(by, self.node(right, false)?)] })
    }

    fn call(&mut self, call: &ast::Call<'_>) -> Result<Node, Fault> {
        match &call.expr {
            Expr::Var(var) if var.id == "range" => call
                .args
                .iter()
                .map(|arg| match arg {
                    CallArg::Pos(expr) => self.node(expr, false),
                    _ => Err(Fault::new("`range` takes one to three numbers")),
                })
                .collect::<Result<_, _>>()
                .map(Node::Range),
            Expr::Var(var) => {
                let fault = Fault::new(format!("there is no function `{}`", var.id));
                Err(if filters::filter(var.id).is_some() {
                    fault.help(format!("it is a filter: write `… | {}`", var.id))
                } else {
                    fault.help(
                        "the only function is `range`; everything else is a filter, such as `x | length`",
                    )
                })
            }
            Expr::GetAttr(get) => {
                let fault = Fault::new(format!("values have no method `{}`", get.name));
                Err(match filters::filter(get.name) {
                    Some(_) => fault.help(format!("write it as a filter: `… | {}`", get.name)),
                    None => fault.help("filters do the work of methods, such as `x | length`"),
                })
            }
            _ => Err(Fault::new("a value cannot be called")),
        }
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) -> Result<Vec<Argument>, Fault> {
        arguments
            .iter()
            .map(|argument| match argument {
                CallArg::Pos(expr) => self.node(expr, false).map(Argument::Positional),
                CallArg::Kwarg(name, expr) => {
                    self.node(expr, false).map(|node| Argument::Named((*name).into(), node))
                }
                _ => Err(Fault::new("`*` and `**` cannot spread arguments here")),
            })
            .collect()
    }

    fn path(
        &mut self,
        var: &ast::Spanned<ast::Var<'_>>,
        keys: Vec<Key>,
        span: Span,
        optional: bool,
    ) -> Result<Node, Fault> {
        let at = var.span();
        let name = self.text(at.start_offset, at.end_offset).unwrap_or(var.id);
        if name == "null" && keys.is_empty() {
            return Ok(Node::Constant(Dynamic::from(())));
        }
        if path::is_word(name) {
            return Err(Fault::new(format!("`{name}` is a word of the language, not a name")));
        }
        let written = self
            .text(at.start_offset, span.end_offset)
            .filter(|text| path::read(text).is_some_and(|(root, read)| root == name && read == keys));
        let text = written.map_or_else(|| spell(name, &keys), str::to_owned);
        let kind = (self.names)(name).unwrap_or(RootKind::Plain);
        let root = self.uses.root(name);
        self.uses.references.push(Reference {
            root,
            path: keys.iter().map(Key::segment).collect(),
            pointer: self.pointer.clone(),
            text: text.clone(),
            optional,
        });
        Ok(Node::Path(Path { root, kind, keys: keys.into(), text: text.into() }))
    }

    fn text(&self, start: u32, end: u32) -> Option<&'a str> {
        self.source.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}

/// Whether what stands before a filter or test may be missing.
pub(super) fn allows_missing(call: &Callable) -> bool {
    matches!(call.name, "default" | "d" | "defined" | "undefined" | "truthy")
}

/// A variable with constant keys: the longest chain that can be followed without evaluating.
fn chain<'e, 's>(expr: &'e Expr<'s>) -> Option<(&'e ast::Spanned<ast::Var<'s>>, Vec<Key>)> {
    let mut keys = Vec::new();
    let mut at = expr;
    loop {
        at = match at {
            Expr::Var(var) => {
                keys.reverse();
                return Some((var, keys));
            }
            Expr::GetAttr(get) => {
                keys.push(Key::Name(get.name.into()));
                &get.expr
            }
            Expr::GetItem(get) => {
                keys.push(constant_key(&get.subscript_expr)?);
                &get.expr
            }
            _ => return None,
        };
    }
}

fn constant_key(expr: &Expr<'_>) -> Option<Key> {
    let Expr::Const(constant) = expr else { return None };
    let value = &constant.value;
    match value.as_str() {
        Some(name) => Some(Key::Name(name.into())),
        None if value.is_integer() => {
            value.as_usize().map(|index| Key::Digits(index.to_string().into(), index))
        }
        None => None,
    }
}

fn spell(name: &str, keys: &[Key]) -> String {
    let mut text = name.to_owned();
    for key in keys {
        match key {
            Key::Name(key) if path::name_length(key) == key.len() && !key.is_empty() => {
                text.push('.');
                text.push_str(key);
            }
            Key::Name(key) => text.push_str(&format!("[{}]", serde_json::Value::from(&**key))),
            Key::Digits(_, index) | Key::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

const fn comparison(op: CompareOpKind) -> Comparison {
    match op {
        CompareOpKind::Eq => Comparison::Equal,
        CompareOpKind::Ne => Comparison::Unequal,
        CompareOpKind::Lt => Comparison::Less,
        CompareOpKind::Lte => Comparison::AtMost,
        CompareOpKind::Gt => Comparison::Greater,
        CompareOpKind::Gte => Comparison::AtLeast,
        CompareOpKind::In => Comparison::In,
        CompareOpKind::NotIn => Comparison::NotIn,
    }
}

fn unknown(what: &str, name: &str, known: impl Iterator<Item = &'static str>) -> Fault {
    let fault = Fault::new(format!("there is no {what} `{name}`"));
    match suggest(name, known) {
        Some(help) => fault.help(help),
        None => fault,
    }
}
