//! The plan as a picture for other tools: DOT for Graphviz, Mermaid for documents.

use std::fmt::Write as _;

use super::plan::{Gate, Kind, Plan, PlanStep};

impl Plan {
    /// The graph in Graphviz's language.
    pub fn to_dot(&self) -> String {
        let mut out = String::from("digraph workflow {\n  rankdir=TB;\n  node [fontname=\"sans-serif\"];\n");
        self.dot_body(&mut out, 0, 1);
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
            let label = self.label(step).replace('"', "#quot;").replace('\n', "<br/>");
            let (open, close) = match &self.step(step).kind {
                Kind::Condition(_) => ("{", "}"),
                Kind::Loop(_) | Kind::Parallel(_) => ("[[", "]]"),
                Kind::Timer { .. } | Kind::Signal { .. } | Kind::Approval { .. } => ("([", "])"),
                Kind::Child { .. } => ("[/", "/]"),
                Kind::Agent { .. } | Kind::Pass { .. } => ("[", "]"),
            };
            let _ = writeln!(out, "{pad}s{step}{open}\"{label}\"{close}");
            for nested in self.bodies_of(step) {
                let title = self.title(step, nested).replace('"', "#quot;");
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
            Kind::Condition(bound) => bound.code.text().to_owned(),
            Kind::Loop(each) => format!("for each of {}", each.items.code.text()),
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

fn quote(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
