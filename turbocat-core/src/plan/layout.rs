//! Lays the nested steps of a definition out in one row: body after body, within a body by key.

use std::ops::Range;

use super::finding::Findings;
use crate::definition::{Step, StepKind, Workflow};
use crate::diagnostic::{Code, Diagnostic, Pointer};

/// A definition's steps in the order of the plan.
pub(crate) struct Layout<'a> {
    pub(crate) steps: Vec<Laid<'a>>,
    pub(crate) bodies: Vec<LaidBody<'a>>,
}

pub(crate) struct Laid<'a> {
    pub(crate) step: &'a Step,
    pub(crate) body: u32,
}

pub(crate) struct LaidBody<'a> {
    pub(crate) steps: Range<u32>,
    pub(crate) owner: Option<u32>,
    pub(crate) branch: Option<&'a str>,
    pub(crate) single: bool,
    pub(crate) depth: u8,
    /// The names a loop gives its item and its index.
    pub(crate) names: Option<(&'a str, &'a str)>,
}

/// How many bodies may stand inside each other.
const MAX_DEPTH: u8 = 32;

impl<'a> Layout<'a> {
    /// Lays out a workflow; what cannot be laid out is reported and left out.
    pub(crate) fn new(workflow: &'a Workflow, found: &mut Findings) -> Self {
        let mut layout = Self { steps: Vec::with_capacity(workflow.steps.len()), bodies: Vec::new() };
        let mut waiting = std::collections::VecDeque::new();
        waiting.push_back((
            &workflow.steps[..],
            LaidBody { steps: 0..0, owner: None, branch: None, single: false, depth: 0, names: None },
        ));
        while let Some((steps, mut body)) = waiting.pop_front() {
            let number = layout.bodies.len() as u32;
            let start = layout.steps.len();
            let mut sorted: Vec<&Step> = steps.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            layout.steps.extend(sorted.into_iter().map(|step| Laid { step, body: number }));
            body.steps = start as u32..layout.steps.len() as u32;
            let body_steps = steps;
            let (steps, depth) = (body.steps.clone(), body.depth + 1);
            layout.bodies.push(body);
            if steps.is_empty() && number == 0 {
                found.push(
                    Diagnostic::error(Code::NO_STEPS, Pointer::root(), "the workflow has no steps")
                        .help("add one under `steps`"),
                );
            }
            for index in steps.clone() {
                let step = layout.steps[index as usize].step;
                check_name(&step.key, "a step", || layout.pointer(index), found);
                if index > steps.start && layout.steps[index as usize - 1].step.key == step.key {
                    // the later one, by its row: both have the same name
                    let row = body_steps.iter().position(|other| std::ptr::eq(other, step));
                    let around = Pointer(
                        layout.pointer(index).0.split_last().map_or_else(Vec::new, |(_, body)| body.to_vec()),
                    );
                    found.push(
                        Diagnostic::error(
                            Code::DUPLICATE_STEP,
                            around.join(row.unwrap_or_default()).join("key"),
                            format!("there are two steps with the key `{}`", step.key),
                        )
                        .help("give one of them another key: templates refer to steps by their keys"),
                    );
                }
                let mut nest = |steps: &'a [Step],
                                branch: Option<&'a str>,
                                single,
                                names,
                                pointer: &dyn Fn() -> Pointer| {
                    if steps.is_empty() {
                        let what = if branch.is_some() { "branch" } else { "loop" };
                        let message = format!("{what} `{}` has no steps to do", branch.unwrap_or(&step.key));
                        let help = "add a step under its `steps`, or take it out";
                        found.push(Diagnostic::error(Code::NO_STEPS, pointer(), message).help(help));
                    } else if depth > MAX_DEPTH {
                        let message = format!("steps are nested more than {MAX_DEPTH} deep");
                        let help = "move inner steps into a workflow of their own";
                        found.push(Diagnostic::error(Code::LIMIT, pointer(), message).help(help));
                        return;
                    }
                    let owner = Some(index);
                    waiting.push_back((steps, LaidBody { steps: 0..0, owner, branch, single, depth, names }));
                };
                match &step.kind {
                    StepKind::Loop(each) => {
                        let names = Some((&*each.item_name, &*each.index_name));
                        nest(&each.steps, None, false, names, &|| layout.pointer(index));
                    }
                    StepKind::Parallel(fork) => {
                        for branch in &fork.branches {
                            let single = branch.single && branch.steps.len() == 1;
                            nest(&branch.steps, Some(&branch.key), single, None, &|| {
                                layout.pointer(index).join("parallel").join("branches").join(&*branch.key)
                            });
                        }
                    }
                    _ => {}
                }
            }
        }
        layout
    }

    /// The step of a body by its key.
    pub(crate) fn find(&self, body: u32, key: &str) -> Option<u32> {
        let range = self.bodies[body as usize].steps.clone();
        let steps = &self.steps[range.start as usize..range.end as usize];
        let at = steps.partition_point(|laid| *laid.step.key < *key);
        steps.get(at).filter(|laid| laid.step.key == key).map(|_| range.start + at as u32)
    }

    /// The keys of a body's steps.
    pub(crate) fn keys(&self, body: u32) -> impl Iterator<Item = &'a str> + '_ {
        let range = self.bodies[body as usize].steps.clone();
        self.steps[range.start as usize..range.end as usize].iter().map(|laid| &*laid.step.key)
    }

    /// Where in the document a step stands.
    pub(crate) fn pointer(&self, step: u32) -> Pointer {
        let laid = &self.steps[step as usize];
        let body = &self.bodies[laid.body as usize];
        let around = match body.owner {
            None => Pointer::root(),
            Some(owner) => match body.branch {
                None => self.pointer(owner),
                Some(branch) => self.pointer(owner).join("parallel").join("branches").join(branch),
            },
        };
        around.join("steps").join(&*laid.step.key)
    }
}

/// Reports a name that paths and templates could not tell from something else. Readers refuse such
/// names with more to say; this is for workflows that were put together in code.
pub(crate) fn check_name(name: &str, what: &str, pointer: impl Fn() -> Pointer, found: &mut Findings) {
    const TAKEN: [&str; 4] = ["inputs", "secrets", "metadata", "execution"];
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let taken = what == "a step" && TAKEN.contains(&name);
    if begins && name.chars().all(fits) && !taken {
        return;
    }
    let message = format!("`{name}` cannot be the name of {what}");
    let help = if taken {
        format!("templates use `{}` for something else", TAKEN.join("`, `"))
    } else {
        "names have letters, digits, `_` and `-`, and do not begin with a digit".to_owned()
    };
    found.push(Diagnostic::error(Code::BAD_NAME, pointer(), message).help(help));
}
