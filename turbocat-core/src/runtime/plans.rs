//! Plans of definitions that were read from a journal: compiled once, not for every execution.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::error::{Error, ErrorKind};
use super::shared::{Shared, invalid};
use crate::definition::{Definition, Workflow};
use crate::plan::Plan;

/// How many plans are kept, and how long their definitions may be together.
const ROOM: (usize, usize) = (256, 8 << 20);

/// Plans by the digest of their definition.
#[derive(Default)]
pub(crate) struct Plans(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    plans: HashMap<[u8; 32], Plan>,
    bytes: usize,
}

impl Shared {
    /// The plan of a definition as a journal has it.
    pub(crate) fn plan_of(&self, definition: &Definition) -> Result<Plan, Error> {
        let kept = || self.plans.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = kept().plans.get(definition.digest()) {
            return Ok(plan.clone());
        }
        let workflow = serde_json::from_str(definition.text()).map_err(|error| {
            Error::caused(ErrorKind::Journal, "the journal holds a definition that cannot be read", error)
        })?;
        let workflow = Workflow::from_value(&workflow).map_err(|found| invalid(None, found))?;
        let plan = self.compile(&workflow)?;
        let bytes = definition.text().len();
        let mut kept = kept();
        if kept.plans.len() >= ROOM.0 || kept.bytes + bytes > ROOM.1 {
            *kept = Kept::default();
        }
        if bytes <= ROOM.1 && kept.plans.insert(*definition.digest(), plan.clone()).is_none() {
            kept.bytes += bytes;
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::runtime::Engine;

    #[test]
    fn the_plan_of_a_definition_is_made_once_and_there_is_an_end_to_how_many_are_kept() {
        let engine = Engine::builder().build();
        let shared = &engine.shared;
        let nap = |number: usize| {
            Definition::new(&json!({ "steps": { "nap": { "wait": format!("{}ms", number + 1) } } }))
        };
        let first = shared.plan_of(&nap(0)).unwrap();
        assert!(std::sync::Arc::ptr_eq(&first.0, &shared.plan_of(&nap(0)).unwrap().0));
        let kept = || {
            let kept = shared.plans.0.lock().unwrap();
            (kept.plans.len(), kept.bytes)
        };
        let one = kept().1;
        for number in 1..=ROOM.0 {
            shared.plan_of(&nap(number)).unwrap();
            assert!(kept().0 <= ROOM.0 && kept().1 >= one);
        }
        assert_eq!(kept().0, 1);
        assert!(!std::sync::Arc::ptr_eq(&first.0, &shared.plan_of(&nap(0)).unwrap().0));
        assert!(shared.plan_of(&Definition::from_text("{")).is_err());
    }
}
