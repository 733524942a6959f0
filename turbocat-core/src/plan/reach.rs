//! Steps that can never be reached: behind a branch that is never taken, or behind two branches
//! that exclude each other.

use super::finding::Findings;
use super::layout::Layout;
use super::plan::{Gate, Kind, Parts};
use crate::definition::Needs;
use crate::diagnostic::{Code, Diagnostic};

/// A condition and the result a step depends on.
type Demand = (u32, bool);

/// More demands than this on one step are not followed any further.
const MANY: usize = 32;

/// Reports steps that can never be done.
pub(crate) fn unreachable(
    parts: &Parts,
    layout: &Layout<'_>,
    links: &[(u32, u32, Gate)],
    found: &mut Findings,
) {
    if !parts.steps.iter().any(|step| matches!(step.kind, Kind::Condition(_))) {
        return;
    }
    let gate = |from: u32, to: u32| {
        let at = links.binary_search_by_key(&(to, from), |(from, to, _)| (*to, *from));
        at.map_or(Gate::None, |at| links[at].2)
    };
    let key = |step: u32| &*parts.steps[step as usize].key;
    let mut demands: Vec<Vec<Demand>> = vec![Vec::new(); parts.steps.len()];
    for body in 0..parts.bodies.len() as u32 {
        for step in super::graph::order(parts, body) {
            let here = &parts.steps[step as usize];
            let row = &parts.dependencies[here.dependencies.start as usize..here.dependencies.end as usize];
            let gates: Vec<(u32, Gate)> =
                row.iter().map(|to| (*to, gate(step, *to))).filter(|(_, gate)| *gate != Gate::None).collect();
            let mut all: Vec<Demand> = Vec::new();
            // Of several gates any one suffices; only a single one is a demand.
            if let [(condition, gate)] = gates[..] {
                all.extend(demands[condition as usize].iter().copied());
                all.extend(demand(condition, gate));
            }
            if here.needs.is_none_or(|needs| needs == Needs::Succeeded) {
                all.extend(row.iter().flat_map(|to| demands[*to as usize].iter().copied()));
            }
            all.sort_unstable();
            all.dedup();
            let against = all.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0);
            if let Some(condition) = against {
                let message = format!(
                    "step `{}` can never be done: it depends on both branches of `{}`",
                    here.key,
                    key(condition)
                );
                let wants = |branch: bool| {
                    row.iter().find(|to| {
                        demand(**to, gate(step, **to)) == Some((condition, branch))
                            || demands[**to as usize].contains(&(condition, branch))
                    })
                };
                let mut diagnostic = Diagnostic::error(Code::UNREACHABLE, layout.pointer(step), message)
                    .help("say `needs: any` if one of the branches is enough");
                if let (Some(yes), Some(no)) = (wants(true), wants(false)) {
                    let side = |of: u32, branch: &str| {
                        if of == condition {
                            format!("it is in `{branch}` itself")
                        } else {
                            format!("`{}` needs `{branch}`", key(of))
                        }
                    };
                    diagnostic = diagnostic.label(format!("{}, {}", side(*yes, "then"), side(*no, "else")));
                }
                found.push(diagnostic);
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
            if let (Some((condition, gate)), true) = (gates.first(), never) {
                let always = *gate == Gate::Else;
                let message = format!(
                    "step `{}` can never be done: `{}` is always {always}",
                    here.key,
                    key(*condition)
                );
                let help = format!("write a condition that depends on something, or take `{}` out", here.key);
                found.push(Diagnostic::warning(Code::UNREACHABLE, layout.pointer(step), message).help(help));
            }
            all.truncate(MANY);
            demands[step as usize] = all;
        }
    }
}

const fn demand(condition: u32, gate: Gate) -> Option<Demand> {
    match gate {
        Gate::Then => Some((condition, true)),
        Gate::Else => Some((condition, false)),
        Gate::None | Gate::Both => None,
    }
}
