//! What the host knows of one call: the data of a store. The functions of the ABI read and change
//! it; it knows neither modules nor how a call is made.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use turbocat_core::{AttemptRequest, Secrets, StepFailure};
use turbocat_pdk::wire::Capability;
use wasmtime::ResourceLimiter;

use super::blackout::Blackout;
use super::blocks::Blocks;
use super::claims::{Claim, Claims, Owner};
use super::digest::Digest;
use super::error::PluginError;
use super::grants::{self, Grants};
use super::limits::{self, Limits};
use super::state::StateStore;
use super::stop::Stop;
use crate::net::Egress;

/// What all plugins of a host have in common.
pub(super) struct World {
    pub(super) egress: Egress,
    pub(super) secrets: Option<Arc<dyn Secrets>>,
    pub(super) state: Arc<dyn StateStore>,
    pub(super) claims: Arc<Claims>,
}

/// Who is called, and what it may do.
pub(super) struct Right {
    pub(super) name: String,
    pub(super) grants: Grants,
    pub(super) world: Arc<World>,
    pub(super) owner: Owner,
    /// The state of the name is its own, if it may keep any.
    _claim: Option<Claim>,
}

impl Right {
    /// The right of a plugin to what it is granted.
    pub(super) fn new(
        name: &str,
        owner: Owner,
        digest: Digest,
        grants: Grants,
        world: Arc<World>,
    ) -> Result<Self, PluginError> {
        let claim = world.claims.claim(name, owner, digest, &grants)?;
        Ok(Self { name: name.to_owned(), grants, world, owner, _claim: claim })
    }

    /// The right to nothing.
    pub(super) fn none(name: &str, world: Arc<World>) -> Self {
        Self { name: name.to_owned(), grants: Grants::none(), world, owner: Owner::new(), _claim: None }
    }
}

/// The data of a store.
pub(super) struct Guest {
    pub(super) right: Arc<Right>,
    pub(super) limits: Limits,
    pub(super) blocks: Blocks,
    /// Offset and length.
    pub(super) input: (u64, u64),
    /// Offset and length.
    pub(super) output: (u64, u64),
    /// The block with the error, or 0.
    pub(super) error: u64,
    /// Kept as long as the instance.
    pub(super) vars: HashMap<String, Vec<u8>>,
    pub(super) http: Answered,
    /// What WASI wrote to its two outputs since the last end of a line.
    pub(super) written: [Vec<u8>; 2],
    pub(super) blackout: Blackout,
    pub(super) request: Option<AttemptRequest>,
    /// In place of the configuration of the request.
    pub(super) config: Option<Arc<Value>>,
    pub(super) deadline: Option<Instant>,
    pub(super) spent: Spent,
    allocations: u64,
    vars_bytes: u64,
    logged: u64,
    /// Linear memory, in bytes.
    memory: u64,
    table: u64,
}

/// What the last HTTP request got.
#[derive(Default)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: Option<Vec<u8>>,
}

/// What a call has taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) api_calls: u64,
    pub(super) network_bytes: u64,
    pub(super) peak_memory_bytes: u64,
    pub(super) cpu: Duration,
}

impl Guest {
    pub(super) fn new(right: Arc<Right>, limits: Limits) -> Self {
        Self {
            right,
            blocks: Blocks::new(limits.memory_bytes),
            limits,
            input: (0, 0),
            output: (0, 0),
            error: 0,
            vars: HashMap::new(),
            http: Answered::default(),
            written: [Vec::new(), Vec::new()],
            blackout: Blackout::default(),
            request: None,
            config: None,
            deadline: None,
            spent: Spent::default(),
            allocations: 0,
            vars_bytes: 0,
            logged: 0,
            memory: 0,
            table: 0,
        }
    }

    /// Forgets the last call, for the next one of the same instance.
    pub(super) fn begin(&mut self, limits: Limits) {
        self.blocks.clear();
        self.limits = limits;
        self.make_room();
        (self.input, self.output, self.error) = ((0, 0), (0, 0), 0);
        self.http = Answered::default();
        self.written = [Vec::new(), Vec::new()];
        (self.allocations, self.logged) = (0, 0);
        self.spent = Spent { peak_memory_bytes: self.memory, ..Spent::default() };
    }

    /// The name of the plugin.
    pub(super) fn name(&self) -> &str {
        &self.right.name
    }

    /// Ends the call if this is not granted.
    pub(super) fn demand(&self, capability: &Capability) -> Result<(), Stop> {
        if self.right.grants.allow(capability) {
            return Ok(());
        }
        Err(Stop::failed(grants::denied(self.name(), capability)))
    }

    /// Ends the call: it took more than it may.
    pub(super) fn exceeded(&self, limit: &str, what: &str, most: u64) -> Stop {
        Stop::failed(limits::exceeded(self.name(), limit, what, most))
    }

    /// Ends the call: its output is too long.
    pub(super) fn too_much_output(&self) -> Stop {
        self.exceeded("output", "gives an output that is too large", self.limits.output_bytes)
    }

    /// Ends the call: it took too long.
    pub(super) fn timed_out(&self) -> Stop {
        Stop::failed(limits::timed_out(self.name(), self.limits.time))
    }

    /// Ends the call: the plugin broke the rules between it and the host.
    pub(super) fn broken(&self, what: impl std::fmt::Display) -> Stop {
        let kind = turbocat_core::FailureKind::new("trap");
        Stop::failed(StepFailure::new(kind, format!("plugin `{}`: {what}", self.name())).permanent())
    }

    /// Ends the call: the plugin asks for what makes no sense.
    pub(super) fn misused(&self, what: &str) -> Stop {
        let message = format!("plugin `{}` {what}", self.name());
        Stop::failed(StepFailure::new(turbocat_core::FailureKind::INPUT, message).permanent())
    }

    /// How long the call may still take.
    pub(super) fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Memory for the plugin to read or write.
    pub(super) fn alloc(&mut self, length: u64) -> Result<u64, Stop> {
        self.count_allocation()?;
        match self.blocks.alloc(length) {
            Ok(offset) => {
                self.note_peak();
                Ok(offset)
            }
            Err(_) => Err(self.out_of_memory()),
        }
    }

    /// Memory with these bytes for the plugin to read.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<u64, Stop> {
        self.count_allocation()?;
        match self.blocks.put(bytes) {
            Ok(offset) => {
                self.note_peak();
                Ok(offset)
            }
            Err(_) => Err(self.out_of_memory()),
        }
    }

    fn count_allocation(&mut self) -> Result<(), Stop> {
        self.allocations += 1;
        if self.allocations > self.limits.allocations {
            return Err(self.exceeded("allocations", "asked for memory too often", self.limits.allocations));
        }
        Ok(())
    }

    /// Ends the call: it takes more memory than it may.
    pub(super) fn out_of_memory(&self) -> Stop {
        self.exceeded("memory", "needs more memory than it may have", self.limits.memory_bytes)
    }

    /// A block as text; what is given to the host this way is the host's to free.
    pub(super) fn take_text(&mut self, offset: u64) -> Result<String, Stop> {
        let bytes = self.take(offset)?;
        String::from_utf8(bytes).map_err(|_| self.broken("what it hands the host as text is not UTF-8"))
    }

    /// A block; what is given to the host this way is the host's to free.
    pub(super) fn take(&mut self, offset: u64) -> Result<Vec<u8>, Stop> {
        let bytes = self.blocks.block(offset).map(<[u8]>::to_vec);
        self.blocks.free(offset);
        bytes.map_err(|outside| self.broken(outside))
    }

    /// Keeps a variable, or forgets it.
    pub(super) fn set_var(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), Stop> {
        let size = |key: &str, value: &[u8]| (key.len() + value.len() + 64) as u64;
        let old = self.vars.get(&key).map_or(0, |old| size(&key, old));
        let Some(value) = value else {
            self.vars.remove(&key);
            self.vars_bytes -= old;
            return Ok(());
        };
        let new = self.vars_bytes - old + size(&key, &value);
        if new > self.limits.state_bytes {
            return Err(self.exceeded("state", "keeps too much in variables", self.limits.state_bytes));
        }
        self.vars_bytes = new;
        self.vars.insert(key, value);
        Ok(())
    }

    /// Notes that so much is logged, and ends the call if it is too much.
    pub(super) fn count_logged(&mut self, bytes: usize) -> Result<(), Stop> {
        // A message costs something even if it is empty.
        self.logged += bytes as u64 + 32;
        if self.logged > self.limits.log_bytes {
            return Err(self.exceeded("log", "logs too much", self.limits.log_bytes));
        }
        Ok(())
    }

    /// What the host and the plugin's own memory may take together.
    fn make_room(&mut self) {
        self.blocks.set_most(self.limits.memory_bytes.saturating_sub(self.memory));
    }

    fn note_peak(&mut self) {
        let now = self.memory + self.blocks.len();
        self.spent.peak_memory_bytes = self.spent.peak_memory_bytes.max(now);
    }
}

/// How many elements all tables of a plugin may have: as many as the pool has room for.
pub(super) const TABLE_ELEMENTS: usize = 100_000;

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let memory = self.memory + (desired.saturating_sub(current)) as u64;
        if memory + self.blocks.len() > self.limits.memory_bytes {
            // An error and not a refusal: the plugin could not tell anybody why it gave up.
            return Err(self.out_of_memory().into());
        }
        self.memory = memory;
        self.make_room();
        self.note_peak();
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.table += desired.saturating_sub(current) as u64;
        if self.table > TABLE_ELEMENTS as u64 {
            return Err(self.exceeded("table", "grows its tables too far", TABLE_ELEMENTS as u64).into());
        }
        Ok(true)
    }
}
