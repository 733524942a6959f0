//! How a plugin is loaded: fetched, compiled, asked what it is, held against what it says.

use std::sync::Arc;
use std::time::Duration;

use turbocat_pdk::wire::{MANIFEST_EXPORT, Manifest};
use wasmtime::Module;

use super::call::{self, Given, Input, Target};
use super::claims::Owner;
use super::code::{Code, Parts};
use super::error::{PluginError, PluginErrorKind};
use super::grants::Grants;
use super::guest::Right;
use super::host::Host;
use super::limits::Limits;
use super::module::{self, Ready};
use super::runtime::{Runnable, Runtime};
use super::source::{Fetched, Source};

/// What a plugin may take to say what it is.
fn limits_of_manifest(ceiling: &Limits) -> Limits {
    Limits::default().time(Duration::from_secs(2)).output_bytes(2 << 20).log_bytes(64 << 10).at_most(ceiling)
}

/// Loads what a source holds.
pub(super) async fn load(
    host: &Arc<Host>,
    source: Source,
    grants: Grants,
    owner: Owner,
) -> Result<Code, PluginError> {
    let Fetched { bytes, digest, name, manifest } =
        source.fetch(&host.world.egress, host.max_module_bytes).await?;
    let size = bytes.len();
    let bytes = Arc::new(bytes);
    let module = compile(host, &name, digest, bytes.clone()).await?;
    let mut ready = module::check(&name, &module, &host.abi)?;
    if let Some(runtime) = &host.runtime {
        ready.elsewhere = Some(prepare(runtime.clone(), &name, bytes).await?);
    }
    let manifest = match manifest {
        Some(manifest) => *manifest,
        None if module::has_manifest(&module) => said(host, &name, &module, &ready).await?,
        None => module::derived(&name, &module),
    };
    if manifest.agents.is_empty() {
        let message = format!("plugin `{name}` exports no function `() -> i32`, so it has no agent");
        return Err(PluginError::new(PluginErrorKind::Manifest, message)
            .help("build it with `turbocat-pdk` or a kit of Extism, as a library (`cdylib`)"));
    }
    let wrong = |error: turbocat_pdk::wire::ManifestError| {
        PluginError::new(PluginErrorKind::Manifest, format!("plugin `{name}`: {error}"))
    };
    manifest.check().map_err(wrong)?;
    let limits = limits(host, &manifest, &grants)?;
    module::check_memory(&manifest.name, &module, limits.memory_bytes)?;
    let right = Arc::new(Right::new(&manifest.name, owner, digest, grants, host.world.clone())?);
    Code::new(&module, ready, Parts { digest, size, manifest, right, limits })
}

/// The limits of a plugin with these grants.
pub(super) fn limits(host: &Host, manifest: &Manifest, grants: &Grants) -> Result<Limits, PluginError> {
    match grants.own_limits() {
        Some(limits) => Ok(limits.over(&host.limits).at_most(&host.ceiling)),
        None => host.limits.asked(&manifest.name, &manifest.limits, &host.ceiling),
    }
}

async fn compile(
    host: &Arc<Host>,
    name: &str,
    digest: super::digest::Digest,
    bytes: Arc<Vec<u8>>,
) -> Result<Module, PluginError> {
    let wrong = |message: String| PluginError::new(PluginErrorKind::Module, message);
    let compiler = host.clone();
    let compiled = tokio::task::spawn_blocking(move || compiler.compile(&digest, &bytes)).await;
    match compiled {
        Ok(Ok(module)) => Ok(module),
        Ok(Err(error)) => Err(wrong(format!("plugin `{name}` is no WASM module this host takes: {error:#}"))),
        Err(_) => Err(wrong(format!("plugin `{name}` cannot be compiled: the compiler gave up"))),
    }
}

/// Makes it ready on another runtime.
async fn prepare(
    runtime: Arc<dyn Runtime>,
    name: &str,
    bytes: Arc<Vec<u8>>,
) -> Result<Arc<dyn Runnable>, PluginError> {
    let wrong = |why: &dyn std::fmt::Display| {
        let message = format!("plugin `{name}` is no WASM module the runtime takes: {why}");
        PluginError::new(PluginErrorKind::Module, message)
    };
    let prepared = tokio::task::spawn_blocking(move || runtime.prepare(&bytes)).await;
    prepared.map_err(|error| wrong(&error))?.map_err(|error| wrong(&error))
}

/// Asks a plugin what it is, with no right to anything.
async fn said(host: &Arc<Host>, name: &str, module: &Module, ready: &Ready) -> Result<Manifest, PluginError> {
    let wrong = |what: String| PluginError::new(PluginErrorKind::Manifest, what);
    let Some(export) = module.get_export_index(MANIFEST_EXPORT) else {
        return Err(wrong(format!("plugin `{name}` does not export `{MANIFEST_EXPORT}`")));
    };
    let right = Right::none(name, host.world.clone());
    let target = Target {
        right: &Arc::new(right),
        pre: &ready.pre,
        start: ready.start,
        elsewhere: ready.elsewhere.as_ref(),
        export: &export,
        function: MANIFEST_EXPORT,
    };
    let limits = limits_of_manifest(&host.ceiling);
    let given = Given { input: Input::Nothing, request: None, config: None, limits };
    let said = call::once(host, target, given)
        .await
        .output
        .map_err(|failure| wrong(format!("plugin `{name}` cannot say what it is: {}", failure.message)))?;
    Manifest::read(said.to_string().as_bytes()).map_err(|error| wrong(format!("plugin `{name}`: {error}")))
}
