//! The host of plugins: configured once, then loads.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use turbocat_core::Secrets;

use super::abi::Abi;
use super::cache::{self, Cache};
use super::claims::Owner;
use super::error::{PluginError, PluginErrorKind};
use super::grants::Grants;
use super::guest::{Guest, Right, World};
use super::host::Host;
use super::kept::Kept;
use super::limits::Limits;
use super::load;
use super::plugin::Plugin;
use super::pool;
use super::runtime::Runtime;
use super::source::Source;
use super::state::{MemoryState, StateStore};
use super::ticker::Ticker;
use crate::net::Egress;

/// Loads plugins and calls them in a sandbox: a clean instance for each call, limits and a clock for
/// each, nothing outside that was not granted.
///
/// One for a program is enough: it holds a compiler, a pool of instances and a thread that ticks
/// while somebody is called. Cloning it is cheap.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use turbocat_core::{Engine, Workflow};
/// use turbocat_plugins::wasm::{Grants, Plugins, Source};
///
/// let plugins = Plugins::builder().build()?;
/// // An ordinary plugin of Extism: it asks for nothing and may do nothing.
/// let plugin = plugins.load(Source::file("../plugins/built/plain.wasm"), Grants::none()).await?;
/// let engine = plugin.register(Engine::builder()).build();
/// let workflow = Workflow::from_yaml("
/// steps:
///   vowels: { agent: count_vowels, inputs: Turbocat }
/// outputs: '{{ vowels.count }}'
/// ")?;
/// let execution = engine.run(&workflow, serde_json::json!({})).await?;
/// assert_eq!(*execution.output(), 3);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Plugins {
    host: Arc<Host>,
}

/// Configures [`Plugins`].
#[must_use = "a builder does nothing until `build`"]
pub struct PluginsBuilder {
    egress: Egress,
    secrets: Option<Arc<dyn Secrets>>,
    state: Arc<dyn StateStore>,
    limits: Limits,
    ceiling: Limits,
    cache_dir: Option<PathBuf>,
    cache_key: Option<PathBuf>,
    slots: u32,
    idle: Duration,
    max_module_bytes: u64,
    runtime: Option<Arc<dyn Runtime>>,
}

impl Plugins {
    /// One to configure.
    pub fn builder() -> PluginsBuilder {
        PluginsBuilder {
            egress: Egress::default(),
            secrets: None,
            state: Arc::new(MemoryState::default()),
            limits: Limits::default(),
            ceiling: Limits::default()
                .memory_bytes(512 << 20)
                .time(Duration::from_secs(3600))
                .input_bytes(256 << 20)
                .output_bytes(256 << 20)
                .allocations(u64::MAX)
                .log_bytes(64 << 20)
                .state_bytes(64 << 20)
                .http_bytes(256 << 20),
            cache_dir: None,
            cache_key: cache::usual_place(),
            slots: 256,
            idle: Duration::from_secs(60),
            max_module_bytes: 64 << 20,
            runtime: None,
        }
    }

    /// Loads a plugin: fetches it, compiles it, asks it what it is and holds that against its code.
    /// It may do what `grants` say and nothing else, whatever it asks for. Of two plugins of one name
    /// that are not the same file, only one may keep state.
    ///
    /// # Errors
    /// The [kinds](PluginErrorKind) say which: the source, the pin, the code, its imports, what it
    /// says of itself, what it asks for.
    pub async fn load(&self, source: Source, grants: Grants) -> Result<Plugin, PluginError> {
        let code = load::load(&self.host, source, grants, Owner::new()).await?;
        Ok(Plugin::new(self.host.clone(), code))
    }

    /// How many instances are kept for executions that go on.
    pub fn kept(&self) -> usize {
        self.host.kept.len()
    }

    /// How many more instances there is room for.
    pub fn free_slots(&self) -> usize {
        self.host.slots.available_permits()
    }
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugins").field("free_slots", &self.free_slots()).finish_non_exhaustive()
    }
}

impl PluginsBuilder {
    /// How plugins reach others over HTTP. Default: one that does not reach what stands inside.
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = egress;
        self
    }

    /// Where secrets come from. Default: there are none.
    pub fn secrets(self, secrets: impl Secrets) -> Self {
        self.shared_secrets(Arc::new(secrets))
    }

    /// Where secrets come from, shared with somebody else.
    pub fn shared_secrets(mut self, secrets: Arc<dyn Secrets>) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// Where plugins keep values between calls. Default: in memory, 16 MiB a plugin.
    pub fn state(mut self, state: impl StateStore) -> Self {
        self.state = Arc::new(state);
        self
    }

    /// What a plugin gets that asks for nothing. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What no plugin gets more than, whoever asks. Its memory decides how much address space the
    /// pool reserves. Default: 512 MiB, an hour.
    pub fn ceiling(mut self, ceiling: Limits) -> Self {
        self.ceiling = ceiling;
        self
    }

    /// Where compiled code is kept between starts of the program: a folder of the user's, such as one
    /// in `~/.cache`. Default: nowhere.
    ///
    /// What lies there is machine code, and is taken only if it was signed with the key at
    /// [`cache_key`](Self::cache_key). A folder or a key that is another user's, or that others may
    /// change, is not used, and a warning says so.
    pub fn cache_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.cache_dir = Some(folder.as_ref().to_owned());
        self
    }

    /// The file with the key that compiled code is signed with; it is made if it is not there.
    /// Default: `turbocat/cache.key` in `$XDG_STATE_HOME` or else `~/.local/state`, away from all
    /// projects, because whoever can read it can have this program execute anything.
    pub fn cache_key(mut self, file: impl AsRef<Path>) -> Self {
        self.cache_key = Some(file.as_ref().to_owned());
        self
    }

    /// How many instances there may be at once; calls beyond wait. Default 256: each may take all
    /// the memory its limits allow.
    pub const fn pool_size(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// How long an instance that lives as long as an execution may be idle. Default a minute.
    pub const fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// How large a plugin's file may be. Default 64 MiB: compiling takes memory in proportion.
    pub const fn max_module_bytes(mut self, bytes: u64) -> Self {
        self.max_module_bytes = bytes;
        self
    }

    /// Another runtime of WebAssembly to run the plugins in place of this crate's, which still reads
    /// each module first. Sources, manifests, grants and limits stay what they are. Default: none.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Some(Arc::new(runtime));
        self
    }

    /// The host.
    ///
    /// # Errors
    /// If the pool cannot be reserved, or the thread not be started.
    pub fn build(self) -> Result<Plugins, PluginError> {
        let failed = |what: &str| PluginError::new(PluginErrorKind::Host, what);
        if self.slots == 0 {
            return Err(failed("a pool of no instances can call nobody"));
        }
        let engine = pool::engine(self.slots, self.ceiling.memory_bytes).map_err(|error| {
            failed("the pool of instances cannot be set up").caused_by(error.to_string()).help(
                "the address space may be limited: make the pool smaller, or lower `memory_bytes` of the ceiling",
            )
        })?;
        let claims = Arc::default();
        let world = Arc::new(World { egress: self.egress, secrets: self.secrets, state: self.state, claims });
        let nobody = Right::none("", world.clone());
        let nobody = Guest::new(Arc::new(nobody), Limits::default());
        let abi = Abi::new(&engine, nobody).map_err(|error| {
            failed("the imports of plugins cannot be set up").caused_by(error.to_string())
        })?;
        let ticker = Ticker::start(engine.clone())
            .map_err(|error| failed("the clock of plugins cannot be started").caused_by(error))?;
        let cache = self.cache_dir.as_deref().and_then(|folder| {
            open_cache(folder, self.cache_key.as_deref(), &engine)
                .inspect_err(|error| {
                    let folder = folder.display();
                    tracing::warn!(%error, %folder, "compiled plugins are not kept");
                })
                .ok()
        });
        // A half of the pool stays for calls that need a clean instance.
        let kept = Arc::new(Kept::new(self.slots as usize / 2, self.idle));
        Ok(Plugins {
            host: Arc::new(Host {
                abi,
                ticker,
                world,
                kept,
                cache,
                limits: self.limits.at_most(&self.ceiling),
                ceiling: self.ceiling,
                max_module_bytes: self.max_module_bytes,
                runtime: self.runtime,
                slots: Arc::new(Semaphore::new(self.slots as usize)),
                engine,
            }),
        })
    }
}

fn open_cache(folder: &Path, key: Option<&Path>, engine: &wasmtime::Engine) -> io::Result<Cache> {
    let nowhere =
        || io::Error::new(io::ErrorKind::NotFound, "there is no place for its key: set `cache_key`");
    Cache::open(folder, key.ok_or_else(nowhere)?, engine)
}

impl fmt::Debug for PluginsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginsBuilder")
            .field("limits", &self.limits)
            .field("pool_size", &self.slots)
            .finish_non_exhaustive()
    }
}
