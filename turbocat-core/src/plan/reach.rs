//! Steps that can never be reached: behind a branch that is never taken, or behind two branches
//! that exclude each other.

use super::layout::Layout;
use super::plan::{Gate, Kind, Parts};
use crate::definition::Needs;
use crate::diagnostic::{Code, Diagnostic};

/// A condition and the result a step depends on.
type Demand = (u32, bool);

/// More demands than this on one step are not followed any further.
const MANY: usize = 64;

/// Reports steps that can never be done.
pub(crate) fn unreachable(parts: &Parts, layout: &Layout<'_>, links: &[(u32, u32, Gate)]) -> Vec<Diagnostic> {
    if !parts.steps.iter().any(|step| matches!(step.kind, Kind::Condition(_))) {
        return Vec::new();
    }
    let gate = |from: u32, to: u32| {
        let at = links.binary_search_by_key(&(to, from), |(from, to, _)| (*to, *from));
        at.map_or(Gate::None, |at| links[at].2)
    };
    let mut found = Vec::new();
    let mut demands: Vec<Vec<Demand>> = vec![Vec::new(); parts.steps.len()];
    for body in 0..parts.bodies.len() as u32 {
        for step in super::graph::order(parts, body) {
            let here = &parts.steps[step as usize];
            let row = &parts.dependencies[here.dependencies.start as usize..here.dependencies.end as usize];
            let gates: Vec<(u32, Gate)> =
                row.iter().map(|to| (*to, gate(step, *to))).filter(|(_, gate)| *gate != Gate::None).collect();
            // Of several gates any one suffices; only a single one is a demand.
            let mut all: Vec<Demand> = match gates[..] {
                [(condition, Gate::Then)] => vec![(condition, true)],
                [(condition, Gate::Else)] => vec![(condition, false)],
                _ => Vec::new(),
            };
            let every = here.needs.is_none_or(|needs| needs == Needs::Succeeded);
            if every {
                all.extend(row.iter().flat_map(|to| demands[*to as usize].iter().copied()));
            }
            all.sort_unstable();
            all.dedup();
            let against = all.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0);
            if let Some(condition) = against {
                let message = format!(
                    "step `{}` can never be done: it depends on both branches of `{}`",
                    here.key, parts.steps[condition as usize].key
                );
                let help = "say `needs: any` if one of the branches is enough";
                found.push(Diagnostic::error(Code::UNREACHABLE, layout.pointer(step), message).help(help));
                all.clear();
            }
            let never = gates.iter().all(|(condition, gate)| {
                let Kind::Condition(bound) = &parts.steps[*condition as usize].kind else { return false };
                match (bound.code.as_literal().and_then(|value| value.as_bool()), gate) {
                    (Some(result), Gate::Then) => !result,
                    (Some(result), Gate::Else) => result,
                    _ => false,
                }
            });
            if let (Some((condition, _)), true) = (gates.first(), never) {
                let message = format!(
                    "step `{}` can never be done: the result of `{}` is always the other one",
                    here.key, parts.steps[*condition as usize].key
                );
                found.push(Diagnostic::warning(Code::UNREACHABLE, layout.pointer(step), message));
            }
            all.truncate(MANY);
            demands[step as usize] = all;
        }
    }
    found
}
