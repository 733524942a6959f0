//! What a plugin says while it works: log messages and progress, handed on to whoever watches the
//! attempt, with the secrets it has read blacked out.

use serde_json::Value;

use super::guest::Guest;
use super::stop::Stop;

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matter {
    Debug,
    Info,
    Warn,
    Error,
}

impl Guest {
    /// Hands a message on.
    pub(super) fn log(&mut self, matter: Matter, message: String) -> Result<(), Stop> {
        self.count_logged(message.len())?;
        let message = self.blackout.text(message);
        let plugin = self.name();
        match matter {
            Matter::Debug => tracing::debug!(plugin, "{message}"),
            Matter::Info => tracing::info!(plugin, "{message}"),
            Matter::Warn => tracing::warn!(plugin, "{message}"),
            Matter::Error => tracing::error!(plugin, "{message}"),
        }
        Ok(())
    }

    /// Hands on how far the work is.
    pub(super) fn progress(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.count_logged(bytes.len())?;
        let progress: Value =
            serde_json::from_slice(bytes).map_err(|error| self.broken(format_args!("its progress is no JSON: {error}")))?;
        let progress = self.blackout.value(progress);
        tracing::debug!(plugin = self.name(), "{progress}");
        Ok(())
    }

    /// Hands on what was written without an end of line.
    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        for (at, matter) in [Matter::Info, Matter::Warn].into_iter().enumerate() {
            let rest = self.written.get_mut(at).map(std::mem::take).unwrap_or_default();
            if !rest.is_empty() {
                self.log(matter, String::from_utf8_lossy(&rest).into_owned())?;
            }
        }
        Ok(())
    }

    /// Hands on the whole lines of what WASI writes.
    pub(super) fn write_lines(&mut self, output: usize, bytes: &[u8]) -> Result<(), Stop> {
        let matter = if output == 0 { Matter::Info } else { Matter::Warn };
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            let mut whole = self.written.get_mut(output).map(std::mem::take).unwrap_or_default();
            whole.extend_from_slice(line);
            self.log(matter, String::from_utf8_lossy(&whole).into_owned())?;
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
