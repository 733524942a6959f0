//! The agent: reads a configuration, makes a program of the code, has it evaluated.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use turbocat_core::{
    AgentDescription, AgentExecutor, AttemptRequest, BadConfig, FailureKind, StepFailure, StepOutput,
};

use super::cache::Cache;
use super::console::Console;
use super::frame::Frame;
use super::limits::Limits;
use super::program::{Mistake, Program};
use super::report::{Report, code};
use super::sandbox::Sandbox;
use super::settings::{self, Settings, Stage};
use crate::wasm::{PluginError, Plugins};

/// Evaluates JavaScript and TypeScript in a sandbox.
///
/// The usual name to register it under is `code`. `docs/code-agent.md` says what code may be and
/// what it finds.
pub struct CodeAgent {
    sandbox: Sandbox,
    limits: Limits,
    ignores_packages: bool,
    programs: Cache,
}

/// Sets up a [`CodeAgent`].
#[derive(Clone, Debug, Default)]
pub struct CodeAgentBuilder {
    limits: Limits,
    ignores_packages: bool,
}

impl CodeAgentBuilder {
    /// The longest time an attempt may take, whatever its configuration says. Default 300 s: as
    /// long as anybody waits for what only computes.
    #[must_use]
    pub const fn max_time(mut self, longest: Duration) -> Self {
        self.limits.longest = longest;
        self
    }

    /// The most memory that code may have, in bytes, whatever its configuration says; it is also
    /// what code has if its configuration says nothing. Default 128 MiB. The ceiling of the host must
    /// be 32 MiB above, for the engine itself.
    #[must_use]
    pub const fn max_memory(mut self, bytes: u64) -> Self {
        self.limits.memory = bytes;
        self
    }

    /// Bytes of JSON that the value of the code may have. Default 4 MiB: what is longer is a file.
    #[must_use]
    pub const fn max_output(mut self, bytes: u64) -> Self {
        self.limits.output = bytes;
        self
    }

    /// Bytes that are kept of what is printed, for `stdout` and `stderr` each. Default 256 KiB;
    /// what is printed beyond is counted and dropped.
    #[must_use]
    pub const fn max_console(mut self, bytes: u64) -> Self {
        self.limits.console = bytes;
        self
    }

    /// Takes configurations that name packages, and does without them. By default they are
    /// refused: code that needs a package fails when it is compiled and not when it is evaluated.
    #[must_use]
    pub const fn ignore_packages(mut self) -> Self {
        self.ignores_packages = true;
        self
    }

    /// The agent, in a sandbox of that host.
    ///
    /// # Errors
    /// If the host cannot load the sandbox: it has no memory to give, or cannot write its cache.
    pub async fn build(self, plugins: &Plugins) -> Result<CodeAgent, PluginError> {
        Ok(CodeAgent {
            sandbox: Sandbox::load(plugins).await?,
            limits: self.limits,
            ignores_packages: self.ignores_packages,
            programs: Cache::default(),
        })
    }
}

impl CodeAgent {
    /// An agent with the usual limits.
    ///
    /// # Errors
    /// As [`CodeAgentBuilder::build`].
    pub async fn new(plugins: &Plugins) -> Result<Self, PluginError> {
        Self::builder().build(plugins).await
    }

    /// An agent that is still to be set up.
    pub fn builder() -> CodeAgentBuilder {
        CodeAgentBuilder::default()
    }
}

#[async_trait]
impl AgentExecutor for CodeAgent {
    fn describe(&self) -> AgentDescription {
        let mut description = AgentDescription::default();
        description.description = Some("evaluates JavaScript or TypeScript in a sandbox".to_owned());
        description.config = Some(settings::schema());
        description.output = Some(json!({
            "type": "object",
            "required": ["returnValue", "stdout", "stderr", "exitCode"],
            "properties": {
                "returnValue": { "description": "what the code returned, as JSON" },
                "stdout": { "type": "string" },
                "stderr": { "type": "string" },
                "exitCode": { "type": "integer" },
            },
        }));
        description
    }

    fn check(&self, config: &Value) -> Vec<BadConfig> {
        let reading = Settings::read(config, &self.limits, Stage::Written, self.ignores_packages);
        let (settings, mut wrong) = (reading.settings, reading.wrong);
        let open = |name: &str| config[name].as_str().is_some_and(|text| text.contains("{{"));
        // A language that is not known would make mistakes of what is none.
        let judged = wrong.is_empty() && !["code", "runtime", "language"].into_iter().any(open);
        if judged
            && !settings.code.is_empty()
            && let Err(mistakes) = self.programs.program(settings.code, settings.entry, settings.language)
        {
            let known = |mistake: &Mistake| !(mistake.entry && open("entryFunction"));
            wrong.extend(mistakes.iter().filter(|mistake| known(mistake)).map(bad_config));
        }
        wrong
    }

    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let config = request.config();
        let reading = Settings::read(config, &self.limits, Stage::Evaluated, self.ignores_packages);
        if !reading.wrong.is_empty() {
            return Err(unfit(&reading.wrong));
        }
        let settings = reading.settings;
        let program = self
            .programs
            .program(settings.code, settings.entry, settings.language)
            .map_err(|mistakes| incorrect(&mistakes))?;
        let input = self.input(&request, &settings, &program)?;

        let most = self.limits.console;
        let (console, speaking) = Console::listen(&request, most);
        let called = self.sandbox.call(&input, settings.memory, settings.timeout, most, &speaking).await;
        let output = called.map_err(|failure| ended(failure, &settings, &console))?;
        let usage = output.usage.map(|usage| *usage).unwrap_or_default();
        match Report::read(output.value).and_then(|report| report.outcome(&program)) {
            Ok(value) => Ok(StepOutput::from(value).used(usage)),
            Err(failure) => Err(failure.used(usage)),
        }
    }
}

impl CodeAgent {
    fn input(
        &self,
        request: &AttemptRequest,
        settings: &Settings<'_>,
        program: &Program,
    ) -> Result<Vec<u8>, StepFailure> {
        let key = request.idempotency_key();
        let context = json!({
            "execution": request.execution().to_string(),
            "step": request.step(),
            "path": request.path(),
            "attempt": request.attempt,
            "idempotencyKey": key,
        });
        let frame = Frame {
            form: program.form,
            seed: seed(&key),
            memory: settings.memory,
            output: self.limits.output,
            console: self.limits.console,
            file: program.file,
            source: &program.source,
            export: &program.export,
            env: &serde_json::to_string(&settings.env)?,
            context: &context.to_string(),
            inputs: &serde_json::to_string(&*request.inputs)?,
        };
        Ok(frame.write())
    }
}

/// What `Math.random` starts from: the same for each attempt of a step, so that another attempt
/// makes the same choices (FNV-1a).
fn seed(key: &str) -> u64 {
    key.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn bad_config(mistake: &Mistake) -> BadConfig {
    let at = if mistake.entry { "/entryFunction" } else { "/code" };
    let bad = BadConfig::at(at, mistake.sentence());
    match &mistake.help {
        Some(help) => bad.help(help.clone()),
        None => bad,
    }
}

/// The configuration cannot be what was meant.
fn unfit(wrong: &[BadConfig]) -> StepFailure {
    let sentences: Vec<String> = wrong
        .iter()
        .map(|bad| match &bad.help {
            Some(help) => format!("{} ({help})", bad.message),
            None => bad.message.clone(),
        })
        .collect();
    StepFailure::new(FailureKind::INPUT, sentences.join("; ")).permanent()
}

/// The code is no correct JavaScript or TypeScript.
fn incorrect(mistakes: &[Mistake]) -> StepFailure {
    let sentences: Vec<String> = mistakes.iter().map(Mistake::sentence).collect();
    let mut detail = json!({ "exitCode": 1, "stdout": "", "stderr": "" });
    if let Some(place) = mistakes.first().and_then(|first| first.place) {
        detail["line"] = place.line.into();
        detail["column"] = place.column.into();
    }
    StepFailure::new(code(), sentences.join("; ")).permanent().detail(detail)
}

/// The call was ended from outside: said in words about the code, with what it had printed.
fn ended(failure: StepFailure, settings: &Settings<'_>, console: &Console) -> StepFailure {
    let (stdout, stderr) = console.kept();
    let mut detail = json!({ "exitCode": null, "stdout": stdout, "stderr": stderr });
    let usage = failure.usage.clone();
    let limit = failure.detail.as_ref().and_then(|detail| detail["limit"].as_str()).unwrap_or_default();
    let mut told = match (failure.kind.as_str(), limit) {
        ("timeout", _) => {
            let milliseconds = settings.timeout.as_millis();
            StepFailure::new(FailureKind::TIMEOUT, format!("the code took longer than {milliseconds} ms"))
        }
        ("limit", "memory") => {
            detail["limit"] = "memory".into();
            let message = format!("the code needs more than the {} bytes of memory allowed", settings.memory);
            StepFailure::new(FailureKind::LIMIT, message).permanent()
        }
        ("limit", "stack") => {
            detail["limit"] = "stack".into();
            StepFailure::new(FailureKind::LIMIT, "the code nests its calls or its values too deep")
                .permanent()
        }
        ("limit", "log") => {
            detail["limit"] = "console".into();
            StepFailure::new(FailureKind::LIMIT, "the code prints too often").permanent()
        }
        ("limit", "values") => {
            detail["limit"] = "output".into();
            StepFailure::new(FailureKind::LIMIT, "the value of the code has too many parts").permanent()
        }
        _ => failure,
    };
    told.usage = usage;
    told.detail(detail)
}

impl fmt::Debug for CodeAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeAgent").field("limits", &self.limits).finish_non_exhaustive()
    }
}
