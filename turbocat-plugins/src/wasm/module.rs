//! Compiled code, and whether this host can call it: imports it has, exports of the right kind, no
//! more memory to begin with than it may have.

use std::sync::Arc;

use turbocat_pdk::wire::{self, MANIFEST_EXPORT, Manifest, ManifestAgent};
use wasmtime::{ExternType, FuncType, InstancePre, Module, ValType};

use super::abi::Abi;
use super::error::{PluginError, PluginErrorKind};
use super::guest::Guest;
use super::runtime::Runnable;

/// Code that can be instantiated.
pub(super) struct Ready {
    pub(super) pre: InstancePre<Guest>,
    /// What is called before anything else, once an instance.
    pub(super) start: Option<&'static str>,
    /// The same code on another runtime, if the host has one.
    pub(super) elsewhere: Option<Arc<dyn Runnable>>,
}

/// Whether a module can be called, and what to call first.
pub(super) fn check(name: &str, module: &Module, abi: &Abi) -> Result<Ready, PluginError> {
    check_imports(name, module, abi)?;
    let pre = abi.link(module).map_err(|error| {
        PluginError::new(PluginErrorKind::Import, format!("plugin `{name}` cannot be linked: {error}"))
    })?;
    Ok(Ready { pre, start: start(name, module)?, elsewhere: None })
}

fn check_imports(name: &str, module: &Module, abi: &Abi) -> Result<(), PluginError> {
    for import in module.imports() {
        let wrong = |what: &str| {
            let (from, what_from) = (import.module().escape_debug(), import.name().escape_debug());
            PluginError::new(
                PluginErrorKind::Import,
                format!("plugin `{name}` imports `{what_from}` from `{from}`, {what}"),
            )
        };
        let ExternType::Func(wanted) = import.ty() else {
            return Err(
                wrong("which is no function").help("a plugin brings its own memory, tables and globals")
            );
        };
        let Some(offered) = abi.offered(import.module(), import.name()) else {
            return Err(wrong("which this host does not have").help(
                "build it as an Extism plugin, for `wasm32-unknown-unknown` or `wasm32-wasip1`, with a kit \
                 this host knows",
            ));
        };
        if !offered.matches(&wanted) {
            return Err(wrong("with other parameters than this host has")
                .help(format!("it is a function {offered}, and the plugin wants {wanted}")));
        }
    }
    Ok(())
}

/// Whether it begins with no more memory than it may have: or else no call would ever begin.
pub(super) fn check_memory(name: &str, module: &Module, most: u64) -> Result<(), PluginError> {
    let pages = module.resources_required().max_initial_memory_size.unwrap_or(0);
    let bytes = pages.saturating_mul(64 << 10);
    if bytes <= most {
        return Ok(());
    }
    let message = format!("plugin `{name}` begins with {bytes} bytes of memory, and may have {most}");
    Err(PluginError::new(PluginErrorKind::Limits, message)
        .help("let it begin with less, or ask for more as `memoryBytes` in its manifest"))
}

/// `_initialize` of a WASI reactor calls the constructors itself; else they are called by name.
fn start(name: &str, module: &Module) -> Result<Option<&'static str>, PluginError> {
    for start in ["_initialize", "__wasm_call_ctors"] {
        match module.get_export(start) {
            Some(ExternType::Func(kind)) if kind.params().len() == 0 && kind.results().len() == 0 => {
                return Ok(Some(start));
            }
            None => {}
            Some(_) => {
                let message = format!(
                    "plugin `{name}` exports `{start}`, but not as a function without parameters and results"
                );
                return Err(PluginError::new(PluginErrorKind::Module, message));
            }
        }
    }
    Ok(None)
}

/// Whether it says itself what it is.
pub(super) fn has_manifest(module: &Module) -> bool {
    is_call(module, MANIFEST_EXPORT)
}

/// Whether an export is a function `() -> i32`, as all calls are.
pub(super) fn is_call(module: &Module, export: &str) -> bool {
    matches!(module.get_export(export), Some(ExternType::Func(kind)) if is_call_kind(&kind))
}

fn is_call_kind(kind: &FuncType) -> bool {
    let mut results = kind.results();
    kind.params().len() == 0
        && results.len() == 1
        && results.next().is_some_and(|result| matches!(result, ValType::I32))
}

/// The manifest of a plugin that has none: an agent for each function that can be one.
pub(super) fn derived(name: &str, module: &Module) -> Manifest {
    let mut manifest = Manifest::new(name, "0.0.0");
    let calls = module.exports().filter_map(|export| match export.ty() {
        ExternType::Func(kind) if is_call_kind(&kind) => Some(export.name()),
        _ => None,
    });
    manifest.agents = calls
        .filter(|name| !name.starts_with('_') && *name != MANIFEST_EXPORT && wire::is_agent_name(name))
        .map(|name| ManifestAgent { name: name.to_owned(), ..ManifestAgent::default() })
        .collect();
    manifest
}
