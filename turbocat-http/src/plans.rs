//! Plans of workflows that were compiled once, for as long as nothing they were made of has changed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use turbocat_core::{Plan, Timestamp};
use uuid::Uuid;

/// How many plans are kept.
const MOST: usize = 1000;

/// What a plan was made of: when its workflow was last changed, and each of its agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) workflow: Timestamp,
    /// By their ids.
    pub(crate) agents: Vec<(Uuid, Timestamp)>,
}

/// Plans by the workflows they are of.
#[derive(Debug, Default)]
pub(crate) struct Plans(Mutex<HashMap<Uuid, (Made, Plan)>>);

impl Plans {
    /// The agents of the plan that is kept of a workflow as it was at that time.
    pub(crate) fn agents(&self, workflow: Uuid, at: Timestamp) -> Option<Vec<Uuid>> {
        let plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (made, _) = plans.get(&workflow).filter(|(made, _)| made.workflow == at)?;
        Some(made.agents.iter().map(|(id, _)| *id).collect())
    }

    /// The plan that was made of exactly that.
    pub(crate) fn get(&self, workflow: Uuid, of: &Made) -> Option<Plan> {
        let plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        plans.get(&workflow).filter(|(made, _)| made == of).map(|(_, plan)| plan.clone())
    }

    /// Keeps a plan.
    pub(crate) fn keep(&self, workflow: Uuid, of: Made, plan: Plan) {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= MOST && !plans.contains_key(&workflow) {
            // Whichever is asked for again is compiled again.
            plans.clear();
        }
        plans.insert(workflow, (of, plan));
    }
}
