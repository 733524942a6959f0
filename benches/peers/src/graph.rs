//! Graphs as a neutral list of steps and the indices of the steps they depend on.
//!
//! A step stands behind all it depends on. Nothing here knows an engine.

use std::fmt;

/// One step: its key and the indices of the steps it depends on.
#[derive(Clone, Debug)]
pub struct Step {
    /// Unique in the graph.
    pub key: String,
    /// Indices into [`Graph::steps`], each smaller than this step's own.
    pub deps: Vec<usize>,
}

/// A graph and the name its table is printed under.
#[derive(Clone, Debug)]
pub struct Graph {
    /// For instance `chain of 10`.
    pub name: String,
    /// In an order in which they can run.
    pub steps: Vec<Step>,
}

impl Graph {
    /// `length` steps, each depending on the former.
    pub fn chain(length: usize) -> Self {
        let deps = (0..length).map(|step| step.checked_sub(1).into_iter().collect());
        Self::new(format!("chain of {length}"), deps)
    }

    /// One step, `width` steps that depend on it, and one that depends on all of those.
    pub fn fan_out(width: usize) -> Self {
        let deps = std::iter::once(Vec::new())
            .chain((0..width).map(|_| vec![0]))
            .chain(std::iter::once((1..=width).collect()));
        Self::new(format!("fan-out and fan-in of {width}"), deps)
    }

    /// `layers` × `width` steps, each depending on every step of the former layer.
    pub fn layers(layers: usize, width: usize) -> Self {
        let deps = (0..layers * width).map(|step| {
            let layer = step / width;
            if layer == 0 { Vec::new() } else { ((layer - 1) * width..layer * width).collect() }
        });
        Self::new(format!("{layers} dense layers of {width}"), deps)
    }

    /// `count` times a → {b, c} → d, each a depending on the former d.
    pub fn diamonds(count: usize) -> Self {
        let deps = (0..count * 4).map(|step| match step % 4 {
            0 => step.checked_sub(1).into_iter().collect(),
            1 => vec![step - 1],
            2 => vec![step - 2],
            _ => vec![step - 2, step - 1],
        });
        Self::new(format!("{count} diamonds in a row"), deps)
    }

    fn new(name: String, deps: impl Iterator<Item = Vec<usize>>) -> Self {
        let steps = deps.enumerate().map(|(step, deps)| Step { key: format!("step_{step}"), deps }).collect();
        Self { name, steps }
    }

    /// How many dependencies there are in all, which is how many inputs one execution delivers.
    pub fn edges(&self) -> usize {
        self.steps.iter().map(|step| step.deps.len()).sum()
    }

    /// The largest number of dependencies of one step.
    pub fn most_inputs(&self) -> usize {
        self.steps.iter().map(|step| step.deps.len()).max().unwrap_or_default()
    }

    /// Whether every step depends on the former one alone.
    pub fn is_chain(&self) -> bool {
        self.steps.iter().enumerate().all(|(index, step)| step.deps.iter().copied().eq(index.checked_sub(1)))
    }

    /// Steps by their distance from the roots; a step depends on steps of earlier levels only.
    pub fn levels(&self) -> Vec<Vec<usize>> {
        let mut level_of: Vec<usize> = Vec::with_capacity(self.steps.len());
        let mut levels: Vec<Vec<usize>> = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let level = step.deps.iter().map(|&dep| level_of[dep] + 1).max().unwrap_or_default();
            level_of.push(level);
            if level == levels.len() {
                levels.push(Vec::new());
            }
            levels[level].push(index);
        }
        levels
    }

    /// The graph without its last step, for engines that cannot join as many inputs in one step.
    pub fn without_join(&self) -> Self {
        let mut graph = self.clone();
        graph.steps.pop();
        graph
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(graph: &Graph, steps: usize, edges: usize, levels: &[usize]) {
        assert_eq!((graph.steps.len(), graph.edges()), (steps, edges), "{graph}");
        let widths: Vec<usize> = graph.levels().iter().map(Vec::len).collect();
        assert_eq!(widths, levels, "{graph}");
        assert_eq!(graph.is_chain(), levels.iter().all(|&width| width == 1), "{graph}");
    }

    #[test]
    fn shapes_have_the_steps_and_dependencies_they_are_named_for() {
        check(&Graph::chain(4), 4, 3, &[1, 1, 1, 1]);
        check(&Graph::fan_out(5), 7, 10, &[1, 5, 1]);
        check(&Graph::layers(3, 2), 6, 8, &[2, 2, 2]);
        check(&Graph::diamonds(2), 8, 9, &[1, 2, 1, 1, 2, 1]);
        check(&Graph::fan_out(5).without_join(), 6, 5, &[1, 5]);
    }
}
