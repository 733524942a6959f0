//! What a call is given: limits, the code, and three JSON texts.

/// How the code is to be evaluated.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    /// An expression that is a function without parameters, made of the code by the host.
    Body,
    /// A module; the export of that name is its value.
    Module,
}

/// The input of a call: numbers in little-endian order, then texts, each after its length.
pub(crate) struct Frame<'a> {
    pub(crate) form: Form,
    /// What `Math.random` starts from.
    pub(crate) seed: u64,
    /// Bytes that QuickJS may allocate.
    pub(crate) memory: u64,
    /// Bytes of JSON that the value may have.
    pub(crate) output: u64,
    /// Bytes that are kept of either stream.
    pub(crate) console: u64,
    /// The name in places, such as `code.js`.
    pub(crate) file: &'a str,
    pub(crate) source: &'a str,
    /// The export of a module.
    pub(crate) export: &'a str,
    pub(crate) env: &'a str,
    pub(crate) context: &'a str,
    pub(crate) inputs: &'a str,
}

impl<'a> Frame<'a> {
    /// Reads a frame; `None` if it is none.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        let form = match number(&mut rest)? {
            0 => Form::Body,
            1 => Form::Module,
            _ => return None,
        };
        Some(Self {
            form,
            seed: number(&mut rest)?,
            memory: number(&mut rest)?,
            output: number(&mut rest)?,
            console: number(&mut rest)?,
            file: text(&mut rest)?,
            source: text(&mut rest)?,
            export: text(&mut rest)?,
            env: text(&mut rest)?,
            context: text(&mut rest)?,
            inputs: text(&mut rest)?,
        })
    }
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (head, tail) = rest.split_first_chunk::<8>()?;
    *rest = tail;
    Some(u64::from_le_bytes(*head))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    std::str::from_utf8(head).ok()
}
