//! The workflows an execution is nested in.

use std::sync::Arc;

use crate::plan::{Library, Plan};

/// The workflows an execution is nested in, itself included.
pub(crate) struct Lineage {
    /// Its name; empty if it has none.
    workflow: Box<str>,
    /// Its plan, which may bring workflows along.
    plan: Option<Plan>,
    parent: Option<Arc<Self>>,
    pub(crate) depth: u32,
}

impl Lineage {
    pub(crate) fn root(plan: &Plan) -> Arc<Self> {
        let workflow = plan.name().unwrap_or_default().into();
        Arc::new(Self { workflow, plan: Some(plan.clone()), parent: None, depth: 0 })
    }

    /// Of an execution that was recorded: the names around it and its own.
    pub(crate) fn recorded(names: &[Box<str>], plan: &Plan) -> Arc<Self> {
        let Some((own, around)) = names.split_last() else { return Self::root(plan) };
        let mut parent = None;
        for name in around {
            let depth = parent.as_ref().map_or(0, |parent: &Arc<Self>| parent.depth + 1);
            parent = Some(Arc::new(Self { workflow: name.clone(), plan: None, parent, depth }));
        }
        let depth = parent.as_ref().map_or(0, |parent| parent.depth + 1);
        Arc::new(Self { workflow: own.clone(), plan: Some(plan.clone()), parent, depth })
    }

    /// With a workflow nested in it.
    pub(crate) fn with(self: &Arc<Self>, workflow: &str, plan: &Plan) -> Arc<Self> {
        let (plan, parent) = (Some(plan.clone()), Some(self.clone()));
        Arc::new(Self { workflow: workflow.into(), plan, parent, depth: self.depth + 1 })
    }

    /// The workflows that the execution's own workflow brings along.
    pub(crate) fn library(&self) -> Option<&Library> {
        self.plan.as_ref().map(|plan| &plan.0.library)
    }

    pub(crate) fn contains(&self, workflow: &str) -> bool {
        *self.workflow == *workflow || self.parent.as_ref().is_some_and(|parent| parent.contains(workflow))
    }

    /// The names around it, the outermost first, and its own.
    pub(crate) fn names(&self) -> Vec<Box<str>> {
        let mut names = vec![self.workflow.clone()];
        let mut next = self.parent.as_ref();
        while let Some(lineage) = next {
            names.push(lineage.workflow.clone());
            next = lineage.parent.as_ref();
        }
        names.reverse();
        names
    }
}
