//! Evaluates one piece of code: begins it, does its jobs until it has settled, explains the end.

use rquickjs::context::EvalOptions;
use rquickjs::promise::PromiseState;
use rquickjs::{Array, Ctx, Error, Function, Module, Object, Promise, Value, qjs};

use crate::capture::Capture;
use crate::engine::{Engine, Shared};
use crate::frame::{Form, Frame};
use crate::report::{Fault, has_lone_surrogate, report};

/// Bytes above the limit to explain in that there was too little memory.
const LAST_WORDS: usize = 1 << 20;

/// Evaluates the code of a frame; the answer is the report.
pub(crate) fn evaluate(engine: &Engine, frame: &Frame<'_>) -> String {
    let shared = &engine.shared;
    let limit = usize::try_from(frame.memory).unwrap_or(usize::MAX);
    *shared.capture.borrow_mut() = Capture::new(usize::try_from(frame.console).unwrap_or(usize::MAX));
    shared.random.set(frame.seed);
    engine.runtime.set_memory_limit(limit);

    let (outcome, exit_code) = engine.context.with(|ctx| {
        let call = Call { ctx: ctx.clone(), engine, frame };
        let outcome = call.outcome();
        call.allow_last_words();
        match (shared.exit.get(), outcome) {
            (Some(0), _) => (Ok("null".to_owned()), 0),
            (Some(code), _) => (Err(exit_fault(code)), code),
            (None, Err(end)) => (Err(call.fault(end)), 1),
            (None, Ok(json)) => match call.exit_code() {
                Ok(0) => (Ok(json), 0),
                Ok(code) => (Err(exit_fault(code)), code),
                Err(fault) => (Err(fault), 1),
            },
        }
    });
    report(outcome, exit_code, &shared.capture.borrow(), memory())
}

fn exit_fault(code: i32) -> Fault {
    Fault::new("exit", format!("the code exited with {code}"))
}

/// Bytes of memory that the instance has grown to.
fn memory() -> u64 {
    core::arch::wasm32::memory_size::<0>() as u64 * 65_536
}

/// Why there is no value.
enum End<'js> {
    /// Something was thrown, or a promise was rejected that somebody waited for.
    Thrown(Value<'js>),
    /// A promise was rejected that nobody waited for.
    Rejected(Value<'js>),
    /// Something else.
    Fault(Fault),
}

struct Call<'a, 'js> {
    ctx: Ctx<'js>,
    engine: &'a Engine,
    frame: &'a Frame<'a>,
}

impl<'js> Call<'_, 'js> {
    fn shared(&self) -> &Shared {
        &self.engine.shared
    }

    /// Lets the end be explained, whatever memory is left.
    fn allow_last_words(&self) {
        let limit = usize::try_from(self.frame.memory).unwrap_or(usize::MAX).saturating_add(LAST_WORDS);
        // SAFETY: the runtime of a context that is alive; `Runtime` itself cannot be asked while
        // its context is in use.
        unsafe {
            let runtime = qjs::JS_GetRuntime(self.ctx.as_raw().as_ptr());
            qjs::JS_SetMemoryLimit(runtime, limit as qjs::size_t);
        }
    }

    fn drive(&self, name: &str) -> rquickjs::Result<Function<'js>> {
        let drive: Object = self.engine.drive.clone().restore(&self.ctx)?;
        drive.get(name)
    }

    /// The JSON of the value.
    fn outcome(&self) -> Result<String, End<'js>> {
        let promise = self.begin().map_err(|error| self.thrown(&error))?;
        while self.shared().exit.get().is_none() && self.ctx.execute_pending_job() {}
        if self.shared().exit.get().is_some() {
            return Ok(String::new()); // nobody reads it
        }
        let value: Value = match promise.state() {
            PromiseState::Pending => return Err(End::Fault(self.never_settles())),
            PromiseState::Resolved => match promise.result() {
                Some(Ok(value)) => value,
                _ => Value::new_undefined(self.ctx.clone()),
            },
            PromiseState::Rejected => {
                let _: Option<rquickjs::Result<Value>> = promise.result();
                return Err(End::Thrown(self.ctx.catch()));
            }
        };
        if let Some((_, reason)) = self.shared().rejected.borrow().first() {
            let reason = reason.clone().restore(&self.ctx).map_err(|error| self.thrown(&error))?;
            return Err(End::Rejected(reason));
        }
        self.json(value)
    }

    /// Evaluates the code as far as it goes at once.
    fn begin(&self) -> rquickjs::Result<Promise<'js>> {
        let frame = self.frame;
        let inputs = self.ctx.json_parse(frame.inputs)?;
        let env = self.ctx.json_parse(frame.env)?;
        let context = self.ctx.json_parse(frame.context)?;
        self.drive("begin")?.call::<_, ()>((inputs, env, context))?;
        match frame.form {
            Form::Body => {
                let mut options = EvalOptions::default();
                options.strict = false;
                options.filename = Some(frame.file.to_owned());
                let start: Function = self.ctx.eval_with_options(frame.source, options)?;
                // called from here, so that no frame of ours stands in its stacks
                let value: Value = start.call(())?;
                self.drive("finish")?.call((value,))
            }
            Form::Module => {
                let module = Module::declare(self.ctx.clone(), frame.file, frame.source)?;
                let (module, evaluated) = module.eval()?;
                self.drive("module")?.call((evaluated, module.namespace()?, frame.export))
            }
        }
    }

    fn json(&self, value: Value<'js>) -> Result<String, End<'js>> {
        if value.is_function() || value.is_symbol() {
            let kind = if value.is_symbol() { "symbol" } else { "function" };
            return Err(End::Fault(Fault::new("output", format!("the value is a {kind}, which is no JSON"))));
        }
        let json = match self.ctx.json_stringify(value.clone()) {
            Ok(Some(json)) => json.to_string().map_err(|error| self.thrown(&error))?,
            Ok(None) => "null".to_owned(),
            Err(error) => {
                let end = self.thrown(&error);
                return Err(self.unfit(value).map_or(end, End::Fault));
            }
        };
        if json.len() as u64 > self.frame.output {
            let message = format!(
                "the value has {} bytes of JSON, more than the {} allowed",
                json.len(),
                self.frame.output
            );
            return Err(End::Fault(Fault { name: "output".to_owned(), ..Fault::new("limit", message) }));
        }
        if has_lone_surrogate(&json) {
            let message = "the value holds a text with half of a surrogate pair, which is no Unicode";
            return Err(End::Fault(Fault::new("output", message)));
        }
        Ok(json)
    }

    /// Where a value is no JSON, if that is what is wrong with it.
    fn unfit(&self, value: Value<'js>) -> Option<Fault> {
        let found: Option<Array> = self.drive("unfit").ok()?.call((value,)).ok().or_else(|| {
            self.ctx.catch();
            None
        })?;
        let found = found?;
        let (path, reason): (String, String) = (found.get(0).ok()?, found.get(1).ok()?);
        Some(Fault::new("output", format!("`{path}` {reason}, which is no JSON")))
    }

    fn exit_code(&self) -> Result<i32, Fault> {
        let code = self.drive("exitCode").and_then(|exit_code| exit_code.call(()));
        code.map_err(|error| {
            let end = self.thrown(&error);
            self.fault(end)
        })
    }

    /// What was thrown when the engine says that something was.
    fn thrown(&self, error: &Error) -> End<'js> {
        if error.is_exception() {
            return End::Thrown(self.ctx.catch());
        }
        End::Fault(Fault::new("thrown", error.to_string()))
    }

    fn fault(&self, end: End<'js>) -> Fault {
        let (kind, value) = match end {
            End::Fault(fault) => return fault,
            End::Thrown(value) => ("thrown", value),
            End::Rejected(value) => ("rejected", value),
        };
        // With no memory left for an error, the engine throws null.
        let nothing_left = value.is_null() && memory() >= self.frame.memory;
        let mut fault = self.explain(value).unwrap_or_else(|_| {
            self.ctx.catch();
            Fault::new(kind, "something was thrown that cannot be shown")
        });
        fault.kind = kind;
        if nothing_left || (fault.name == "InternalError" && fault.message == "out of memory") {
            return self.out_of_memory();
        }
        if fault.name == "InternalError" && fault.message == "string too long" {
            let message = "the code makes a text that is longer than any text may be";
            return Fault { name: "text".to_owned(), ..Fault::new("limit", message) };
        }
        fault
    }

    fn out_of_memory(&self) -> Fault {
        let message = format!("the code needs more than the {} bytes of memory allowed", self.frame.memory);
        Fault { name: "memory".to_owned(), ..Fault::new("limit", message) }
    }

    fn never_settles(&self) -> Fault {
        // A job that finds no memory is lost, and with it what would have settled the promise.
        if memory() >= self.frame.memory {
            return self.out_of_memory();
        }
        Fault::new("pending", "the promise never settles: nothing is left to do that could settle it")
    }

    fn explain(&self, value: Value<'js>) -> rquickjs::Result<Fault> {
        let told: Array = self.drive("explain")?.call((value,))?;
        Ok(Fault {
            kind: "thrown",
            name: lossy(told.get(0)?),
            message: lossy(told.get(1)?),
            stack: lossy(told.get(2)?),
            cause: lossy(told.get(3)?),
            retryable: told.get(4)?,
        })
    }
}

/// A text of the code, which may hold half of a surrogate pair.
fn lossy(text: rquickjs::String<'_>) -> String {
    text.to_string().unwrap_or_else(|_| "[no Unicode]".to_owned())
}
