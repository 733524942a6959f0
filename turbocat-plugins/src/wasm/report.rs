//! What a plugin says while it works: log messages and progress, handed on to whoever watches the
//! attempt, with the secrets it has read blacked out.

use turbocat_core::Level;

use super::guest::Guest;
use super::json::{self, Unread};
use super::stop::Stop;

impl Guest {
    /// A block that is to be said, if that is not too much: looked at before it is copied.
    pub(super) fn take_said(&mut self, offset: u64) -> Result<Vec<u8>, Stop> {
        let length = self.blocks.block(offset).map(<[u8]>::len).map_err(|outside| self.broken(outside))?;
        self.count_logged(length)?;
        self.take(offset)
    }

    fn log(&mut self, level: Level, message: String) -> Result<(), Stop> {
        self.count_logged(message.len())?;
        self.tell(level, message);
        Ok(())
    }

    /// Hands on a message that was counted.
    pub(super) fn tell(&mut self, level: Level, message: String) {
        let message = self.blackout.text(message);
        if let Some(request) = &self.request {
            request.log(level, message, None);
        }
    }

    /// Hands on how far the work is, which was counted.
    pub(super) fn progress(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let progress = json::read(bytes).map_err(|unread| match unread {
            Unread::TooMany => self.exceeded("values", "reports progress of too many values", json::MOST),
            Unread::Wrong(error) => self.broken(format_args!("its progress is no JSON: {error}")),
        })?;
        if let Some(request) = &self.request {
            request.progress(self.blackout.value(progress));
        }
        Ok(())
    }

    /// Hands on what was written without an end of line.
    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        for (at, level) in [Level::Info, Level::Warn].into_iter().enumerate() {
            let rest = self.written.get_mut(at).map(std::mem::take).unwrap_or_default();
            if !rest.is_empty() {
                self.log(level, String::from_utf8_lossy(&rest).into_owned())?;
            }
        }
        Ok(())
    }

    /// Hands on the whole lines of what WASI writes.
    pub(super) fn write_lines(&mut self, output: usize, bytes: &[u8]) -> Result<(), Stop> {
        let level = if output == 0 { Level::Info } else { Level::Warn };
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            let mut whole = self.written.get_mut(output).map(std::mem::take).unwrap_or_default();
            whole.extend_from_slice(line);
            self.log(level, String::from_utf8_lossy(&whole).into_owned())?;
            rest = after.get(1..).unwrap_or_default();
        }
        if let Some(written) = self.written.get_mut(output) {
            written.extend_from_slice(rest);
            if written.len() as u64 > self.limits.log_bytes {
                return Err(self.exceeded("log", "logs too much", self.limits.log_bytes));
            }
        }
        Ok(())
    }
}
