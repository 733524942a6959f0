//! The engine and what the code finds in it: set up once, before any code.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::{CatchResultExt, Context, Ctx, Error, Exception, Function, Object, Persistent, Runtime, TypedArray, Value, qjs};

use crate::capture::Capture;
use crate::extism::Level;

/// Bytes of stack that code may use: some four thousand calls within each other. The host's own
/// stack must not end first, for that is the end of the call and no error that code could catch: a
/// call takes up to three times as much of it (`WASM_STACK` of the host).
const STACK: usize = 1 << 20;

/// What the native functions and the call share.
pub(crate) struct Shared {
    pub(crate) capture: RefCell<Capture>,
    /// Set by `process.exit`.
    pub(crate) exit: Cell<Option<i32>>,
    /// The state of `Math.random`.
    pub(crate) random: Cell<u64>,
    /// Promises that were rejected and that nobody has looked at, with the reason.
    pub(crate) rejected: RefCell<Vec<(Persistent<Value<'static>>, Persistent<Value<'static>>)>>,
}

/// The engine, with all globals in place.
pub(crate) struct Engine {
    pub(crate) runtime: Runtime,
    pub(crate) context: Context,
    /// The functions of `boot/drive.js`.
    pub(crate) drive: Persistent<Object<'static>>,
    pub(crate) shared: Rc<Shared>,
}

impl Engine {
    /// Sets everything up; what is wrong in words otherwise.
    pub(crate) fn new() -> Result<Self, String> {
        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        runtime.set_max_stack_size(STACK);
        let context = Context::full(&runtime).map_err(|error| error.to_string())?;
        let shared = Rc::new(Shared {
            capture: RefCell::new(Capture::new(0)),
            exit: Cell::new(None),
            random: Cell::new(0),
            rejected: RefCell::new(Vec::new()),
        });
        track_rejections(&runtime, &shared);
        let drive = context.with(|ctx| {
            boot(&ctx, &shared).catch(&ctx).map_err(|error| error.to_string())
        })?;
        runtime.run_gc();
        Ok(Self { runtime, context, drive, shared })
    }
}

fn track_rejections(runtime: &Runtime, shared: &Rc<Shared>) {
    let shared = shared.clone();
    runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, handled| {
        let mut rejected = shared.rejected.borrow_mut();
        if handled {
            rejected.retain(|(known, _)| known.clone().restore(&ctx).is_ok_and(|known| known != promise));
        } else {
            rejected.push((Persistent::save(&ctx, promise), Persistent::save(&ctx, reason)));
        }
    })));
}

fn boot(ctx: &Ctx<'_>, shared: &Rc<Shared>) -> rquickjs::Result<Persistent<Object<'static>>> {
    let native = native(ctx, shared)?;
    let format: Function = script(ctx, include_str!("boot/inspect.js"), "inspect.js")?;
    let globals: Function = script(ctx, include_str!("boot/globals.js"), "globals.js")?;
    let drive: Function = script(ctx, include_str!("boot/drive.js"), "drive.js")?;
    let globals: Object = globals.call((native, format))?;
    let drive: Object = drive.call((globals,))?;
    Ok(Persistent::save(ctx, drive))
}

fn script<'js>(ctx: &Ctx<'js>, source: &str, name: &str) -> rquickjs::Result<Function<'js>> {
    let mut options = EvalOptions::default();
    options.filename = Some(name.to_owned());
    ctx.eval_with_options(source, options)
}

/// What the globals are made of.
fn native<'js>(ctx: &Ctx<'js>, shared: &Rc<Shared>) -> rquickjs::Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;

    let all = shared.clone();
    native.set(
        "print",
        Function::new(ctx.clone(), move |level: u8, text: String| {
            let level = match level {
                0 => Level::Debug,
                1 => Level::Info,
                2 => Level::Warn,
                _ => Level::Error,
            };
            if all.exit.get().is_none() {
                all.capture.borrow_mut().print(level, &text);
            }
        })?,
    )?;

    let all = shared.clone();
    native.set(
        "exit",
        Function::new(ctx.clone(), move |ctx: Ctx<'js>, code: i32| -> rquickjs::Result<()> {
            if all.exit.get().is_none() {
                all.exit.set(Some(code));
            }
            Err(uncatchable(&ctx))
        })?,
    )?;

    let all = shared.clone();
    native.set(
        "random",
        Function::new(ctx.clone(), move || {
            // splitmix64, whose upper 53 bits make a number from zero to one
            let state = all.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            all.random.set(state);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        })?
        .with_name("random")?,
    )?;

    native.set(
        "encode",
        Function::new(ctx.clone(), |ctx: Ctx<'js>, text: String| TypedArray::new(ctx, text.into_bytes()))?,
    )?;
    native.set(
        "decode",
        Function::new(ctx.clone(), |bytes: TypedArray<'js, u8>, fatal: bool| -> Option<String> {
            // SAFETY: no code is evaluated before the bytes are copied.
            let bytes = unsafe { bytes.as_bytes() }?;
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            match std::str::from_utf8(bytes) {
                Ok(text) => Some(text.to_owned()),
                Err(_) if fatal => None,
                Err(_) => Some(String::from_utf8_lossy(bytes).into_owned()),
            }
        })?,
    )?;
    Ok(native)
}

/// An exception that no `catch` and no `finally` of the code sees.
fn uncatchable(ctx: &Ctx<'_>) -> Error {
    match Exception::from_message(ctx.clone(), "process.exit") {
        Ok(exception) => {
            let value = exception.into_value();
            // SAFETY: the value is an error object of this context, and stays alive meanwhile.
            unsafe { qjs::JS_SetUncatchableError(ctx.as_raw().as_ptr(), value.as_raw()) };
            ctx.throw(value)
        }
        Err(error) => error,
    }
}
