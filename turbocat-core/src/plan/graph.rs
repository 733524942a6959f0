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

/// How far one looks for a second circle; the first may be any length.
const FAR: usize = 1_000;

/// Circles found by walking from dependency to dependent in three colours: the steps on each, the
/// first one again at the end. No step is on two of them, so that there are few. `dependents`
/// gives the dependents of a step.
pub(crate) fn find_cycles<'a>(
    steps: impl Iterator<Item = u32>,
    len: usize,
    dependents: impl Fn(u32) -> &'a [u32],
) -> Vec<Vec<u32>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Colour {
        White,
        Grey,
        Black,
    }
    let mut colour = vec![Colour::White; len];
    let mut circles: Vec<Vec<u32>> = Vec::new();
    let mut on_circle: Vec<bool> = Vec::new();
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
                    on_circle.resize(len, false);
                    // from the end, so that a long way to a small circle costs nothing
                    let mut circle = vec![to];
                    let back = path.iter().rev().map(|(step, _)| *step);
                    let whole = back.clone().take_while(|step| *step != to);
                    if on_circle[to as usize] {
                        continue;
                    }
                    let room = if circles.is_empty() { usize::MAX } else { FAR };
                    let fits = whole.clone().take(room).all(|step| !on_circle[step as usize])
                        && whole.clone().nth(room.saturating_sub(1)).is_none();
                    if fits {
                        circle.extend(whole);
                        circle.push(to);
                        circle.reverse();
                        for step in &circle {
                            on_circle[*step as usize] = true;
                        }
                        circles.push(circle);
                    }
                }
                Colour::Black => {}
            }
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_found_with_its_path_and_a_diamond_is_none() {
        let check = |graph: &[&[u32]], expected: &[&[u32]]| {
            let found = find_cycles(0..graph.len() as u32, graph.len(), |step| graph[step as usize]);
            assert_eq!(found, expected);
        };
        check(&[&[1, 2], &[3], &[3], &[]], &[]);
        check(&[&[1], &[0]], &[&[0, 1, 0]]);
        check(&[&[1], &[2], &[3], &[1]], &[&[1, 2, 3, 1]]);
        check(&[&[], &[2], &[1]], &[&[1, 2, 1]]);
        // two circles apart are two, two that share a step are one
        check(&[&[1], &[0], &[3], &[2]], &[&[0, 1, 0], &[2, 3, 2]]);
        check(&[&[1, 2], &[0], &[0]], &[&[0, 1, 0]]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let steps = 300_000_u32;
        let next: Vec<u32> = (1..=steps).collect();
        let found = find_cycles(0..steps, steps as usize, |step| {
            if step + 1 < steps { &next[step as usize..=step as usize] } else { &[] }
        });
        assert!(found.is_empty());
    }
}
