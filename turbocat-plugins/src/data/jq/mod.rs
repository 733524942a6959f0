//! The operation `jq`: filters of jq, bounded in time, memory, recursion and output.
//!
//! The language and its library are jaq's. The values are our own, because those of jaq know no
//! bounds: `"x" * 1e12`, `last(range(infinite))` or numbers of a billion digits could not be
//! stopped. Here every operation on a value, and every step of the interpreter, passes
//! [`limits`]; what goes beyond them unwinds out of the interpreter.
//!
//! The interpreter is recursive, hence the thread with a large [stack](super::thread) and the look
//! at it in each step. Filters have no files, no environment, no modules and no way to end the
//! program.

mod limits;
mod value;
mod convert;
mod compare;
mod arithmetic;
mod access;
mod context;
mod native;
mod sorting;
mod library;
mod recursion;
mod compile;
mod filter;

pub(super) use filter::Jq;
