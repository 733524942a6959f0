//! Reading filters, once for each text.

use std::fmt;
use std::panic::catch_unwind;
use std::sync::{Arc, LazyLock};

use jaq_core::compile::Undefined;
use jaq_core::load::{self, Arena, File, Lexer, Loader, Parser, lex};
use jaq_core::{Compiler, Filter};

use super::context::Bounded;
use super::library::{definitions, functions};
use super::recursion::endless;
use crate::data::cache::Cache;
use crate::data::mistake::Mistake;
use crate::data::thread::with_room;

/// The longest filter in bytes.
const LONGEST: usize = 16_000;

/// A filter that is ready, shared by all who use the same text.
pub(super) struct Program(pub(super) Filter<Bounded>);

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program")
    }
}

/// Reads a filter that knows variables of these names.
pub(super) fn compile(text: &str, names: &[String]) -> Result<Arc<Program>, Mistake> {
    static PROGRAMS: LazyLock<Cache<(String, Vec<String>), Program>> = LazyLock::new(Cache::default);
    if text.len() > LONGEST {
        let message = format!("a filter may have {LONGEST} bytes, and this one has {}", text.len());
        return Err(Mistake { message, help: None });
    }
    PROGRAMS.get_or((text.to_owned(), names.to_vec()), |(text, names)| {
        // The parser is recursive; and should it panic, that is no reason for us to.
        let guarded = || catch_unwind(|| read(text, names)).unwrap_or_else(|_| Err(unknown()));
        with_room(guarded).unwrap_or_else(|error| {
            Err(Mistake { message: format!("no thread could be started: {error}"), help: None })
        })
    })
}

fn read(text: &str, names: &[String]) -> Result<Program, Mistake> {
    refuse_endless(text)?;
    let arena = Arena::default();
    let modules = Loader::new(definitions())
        .load(&arena, File { code: text, path: () })
        .map_err(|errors| errors.first().map_or_else(unknown, |(_, error)| loaded(text, error)))?;
    let names: Vec<String> = names.iter().map(|name| format!("${name}")).collect();
    let compiled = Compiler::default()
        .with_funs(functions())
        .with_global_vars(names.iter().map(String::as_str))
        .compile(modules);
    compiled.map(Program).map_err(|errors| {
        let first = errors.first().and_then(|(_, errors)| errors.first());
        first.map_or_else(unknown, |(name, undefined)| undefined_name(text, name, undefined))
    })
}

/// The loader keeps what it parsed to itself: it is parsed here as well.
fn refuse_endless(text: &str) -> Result<(), Mistake> {
    let Ok(tokens) = Lexer::new(text).lex() else { return Ok(()) };
    let Ok(term) = Parser::new(&tokens).parse(|parser| parser.term()) else {
        // The loader refuses it too, or it begins with what belongs to modules.
        let first = tokens.first().map_or("", lex::Token::as_str);
        if matches!(first, "module" | "import" | "include") {
            let message = "a filter cannot import modules, or be one".to_owned();
            return Err(Mistake { message, help: Some("write the definitions into the filter".to_owned()) });
        }
        return Ok(());
    };
    let Some(name) = endless(&term) else { return Ok(()) };
    let message = format!("`{name}` calls itself with a filter as an argument");
    let help = format!("define the recursion inside of it: `def {name}(f): def again: …; again;`");
    Err(Mistake { message, help: Some(help) })
}

fn unknown() -> Mistake {
    Mistake { message: "the filter cannot be read".to_owned(), help: None }
}

/// Where a part of the text begins.
fn place(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr()).min(text.len())
}

fn lexed(text: &str, errors: &[lex::Error<&str>]) -> Mistake {
    errors
        .first()
        .map_or_else(unknown, |(expected, found)| expected_at(text, place(text, found), expected.as_str()))
}

fn expected_at(text: &str, place: usize, expected: &str) -> Mistake {
    Mistake::at(text, place, format!("`{expected}` is expected"))
}

fn loaded(text: &str, error: &load::Error<&str>) -> Mistake {
    match error {
        load::Error::Io(_) => unknown(),
        load::Error::Lex(errors) => lexed(text, errors),
        load::Error::Parse(errors) => errors.first().map_or_else(unknown, |(expected, found)| {
            expected_at(text, place(text, found), expected.as_str())
        }),
    }
}

fn undefined_name(text: &str, name: &str, undefined: &Undefined) -> Mistake {
    let place = place(text, name);
    let mistake = |what: &str| Mistake::at(text, place, format!("{what} `{name}` is not defined"));
    match undefined {
        Undefined::Var => mistake("the variable").help("variables are bound by `as`, or given by `args`"),
        Undefined::Mod => mistake("the module"),
        Undefined::Label => mistake("the label"),
        Undefined::Filter(0) => mistake("the filter").help("fields are written with a dot, such as `.name`"),
        Undefined::Filter(arity) => {
            let arguments = if *arity == 1 { "argument" } else { "arguments" };
            Mistake::at(text, place, format!("the filter `{name}` with {arity} {arguments} is not defined"))
        }
        _ => unknown(),
    }
}
