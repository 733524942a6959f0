//! The settings of the compiler and of the pool of instances. A clean instance costs what the pool
//! must tidy up: pages that were written to are found by asking the kernel, and small ones are
//! zeroed in place instead of given back.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::guest::TABLE_ELEMENTS;

/// The stack of a plugin's own functions. Deep recursion in a guest ends here.
pub(super) const WASM_STACK: usize = 4 << 20;
/// The stack a call stands on: the plugin's, and room for the host's functions.
const STACK: usize = 5 << 20;

/// An engine with a pool of so many instances, each with so much memory at most.
pub(super) fn engine(slots: u32, max_memory: u64) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots.saturating_mul(2))
        .total_stacks(slots)
        .max_memories_per_module(1)
        .max_tables_per_module(2)
        .table_elements(TABLE_ELEMENTS)
        .max_core_instance_size(1 << 20)
        .max_memory_size(usize::try_from(max_memory)?)
        .max_unused_warm_slots(slots.min(64))
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        .async_stack_keep_resident(16 << 10)
        .pagemap_scan(Enabled::Auto);
    Engine::new(
        Config::new()
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
            .epoch_interruption(true)
            .max_wasm_stack(WASM_STACK)
            .async_stack_size(STACK)
            .memory_guaranteed_dense_image_size(16 << 20)
            // names of functions are enough for a message; the rest would cost every trap
            .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(20))
            .wasm_gc(false)
            .wasm_function_references(false)
            .wasm_memory64(false)
            .wasm_multi_memory(false)
            .parallel_compilation(true),
    )
}
