//! A context for unit tests: an agent is called as the function it is, without WebAssembly.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use serde::Serialize;
use serde_json::Value;

use crate::context::{Context, Host, Level};
use crate::failure::Failure;
use crate::http::{Request, Response};
use crate::wire;

type Http = Box<dyn Fn(&Request) -> Response>;

/// A [`Context`] for unit tests, and what an agent did with it.
///
/// It has the secrets and values it was given and no others, and there is no network: requests go
/// to the closure. Nothing has to be granted; what a plugin is denied, `turbocat plugin test`
/// shows.
///
/// ```
/// use turbocat_pdk::{Context, Failure, Request, Response};
///
/// fn weather(city: String, cx: &Context) -> Result<String, Failure> {
///     let key = cx.secret("WEATHER_KEY")?;
///     let url = format!("https://weather.example/{city}?key={key}");
///     Ok(cx.http(Request::get(url))?.ok()?.text()?.to_owned())
/// }
///
/// let cx = Context::test()
///     .secret("WEATHER_KEY", "k")
///     .http(|request| {
///         assert_eq!(request.url(), "https://weather.example/Oslo?key=k");
///         Response::new(200, "rain")
///     });
/// assert_eq!(weather("Oslo".into(), &cx).unwrap(), "rain");
/// ```
pub struct TestContext {
    context: Context,
    host: Rc<TestHost>,
}

#[derive(Default)]
struct TestHost {
    secrets: RefCell<BTreeMap<String, String>>,
    state: RefCell<BTreeMap<String, Vec<u8>>>,
    http: RefCell<Option<Http>>,
    logs: RefCell<Vec<(Level, String)>>,
    progress: RefCell<Vec<Value>>,
}

impl Context {
    /// A context for unit tests.
    pub fn test() -> TestContext {
        let host = Rc::new(TestHost::default());
        let call = wire::Context {
            execution: "test".to_owned(),
            step: "test".to_owned(),
            path: "test".to_owned(),
            attempt: 1,
            idempotency_key: "test/test".to_owned(),
            config: Value::Null,
        };
        TestContext { context: Self::new(call, host.clone()), host }
    }
}

impl TestContext {
    /// The same with a secret.
    #[must_use]
    pub fn secret(self, name: &str, value: &str) -> Self {
        self.host.secrets.borrow_mut().insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with somebody who answers requests.
    #[must_use]
    pub fn http(self, answer: impl Fn(&Request) -> Response + 'static) -> Self {
        *self.host.http.borrow_mut() = Some(Box::new(answer));
        self
    }

    /// The same with a value that was kept before.
    ///
    /// # Panics
    /// If the value cannot be written as JSON.
    #[must_use]
    pub fn state<T: Serialize + ?Sized>(self, key: &str, value: &T) -> Self {
        let value = serde_json::to_vec(value).unwrap_or_else(|error| panic!("the value of `{key}`: {error}"));
        self.host.state_set(key, Some(&value));
        self
    }

    /// The same with a configuration.
    #[must_use]
    pub fn config(mut self, config: impl Into<Value>) -> Self {
        self.context.call.config = config.into();
        self
    }

    /// The same as the attempt of that number.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.context.call.attempt = attempt;
        self
    }

    /// The lines that were written into the log.
    pub fn logged(&self) -> Vec<(Level, String)> {
        self.host.logs.borrow().clone()
    }

    /// What was told of progress.
    pub fn progressed(&self) -> Vec<Value> {
        self.host.progress.borrow().clone()
    }

    /// What is kept under a key.
    pub fn kept(&self, key: &str) -> Option<Value> {
        let state = self.host.state.borrow();
        state.get(key).and_then(|bytes| serde_json::from_slice(bytes).ok())
    }
}

impl Deref for TestContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

impl fmt::Debug for TestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestContext").field("context", &self.context).finish_non_exhaustive()
    }
}

impl Host for TestHost {
    fn log(&self, level: Level, message: &str) {
        self.logs.borrow_mut().push((level, message.to_owned()));
    }

    fn progress(&self, progress: &Value) {
        self.progress.borrow_mut().push(progress.clone());
    }

    fn http(&self, request: Request) -> Result<Response, Failure> {
        match &*self.http.borrow() {
            Some(answer) => Ok(answer(&request)),
            None => {
                Err(Failure::new("http", "nobody answers in this test; give it `Context::test().http(…)`"))
            }
        }
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.secrets.borrow().get(name).cloned()
    }

    fn state_get(&self, key: &str) -> Option<Vec<u8>> {
        self.state.borrow().get(key).cloned()
    }

    fn state_set(&self, key: &str, value: Option<&[u8]>) {
        let mut state = self.state.borrow_mut();
        match value {
            Some(value) => state.insert(key.to_owned(), value.to_vec()),
            None => state.remove(key),
        };
    }
}
