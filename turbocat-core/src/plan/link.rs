//! Links steps into graphs: the dependencies they name and those that follow from references, the
//! rows of the plan, and circles.

use super::bind::{Binder, owner_word};
use super::finding::{Finding, Mark};
use super::graph::find_cycles;
use super::plan::{Edge, Gate, PlanStep};
use crate::definition::{Step, StepKind};
use crate::diagnostic::{Code, Diagnostic, Pointer};

/// A dependency: the dependent, what it depends on, and the branch it stands for.
pub(crate) type Link = (u32, u32, Gate);

/// Adds the dependencies that a step or a condition names.
pub(crate) fn named_links(binder: &mut Binder<'_>, index: u32, step: &Step, links: &mut Vec<Link>) {
    let layout = binder.layout;
    let body = layout.steps[index as usize].body;
    for (at, key) in step.depends_on.iter().enumerate() {
        let pointer = || layout.pointer(index).join("dependsOn").join(at);
        match layout.find(body, key) {
            Some(to) if to == index => binder.found.push(
                Diagnostic::error(
                    Code::SELF_DEPENDENCY,
                    pointer(),
                    format!("step `{key}` cannot depend on itself"),
                )
                .help("take it out of `dependsOn`"),
            ),
            Some(to) => links.push((index, to, Gate::None)),
            None => {
                let message = format!("step `{}` depends on `{key}`, which does not exist", step.key);
                unknown_step(binder, index, key, Code::UNKNOWN_DEPENDENCY, pointer(), &message);
            }
        }
    }
    let StepKind::Condition(condition) = &step.kind else { return };
    for (word, keys, gate) in
        [("then", &condition.then, Gate::Then), ("else", &condition.otherwise, Gate::Else)]
    {
        for (at, key) in keys.iter().enumerate() {
            let pointer = || layout.pointer(index).join(word).join(at);
            match layout.find(body, key) {
                Some(to) if to == index => binder.found.push(
                    Diagnostic::error(
                        Code::SELF_DEPENDENCY,
                        pointer(),
                        format!("condition `{key}` cannot lead to itself"),
                    )
                    .help(format!("name the steps that come after it, or leave `{word}` out")),
                ),
                Some(to) => links.push((to, index, gate)),
                None => {
                    let message = format!("condition `{}` leads to `{key}`, which does not exist", step.key);
                    unknown_step(binder, index, key, Code::UNKNOWN_BRANCH, pointer(), &message);
                }
            }
        }
    }
}

/// Reports the name of a step that is not in this body: it may be around it, or inside of another.
fn unknown_step(binder: &mut Binder<'_>, index: u32, key: &str, code: Code, pointer: Pointer, message: &str) {
    if binder.found.is_full() {
        return;
    }
    let layout = binder.layout;
    let body = layout.steps[index as usize].body;
    let seen = message.strip_suffix(", which does not exist").unwrap_or(message);
    let mut around = layout.bodies[body as usize].owner;
    while let Some(owner) = around {
        let outer = layout.steps[owner as usize].body;
        let own = &layout.steps[owner as usize].step;
        if layout.find(outer, key).is_some() {
            let what = owner_word(&own.kind);
            let help = if own.key == key {
                format!("steps of {what} `{key}` cannot wait for it or lead to it; they are done while it is")
            } else if code == Code::UNKNOWN_BRANCH {
                format!("a condition leads to steps beside it; let `{key}` refer to `{}`", own.key)
            } else {
                format!("`{key}` stands outside of {what} `{}`: write `dependsOn: [{key}]` there", own.key)
            };
            let message = format!("{seen}, which is outside of its {what}");
            return binder.found.push(Diagnostic::error(code, pointer, message).help(help));
        }
        around = layout.bodies[outer as usize].owner;
    }
    if let Some(laid) = layout.steps.iter().find(|laid| laid.step.key == key)
        && let Some(owner) = layout.bodies[laid.body as usize].owner
    {
        let own = &layout.steps[owner as usize].step;
        let message = format!("{seen}, which is inside `{}`", own.key);
        let help = match layout.find(body, &own.key) {
            Some(_) => format!(
                "name `{}` instead: outside, only the {} as a whole is seen",
                own.key,
                owner_word(&own.kind)
            ),
            None => "only steps of the same body can be named".to_owned(),
        };
        return binder.found.push(Diagnostic::error(code, pointer, message).help(help));
    }
    let own = &layout.steps[index as usize].step.key;
    let others = layout.keys(body).filter(|other| other != own);
    let mut diagnostic =
        Diagnostic::error(code, pointer, message).suggest(key, binder.found.comparable(others));
    diagnostic.help.get_or_insert_with(|| format!("add a step `{key}`, or take the name out"));
    binder.found.push(diagnostic);
}

/// Sorts the links into the rows of the plan and finds circles.
pub(crate) fn link(steps: &mut [PlanStep], links: &mut Vec<Link>) -> (Vec<Edge>, Vec<u32>, Vec<Vec<u32>>) {
    let rank = |gate: &Gate| match gate {
        Gate::None => 0,
        Gate::Then => 1,
        Gate::Else => 2,
        Gate::Both => 3,
    };
    links.sort_unstable_by_key(|(from, to, gate)| (*to, *from, rank(gate)));
    // Of several links between two steps one stays: the branches they stand for together.
    links.dedup_by(|later, kept| {
        let same = (later.0, later.1) == (kept.0, kept.1);
        if same {
            kept.2 = match (kept.2, later.2) {
                (Gate::None, gate) => gate,
                (gate, other) if gate == other => gate,
                _ => Gate::Both,
            };
        }
        same
    });
    let mut edges = Vec::with_capacity(links.len());
    let mut targets = Vec::with_capacity(links.len());
    for (from, to, gate) in links.iter() {
        let row = &mut steps[*to as usize].dependents;
        if row.start == row.end {
            *row = edges.len() as u32..edges.len() as u32;
        }
        row.end += 1;
        edges.push(Edge { to: *from, gate: *gate });
        targets.push(*from);
        steps[*from as usize].gated |= *gate != Gate::None;
    }
    let mut by_dependent: Vec<(u32, u32)> = links.iter().map(|(from, to, _)| (*from, *to)).collect();
    by_dependent.sort_unstable();
    let mut dependencies = Vec::with_capacity(links.len());
    for (from, to) in by_dependent {
        let row = &mut steps[from as usize].dependencies;
        if row.start == row.end {
            *row = dependencies.len() as u32..dependencies.len() as u32;
        }
        row.end += 1;
        dependencies.push(to);
    }
    let row = |step: u32| {
        let row = &steps[step as usize].dependents;
        &targets[row.start as usize..row.end as usize]
    };
    let circles = find_cycles(0..steps.len() as u32, steps.len(), row);
    (edges, dependencies, circles)
}

/// Reports circles. Those that go through references want to know where these stand.
pub(crate) fn report_circles(binder: &mut Binder<'_>, circles: &[Vec<u32>]) {
    let layout = binder.layout;
    let key = |step: u32| &*layout.steps[step as usize].step.key;
    for circle in circles {
        let names: Vec<&str> = circle.iter().map(|step| key(*step)).collect();
        let path = if names.len() > 12 {
            format!("{} -> … -> {}", names[..8].join(" -> "), names[names.len() - 3..].join(" -> "))
        } else {
            names.join(" -> ")
        };
        let because: Vec<(String, Pointer, Mark)> =
            circle.windows(2).map(|pair| why(binder, pair[1], pair[0])).collect();
        let mut sentences: Vec<&str> = because.iter().map(|(why, ..)| &**why).take(4).collect();
        if because.len() > 4 {
            sentences.push("and so on");
        }
        let help = format!("{}; take one of these out", sentences.join(", "));
        // the last link closes the circle
        let Some((_, pointer, mark)) = because.into_iter().next_back() else { continue };
        let diagnostic =
            Diagnostic::error(Code::CYCLE, pointer, format!("Cycle detected: {path}")).help(help);
        binder.found.push(Finding { diagnostic, mark });
    }
}

/// Why one step waits for another, and where that is said.
fn why(binder: &mut Binder<'_>, step: u32, waits_for: u32) -> (String, Pointer, Mark) {
    let layout = binder.layout;
    let [from, to] = [step, waits_for].map(|step| layout.steps[step as usize].step);
    if let Some(at) = from.depends_on.iter().position(|key| *key == to.key) {
        let pointer = layout.pointer(step).join("dependsOn").join(at);
        return (format!("`{}` depends on `{}`", from.key, to.key), pointer, Mark::Whole);
    }
    if let StepKind::Condition(condition) = &to.kind {
        for (word, keys) in [("then", &condition.then), ("else", &condition.otherwise)] {
            if let Some(at) = keys.iter().position(|key| *key == from.key) {
                let pointer = layout.pointer(waits_for).join(word).join(at);
                return (format!("`{}` leads to `{}`", to.key, from.key), pointer, Mark::Whole);
            }
        }
    }
    match binder.traced.remove(&(step, waits_for)).flatten() {
        Some((pointer, mark)) => {
            let own = layout.pointer(step);
            let inside = pointer.0.get(own.0.len()).is_some_and(|next| {
                let word = |word: &str| *next == crate::diagnostic::Segment::from(word);
                word("steps") || matches!(from.kind, StepKind::Parallel(_)) && word("parallel")
            });
            let inside = if inside { "a step inside " } else { "" };
            (format!("{inside}`{}` refers to `{}`", from.key, to.key), pointer, mark)
        }
        None => (format!("`{}` waits for `{}`", from.key, to.key), layout.pointer(step), Mark::Whole),
    }
}
