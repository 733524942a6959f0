//! Workflows that a workflow brings along: found before those that are registered, and compiled
//! when they are first begun.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::compile::{compile_known, sound};
use super::finding::Findings;
use super::plan::Plan;
use crate::catalog::{AgentDescription, BadConfig, Catalog};
use crate::definition::{NamedWorkflow, Workflow};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Pointer, Segment};

/// The workflows that a plan's workflow brings along.
#[derive(Default)]
pub(crate) struct Library {
    all: Arc<[NamedWorkflow]>,
    plans: BTreeMap<Box<str>, (usize, Made)>,
}

/// A plan, once it was asked for.
type Made = OnceLock<Result<Plan, Diagnostics>>;

impl Library {
    pub(crate) fn new(all: &Arc<[NamedWorkflow]>) -> Self {
        let plans = all.iter().enumerate().map(|(at, one)| (one.name.as_str().into(), (at, OnceLock::new())));
        Self { all: all.clone(), plans: plans.collect() }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.plans.keys().map(|name| &**name)
    }

    /// The inputs of the workflow of that name, if there is one; `None` inside: anything.
    pub(crate) fn inputs(&self, name: &str) -> Option<Option<&Value>> {
        let (at, _) = self.plans.get(name)?;
        Some(self.all[*at].workflow.inputs.as_ref().map(|inputs| &inputs.schema))
    }

    /// The plan of the workflow of that name. It brings the same workflows along, so that it can be
    /// kept and gone on with by itself.
    pub(crate) fn plan(
        &self,
        name: &str,
        catalog: &dyn Catalog,
        made: impl FnOnce(&Plan, &Workflow),
    ) -> Option<Result<Plan, Diagnostics>> {
        let (at, plan) = self.plans.get(name)?;
        let compile = || {
            let mut workflow = self.all[*at].workflow.clone();
            workflow.name.get_or_insert_with(|| name.to_owned());
            workflow.workflows = self.all.clone();
            let plan = compile_known(&workflow, catalog)?;
            made(&plan, &workflow);
            Ok(plan)
        };
        Some(plan.get_or_init(compile).clone())
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.plans.keys()).finish()
    }
}

/// A catalog with the workflows of a definition before its own.
pub(super) struct Within<'a> {
    pub(super) own: &'a [NamedWorkflow],
    pub(super) outside: &'a dyn Catalog,
}

impl Catalog for Within<'_> {
    fn agent(&self, name: &str) -> Option<&AgentDescription> {
        self.outside.agent(name)
    }

    fn agent_names(&self) -> Vec<&str> {
        self.outside.agent_names()
    }

    fn check_config(&self, agent: &str, config: &Value) -> Vec<BadConfig> {
        self.outside.check_config(agent, config)
    }

    fn workflow(&self, name: &str) -> Option<Option<&Value>> {
        match self.own.iter().find(|one| one.name == name) {
            Some(one) => Some(one.workflow.inputs.as_ref().map(|inputs| &inputs.schema)),
            None => self.outside.workflow(name),
        }
    }

    fn workflow_names(&self) -> Vec<&str> {
        let own = self.own.iter().map(|one| one.name.as_str());
        own.chain(self.outside.workflow_names()).collect()
    }
}

/// Finds what is wrong with the workflows that a workflow brings along.
pub(super) fn check_library(workflow: &Workflow, catalog: &dyn Catalog, found: &mut Findings) {
    let mut seen = std::collections::BTreeSet::new();
    for one in workflow.workflows.iter() {
        let at = Pointer::root().join("workflows").join(&*one.name);
        if one.name.trim().is_empty() {
            let diagnostic = Diagnostic::error(Code::BAD_NAME, at.clone(), "a workflow has a blank name");
            found.push(diagnostic.help("steps name it by that, such as `workflow: invoices`"));
        }
        if !seen.insert(&*one.name) {
            let message = format!("two workflows are called `{}`", one.name);
            found.push(Diagnostic::error(Code::BAD_NAME, at.clone(), message).help("give one another name"));
        }
        if !one.workflow.workflows.is_empty() {
            // A reader says the same; this is for workflows that were made in code.
            let message =
                format!("workflow `{}` stands within another one and has `workflows` itself", one.name);
            let help = "put them next to it: workflows of one definition see each other";
            found.push(Diagnostic::error(Code::CONFLICT, at.join("workflows"), message).help(help));
            continue;
        }
        for finding in sound(&one.workflow, catalog).1.into_list() {
            found.push(finding.below(&at));
        }
    }
}

impl super::finding::Finding {
    /// The same about something that stands there.
    fn below(mut self, at: &Pointer) -> Self {
        let rest = std::mem::take(&mut self.diagnostic.pointer.0);
        let path: Vec<Segment> = at.0.iter().cloned().chain(rest).collect();
        self.diagnostic.pointer = Pointer(path);
        self
    }
}
