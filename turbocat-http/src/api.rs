//! What requests need: tables, engine, settings, and who hears what happened.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use tokio::sync::{Notify, watch};
use turbocat_core::{Engine, EngineBuilder, Timestamp};
use turbocat_plugins::net::Egress;
use turbocat_storage::platform::{Hidden, Platform, Seeded};
use turbocat_storage::{Database, Store, vault::Keyring};

use crate::auth::mail::Mailer;
use crate::auth::oauth::Providers;
use crate::auth::tokens::Tokens;
use crate::background::Background;
use crate::edge::limit::Limiter;
use crate::events::Bus;
use crate::metrics::Metrics;
use crate::plans::Plans;
use crate::recorder::Recorder;
use crate::reports::Reports;
use crate::sealed::PlatformSecrets;
use crate::settings::Settings;
use crate::triggers::Ticking;

/// The platform, as requests see it. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    settings: Settings,
    store: Store,
    platform: Platform,
    engine: Engine,
    keyring: Keyring,
    tokens: Tokens,
    limiter: Limiter,
    mailer: Mailer,
    events: Bus,
    plans: Plans,
    reports: Reports,
    recorder: Recorder,
    /// Whether those who watch are told to go.
    hung_up: watch::Sender<bool>,
    /// What is due is started from when everything else is there.
    ticking: OnceLock<Ticking>,
    began: Instant,
    providers: Providers,
    egress: Egress,
    metrics: Metrics,
    background: Background,
    moved: Arc<Notify>,
    due: Arc<Notify>,
}

/// The platform, as tasks of its own see it: it does not stay for them.
#[derive(Clone, Debug)]
pub(crate) struct Distant(Weak<Inner>);

impl Distant {
    /// The platform, if it is still there.
    pub(crate) fn near(&self) -> Option<Api> {
        self.0.upgrade().map(Api)
    }
}

/// Configures an [`Api`].
#[must_use = "a builder does nothing until `build`"]
pub struct ApiBuilder {
    settings: Settings,
    store: Store,
    engine: Option<Engine>,
    more: Option<Extend>,
    keyring: Option<Keyring>,
    egress: Option<Egress>,
}

/// Adds something to the default engine.
type Extend = Box<dyn FnOnce(EngineBuilder) -> EngineBuilder + Send>;

impl fmt::Debug for ApiBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl ApiBuilder {
    /// The settings. Default: [`Settings::development`].
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The engine that executes. It must keep executions in the same store, and be given
    /// [`PlatformSecrets`](crate::PlatformSecrets) with the same keyring if agents shall have secrets.
    /// Default: one with the built-in agents.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Adds to the default engine: agents, plugins, limits. It is not asked if there is another engine.
    pub fn extend_engine(
        mut self,
        extend: impl FnOnce(EngineBuilder) -> EngineBuilder + Send + 'static,
    ) -> Self {
        self.more = Some(Box::new(extend));
        self
    }

    /// The keys that seal secrets. Default: one that is made up, so that secrets cannot be opened
    /// after the process has ended.
    pub fn keyring(mut self, keyring: Keyring) -> Self {
        self.keyring = Some(keyring);
        self
    }

    /// The way out, to those who are told of events. Default: one that reaches nobody inside.
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = Some(egress);
        self
    }

    /// The platform. It writes down what is done from a task of its own, so there must be a runtime.
    ///
    /// # Errors
    /// If a setting cannot be used: the address of a mail server, a secret.
    pub fn build(self) -> Result<Api, SetupError> {
        let Self { settings, store, engine, more, keyring, egress } = self;
        let keyring = match keyring {
            Some(keyring) => keyring,
            None => Keyring::new("made-up", &crate::secure::random_hex::<32>()).map_err(SetupError::new)?,
        };
        let clock = store.clone();
        let platform = Platform::new(store.database().clone()).with_clock(move || clock.now());
        let (reports, lines) = Reports::new();
        let engine = engine.unwrap_or_else(|| {
            let secrets = PlatformSecrets::new(keyring.clone());
            let builder = Engine::builder().store(store.clone()).secrets(secrets).observer(reports.clone());
            let builder = turbocat_plugins::builtin(builder, &turbocat_plugins::Builtin::new());
            match more {
                Some(extend) => extend(builder).build(),
                None => builder.build(),
            }
        });
        let tokens = Tokens::new(&settings);
        let limiter = Limiter::new(&platform, settings.limits);
        let mailer = Mailer::new(&settings)?;
        let events = Bus::new(platform.clone());
        let providers = Providers::new()?;
        let recorder = Recorder::begin(&store, &platform, &events, lines);
        let hung_up = watch::channel(false).0;
        let (plans, began) = (Plans::default(), Instant::now());
        let inner = Inner {
            settings,
            store,
            platform,
            engine,
            keyring,
            tokens,
            limiter,
            mailer,
            events,
            providers,
            plans,
            reports,
            recorder,
            hung_up,
            ticking: OnceLock::new(),
            began,
            egress: egress.unwrap_or_default(),
            metrics: Metrics::new(),
            background: Background::new(),
            moved: Arc::new(Notify::new()),
            due: Arc::new(Notify::new()),
        };
        let api = Api(Arc::new(inner));
        api.0.ticking.get_or_init(|| Ticking::begin(&api));
        api.0.background.begin(api.distant(), crate::deployments::look_after);
        api.0.background.begin(api.distant(), crate::webhooks::deliver);
        api.0.background.begin(api.distant(), crate::housekeeping::keep_house);
        Ok(api)
    }
}

impl Api {
    /// The platform over a store.
    pub fn builder(store: Store) -> ApiBuilder {
        ApiBuilder {
            settings: Settings::development(),
            store,
            engine: None,
            more: None,
            keyring: None,
            egress: None,
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Where executions are kept.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The tables.
    pub fn platform(&self) -> &Platform {
        &self.0.platform
    }

    /// The database.
    pub fn database(&self) -> &Database {
        self.0.platform.database()
    }

    /// Who executes.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Makes the sample users, agents, workflows and templates, those that are not there yet; the
    /// administrator with this password.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn seed(&self, password: Option<&str>) -> Result<Seeded, SetupError> {
        let hash = match password {
            Some(password) => {
                let hash = crate::auth::password::hash(password).await;
                Some(Hidden::new(hash.map_err(|_| SetupError::new("the password cannot be hashed"))?))
            }
            None => None,
        };
        self.platform().seed(hash).await.map_err(SetupError::new)
    }

    /// Waits until everything that was done so far is written down.
    pub async fn flush(&self) {
        self.0.events.flush().await;
    }

    /// Ends the streams of those who watch, which end by nothing else: before the server is stopped.
    pub fn hang_up(&self) {
        self.0.hung_up.send_replace(true);
    }

    /// Ends in order: executions are given `patience` to end or are handed back, what was done is
    /// told and written down, the database is closed. Stop serving first.
    pub async fn shutdown(&self, patience: std::time::Duration) {
        self.hang_up();
        if let Some(ticking) = self.0.ticking.get() {
            ticking.end();
        }
        self.0.background.end().await;
        self.0.engine.shutdown(patience).await;
        self.0.recorder.end().await;
        self.flush().await;
        self.0.store.close().await;
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    pub(crate) fn mailer(&self) -> &Mailer {
        &self.0.mailer
    }

    pub(crate) fn providers(&self) -> &Providers {
        &self.0.providers
    }

    pub(crate) fn events(&self) -> &Bus {
        &self.0.events
    }

    pub(crate) fn plans(&self) -> &Plans {
        &self.0.plans
    }

    pub(crate) fn distant(&self) -> Distant {
        Distant(Arc::downgrade(&self.0))
    }

    pub(crate) fn reports(&self) -> &Reports {
        &self.0.reports
    }

    /// True from when those who watch are told to go.
    pub(crate) fn hung_up(&self) -> watch::Receiver<bool> {
        self.0.hung_up.subscribe()
    }

    pub(crate) fn egress(&self) -> &Egress {
        &self.0.egress
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Told when a deployment is on its way.
    pub(crate) fn moved(&self) -> Arc<Notify> {
        self.0.moved.clone()
    }

    /// Told when something is to be delivered.
    pub(crate) fn due(&self) -> Arc<Notify> {
        self.0.due.clone()
    }

    /// The time of all nodes.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.platform.now()
    }

    /// For how long this has been there.
    pub(crate) fn uptime(&self) -> std::time::Duration {
        self.0.began.elapsed()
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("settings", self.settings()).finish_non_exhaustive()
    }
}

/// Why the platform cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SetupError {
    message: String,
}

impl SetupError {
    #[expect(clippy::needless_pass_by_value, reason = "errors are given to it by `map_err`")]
    pub(crate) fn new(message: impl ToString) -> Self {
        Self { message: message.to_string() }
    }
}
