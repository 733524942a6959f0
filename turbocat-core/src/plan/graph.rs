//! The graph of one body: its order and its circles. Without recursion, so that a chain of a
//! million steps needs no more stack than one of ten.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::plan::Parts;

/// The steps of a body in the order in which they would start one by one: of those that are ready
/// always the smallest key, which is the smallest index.
pub(crate) fn order(parts: &Parts, body: u32) -> Vec<u32> {
    let body = &parts.bodies[body as usize];
    let base = body.steps.start;
    let mut blocked = body.blocked.clone();
    let mut ready: BinaryHeap<Reverse<u32>> = body.first.iter().map(|step| Reverse(*step)).collect();
    let mut order = Vec::with_capacity(blocked.len());
    while let Some(Reverse(step)) = ready.pop() {
        order.push(step);
        let edges = parts.steps[step as usize].dependents.clone();
        for edge in &parts.edges[edges.start as usize..edges.end as usize] {
            let left = &mut blocked[(edge.to - base) as usize];
            *left -= 1;
            if *left == 0 {
                ready.push(Reverse(edge.to));
            }
        }
    }
    order
}

/// The first circle found by walking from dependency to dependent in three colours: the steps on
/// it, the first one again at the end. `dependents` gives the dependents of a step.
pub(crate) fn find_cycle<'a>(
    steps: impl Iterator<Item = u32>,
    len: usize,
    dependents: impl Fn(u32) -> &'a [u32],
) -> Option<Vec<u32>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Colour {
        White,
        Grey,
        Black,
    }
    let mut colour = vec![Colour::White; len];
    // The grey path: a step, and which of its dependents comes next.
    let mut path: Vec<(u32, usize)> = Vec::new();
    for start in steps {
        if colour[start as usize] != Colour::White {
            continue;
        }
        colour[start as usize] = Colour::Grey;
        path.push((start, 0));
        while let Some((step, next)) = path.last_mut() {
            let Some(&to) = dependents(*step).get(*next) else {
                colour[*step as usize] = Colour::Black;
                path.pop();
                continue;
            };
            *next += 1;
            match colour[to as usize] {
                Colour::White => {
                    colour[to as usize] = Colour::Grey;
                    path.push((to, 0));
                }
                Colour::Grey => {
                    let mut circle: Vec<u32> =
                        path.iter().map(|(step, _)| *step).skip_while(|step| *step != to).collect();
                    circle.push(to);
                    return Some(circle);
                }
                Colour::Black => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_found_with_its_path_and_a_diamond_is_none() {
        let check = |graph: &[&[u32]], expected: Option<&[u32]>| {
            let found = find_cycle(0..graph.len() as u32, graph.len(), |step| graph[step as usize]);
            assert_eq!(found.as_deref(), expected);
        };
        check(&[&[1, 2], &[3], &[3], &[]], None);
        check(&[&[1], &[0]], Some(&[0, 1, 0]));
        check(&[&[1], &[2], &[3], &[1]], Some(&[1, 2, 3, 1]));
        check(&[&[], &[2], &[1]], Some(&[1, 2, 1]));
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let steps = 300_000_u32;
        let next: Vec<u32> = (1..=steps).collect();
        let found = find_cycle(0..steps, steps as usize, |step| {
            if step + 1 < steps { &next[step as usize..=step as usize] } else { &[] }
        });
        assert_eq!(found, None);
    }
}
