//! Closures as agents: typed in, typed out, their schemas derived from the types.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::agent::{AgentExecutor, AttemptFuture};
use crate::catalog::AgentDescription;
use crate::failure::{FailureKind, StepFailure};
use crate::output::StepOutput;
use crate::request::{AttemptRequest, unfit};

/// Makes an agent of a closure.
///
/// Inputs and output are any types that derive serde's traits and `JsonSchema`; plain
/// [`serde_json::Value`] works too, and `Arc<Value>` is passed on without a copy. The schemas let
/// a workflow be checked before it runs.
///
/// ```
/// use turbocat_core::agent_fn;
/// # use serde_json::{json, Value};
///
/// let shout = agent_fn(|input: Value| async move {
///     let text = input["text"].as_str().ok_or_else(|| std::io::Error::other("no text"))?.to_uppercase();
///     Ok(json!({ "text": text }))
/// });
/// # drop(shout);
/// ```
pub fn agent_fn<I, O, F, Fut>(work: F) -> AgentFn<I, O, F>
where
    I: DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + JsonSchema + Send + 'static,
    F: Fn(I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, StepFailure>> + Send + 'static,
{
    AgentFn { work, max_concurrent: None, types: PhantomData }
}

/// An agent made of a closure that also wants to see the request: the configuration, the attempt,
/// the idempotency key.
///
/// ```
/// use turbocat_core::agent_fn_with;
/// # use serde_json::{json, Value};
///
/// let pay = agent_fn_with(|input: Value, request| async move {
///     Ok(json!({ "key": request.idempotency_key(), "amount": input["amount"] }))
/// });
/// # drop(pay);
/// ```
pub fn agent_fn_with<I, O, F, Fut>(work: F) -> AgentFn<I, O, WithRequest<F>>
where
    I: DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + JsonSchema + Send + 'static,
    F: Fn(I, AttemptRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, StepFailure>> + Send + 'static,
{
    AgentFn { work: WithRequest(work), max_concurrent: None, types: PhantomData }
}

/// An agent made of a closure; see [`agent_fn`].
pub struct AgentFn<I, O, F> {
    work: F,
    max_concurrent: Option<u32>,
    types: PhantomData<fn(I) -> O>,
}

/// A closure that wants to see the request; see [`agent_fn_with`].
#[derive(Clone, Copy, Debug)]
pub struct WithRequest<F>(F);

impl<I, O, F> AgentFn<I, O, F> {
    /// The same agent, with at most that many attempts at once over all executions. Default: any
    /// number.
    #[must_use]
    pub const fn max_concurrent(mut self, attempts: u32) -> Self {
        self.max_concurrent = Some(attempts);
        self
    }
}

impl<I, O, F> fmt::Debug for AgentFn<I, O, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentFn").field("input", &std::any::type_name::<I>()).finish_non_exhaustive()
    }
}

impl<I: JsonSchema, O: JsonSchema, F> AgentFn<I, O, F> {
    fn description(&self) -> AgentDescription {
        AgentDescription {
            input: schema::<I>(),
            output: schema::<O>(),
            max_concurrent: self.max_concurrent,
            ..AgentDescription::default()
        }
    }
}

/// The schema of a type; `None` if it lets everything pass.
fn schema<T: JsonSchema>() -> Option<Value> {
    let schema = schemars::SchemaGenerator::default().into_root_schema_for::<T>().to_value();
    let says = |schema: &Value| {
        let words = ["type", "properties", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"];
        words.iter().any(|word| schema.get(word).is_some())
    };
    says(&schema).then_some(schema)
}

/// The inputs as the type the closure takes: as they are if it takes a JSON value.
fn take<I: DeserializeOwned + 'static>(inputs: Arc<Value>) -> Result<I, StepFailure> {
    let mut shared = Some(inputs);
    if let Some(slot) = (&mut shared as &mut dyn Any).downcast_mut::<Option<I>>() {
        return slot.take().ok_or_else(|| StepFailure::error("the inputs were taken twice"));
    }
    let inputs = shared.take().unwrap_or_default();
    let mut owned: Option<Value> = None;
    if (&owned as &dyn Any).is::<Option<I>>() {
        owned = Some(Arc::unwrap_or_clone(inputs));
        let slot = (&mut owned as &mut dyn Any).downcast_mut::<Option<I>>();
        return slot.and_then(Option::take).ok_or_else(|| StepFailure::error("the inputs were taken twice"));
    }
    I::deserialize(&*inputs).map_err(|error| unfit(&error))
}

/// The output as JSON: as it is if it is JSON already.
fn give<O: Serialize + 'static>(output: O) -> Result<StepOutput, StepFailure> {
    let mut slot = Some(output);
    if let Some(shared) = (&mut slot as &mut dyn Any).downcast_mut::<Option<Arc<Value>>>()
        && let Some(value) = shared.take()
    {
        return Ok(StepOutput::shared(value));
    }
    if let Some(owned) = (&mut slot as &mut dyn Any).downcast_mut::<Option<Value>>()
        && let Some(value) = owned.take()
    {
        return Ok(value.into());
    }
    serde_json::to_value(slot).map(StepOutput::from).map_err(|error| {
        StepFailure::new(FailureKind::OUTPUT, format!("the output is no JSON: {error}")).permanent()
    })
}

/// Calls a closure at once and finishes its future later: nothing of the agent is held on to.
fn begin<I, O, Fut>(
    request: &mut AttemptRequest,
    call: impl FnOnce(I, &AttemptRequest) -> Fut,
) -> AttemptFuture
where
    I: DeserializeOwned + 'static,
    O: Serialize + 'static,
    Fut: Future<Output = Result<O, StepFailure>> + Send + 'static,
{
    match take(std::mem::take(&mut request.inputs)) {
        Ok(input) => {
            let work = call(input, request);
            Box::pin(async move { give(work.await?) })
        }
        Err(failure) => Box::pin(std::future::ready(Err(failure))),
    }
}

#[async_trait]
impl<I, O, F, Fut> AgentExecutor for AgentFn<I, O, F>
where
    I: DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + JsonSchema + Send + 'static,
    F: Fn(I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, StepFailure>> + Send + 'static,
{
    fn describe(&self) -> AgentDescription {
        self.description()
    }

    async fn execute(&self, mut request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        begin(&mut request, |input, _| (self.work)(input)).await
    }

    fn begin(&self, _: &Arc<dyn AgentExecutor>, mut request: AttemptRequest) -> AttemptFuture {
        begin(&mut request, |input, _| (self.work)(input))
    }
}

#[async_trait]
impl<I, O, F, Fut> AgentExecutor for AgentFn<I, O, WithRequest<F>>
where
    I: DeserializeOwned + JsonSchema + Send + 'static,
    O: Serialize + JsonSchema + Send + 'static,
    F: Fn(I, AttemptRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, StepFailure>> + Send + 'static,
{
    fn describe(&self) -> AgentDescription {
        self.description()
    }

    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let input = take(request.inputs.clone())?;
        give((self.work.0)(input, request).await?)
    }

    fn begin(&self, _: &Arc<dyn AgentExecutor>, request: AttemptRequest) -> AttemptFuture {
        match take(request.inputs.clone()) {
            Ok(input) => {
                let work = (self.work.0)(input, request);
                Box::pin(async move { give(work.await?) })
            }
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_closure_takes_json_as_it_is() {
        let value = Arc::new(json!({ "a": 1 }));
        let same: Arc<Value> = take(value.clone()).unwrap();
        assert!(Arc::ptr_eq(&same, &value));
        let owned: Value = take(value.clone()).unwrap();
        assert_eq!(owned, *value);
        let failure = take::<Vec<u8>>(value).unwrap_err();
        assert_eq!(failure.kind, FailureKind::INPUT);
        assert!(!failure.retryable);
    }

    #[test]
    fn a_closure_gives_json_as_it_is() {
        let value = Arc::new(json!([1, 2]));
        assert!(Arc::ptr_eq(&give(value.clone()).unwrap().value, &value));
        assert_eq!(*give(json!("x")).unwrap().value, json!("x"));
        assert_eq!(*give(vec![1, 2]).unwrap().value, json!([1, 2]));
    }

    #[test]
    fn json_has_no_schema_and_types_have() {
        assert_eq!(schema::<Value>(), None);
        assert_eq!(schema::<u32>().unwrap()["type"], "integer");
    }
}
