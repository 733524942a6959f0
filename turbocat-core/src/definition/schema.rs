//! The JSON Schema of the format, for editors and for programs that write definitions.
//!
//! The structs here are never read into: reading is `decode`'s, which finds all mistakes at
//! once. They say the same in the words of a schema, and a test holds the two together.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::workflow::Workflow;

impl Workflow {
    /// The JSON Schema of a definition.
    pub fn json_schema() -> Value {
        schemars::schema_for!(WorkflowForm).to_value()
    }
}

impl JsonSchema for Workflow {
    fn schema_name() -> Cow<'static, str> {
        "Workflow".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        WorkflowForm::json_schema(generator)
    }
}

macro_rules! forms {
    ($($(#[$meta:meta])* struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            #[derive(JsonSchema)]
            $(#[$meta])*
            #[schemars(rename_all = "camelCase", deny_unknown_fields)]
            #[expect(dead_code, reason = "only its schema is used")]
            struct $name { $($(#[$field_meta])* $field: $type,)* }
        )*
    };
}

type Template = Map<String, Value>;

forms! {
    /// A workflow: a graph of steps, the agents they use, what goes in and what comes out.
    #[schemars(title = "Turbocat workflow", extend("anyOf" = [{ "required": ["steps"] }, { "required": ["nodes"] }]))]
    struct WorkflowForm {
        /// What the workflow is called.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// A version of your own; kept in the metadata.
        version: Option<TextOrNumber>,
        /// What an execution must be given: names to types or schemas, or a JSON Schema.
        inputs: Option<InputsForm>,
        /// Named agents, for use by any step.
        agents: Option<BTreeMap<Name, AgentForm>>,
        /// Workflows that this one brings along, to be nested by name.
        workflows: Option<BTreeMap<String, WorkflowForm>>,
        /// How long an execution may work.
        timeout: Option<DurationText>,
        /// The same in milliseconds.
        #[schemars(range(min = 0))]
        timeout_ms: Option<f64>,
        /// How many attempts of one execution may run at once.
        #[schemars(range(min = 1))]
        max_parallel: Option<u32>,
        /// What an execution may use.
        budget: Option<BudgetForm>,
        /// The steps, by key or as a list of rows.
        steps: Option<Body>,
        /// The template of the execution's output.
        outputs: Option<Value>,
        /// Anything a tool wants to keep. Never read.
        metadata: Option<Template>,
        /// The nodes of a canvas, if there are no steps.
        nodes: Option<Vec<NodeForm>>,
        /// The edges between the nodes.
        edges: Option<Vec<EdgeForm>>,
    }

    /// What an execution may use, all its attempts together.
    #[schemars(extend("anyOf" = [
        { "required": ["tokens"] }, { "required": ["costUsd"] }, { "required": ["apiCalls"] }
    ]))]
    struct BudgetForm {
        /// How many tokens language models may read and write.
        #[schemars(range(min = 1))]
        tokens: Option<u64>,
        /// What it may cost, in US dollars.
        #[schemars(extend("exclusiveMinimum" = 0))]
        cost_usd: Option<f64>,
        /// How many calls its agents may make to others.
        #[schemars(range(min = 1))]
        api_calls: Option<u64>,
        /// What happens when more was used.
        then: Option<OverBudgetWord>,
    }

    /// A named agent.
    struct NamedAgentForm {
        /// The agent behind it.
        r#type: String,
        /// Its configuration.
        config: Option<Template>,
    }

    /// A step. What it does follows from its fields: `agent`, `condition`, `loop`, `parallel`,
    /// `wait` or `workflow`.
    #[schemars(extend("oneOf" = [
        { "required": ["agent"], "not": { "required": ["loop"] } },
        { "required": ["condition"] },
        { "required": ["loop"], "oneOf": [{ "required": ["steps"] }, { "required": ["agent"] }] },
        { "required": ["parallel"] },
        { "required": ["wait"] },
        { "required": ["workflow"] },
        {
            "required": ["type"],
            "properties": { "type": { "const": "agent" } },
            "not": { "required": ["agent"] }
        }
    ]))]
    #[schemars(extend("dependentRequired" = {
        "then": ["condition"], "else": ["condition"], "steps": ["loop"], "as": ["loop"], "indexAs": ["loop"],
        "maxParallel": ["loop"], "maxIterations": ["loop"], "output": ["loop"], "waitForCompletion": ["workflow"],
        "onLost": ["agent"]
    }))]
    #[schemars(extend("dependentSchemas" = {
        "retry": { "properties": { "onError": { "const": "retry" } } },
        "timeout": { "not": { "required": ["timeoutMs"] } },
        "deadline": { "not": { "required": ["deadlineMs"] } }
    }))]
    struct StepForm {
        /// Its name, in a list of steps.
        key: Option<Name>,
        /// What it does, said once more.
        r#type: Option<StepType>,
        /// A name for people.
        name: Option<String>,
        /// The agent to ask.
        agent: Option<String>,
        /// The template of the inputs of an agent or a nested workflow.
        inputs: Option<TextOrMapping>,
        /// The template of an agent's configuration.
        config: Option<Template>,
        /// An expression that chooses a branch.
        condition: Option<Expression>,
        /// Steps that go on when the condition is true.
        then: Option<Names>,
        /// Steps that go on when the condition is false.
        r#else: Option<Names>,
        /// The items to do nested steps for.
        r#loop: Option<Items>,
        /// The name of the item in nested templates.
        r#as: Option<Name>,
        /// The name of its index in nested templates.
        index_as: Option<Name>,
        /// How many iterations may be open at once.
        #[schemars(range(min = 1))]
        max_parallel: Option<u32>,
        /// How many items are accepted.
        #[schemars(range(min = 1))]
        max_iterations: Option<u32>,
        /// The nested steps of a loop.
        steps: Option<Body>,
        /// The template of one result of a loop.
        output: Option<Value>,
        /// Branches side by side.
        parallel: Option<ParallelForm>,
        /// What to wait for.
        wait: Option<WaitForm>,
        /// The workflow to start.
        workflow: Option<String>,
        /// Whether to wait for its end.
        wait_for_completion: Option<bool>,
        /// Steps to wait for beyond those it refers to.
        depends_on: Option<Names>,
        /// An expression; if it is false the step is skipped.
        when: Option<Expression>,
        /// What must be true of the steps before it.
        needs: Option<NeedsWord>,
        /// What happens when it fails.
        on_error: Option<OnErrorWord>,
        /// What happens when whoever did an attempt of an agent went away.
        on_lost: Option<OnLostWord>,
        /// How it is tried again.
        retry: Option<RetryOrCount>,
        /// How long one attempt may take.
        timeout: Option<DurationText>,
        /// The same in milliseconds.
        timeout_ms: Option<f64>,
        /// How long all attempts may take together.
        deadline: Option<DurationText>,
        /// The same in milliseconds.
        deadline_ms: Option<f64>,
        /// Values to add to the output.
        outputs: Option<Template>,
        /// Anything a tool wants to keep. Never read.
        metadata: Option<Template>,
    }

    /// A step as a row of the API.
    struct RowForm {
        /// Its name.
        step_key: Name,
        /// A name for people.
        step_name: Option<String>,
        /// What it does.
        step_type: RowType,
        /// The agent to ask.
        agent_id: Option<String>,
        /// Where it stands in a list or on a canvas.
        position: Option<Value>,
        /// What its type needs to know.
        config: Option<Template>,
        /// The template of the inputs.
        inputs: Option<Template>,
        /// Values to add to the output.
        outputs: Option<Template>,
        /// Steps to wait for.
        depends_on: Option<Names>,
        /// How often it is tried again.
        #[schemars(range(min = 0))]
        retry_count: Option<u32>,
        /// The first pause, in milliseconds.
        #[schemars(range(min = 0))]
        retry_delay_ms: Option<f64>,
        /// How long one attempt may take, in milliseconds. Default 30,000.
        #[schemars(range(min = 0))]
        timeout_ms: Option<f64>,
        /// How long all attempts may take together, in milliseconds.
        #[schemars(range(min = 0))]
        deadline_ms: Option<f64>,
        /// What happens when it fails.
        on_error: Option<OnErrorWord>,
        /// What happens when whoever did an attempt of an agent went away.
        on_lost: Option<OnLostWord>,
        /// An expression; if it is false the step is skipped.
        when: Option<Expression>,
        /// What must be true of the steps before it.
        needs: Option<NeedsWord>,
        /// Anything a tool wants to keep. Never read.
        metadata: Option<Template>,
    }

    /// A node of a canvas: a row under other names.
    struct NodeForm {
        /// Its name.
        id: Name,
        /// What it does.
        r#type: RowType,
        /// A name for people.
        name: Option<String>,
        /// A name for people.
        label: Option<String>,
        /// The agent to ask.
        agent_id: Option<String>,
        /// Where it stands on the canvas.
        position: Option<Value>,
        /// What its type needs to know.
        config: Option<Template>,
        /// The template of the inputs.
        inputs: Option<Template>,
        /// Values to add to the output.
        outputs: Option<Template>,
        /// Steps to wait for.
        depends_on: Option<Names>,
        /// How often it is tried again.
        retry_count: Option<u32>,
        /// The first pause, in milliseconds.
        retry_delay_ms: Option<f64>,
        /// How long one attempt may take, in milliseconds.
        timeout_ms: Option<f64>,
        /// How long all attempts may take together, in milliseconds.
        deadline_ms: Option<f64>,
        /// What happens when it fails.
        on_error: Option<OnErrorWord>,
        /// What happens when whoever did an attempt of an agent went away.
        on_lost: Option<OnLostWord>,
        /// An expression; if it is false the step is skipped.
        when: Option<Expression>,
        /// What must be true of the steps before it.
        needs: Option<NeedsWord>,
        /// Anything a tool wants to keep. Never read.
        metadata: Option<Template>,
    }

    /// An edge between two nodes.
    struct EdgeForm {
        /// A name of its own.
        id: Option<String>,
        /// The node it leaves.
        source: String,
        /// The node it leads to.
        target: String,
        /// When it is followed: `true` and `false` choose a branch of a condition.
        condition: Option<Value>,
        /// For the canvas.
        label: Option<String>,
        /// For the canvas.
        r#type: Option<String>,
        /// For the canvas.
        source_handle: Option<String>,
        /// For the canvas.
        target_handle: Option<String>,
    }

    /// Branches side by side.
    struct ParallelForm {
        /// How many must complete.
        join: Option<JoinForm>,
        /// The branches.
        branches: Option<Branches>,
    }

    /// A branch of several steps.
    struct BranchBody {
        /// Its name, in a list of branches.
        key: Option<Name>,
        /// Its steps.
        steps: Body,
    }

    /// What to wait for: one of `for`, `until`, `signal` and `approval`.
    struct WaitWays {
        /// A time to pass.
        r#for: Option<Pause>,
        /// The same under another name.
        duration: Option<Pause>,
        /// A moment, as RFC 3339 text or milliseconds since 1970.
        until: Option<TextOrNumber>,
        /// The name of a signal.
        signal: Option<String>,
        /// The question to a person.
        approval: Option<String>,
        /// How long to wait for an answer.
        timeout: Option<DurationText>,
        /// The same in milliseconds.
        timeout_ms: Option<f64>,
        /// What to do when nobody answers in time.
        on_timeout: Option<OnTimeoutWord>,
    }

    /// How a step is tried again.
    struct RetryForm {
        /// How often after the first attempt.
        #[schemars(range(min = 0))]
        max: Option<u32>,
        /// The pause before the second attempt.
        delay: Option<DurationText>,
        /// The same in milliseconds.
        delay_ms: Option<f64>,
        /// By what each further pause is longer.
        #[schemars(range(min = 1, max = 100))]
        factor: Option<f64>,
        /// The longest pause.
        max_delay: Option<DurationText>,
        /// The same in milliseconds.
        max_delay_ms: Option<f64>,
        /// How much of a pause chance may add.
        #[schemars(range(min = 0, max = 1))]
        jitter: Option<f64>,
        /// Kinds of failures to try again.
        on: Option<Names>,
        /// What happens after the last attempt.
        then: Option<FallbackWord>,
    }
}

/// A schema that is one expression of `json_schema!`.
macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident = $generator:ident => $schema:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(PartialEq, Eq, PartialOrd, Ord)]
            struct $name;

            impl JsonSchema for $name {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                    $schema
                }
            }
        )*
    };
}

plain! {
    Name = _generator => json_schema!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,99}$" });
    Names = _generator => json_schema!({
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string", "minLength": 1 } }]
    });
    TextOrNumber = _generator => json_schema!({ "type": ["string", "number"] });
    TextOrMapping = _generator => json_schema!({ "type": ["string", "object"] });
    Expression = _generator => json_schema!({ "type": ["string", "boolean"], "minLength": 1 });
    Items = _generator => json_schema!({ "type": ["string", "array"], "minLength": 1 });
    DurationText = _generator => json_schema!({
        "type": "string",
        "pattern": "^\\s*([0-9]+(\\.[0-9]+)?(ms|s|min|m|h|d)\\s*)+$",
        "examples": ["500ms", "30s", "10m", "1h30m"]
    });
    Pause = _generator => json_schema!({
        "description": "A duration such as `5s`, a number of milliseconds, or a template of either.",
        "anyOf": [
            { "type": "number", "minimum": 0 },
            { "type": "string", "pattern": "\\{\\{|^\\s*([0-9]+(\\.[0-9]+)?(ms|s|min|m|h|d)\\s*)+$" }
        ]
    });
    InputsForm = _generator => json_schema!({
        "type": "object",
        "if": { "required": ["type"], "properties": { "type": { "const": "object" } } },
        "else": {
            "additionalProperties": {
                "anyOf": [
                    { "type": "null" },
                    { "enum": super::inputs::TYPES },
                    {
                        "type": "object",
                        "properties": {
                            "type": { "anyOf": [{ "enum": super::inputs::TYPES }, { "type": "array" }] }
                        }
                    }
                ]
            }
        }
    });
    AgentForm = generator => json_schema!({
        "anyOf": [{ "type": "string" }, generator.subschema_for::<NamedAgentForm>()]
    });
    JoinForm = _generator => json_schema!({
        "anyOf": [{ "enum": ["all", "any"] }, { "type": "integer", "minimum": 1 }]
    });
    WaitForm = generator => json_schema!({
        "anyOf": [generator.subschema_for::<Pause>(), generator.subschema_for::<WaitWays>()]
    });
    RetryOrCount = generator => json_schema!({
        "anyOf": [{ "type": "integer", "minimum": 0 }, generator.subschema_for::<RetryForm>()]
    });
    Body = generator => json_schema!({
        "anyOf": [
            {
                "type": "object",
                "propertyNames": generator.subschema_for::<Name>(),
                "additionalProperties": generator.subschema_for::<StepForm>()
            },
            {
                "type": "array",
                "items": {
                    "if": { "anyOf": [{ "required": ["stepKey"] }, { "required": ["stepType"] }] },
                    "then": generator.subschema_for::<RowForm>(),
                    "else": { "allOf": [generator.subschema_for::<StepForm>(), { "required": ["key"] }] }
                }
            }
        ]
    });
    Branches = generator => json_schema!({
        "anyOf": [
            {
                "type": "object",
                "propertyNames": generator.subschema_for::<Name>(),
                "additionalProperties": generator.subschema_for::<BranchForm>()
            },
            { "type": "array", "items": generator.subschema_for::<BranchForm>() }
        ]
    });
    BranchForm = generator => json_schema!({
        "anyOf": [
            generator.subschema_for::<BranchBody>(),
            generator.subschema_for::<StepForm>(),
            generator.subschema_for::<RowForm>()
        ]
    });
    StepType = _generator => json_schema!({ "enum": super::step::KINDS });
    RowType = _generator => json_schema!({
        "type": "string", "pattern": format!("^(?i:{})$", super::step::KINDS.join("|"))
    });
    NeedsWord = _generator => words(&super::step::NEEDS);
    OnErrorWord = _generator => words(&super::retry::ON_ERROR);
    OnLostWord = _generator => words(&super::retry::ON_LOST);
    OnTimeoutWord = _generator => words(&super::wait::ON_TIMEOUT);
    OverBudgetWord = _generator => words(&super::budget::THEN);
    FallbackWord = _generator => words(&super::retry::FALLBACK);
}

fn words<T>(words: &[(&'static str, T)]) -> Schema {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    json_schema!({ "enum": words })
}
