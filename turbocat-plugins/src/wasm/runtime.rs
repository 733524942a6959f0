//! Another runtime of WebAssembly in place of this crate's: what it has to do, and what it is given
//! to do it with. Sources, pins, manifests, schemas, grants, limits, secrets, state and the way out
//! stay with the host.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::OwnedSemaphorePermit;
use turbocat_core::Level;

use super::guest::Guest;
use super::limits::Limits;
use super::request;
use super::stop::Stop;

/// A runtime of WebAssembly.
///
/// A module that gets here was read by the host's own compiler: it imports nothing that the host does
/// not have, with the parameters the host has, and its agents are functions `() -> i32`.
pub trait Runtime: Send + Sync + 'static {
    /// Makes a module ready to be called. It may take its time: nobody waits on this thread.
    ///
    /// # Errors
    /// If it is none that this runtime takes.
    fn prepare(&self, wasm: &[u8]) -> Result<Arc<dyn Runnable>, Box<dyn Error + Send + Sync>>;
}

/// A module that is ready to be called.
#[async_trait]
pub trait Runnable: Send + Sync + 'static {
    /// Calls a function in a clean instance, within the [limits](Session::limits) of the session, and
    /// asks the session for all that the function imports from outside of itself.
    ///
    /// A call whose future is dropped stops soon, and takes nobody along. What never comes back gives
    /// back no session: that is an error, in words.
    async fn run(&self, function: &str, input: Vec<u8>, session: Session)
    -> Result<(Session, Ended), String>;
}

/// How a call ended on another runtime.
#[derive(Debug)]
#[non_exhaustive]
pub enum Ended {
    /// The function returned this number, and set this output.
    Returned(i32, Vec<u8>),
    /// The plugin left through WASI with this code.
    Exited(i32),
    /// Its output is longer than it may be.
    TooMuchOutput,
    /// It took longer than it may.
    TimedOut,
    /// It needs more memory than it may have.
    OutOfMemory,
    /// It recursed deeper than its stack, of so many bytes.
    StackOverflow(u64),
    /// It trapped, in the runtime's words. A call that a session stopped traps as well: the session
    /// knows better.
    Trapped(String),
}

/// The host has ended the call, and the plugin is to be called no further.
#[derive(Debug)]
pub struct Stopped(());

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host ended the call")
    }
}

impl Error for Stopped {}

/// One call as another runtime sees it: what the plugin is given when it asks, held against its
/// grants. Each method is the import of that name; what comes from the plugin is believed in nothing.
pub struct Session {
    pub(super) guest: Guest,
    pub(super) stop: Option<Stop>,
    pub(super) error: Option<Vec<u8>>,
    /// How long the plugin waited for the host.
    pub(super) waited: Duration,
    /// Room for the instance, until nothing of it is left.
    _slot: OwnedSemaphorePermit,
}

impl Session {
    pub(super) const fn new(guest: Guest, slot: OwnedSemaphorePermit) -> Self {
        Self { guest, stop: None, error: None, waited: Duration::ZERO, _slot: slot }
    }

    /// How far the call may go. Log, state and HTTP are counted here.
    pub const fn limits(&self) -> &Limits {
        &self.guest.limits
    }

    /// How long it may still take; `None` is for ever.
    pub fn time_left(&self) -> Option<Duration> {
        self.guest.time_left()
    }

    /// `config_get`.
    ///
    /// # Errors
    /// If the key is no text.
    pub fn setting(&mut self, key: Vec<u8>) -> Result<Option<String>, Stopped> {
        let setting = self.text(key).and_then(|key| self.guest.setting(&key));
        self.told(setting)
    }

    /// `log_…`; what has no level is counted and goes nowhere.
    ///
    /// # Errors
    /// If it logs too much.
    pub fn log(&mut self, level: Option<Level>, message: &[u8]) -> Result<(), Stopped> {
        let counted = self.guest.count_logged(message.len());
        self.told(counted)?;
        if let Some(level) = level {
            self.guest.tell(level, String::from_utf8_lossy(message).into_owned());
        }
        Ok(())
    }

    /// `turbocat_progress`.
    ///
    /// # Errors
    /// If it says too much, or no JSON.
    pub fn progress(&mut self, json: &[u8]) -> Result<(), Stopped> {
        let counted = self.guest.count_logged(json.len());
        let done = counted.and_then(|()| self.guest.progress(json));
        self.told(done)
    }

    /// `turbocat_secret`.
    ///
    /// # Errors
    /// If it is not granted.
    pub async fn secret(&mut self, name: Vec<u8>) -> Result<Option<String>, Stopped> {
        let name = self.text(name);
        let name = self.told(name)?;
        let begun = Instant::now();
        let secret = self.guest.secret(&name).await;
        self.waited += begun.elapsed();
        self.told(secret)
    }

    /// `turbocat_state_get`.
    ///
    /// # Errors
    /// If it is not granted, or the store fails.
    pub async fn state_get(&mut self, key: Vec<u8>) -> Result<Option<Vec<u8>>, Stopped> {
        let key = self.text(key);
        let key = self.told(key)?;
        let begun = Instant::now();
        let value = self.guest.state_get(&key).await;
        self.waited += begun.elapsed();
        self.told(value)
    }

    /// `turbocat_state_set`; no value forgets the key.
    ///
    /// # Errors
    /// If it is not granted, or too large, or the store fails.
    pub async fn state_set(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) -> Result<(), Stopped> {
        let key = self.text(key);
        let key = self.told(key)?;
        let begun = Instant::now();
        let done = self.guest.state_set(&key, value).await;
        self.waited += begun.elapsed();
        self.told(done)
    }

    /// `http_request`: the body of the answer.
    ///
    /// # Errors
    /// If it is not granted or leads inside, or nothing comes back.
    pub async fn http(&mut self, asked: &[u8], body: Option<Vec<u8>>) -> Result<Vec<u8>, Stopped> {
        let begun = Instant::now();
        let answer = request::send(&mut self.guest, asked, body).await;
        self.waited += begun.elapsed();
        self.told(answer)
    }

    /// `http_status_code`: of the last answer, or 0.
    pub const fn http_status(&self) -> u16 {
        self.guest.http.status
    }

    /// `http_headers`: of the last answer, as JSON.
    pub fn http_headers(&self) -> Option<&[u8]> {
        self.guest.http.headers.as_deref()
    }

    /// `error_set`: why the function is about to fail; nothing takes it back.
    pub fn fail(&mut self, error: Option<Vec<u8>>) {
        self.error = error;
    }

    /// Ends the call: the plugin broke the rules between it and the host, in these words.
    pub fn broken(&mut self, what: &str) -> Stopped {
        let stop = self.guest.broken(what);
        self.stopped(stop)
    }

    fn text(&self, bytes: Vec<u8>) -> Result<String, Stop> {
        String::from_utf8(bytes).map_err(|_| self.guest.broken("what it hands the host as text is not UTF-8"))
    }

    fn told<T>(&mut self, done: Result<T, Stop>) -> Result<T, Stopped> {
        done.map_err(|stop| self.stopped(stop))
    }

    /// The first reason is the one that counts.
    fn stopped(&mut self, stop: Stop) -> Stopped {
        self.stop.get_or_insert(stop);
        Stopped(())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("plugin", &self.guest.name()).finish_non_exhaustive()
    }
}
