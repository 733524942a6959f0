//! `turbocat serve`: the platform as one program.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use turbocat_core::WorkOptions;
use turbocat_http::settings::Mode;
use turbocat_http::{Api, PlatformSecrets, Server, Settings, router};
use turbocat_plugins::code::CodeAgent;
use turbocat_plugins::wasm::Plugins;
use turbocat_plugins::{Builtin, builtin};
use turbocat_storage::vault::Keyring;
use turbocat_storage::{Caretaker, Store};

use super::configuration::Configuration;
use super::{complain, keys};

/// How long executions and requests may take to end when the program is told to.
const PATIENCE: Duration = Duration::from_secs(30);

/// Settings come from flags, then the environment, then a file, then defaults. `--set` takes every
/// setting: `--set JWT_ACCESS_EXPIRY=30m`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  turbocat serve\n  turbocat serve --database postgres://user@host/name --port 8080\n  \
    NODE_ENV=production turbocat serve --config /etc/turbocat.toml"
)]
pub(crate) struct Serve {
    /// Where everything is kept: `sqlite:turbocat.db` or `postgres://user@host/name`.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Where to listen: 127.0.0.1, or 0.0.0.0 for everybody.
    #[arg(long, value_name = "ADDRESS")]
    host: Option<IpAddr>,
    /// The port to listen on; 0 takes a free one.
    #[arg(long)]
    port: Option<u16>,
    /// A file with settings, as `name = value`. Default: `turbocat.toml`, if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any setting.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Answer requests only: executions are left to others.
    #[arg(long)]
    no_work: bool,
    /// Do not make the sample users, agents, workflows and templates.
    #[arg(long)]
    no_seed: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

impl Serve {
    /// Serves until it is told to stop.
    pub(crate) fn main(self) -> ExitCode {
        let mut configuration = match self.configuration() {
            Ok(configuration) => configuration,
            Err(wrong) => {
                wrong.iter().for_each(|line| complain(line, None));
                return ExitCode::from(2);
            }
        };
        let database = configuration.get("DATABASE_URL").unwrap_or("sqlite:turbocat.db").to_owned();
        let production = configuration.get("NODE_ENV") == Some("production");
        let file = keys::place(&database);
        let mut made_up = Vec::new();
        if !production {
            match keys::fill(&mut configuration.names, file.as_deref()) {
                Ok(missing) => made_up = missing,
                Err(error) => {
                    complain(&format!("secrets for development cannot be kept: {error}"), None);
                    return ExitCode::FAILURE;
                }
            }
        }
        let settings = match settings(&configuration, production) {
            Ok(settings) => settings,
            Err(wrong) => {
                wrong.iter().for_each(|line| complain(line, None));
                return ExitCode::from(2);
            }
        };
        start_log(&configuration, settings.mode);
        if !made_up.is_empty() {
            let kept = file
                .map_or_else(|| "until the program ends".to_owned(), |file| format!("in {}", file.display()));
            tracing::warn!(
                secrets = made_up.join(", "),
                kept,
                "secrets were made up; set your own in production"
            );
        }
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                complain(&format!("the program cannot begin: {error}"), None);
                return ExitCode::FAILURE;
            }
        };
        match runtime.block_on(self.serve(&configuration, settings, &database)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&error.to_string(), None);
                ExitCode::FAILURE
            }
        }
    }

    fn configuration(&self) -> Result<Configuration, Vec<String>> {
        let mut flags = self.set.clone();
        let own = [
            ("DATABASE_URL", self.database.clone()),
            ("HOST", self.host.map(|host| host.to_string())),
            ("PORT", self.port.map(|port| port.to_string())),
        ];
        flags.extend(own.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))));
        Configuration::gather(self.config.as_deref(), std::env::vars(), &flags)
    }

    async fn serve(&self, configuration: &Configuration, settings: Settings, database: &str) -> Outcome<()> {
        let address = address(configuration, settings.mode)?;
        let keyring = keyring(configuration)?;
        let mode = settings.mode;
        let store = Store::open(database).await?;
        let plugins = match configuration.get("PLUGIN_CACHE") {
            Some(folder) => Plugins::builder().cache_dir(folder).build()?,
            None => Plugins::builder().build()?,
        };
        let agents = Builtin::new().code(CodeAgent::new(&plugins).await?);
        let engine = turbocat_core::Engine::builder()
            .store(store.clone())
            .secrets(PlatformSecrets::new(keyring.clone()));
        let engine = builtin(engine, &agents).build();
        let api = Api::builder(store.clone()).settings(settings).keyring(keyring).engine(engine).build()?;
        if mode != Mode::Production && !self.no_seed {
            seed(&api, configuration).await?;
        }
        if !self.no_work {
            let slots = configuration.get("WORKERS").map_or(Ok(10), str::parse);
            let slots = slots.map_err(|_| "WORKERS must be a whole number")?;
            api.engine().work(WorkOptions::new().slots(slots))?;
        }
        let caretaker = Caretaker::new(store);
        let tending = tokio::spawn(async move { caretaker.run().await });

        let server = Server::bind(address, router(&api)).await?;
        let at = server.address()?;
        tracing::info!(%at, mode = mode.word(), "serving; documentation is at /api/v1/docs");
        say(&format!("http://{at}/api/{}", api.settings().api_version));
        let hanging_up = api.clone();
        server
            .run(
                async move {
                    told_to_stop().await;
                    hanging_up.hang_up();
                },
                PATIENCE,
            )
            .await;
        tracing::info!("stopping: executions end or are handed back");
        tending.abort();
        api.shutdown(PATIENCE).await;
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "the address is the result; the log goes to stderr")]
fn say(line: &str) {
    println!("{line}");
}

fn settings(configuration: &Configuration, production: bool) -> Result<Settings, Vec<String>> {
    let mut wrong = match Settings::read(&configuration.names) {
        Ok(settings) if !production || configuration.get("ENCRYPTION_KEY").is_some() => return Ok(settings),
        Ok(_) => Vec::new(),
        Err(wrong) => wrong,
    };
    if production && configuration.get("ENCRYPTION_KEY").is_none() {
        wrong.push("ENCRYPTION_KEY must be set in production: 64 hexadecimal digits, such as `openssl rand -hex 32` gives".to_owned());
    }
    Err(wrong)
}

fn address(configuration: &Configuration, mode: Mode) -> Outcome<SocketAddr> {
    let host = match configuration.get("HOST") {
        None if mode == Mode::Production => IpAddr::from([0, 0, 0, 0]),
        None | Some("localhost") => IpAddr::from([127, 0, 0, 1]),
        Some(text) => {
            text.parse().map_err(|_| format!("HOST must be an address such as 127.0.0.1, not {text}"))?
        }
    };
    let port = match configuration.get("PORT") {
        None => 3001,
        Some(text) => text.parse().map_err(|_| format!("PORT must be a number up to 65535, not {text}"))?,
    };
    Ok(SocketAddr::new(host, port))
}

fn keyring(configuration: &Configuration) -> Outcome<Keyring> {
    let key = configuration.get("ENCRYPTION_KEY").ok_or("ENCRYPTION_KEY must be set")?;
    let mut keyring = Keyring::new(configuration.get("ENCRYPTION_KEY_ID").unwrap_or("k1"), key)?;
    // `id:key,id:key`: those that still open what was sealed before.
    for older in configuration.get("ENCRYPTION_KEYS_OLDER").unwrap_or_default().split(',') {
        if let Some((id, key)) = older.trim().split_once(':') {
            keyring = keyring.with_older(id, key)?;
        }
    }
    Ok(keyring)
}

/// Makes the samples, once. Whoever administers is told their password then.
async fn seed(api: &Api, configuration: &Configuration) -> Outcome<()> {
    let given = configuration.get("ADMIN_PASSWORD").map(str::to_owned);
    let password = given.clone().unwrap_or_else(|| format!("Cat-{}", turbocat_http::random_hex(8)));
    if api.seed(Some(&password)).await?.users > 0 {
        match given {
            Some(_) => tracing::info!("samples were made; sign in as admin@turbocat.dev with ADMIN_PASSWORD"),
            None => {
                tracing::info!("samples were made; sign in as admin@turbocat.dev with {password}, shown once")
            }
        }
    }
    Ok(())
}

async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}

fn start_log(configuration: &Configuration, mode: Mode) {
    let level = configuration.get("LOG_LEVEL").unwrap_or("info");
    // Levels of other worlds.
    let level = match level {
        "http" | "verbose" => "info",
        "fatal" => "error",
        level => level,
    };
    let filter = tracing_subscriber::EnvFilter::try_new(level)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = match configuration.get("LOG_FORMAT") {
        Some(format) => format == "json",
        None => mode == Mode::Production,
    };
    // Only the first of a process counts, and this is it.
    let _ = if json { log.json().try_init() } else { log.try_init() };
}
