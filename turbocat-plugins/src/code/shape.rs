//! What stands at the top of a piece of code: what it returns, declares, exports and asks for.

use oxc::ast::ast::{
    ArrowFunctionExpression, AssignmentTarget, BindingPattern, CallExpression, Class, Declaration, Decorator,
    Expression, Function, ImportExpression, ModuleExportName, ObjectPropertyKind, ReturnStatement, Statement,
    ThrowStatement,
};
use oxc::ast_visit::{Visit, walk};
use oxc::span::{GetSpan, Span};
use oxc::syntax::scope::ScopeFlags;

/// What the statements of a piece of code say about it.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Whether a `return` stands outside of all functions.
    pub(super) returns: bool,
    /// Where the last statement begins that does something, if it is an expression.
    pub(super) last_expression: Option<u32>,
    /// Whether there are statements that do something.
    pub(super) acts: bool,
    /// What is declared at the top, functions apart.
    pub(super) functions: Vec<String>,
    pub(super) names: Vec<String>,
    /// What is exported, in either way.
    pub(super) exports: Vec<String>,
    /// Whether more may be exported than can be seen.
    pub(super) exports_more: bool,
    /// Packages that are asked for, with the place.
    pub(super) packages: Vec<(String, Span)>,
    /// The first call of `require`.
    pub(super) require: Option<(Option<String>, Span)>,
    /// Where something is thrown, and where what is thrown begins.
    pub(super) throws: Vec<(Span, u32)>,
    /// The first decorator.
    pub(super) decorator: Option<Span>,
}

impl Shape {
    /// Reads the statements at the top.
    pub(super) fn of(statements: &[Statement<'_>]) -> Self {
        let mut shape = Self::default();
        for statement in statements {
            shape.top(statement);
            shape.visit_statement(statement);
        }
        shape
    }

    fn top(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::ExpressionStatement(found) => {
                self.acts = true;
                self.last_expression = Some(found.span.start);
                self.assignment(&found.expression);
            }
            Statement::EmptyStatement(_) => {}
            Statement::ImportDeclaration(found) => {
                if !found.import_kind.is_type() {
                    self.packages.push((found.source.value.to_string(), found.span));
                }
            }
            Statement::ExportAllDeclaration(found) => {
                self.packages.push((found.source.value.to_string(), found.span));
            }
            Statement::ExportFromDeclaration(found) => {
                self.packages.push((found.source.value.to_string(), found.span));
            }
            Statement::ExportDefaultDeclaration(_) => self.exports.push("default".to_owned()),
            Statement::ExportDeclaration(found) => {
                let names = declared(&found.declaration);
                self.exports.extend(names.iter().cloned());
                self.names.extend(names);
            }
            Statement::ExportNamedDeclaration(found) => {
                self.exports.extend(found.specifiers.iter().map(|one| exported(&one.exported)));
            }
            other => match other.as_declaration() {
                Some(Declaration::FunctionDeclaration(function)) => {
                    self.functions.extend(function.id.as_ref().map(|id| id.name.to_string()));
                }
                Some(declaration) => {
                    self.acts |= matches!(declaration, Declaration::VariableDeclaration(_));
                    self.names.extend(declared(declaration));
                    // after it the value of the last expression is still the value
                    if matches!(declaration, Declaration::VariableDeclaration(_)) {
                        self.last_expression = None;
                    }
                }
                None => {
                    self.acts = true;
                    self.last_expression = None;
                }
            },
        }
    }

    /// `module.exports = …`, `module.exports.name = …`, `exports.name = …`.
    fn assignment(&mut self, expression: &Expression<'_>) {
        let Expression::AssignmentExpression(assignment) = expression else { return };
        let AssignmentTarget::StaticMemberExpression(target) = &assignment.left else { return };
        let name = target.property.name.as_str();
        let on_module = |object: &Expression<'_>| is_name(object, "module");
        if name == "exports" && on_module(&target.object) {
            match assignment.right.get_inner_expression() {
                Expression::ObjectExpression(object) => {
                    for property in &object.properties {
                        match property {
                            ObjectPropertyKind::ObjectProperty(property) => {
                                match property.key.static_name() {
                                    Some(name) => self.exports.push(name.to_string()),
                                    None => self.exports_more = true,
                                }
                            }
                            ObjectPropertyKind::SpreadProperty(_) => self.exports_more = true,
                        }
                    }
                }
                _ => self.exports_more = true,
            }
        } else if is_name(&target.object, "exports")
            || matches!(&target.object, Expression::StaticMemberExpression(inner)
                if inner.property.name == "exports" && on_module(&inner.object))
        {
            self.exports.push(name.to_owned());
        }
    }
}

fn is_name(expression: &Expression<'_>, name: &str) -> bool {
    matches!(expression, Expression::Identifier(found) if found.name == name)
}

fn exported(name: &ModuleExportName<'_>) -> String {
    name.name().to_string()
}

fn declared(declaration: &Declaration<'_>) -> Vec<String> {
    match declaration {
        Declaration::VariableDeclaration(variables) => {
            let mut names = Vec::new();
            for variable in &variables.declarations {
                bound(&variable.id, &mut names);
            }
            names
        }
        other => other.id().map(|id| id.name.to_string()).into_iter().collect(),
    }
}

fn bound(pattern: &BindingPattern<'_>, names: &mut Vec<String>) {
    names.extend(pattern.get_binding_identifiers().iter().map(|id| id.name.to_string()));
}

/// Returns outside of functions, and what can stand anywhere.
impl<'a> Visit<'a> for Shape {
    fn visit_return_statement(&mut self, it: &ReturnStatement<'a>) {
        self.returns = true;
        walk::walk_return_statement(self, it);
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        let outside = self.returns;
        walk::walk_function(self, it, flags);
        self.returns = outside;
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        let outside = self.returns;
        walk::walk_arrow_function_expression(self, it);
        self.returns = outside;
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        let outside = self.returns;
        walk::walk_class(self, it);
        self.returns = outside;
    }

    fn visit_throw_statement(&mut self, it: &ThrowStatement<'a>) {
        self.throws.push((it.span, it.argument.span().start));
        walk::walk_throw_statement(self, it);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        let name = match &it.source {
            Expression::StringLiteral(text) => text.value.to_string(),
            _ => String::new(),
        };
        self.packages.push((name, it.span));
        walk::walk_import_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if is_name(&it.callee, "require") && self.require.is_none() {
            let name = match it.arguments.first().and_then(|argument| argument.as_expression()) {
                Some(Expression::StringLiteral(text)) => Some(text.value.to_string()),
                _ => None,
            };
            self.require = Some((name, it.callee.span()));
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.decorator.get_or_insert(it.span);
        walk::walk_decorator(self, it);
    }
}
