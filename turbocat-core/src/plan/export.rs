//! The plan as a picture for other tools: DOT for Graphviz, Mermaid for documents.

use std::fmt::Write as _;

use super::plan::{Gate, Kind, Plan, PlanStep};

impl Plan {
    /// The graph in Graphviz's language.
    pub fn to_dot(&self) -> String {
        let mut out = String::from(
            "digraph workflow {\n  rankdir=TB;\n  compound=true;\n  node [fontname=\"sans-serif\"];\n",
        );
        self.dot_body(&mut out, 0, 1);
        for (body, step, owner) in self.nests() {
            // an arrow ends at a step even where it is drawn to the box around it
            let _ = writeln!(out, "  s{owner} -> s{step} [lhead=cluster_{body}, style=dotted];");
        }
        self.arrows(|from, to, label| {
            let label = label.map_or_else(String::new, |label| format!(" [label=\"{label}\"]"));
            let _ = writeln!(out, "  s{from} -> s{to}{label};");
        });
        out.push_str("}\n");
        out
    }

    /// The graph in Mermaid's language.
    pub fn to_mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        self.mermaid_body(&mut out, 0, 1);
        for (body, _, owner) in self.nests() {
            let _ = writeln!(out, "  s{owner} -.-> b{body}");
        }
        self.arrows(|from, to, label| {
            let label = label.map_or_else(String::new, |label| format!("|{label}|"));
            let _ = writeln!(out, "  s{from} -->{label} s{to}");
        });
        out
    }

    fn arrows(&self, mut arrow: impl FnMut(u32, u32, Option<&str>)) {
        for (from, step) in self.0.steps.iter().enumerate() {
            let row = step.dependents.start as usize..step.dependents.end as usize;
            for edge in &self.0.edges[row] {
                let label = match edge.gate {
                    Gate::None => None,
                    Gate::Then => Some("then"),
                    Gate::Else => Some("else"),
                    Gate::Both => Some("then, else"),
                };
                arrow(from as u32, edge.to, label);
            }
        }
    }

    /// Nested bodies: their number, their first step, and the step around them.
    fn nests(&self) -> impl Iterator<Item = (usize, u32, u32)> {
        self.0.bodies.iter().enumerate().filter_map(|(number, body)| {
            body.owner.as_ref().map(|owner| (number, body.steps.start, owner.step))
        })
    }

    fn bodies_of(&self, step: u32) -> impl Iterator<Item = u32> {
        let bodies: Vec<u32> = match &self.step(step).kind {
            Kind::Loop(each) => vec![each.body],
            Kind::Parallel(fork) => fork.bodies.clone(),
            _ => Vec::new(),
        };
        bodies.into_iter()
    }

    fn dot_body(&self, out: &mut String, body: u32, depth: usize) {
        let pad = "  ".repeat(depth);
        for step in self.body(body).steps.clone() {
            let (shape, label) = (dot_shape(self.step(step)), quote(&self.label(step)));
            let _ = writeln!(out, "{pad}s{step} [shape={shape}, label=\"{label}\"];");
            for nested in self.bodies_of(step) {
                let title = quote(&self.title(step, nested));
                let _ = writeln!(out, "{pad}subgraph cluster_{nested} {{\n{pad}  label=\"{title}\";");
                self.dot_body(out, nested, depth + 1);
                let _ = writeln!(out, "{pad}}}");
            }
        }
    }

    fn mermaid_body(&self, out: &mut String, body: u32, depth: usize) {
        let pad = "  ".repeat(depth);
        for step in self.body(body).steps.clone() {
            let label = escape(&self.label(step));
            let (open, close) = match &self.step(step).kind {
                Kind::Condition(_) => ("{", "}"),
                Kind::Loop(_) | Kind::Parallel(_) => ("[[", "]]"),
                Kind::Timer { .. } | Kind::Signal { .. } | Kind::Approval { .. } => ("([", "])"),
                Kind::Child { .. } => ("[/", "/]"),
                Kind::Agent { .. } | Kind::Pass { .. } => ("[", "]"),
            };
            let _ = writeln!(out, "{pad}s{step}{open}\"{label}\"{close}");
            for nested in self.bodies_of(step) {
                let title = escape(&self.title(step, nested));
                let _ = writeln!(out, "{pad}subgraph b{nested} [\"{title}\"]");
                self.mermaid_body(out, nested, depth + 1);
                let _ = writeln!(out, "{pad}end");
            }
        }
    }

    fn title(&self, step: u32, body: u32) -> String {
        let owner = self.body(body).owner.as_ref();
        match owner.and_then(|owner| owner.branch.as_deref()) {
            Some(branch) => format!("{} / {branch}", self.key(step)),
            None => format!("each of {}", self.key(step)),
        }
    }

    fn label(&self, step: u32) -> String {
        let plan = self.step(step);
        let what = match &plan.kind {
            Kind::Agent { agent, .. } => self.0.agents[*agent as usize].to_string(),
            Kind::Pass { .. } => return plan.key.to_string(),
            Kind::Condition(bound) => clip(bound.code.text()),
            Kind::Loop(each) => format!("for each of {}", clip(each.items.code.text())),
            Kind::Parallel(_) => "parallel".to_owned(),
            Kind::Timer { .. } => "wait".to_owned(),
            Kind::Signal { .. } => "wait for a signal".to_owned(),
            Kind::Approval { .. } => "wait for a person".to_owned(),
            Kind::Child { workflow, .. } => format!("workflow {workflow}"),
        };
        format!("{}\n{what}", plan.key)
    }
}

const fn dot_shape(step: &PlanStep) -> &'static str {
    match &step.kind {
        Kind::Condition(_) => "diamond",
        Kind::Loop(_) | Kind::Parallel(_) => "box3d",
        Kind::Timer { .. } | Kind::Signal { .. } | Kind::Approval { .. } => "oval",
        Kind::Child { .. } => "folder",
        Kind::Agent { .. } | Kind::Pass { .. } => "box",
    }
}

/// A picture is no place for a long expression.
fn clip(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Text within Mermaid's quotes, where it would be read as HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '#' => out.push_str("#35;"),
            '"' => out.push_str("#quot;"),
            '&' => out.push_str("#amp;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '`' => out.push_str("#96;"),
            '\n' => out.push_str("<br/>"),
            c => out.push(c),
        }
    }
    out
}

/// Text within Graphviz's quotes.
fn quote(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
