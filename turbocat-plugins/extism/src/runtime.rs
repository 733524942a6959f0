//! The official runtime as Turbocat's host has it.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use extism::Plugin;
use tokio::runtime::Handle;
use turbocat_plugins::wasm::{Ended, Limits, Runnable, Runtime, Session};

use crate::compile::{Compiled, Most};
use crate::desk::{self, Control, Serving, Waiting};
use crate::ended::ended;

/// The official runtime of Extism.
///
/// ```no_run
/// # use turbocat_plugins::wasm::Plugins;
/// let plugins = Plugins::builder().runtime(turbocat_extism::Extism::new()).build()?;
/// # Ok::<_, turbocat_plugins::wasm::PluginError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Extism(());

impl Extism {
    /// With nothing to set.
    pub const fn new() -> Self {
        Self(())
    }
}

impl Runtime for Extism {
    fn prepare(&self, wasm: &[u8]) -> Result<Arc<dyn Runnable>, Box<dyn Error + Send + Sync>> {
        let code = Code { wasm: wasm.to_vec(), idle: Mutex::default() };
        // With the limits of the first call that there usually is: what are you?
        let first = code.compile(Most::of(&Limits::default().time(Duration::from_secs(2))))?;
        code.give_back(first);
        Ok(Arc::new(Module(Arc::new(code))))
    }
}

struct Module(Arc<Code>);

/// A plugin's code, compiled as often as it is called at once.
struct Code {
    wasm: Vec<u8>,
    idle: Mutex<Vec<Compiled>>,
}

/// How many are kept for the next call: each is some megabytes.
const IDLE: usize = 8;

impl Code {
    fn compile(&self, most: Most) -> Result<Compiled, String> {
        Compiled::new(&self.wasm, most).map_err(|error| format!("{error:#}"))
    }

    /// One that nobody else calls: who stops one call stops all of the same.
    fn lend(&self, most: Most) -> Result<Compiled, String> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = idle.iter().position(|compiled| compiled.most == most);
        match fitting.map(|at| idle.swap_remove(at)) {
            Some(compiled) => Ok(compiled),
            None => {
                drop(idle);
                self.compile(most)
            }
        }
    }

    fn give_back(&self, compiled: Compiled) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= IDLE {
            // the one that lies longest
            idle.remove(0);
        }
        idle.push(compiled);
    }

    fn call(
        &self,
        function: &str,
        input: &[u8],
        session: Session,
        control: &Arc<Control>,
        tokio: Handle,
    ) -> Result<(Session, Ended), String> {
        let compiled = self.lend(Most::of(session.limits()))?;
        if control.is_given_up() {
            self.give_back(compiled);
            return Err("nobody waits for the call any more".to_owned());
        }
        let most = session.limits().output_bytes;
        *desk::open(&compiled.desk) = Some(Serving { session, tokio, control: control.clone() });
        let ended = in_a_clean_instance(&compiled, function, input, most, control);
        let session = desk::open(&compiled.desk).take().map(|serving| serving.session);
        self.give_back(compiled);
        session.map(|session| (session, ended)).ok_or_else(|| "the session of the call is gone".to_owned())
    }
}

fn in_a_clean_instance(
    compiled: &Compiled,
    function: &str,
    input: &[u8],
    most: u64,
    control: &Control,
) -> Ended {
    let mut plugin = match Plugin::new_from_compiled(&compiled.plugin) {
        Ok(plugin) => plugin,
        Err(error) => return ended(&error, -1),
    };
    control.begin(plugin.cancel_handle());
    match plugin.call_get_error_code::<&[u8], &[u8]>(function, input) {
        Ok(output) if output.len() as u64 > most => Ended::TooMuchOutput,
        Ok(output) => Ended::Returned(0, output.to_vec()),
        Err((error, code)) => ended(&error, code),
    }
}

#[async_trait]
impl Runnable for Module {
    async fn run(
        &self,
        function: &str,
        input: Vec<u8>,
        session: Session,
    ) -> Result<(Session, Ended), String> {
        let (code, function, tokio) = (self.0.clone(), function.to_owned(), Handle::current());
        let control = Arc::<Control>::default();
        let _waiting = Waiting(control.clone());
        let work = move || {
            let done = code.call(&function, &input, session, &control, tokio);
            control.end();
            done
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => Err(format!("the official runtime gave up: {error}")),
        }
    }
}
