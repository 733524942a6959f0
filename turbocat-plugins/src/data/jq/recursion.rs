//! Refuses a recursion that no limit would see.
//!
//! A definition that calls itself with a filter as an argument, `def f(g): f(g + 1)`, builds a
//! chain of filters that is as long as it goes on, and taking it down needs a stack of that
//! length. Everything else that goes on for long is counted or measured.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::path::{Part, Path};

/// The name of a definition that calls itself with a filter as an argument.
pub(super) fn endless<'s>(term: &Term<&'s str>) -> Option<&'s str> {
    Search { open: Vec::new() }.term(term)
}

struct Search<'s> {
    /// The definitions around, and how many arguments each has, if one of them is a filter.
    open: Vec<(&'s str, usize, bool)>,
}

impl<'s> Search<'s> {
    fn all<'t>(&mut self, terms: impl IntoIterator<Item = &'t Term<&'s str>>) -> Option<&'s str>
    where
        's: 't,
    {
        terms.into_iter().find_map(|term| self.term(term))
    }

    fn def(&mut self, def: &Def<&'s str>) -> Option<&'s str> {
        let takes_filter = def.args.iter().any(|arg| !arg.starts_with('$'));
        self.open.push((def.name, def.args.len(), takes_filter));
        let found = self.term(&def.body);
        self.open.pop();
        found
    }

    fn term(&mut self, term: &Term<&'s str>) -> Option<&'s str> {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => None,
            Term::Str(_, parts) => parts.iter().find_map(|part| match part {
                StrPart::Term(term) => self.term(term),
                StrPart::Str(_) | StrPart::Char(_) => None,
            }),
            Term::Arr(inner) => self.all(inner.as_deref()),
            Term::Obj(fields) => {
                fields.iter().find_map(|(key, value)| self.term(key).or_else(|| self.all(value.as_ref())))
            }
            Term::Neg(inner) | Term::Label(_, inner) => self.term(inner),
            Term::BinOp(left, op, right) => {
                let pattern = match op {
                    BinaryOp::Pipe(Some(pattern)) => self.pattern(pattern),
                    _ => None,
                };
                pattern.or_else(|| self.term(left)).or_else(|| self.term(right))
            }
            Term::Fold(_, items, pattern, rest) => {
                self.term(items).or_else(|| self.pattern(pattern)).or_else(|| self.all(rest))
            }
            Term::TryCatch(tried, caught) => self.term(tried).or_else(|| self.all(caught.as_deref())),
            Term::IfThenElse(branches, otherwise) => branches
                .iter()
                .find_map(|(test, then)| self.term(test).or_else(|| self.term(then)))
                .or_else(|| self.all(otherwise.as_deref())),
            Term::Def(defs, body) => defs.iter().find_map(|def| self.def(def)).or_else(|| self.term(body)),
            Term::Call(name, arguments) => {
                // The innermost definition of that name is the one that is called.
                let called =
                    self.open.iter().rev().find(|(open, arity, _)| open == name && *arity == arguments.len());
                match called {
                    Some((name, _, true)) => Some(name),
                    _ => self.all(arguments),
                }
            }
            Term::Path(head, Path(parts)) => self.term(head).or_else(|| {
                parts.iter().find_map(|(part, _)| match part {
                    Part::Index(index) => self.term(index),
                    Part::Range(start, end) => self.all(start.iter().chain(end)),
                })
            }),
        }
    }

    fn pattern(&mut self, pattern: &Pattern<&'s str>) -> Option<&'s str> {
        match pattern {
            Pattern::Var(_) => None,
            Pattern::Arr(inner) => inner.iter().find_map(|pattern| self.pattern(pattern)),
            Pattern::Obj(fields) => {
                fields.iter().find_map(|(key, pattern)| self.term(key).or_else(|| self.pattern(pattern)))
            }
        }
    }
}
