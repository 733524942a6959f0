//! What a call of the sandbox is given: numbers, then texts, as `js/guest/src/frame.rs` reads them.

use super::program::Form;

/// The input of a call.
pub(super) struct Frame<'a> {
    pub(super) form: Form,
    pub(super) seed: u64,
    pub(super) memory: u64,
    pub(super) output: u64,
    pub(super) console: u64,
    pub(super) file: &'a str,
    pub(super) source: &'a str,
    pub(super) export: &'a str,
    /// JSON, as the next two.
    pub(super) env: &'a str,
    pub(super) context: &'a str,
    pub(super) inputs: &'a str,
}

impl Frame<'_> {
    /// The bytes of the input.
    pub(super) fn write(&self) -> Vec<u8> {
        let form = match self.form {
            Form::Body => 0,
            Form::Module => 1,
        };
        let numbers = [form, self.seed, self.memory, self.output, self.console];
        let texts = [self.file, self.source, self.export, self.env, self.context, self.inputs];
        let length = texts.iter().map(|text| text.len() + 8).sum::<usize>() + numbers.len() * 8;
        let mut bytes = Vec::with_capacity(length);
        for number in numbers {
            bytes.extend(number.to_le_bytes());
        }
        for text in texts {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes
    }
}
