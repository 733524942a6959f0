//! What a workflow is, and how it is read, built and written.

mod workflow;

pub use workflow::*;

pub(crate) struct Places;
impl Places {
    pub(crate) fn of(_: &crate::Source) -> Self { Self }
    pub(crate) fn locate(&self, _: &crate::Pointer) -> Option<crate::Place> { None }
    pub(crate) fn locate_in(&self, _: &crate::Pointer, _: &str) -> Option<crate::Place> { None }
}
