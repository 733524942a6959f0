//! What a step sees: the values of the roots of its templates.

use std::sync::Arc;

use serde_json::Value;
use smallvec::SmallVec;

use super::state::State;
use crate::event::StepStatus;
use crate::plan::{Bound, Root};
use crate::template::{EvalError, Explanation, Expression, RootValue, Template};

/// From where a template looks: a frame, and the output of a step if it looks at that.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) state: &'a State,
    pub(crate) frame: u32,
    pub(crate) result: Option<&'a Arc<Value>>,
    pub(crate) secrets: Option<&'a Arc<Value>>,
}

impl<'a> Scope<'a> {
    pub(crate) const fn new(state: &'a State, frame: u32) -> Self {
        Self { state, frame, result: None, secrets: None }
    }

    pub(crate) fn template(&self, bound: &Bound<Template>) -> Result<Arc<Value>, EvalError> {
        bound.code.evaluate(&self.values(&bound.roots))
    }

    pub(crate) fn value(&self, bound: &Bound<Expression>) -> Result<Arc<Value>, EvalError> {
        bound.code.evaluate(&self.values(&bound.roots))
    }

    /// Whether an expression holds, and why.
    pub(crate) fn judge(&self, bound: &Bound<Expression>) -> (Result<bool, EvalError>, Explanation) {
        bound.code.judge(&self.values(&bound.roots))
    }

    pub(crate) fn values(&self, roots: &[Root]) -> SmallVec<[RootValue<'a>; 4]> {
        roots.iter().map(|root| self.root(*root)).collect()
    }

    fn root(&self, root: Root) -> RootValue<'a> {
        match root {
            Root::Inputs => Some(&self.state.inputs),
            Root::Metadata => Some(&self.state.metadata),
            Root::Secrets => self.secrets,
            Root::Result => self.result,
            // Whoever evaluates a configuration lays these over, when the inputs are there.
            Root::Laid => Some(&self.state.inputs),
            Root::Given(_) | Root::AllGiven => None,
            Root::Step { up, step } => {
                let state = self.frame(up).step(step);
                (state.status == StepStatus::Completed).then_some(state.output.as_ref()).flatten()
            }
            Root::Item { up } => self.frame(up).item.as_ref(),
            Root::Index { up } => self.frame(up).index_value.as_ref(),
        }
    }

    fn frame(&self, up: u8) -> &'a super::state::Frame {
        let mut frame = self.state.frame(self.frame);
        for _ in 0..up {
            // The plan counted the frames around this body.
            let Some(owner) = frame.owner else { break };
            frame = self.state.frame(owner.frame);
        }
        frame
    }
}
