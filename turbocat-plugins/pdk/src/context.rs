//! What an agent may ask and tell while it works.

use std::fmt;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::http::{Request, Response};
use crate::wire;

/// How weighty a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever looks for a fault in the plugin.
    Trace,
    /// For whoever writes workflows with it.
    Debug,
    /// What happens.
    Info,
    /// What should not go on so.
    Warn,
    /// What went wrong.
    Error,
}

/// The side that serves a plugin: the host, or a test.
pub(crate) trait Host {
    fn log(&self, level: Level, message: &str);
    fn progress(&self, progress: &Value);
    fn http(&self, request: Request) -> Result<Response, Failure>;
    fn secret(&self, name: &str) -> Option<String>;
    fn state_get(&self, key: &str) -> Option<Vec<u8>>;
    fn state_set(&self, key: &str, value: Option<&[u8]>);
}

/// What an agent may ask and tell while it works. In tests [`Context::test`] makes one.
///
/// What was not granted to the plugin ends the call at once: there is no error to handle.
pub struct Context {
    pub(crate) call: wire::Context,
    host: Rc<dyn Host>,
}

impl Context {
    pub(crate) fn new(call: wire::Context, host: Rc<dyn Host>) -> Self {
        Self { call, host }
    }

    /// The identity of the execution.
    pub fn execution(&self) -> &str {
        &self.call.execution
    }

    /// The key of the step, such as `summarise`.
    pub fn step(&self) -> &str {
        &self.call.step
    }

    /// The path of the step, such as `perStory[3].summarise`.
    pub fn path(&self) -> &str {
        &self.call.path
    }

    /// Which attempt of the step this is, from one.
    pub const fn attempt(&self) -> u32 {
        self.call.attempt
    }

    /// The same for every attempt of this step in this execution, and for nothing else: hand it
    /// to the other side, so that a second attempt does not act twice.
    pub fn idempotency_key(&self) -> &str {
        &self.call.idempotency_key
    }

    /// The configuration of the agent as a type of your own.
    ///
    /// # Errors
    /// A failure of kind `config` that no further attempt would mend.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let config = match &self.call.config {
            Value::Null => Value::Object(serde_json::Map::new()),
            config => config.clone(),
        };
        serde_json::from_value(config).map_err(|error| {
            Failure::new("config", format!("the configuration does not fit: {error}")).permanent()
        })
    }

    /// Writes a line into the log of the execution.
    pub fn log(&self, level: Level, message: impl AsRef<str>) {
        self.host.log(level, message.as_ref());
    }

    /// Writes a line for whoever writes workflows with the plugin.
    pub fn debug(&self, message: impl AsRef<str>) {
        self.log(Level::Debug, message);
    }

    /// Writes a line about what happens.
    pub fn info(&self, message: impl AsRef<str>) {
        self.log(Level::Info, message);
    }

    /// Writes a line about what should not go on so.
    pub fn warn(&self, message: impl AsRef<str>) {
        self.log(Level::Warn, message);
    }

    /// Writes a line about what went wrong.
    pub fn error(&self, message: impl AsRef<str>) {
        self.log(Level::Error, message);
    }

    /// Tells whoever watches how far the work is: a value that workflows and people understand.
    pub fn progress(&self, progress: impl Into<Value>) {
        self.host.progress(&progress.into());
    }

    /// Sends a request and waits for the response, whatever its status.
    ///
    /// A host may end the call if nothing comes back at all; Turbocat's does, with a failure of kind
    /// `http`.
    ///
    /// # Errors
    /// If nothing came back and the host leaves it to the plugin.
    pub fn http(&self, request: Request) -> Result<Response, Failure> {
        self.host.http(request)
    }

    /// The secret of that name.
    ///
    /// # Errors
    /// A failure of kind `secret` if there is none.
    pub fn secret(&self, name: &str) -> Result<String, Failure> {
        self.host
            .secret(name)
            .ok_or_else(|| Failure::new("secret", format!("there is no secret `{name}`")).permanent())
    }

    /// Values that are kept under the plugin's name, for all executions.
    pub fn state(&self) -> State<'_> {
        State { host: &*self.host }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("call", &self.call).finish_non_exhaustive()
    }
}

/// Values that are kept under the plugin's name, for all executions.
pub struct State<'a> {
    host: &'a dyn Host,
}

impl State<'_> {
    /// The value of a key, if there is one.
    ///
    /// # Errors
    /// If it is not of that type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        let value = self.host.state_get(key).map(|bytes| serde_json::from_slice(&bytes)).transpose();
        value.map_err(|error| {
            Failure::new("state", format!("what is kept as `{key}` does not fit: {error}")).permanent()
        })
    }

    /// Keeps a value.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<(), Failure> {
        let value = serde_json::to_vec(value)?;
        self.host.state_set(key, Some(&value));
        Ok(())
    }

    /// Forgets a value.
    pub fn remove(&self, key: &str) {
        self.host.state_set(key, None);
    }
}

impl fmt::Debug for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}
