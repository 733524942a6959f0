//! Makes a program of code: finds out what it is, and says what is wrong with it.

use oxc::allocator::Allocator;
use oxc::ast::ast::{Expression, Program as Tree, Statement};
use oxc::diagnostics::OxcDiagnostic;
use oxc::parser::{ParseOptions, Parser, ParserReturn};
use oxc::semantic::SemanticBuilder;
use oxc::span::{SourceType, Span};

use turbocat_core::BadConfig;

use super::nesting;
use super::place::{Insertion, Place, Places};
use super::program::{Form, Mistake, Program};
use super::room;
use super::runtime::Language;
use super::shape::Shape;
use super::strip::strip;

/// What code is put into, without a line before it: so the lines of what is printed are right too.
const BODY: (&str, &str) = ("(async function () { ", "\n})");
const VALUE: (&str, &str) = ("(async function () { return (", "\n)})");
const MODULE: (&str, &str) = ("", "");

/// What is put before an expression whose value is the value of the code.
const RETURN: &str = "return ";

/// The longest code that is taken, in bytes: what is longer is a program of its own, and a plugin.
const LONGEST: usize = 256 << 10;

/// Makes a program of code.
///
/// `entry` is the function to be called with the inputs, if one is named. The code may be a
/// stranger's: parsers call themselves as deep as it nests, so it is read where there is room.
pub(super) fn prepare(code: &str, entry: Option<&str>, language: Language) -> Result<Program, Vec<Mistake>> {
    if code.len() > LONGEST {
        let message = format!("the code has {} bytes, and {LONGEST} are allowed", code.len());
        return Err(vec![Mistake::new(message).help("give data as inputs, or write a plugin")]);
    }
    if let Some(offset) = nesting::too_deep(code) {
        let mistake = Mistake::new("the code nests too deep").at(Place::of(code, offset));
        return Err(vec![mistake.help("put what is inside into variables and functions")]);
    }
    room::with_room(code.len(), || read(code, entry, language))
        .unwrap_or_else(|error| Err(vec![Mistake::new(format!("the code cannot be read here: {error}"))]))
}

fn read(code: &str, entry: Option<&str>, language: Language) -> Result<Program, Vec<Mistake>> {
    let draft = Draft { code, entry, language };
    let mut program = draft.program()?;
    if language == Language::TypeScript {
        let source_type = draft.source_type(program.form == Form::Module);
        let (source, moved) = strip(&program.source, source_type, program.file)
            .map_err(|message| vec![Mistake::new(message)])?;
        program.source = source;
        program.places.moved = moved;
    }
    Ok(program)
}

struct Draft<'a> {
    code: &'a str,
    entry: Option<&'a str>,
    language: Language,
}

impl Draft<'_> {
    fn program(&self) -> Result<Program, Vec<Mistake>> {
        if let Some(program) = self.module()? {
            return Ok(program);
        }
        if self.entry.is_none()
            && let Some(program) = self.value()?
        {
            return Ok(program);
        }
        self.body()
    }

    fn source_type(&self, module: bool) -> SourceType {
        let plain = match self.language {
            Language::JavaScript => SourceType::mjs(),
            Language::TypeScript => SourceType::ts(),
        };
        if module { plain.with_module(true) } else { plain.with_script(true) }
    }

    fn made(&self, source: String, around: (&str, &str), insertion: Option<Place>, shape: &Shape) -> Program {
        let columns = |text: &str| u32::try_from(text.len()).unwrap_or(0);
        let before = Insertion { at: Place { line: 1, column: 1 }, columns: columns(around.0) };
        let inside = insertion.map(|at| Insertion { at, columns: columns(RETURN) });
        let mut throws: Vec<(Place, Place, Place)> = shape
            .throws
            .iter()
            .map(|(span, thrown)| {
                let [from, to, thrown] =
                    [span.start, span.end, *thrown].map(|offset| self.offset(offset as usize, around));
                (from, to, thrown)
            })
            .collect();
        throws.sort_unstable();
        Program {
            form: if around == MODULE { Form::Module } else { Form::Body },
            file: self.language.file(),
            source,
            export: self.entry.unwrap_or("default").to_owned(),
            places: Places { insertions: [Some(before), inside], throws, moved: Vec::new() },
        }
    }

    /// The code as a module, if it imports or exports something.
    fn module(&self) -> Result<Option<Program>, Vec<Mistake>> {
        if !self.code.contains("export") && !self.code.contains("import") {
            return Ok(None);
        }
        let allocator = Allocator::default();
        let parsed = parse(&allocator, self.code, self.source_type(true));
        let is_module = parsed.program.body.iter().any(Statement::is_module_declaration);
        let was_meant = parsed.diagnostics.has_errors() && self.looks_like_module();
        if !is_module && !was_meant {
            return Ok(None);
        }
        let shape = Shape::of(&parsed.program.body);
        let mut mistakes = self.mistakes(&parsed, MODULE, &shape);
        let export = self.entry.unwrap_or("default");
        if mistakes.is_empty() && !shape.exports.iter().any(|name| name == export) {
            mistakes.push(self.no_export(&shape));
        }
        if mistakes.is_empty() && shape.returns {
            mistakes.push(Mistake::new("a module cannot `return`").help("use `export default`"));
        }
        fine(mistakes)?;
        Ok(Some(self.made(self.code.to_owned(), MODULE, None, &shape)))
    }

    /// Whether it was meant as a module, when it is no correct one.
    fn looks_like_module(&self) -> bool {
        self.code.lines().map(str::trim_start).any(|line| {
            ["export", "import"].into_iter().any(|word| {
                line.strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', '{', '*', '\t', '"', '\'']))
            })
        })
    }

    /// The code as one expression, if it is one: an object, a function, a sum.
    fn value(&self) -> Result<Option<Program>, Vec<Mistake>> {
        let allocator = Allocator::default();
        let text = around(VALUE, self.code);
        let parsed = parse(&allocator, &text, self.source_type(false));
        if parsed.diagnostics.has_errors() {
            return Ok(None);
        }
        let Some([Statement::ReturnStatement(only)]) = body_of(&parsed.program) else { return Ok(None) };
        if only.argument.as_ref().is_none_or(begins_like_a_statement) {
            return Ok(None);
        }
        let shape = Shape::of(body_of(&parsed.program).unwrap_or_default());
        fine(self.mistakes(&parsed, VALUE, &shape))?;
        Ok(Some(self.made(text.clone(), VALUE, None, &shape)))
    }

    /// The code as the body of a function.
    fn body(&self) -> Result<Program, Vec<Mistake>> {
        let allocator = Allocator::default();
        let text = around(BODY, self.code);
        let parsed = parse(&allocator, &text, self.source_type(false));
        let shape = Shape::of(body_of(&parsed.program).unwrap_or_default());
        let mut mistakes = self.mistakes(&parsed, BODY, &shape);
        if mistakes.is_empty() && body_of(&parsed.program).is_none() {
            mistakes.push(Mistake::new("a bracket is closed that was never opened"));
        }
        fine(mistakes)?;

        if let Some(entry) = self.entry {
            let known = |names: &[String]| names.iter().any(|name| name == entry);
            if !known(&shape.functions)
                && !known(&shape.names)
                && !known(&shape.exports)
                && !shape.exports_more
            {
                let all = shape.functions.iter().chain(&shape.names).chain(&shape.exports);
                return Err(vec![no_entry(entry, all.map(String::as_str).collect())]);
            }
            let called = format!("{}\n;{}", self.code, entry_call(entry));
            return Ok(self.made(around(BODY, &called), BODY, None, &shape));
        }
        if shape.returns {
            return Ok(self.made(text.clone(), BODY, None, &shape));
        }
        if let Some(start) = shape.last_expression {
            let (before, after) = text.split_at(start as usize);
            let insertion = Place::of(self.code, before.len() - BODY.0.len());
            return Ok(self.made(format!("{before}{RETURN}{after}"), BODY, Some(insertion), &shape));
        }
        if !shape.acts {
            return Err(vec![nothing_happens(&shape.functions)]);
        }
        Ok(self.made(text.clone(), BODY, None, &shape))
    }

    /// What is wrong with the code, whatever it is.
    fn mistakes(&self, parsed: &ParserReturn<'_>, around: (&str, &str), shape: &Shape) -> Vec<Mistake> {
        let mistakes: Vec<Mistake> =
            parsed.diagnostics.errors().map(|error| self.mistake(error, around)).collect();
        if !mistakes.is_empty() {
            return self.or_typescript(parsed.program.source_text, mistakes);
        }
        let checked = SemanticBuilder::new().with_check_syntax_error(true).build(&parsed.program);
        let mut mistakes: Vec<Mistake> =
            checked.diagnostics.errors().map(|error| self.mistake(error, around)).collect();
        for (name, span) in &shape.packages {
            mistakes.push(no_package(name).at(self.place(*span, around)));
        }
        if let Some((name, span)) = &shape.require
            && checked.semantic.scoping().root_unresolved_references().contains_key("require")
        {
            mistakes.push(no_package(name.as_deref().unwrap_or_default()).at(self.place(*span, around)));
        }
        if let Some(span) = shape.decorator {
            let mistake = Mistake::new("decorators are not supported").help("call the function instead");
            mistakes.push(mistake.at(self.place(span, around)));
        }
        mistakes
    }

    fn mistake(&self, error: &OxcDiagnostic, around: (&str, &str)) -> Mistake {
        let mut message = error.message.trim_end_matches('.').to_owned();
        if let Some(first) = message.get(..1).filter(|_| !message.starts_with('`')) {
            message = format!("{}{}", first.to_lowercase(), &message[1..]);
        }
        let mut mistake = Mistake::new(message);
        mistake.help = error.help.as_ref().map(|help| help.trim_end_matches('.').to_owned());
        if let Some(label) = error.labels.first() {
            mistake = mistake.at(self.offset(label.offset() as usize, around));
        }
        mistake
    }

    /// What is wrong with JavaScript, unless it is correct TypeScript.
    fn or_typescript(&self, text: &str, mistakes: Vec<Mistake>) -> Vec<Mistake> {
        let module = text.len() == self.code.len();
        let typed = Self { language: Language::TypeScript, ..*self };
        if self.language == Language::TypeScript
            || parse(&Allocator::default(), text, typed.source_type(module)).diagnostics.has_errors()
        {
            return mistakes;
        }
        let mut mistake =
            Mistake::new("the code has types, and is to be JavaScript").help("set `language: typescript`");
        mistake.place = mistakes.first().and_then(|first| first.place);
        vec![mistake]
    }

    fn place(&self, span: Span, around: (&str, &str)) -> Place {
        self.offset(span.start as usize, around)
    }

    fn offset(&self, offset: usize, around: (&str, &str)) -> Place {
        Place::of(self.code, offset.saturating_sub(around.0.len()).min(self.code.len()))
    }

    fn no_export(&self, shape: &Shape) -> Mistake {
        match self.entry {
            None => Mistake::new("the module exports no `default`, which would be its value")
                .help("add `export default function (inputs) { … }`, or name an exported function in `entryFunction`"),
            Some(entry) if shape.functions.iter().chain(&shape.names).any(|name| name == entry) => {
                Mistake::new(format!("the entry function `{entry}` is not exported"))
                    .help(format!("write `export function {entry}`"))
                    .of_entry()
            }
            Some(entry) => no_entry(entry, shape.exports.iter().map(String::as_str).collect()),
        }
    }
}

fn parse<'a>(allocator: &'a Allocator, text: &'a str, source_type: SourceType) -> ParserReturn<'a> {
    let options = ParseOptions {
        allow_return_outside_function: true,
        parse_regular_expression: true,
        ..ParseOptions::default()
    };
    Parser::new(allocator, text, source_type).with_options(options).parse()
}

fn around((before, after): (&str, &str), code: &str) -> String {
    format!("{before}{code}{after}")
}

/// The statements of the function that the code was put into, if that is what it still is.
fn body_of<'b, 'a>(tree: &'b Tree<'a>) -> Option<&'b [Statement<'a>]> {
    let [Statement::ExpressionStatement(only)] = &tree.body[..] else { return None };
    let Expression::ParenthesizedExpression(inner) = &only.expression else { return None };
    let Expression::FunctionExpression(function) = &inner.expression else { return None };
    function.body.as_ref().map(|body| &body.statements[..])
}

/// Whether an expression begins with what would be a whole statement where one stands, such as
/// the declaration of a function: then it is two statements to whoever wrote it.
fn begins_like_a_statement(given: &Expression<'_>) -> bool {
    let Expression::ParenthesizedExpression(whole) = given else { return false };
    let mut first = &whole.expression;
    loop {
        let next = match first {
            Expression::CallExpression(call) => &call.callee,
            Expression::StaticMemberExpression(member) => &member.object,
            Expression::ComputedMemberExpression(member) => &member.object,
            Expression::TaggedTemplateExpression(template) => &template.tag,
            Expression::BinaryExpression(binary) => &binary.left,
            Expression::LogicalExpression(logical) => &logical.left,
            Expression::ConditionalExpression(choice) => &choice.test,
            Expression::SequenceExpression(sequence) => match sequence.expressions.first() {
                Some(first) => first,
                None => return false,
            },
            _ => break,
        };
        first = next;
    }
    let is_statement = matches!(
        first,
        Expression::FunctionExpression(_) | Expression::ClassExpression(_) | Expression::ObjectExpression(_)
    );
    is_statement && !std::ptr::eq(first, &raw const whole.expression)
}

fn fine(mistakes: Vec<Mistake>) -> Result<(), Vec<Mistake>> {
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

/// Gives the entry function as the value. The name is one that the code declares or exports.
fn entry_call(entry: &str) -> String {
    format!(
        "return (found => {{ if (typeof found !== 'function') throw new TypeError('`{entry}` is no function'); \
         return found; }})(typeof {entry} !== 'undefined' ? {entry} : module.exports.{entry});"
    )
}

fn no_entry(entry: &str, known: Vec<&str>) -> Mistake {
    let mut mistake = Mistake::new(format!("the entry function `{entry}` is not in the code")).of_entry();
    let bad = BadConfig::at("", "").suggest(entry, known);
    mistake.help = bad.help;
    mistake
}

fn no_package(name: &str) -> Mistake {
    let message = match name {
        "" => "the sandbox has no packages: nothing can be imported".to_owned(),
        name => format!("the sandbox has no packages: `{name}` cannot be imported"),
    };
    let bare = name.strip_prefix("node:").unwrap_or(name);
    Mistake::new(message).help(match bare {
        "fs" | "fs/promises" | "path" | "os" | "child_process" => {
            "there are no files in the sandbox: give what it needs as inputs".to_owned()
        }
        "http" | "https" | "net" | "axios" | "node-fetch" | "undici" | "got" => {
            "there is no network in the sandbox: fetch with a step of the agent `api`, and give its output as input"
                .to_owned()
        }
        _ => "bundle what is needed into the code itself, or write a plugin".to_owned(),
    })
}

fn nothing_happens(functions: &[String]) -> Mistake {
    match functions {
        [] => Mistake::new("the code does nothing").help("end it with an expression, or `return` a value"),
        [only] => Mistake::new(format!("the code only declares `{only}`, and nothing calls it"))
            .help(format!("name it in `entryFunction`, or end with `return {only}(inputs)`")),
        [.., last] => Mistake::new("the code only declares functions, and nothing calls them")
            .help(format!("name one in `entryFunction`, or end with `return {last}(inputs)`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if the look at the letters had been fooled.
    #[test]
    fn no_code_overflows_the_stack_it_is_read_on() {
        let alone = ["(", "[", "{", "!", "- ", "a=>", "`${", "a?b:", "if(a);else "].map(|part| ("", part));
        let behind = [("1", "+1"), ("a", ".b"), ("a", "?.b"), ("return 1;", "a:"), ("let x: ", "A<")];
        for (head, part) in alone.into_iter().chain(behind) {
            let code = format!("{head}{}", part.repeat((LONGEST - head.len()) / part.len()));
            for language in [Language::JavaScript, Language::TypeScript] {
                // whatever comes of it, it comes back
                let read = room::with_room(code.len(), || read(&code, None, language).is_ok());
                assert!(read.is_ok(), "{}", &code[..20]);
            }
        }
    }
}
