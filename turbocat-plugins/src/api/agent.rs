//! The agent: sends, tries again, and tells how it went.

use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use http::{HeaderName, HeaderValue};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use turbocat_core::{
    AgentDescription, AgentExecutor, AttemptRequest, BadConfig, FailureKind, Level, StepFailure, StepOutput,
    Usage,
};

use super::answer::Answer;
use super::headers::guard;
use super::method::may_act_twice;
use super::reader::Stage;
use super::retry::{asked_pause, chance};
use super::schema::{config_schema, output_schema};
use super::settings::{Settings, read};
use super::shown::without_secrets;
use crate::net::{Egress, EgressError, Outgoing};

/// Sends HTTP requests.
///
/// ```
/// use turbocat_core::Engine;
/// use turbocat_plugins::api::ApiAgent;
/// use turbocat_plugins::net::Egress;
///
/// let egress = Egress::builder().allow("intranet.example").build()?;
/// let engine = Engine::builder().agent("api", ApiAgent::new(egress)).build();
/// # Ok::<(), turbocat_plugins::net::EgressError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ApiAgent {
    egress: Egress,
}

impl ApiAgent {
    /// One that goes out that way.
    pub const fn new(egress: Egress) -> Self {
        Self { egress }
    }
}

#[async_trait]
impl AgentExecutor for ApiAgent {
    fn describe(&self) -> AgentDescription {
        let mut description = AgentDescription::default();
        description.description = Some("sends an HTTP request".to_owned());
        description.config = Some(config_schema());
        description.output = Some(output_schema());
        description.capabilities = vec!["http".to_owned()];
        description.encoded = vec!["url".to_owned()];
        description
    }

    fn check(&self, config: &Value) -> Vec<BadConfig> {
        read(config, Stage::Written).1
    }

    async fn execute(&self, request: AttemptRequest) -> Result<StepOutput, StepFailure> {
        let (mut settings, found) = read(request.config(), Stage::Evaluated);
        if let Some(bad) = found.first() {
            return Err(unfit(bad));
        }
        let Some(url) = settings.url.take() else {
            return Err(unfit(&BadConfig::at("/url", "`url` is required")));
        };
        settings.shown = without_secrets(&settings.shown, |text| request.redact(text));
        guard(&mut settings.headers, |text| request.redact(text));
        if may_act_twice(&settings.method) {
            settings
                .headers
                .entry(HeaderName::from_static("idempotency-key"))
                .or_insert_with(|| idempotency_key(&request.idempotency_key()));
        }
        let mut usage = Usage::default();
        let call = Call { egress: &self.egress, request: &request, settings: &settings, url: &url };
        match call.until_answered(&mut usage).await {
            Ok(output) => Ok(StepOutput::from(output).used(usage)),
            Err(failure) => Err(failure.used(usage)),
        }
    }
}

/// One request of a step, tried as often as need be.
struct Call<'a> {
    egress: &'a Egress,
    request: &'a AttemptRequest,
    settings: &'a Settings,
    url: &'a Url,
}

impl Call<'_> {
    async fn until_answered(&self, usage: &mut Usage) -> Result<Value, StepFailure> {
        let Settings { method, shown, retries, .. } = self.settings;
        self.request.log(Level::Info, format!("{method} {shown}"), None);
        if self.settings.idle_body {
            self.request.log(Level::Warn, format!("a {method} carries no body: `body` is not sent"), None);
        }
        let mut tried = 0;
        loop {
            tried += 1;
            if retries.count > 0 {
                self.request.progress(json!({ "try": tried, "of": retries.count + 1 }));
            }
            let result = self.once(usage).await;
            let (asked, why) = match &result {
                Ok(answer) if retries.retries(answer.status) => (
                    asked_pause(&answer.headers, SystemTime::now()),
                    format!("status {}", answer.status.as_u16()),
                ),
                Ok(_) => return self.settle(result, tried - 1),
                Err(error) if error.is_retryable() => (None, error.to_string()),
                Err(_) => return self.settle(result, tried - 1),
            };
            let Some(pause) = retries.pause(tried, asked, chance()) else {
                return self.settle(result, tried - 1);
            };
            self.request.log(
                Level::Warn,
                format!("{why}; trying again in {} ms", pause.as_millis()),
                Some(json!({ "retry": tried, "of": retries.count })),
            );
            tokio::time::sleep(pause).await;
        }
    }

    /// One try.
    async fn once(&self, usage: &mut Usage) -> Result<Answer, EgressError> {
        let settings = self.settings;
        let mut outgoing = Outgoing::new(settings.method.clone(), self.url.clone())
            .timeout(settings.timeout)
            .redirects(settings.redirects)
            .max_bytes(settings.max_bytes);
        outgoing.headers.clone_from(&settings.headers);
        outgoing.body.clone_from(&settings.body);
        let sent = outgoing.body.as_ref().map_or(0, Vec::len) as u64;
        let start = Instant::now();
        usage.api_calls += 1;
        let mut incoming = self.egress.send(outgoing).await?;
        usage.network_bytes += sent;
        let body = incoming.bytes().await;
        usage.network_bytes += incoming.received();
        let answer = Answer {
            status: incoming.status(),
            headers: incoming.headers().clone(),
            body: body?,
            took: start.elapsed(),
        };
        Ok(match &settings.disguised {
            Some(secret) => answer.without(secret),
            None => answer,
        })
    }

    /// What the step gets in the end.
    fn settle(&self, result: Result<Answer, EgressError>, retries: u32) -> Result<Value, StepFailure> {
        let settings = self.settings;
        let answer = result.map_err(|error| {
            self.request.log(Level::Error, error.to_string(), None);
            error.failure()
        })?;
        let code = answer.status.as_u16();
        let output = {
            let redact = |text: &str| self.request.redact(text);
            answer.output(settings.response_type, &settings.shown, retries, redact)
        };
        let took = answer.took.as_millis();
        let size = answer.body.len();
        let fails = settings.fail_on.contains(answer.status);
        let level = if fails { Level::Error } else { Level::Info };
        self.request.log(level, format!("status {code} after {took} ms, {size} bytes"), None);
        if !fails {
            return Ok(output);
        }
        Err(refused_by_status(&answer, output))
    }
}

/// A status that is a failure, with the answer for whoever wants to look.
fn refused_by_status(answer: &Answer, mut output: Value) -> StepFailure {
    /// Failures are kept with the execution: enough to read an error, too little to fill a disk.
    const KEPT: usize = 16 << 10;
    if answer.body.len() > KEPT
        && let Some(data) = output.get_mut("data")
    {
        let text = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
        *data = Value::String(text.chars().take(KEPT).collect());
    }
    let code = answer.status.as_u16();
    let message = format!("the server answered {code} {}", answer.phrase());
    let failure =
        StepFailure::new(FailureKind::new(format!("http.{code}")), message.trim_end()).detail(output);
    let failure = match asked_pause(&answer.headers, SystemTime::now()) {
        Some(pause) => failure.retry_after(pause.min(A_DAY)),
        None => failure,
    };
    // a request that is wrong stays wrong
    if matches!(code, 408 | 425 | 429 | 500..) { failure } else { failure.permanent() }
}

/// Nobody is believed who says to come again in a year.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The other side may know by it that it did this already. The same for every attempt of the step.
///
/// A key that is too long for a header, or has letters that are none there, becomes its digest.
fn idempotency_key(key: &str) -> HeaderValue {
    let fits = key.len() <= 255 && key.bytes().all(|byte| byte.is_ascii_graphic());
    let digest = || Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let text = if fits { key.to_owned() } else { digest() };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unknown"))
}

/// The configuration is not what the agent takes.
fn unfit(bad: &BadConfig) -> StepFailure {
    let message = match &bad.help {
        Some(help) => format!("{}; help: {help}", bad.message),
        None => bad.message.clone(),
    };
    StepFailure::new(FailureKind::INPUT, message).permanent().detail(json!({ "setting": bad.at }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_always_fits_into_a_header() {
        assert_eq!(idempotency_key("id/loop[3].send"), "id/loop[3].send");
        let keys = [
            "id/größe".to_owned(),
            "id/grösse".to_owned(),
            "a b".to_owned(),
            "x".repeat(256),
            "x".repeat(257),
        ];
        let mut digests: Vec<String> =
            keys.iter().map(|key| idempotency_key(key).to_str().unwrap().to_owned()).collect();
        assert!(
            digests.iter().all(|text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        );
        digests.dedup();
        assert_eq!(digests.len(), keys.len());
    }
}
