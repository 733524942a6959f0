//! Greets people, and knows whom it met: what the kit can do, in one small plugin.

mod directory;
mod guests;

use directory::look_up;
use guests::greet;

turbocat_pdk::plugin! {
    agents: [greet, look_up],
    limits: { memory_bytes: 16 << 20, time_ms: 5_000, output_bytes: 64 << 10 },
}
