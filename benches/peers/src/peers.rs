//! Other engines that run graphs of async steps in a process, each used as its documentation shows.

mod async_dag;
mod dagrs;
mod dagx;
mod graph_flow;

use crate::contestant::{Building, Contestant};

/// All peers, each in every way of using it that changes the figure.
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    use Building::{OffTheClock, OnTheClock};
    vec![
        Box::new(async_dag::AsyncDag { building: OnTheClock }),
        Box::new(async_dag::AsyncDag { building: OffTheClock }),
        Box::new(graph_flow::GraphFlow),
        Box::new(dagx::Dagx { building: OnTheClock }),
        Box::new(dagx::Dagx { building: OffTheClock }),
        Box::new(dagrs::Dagrs { building: OnTheClock }),
        Box::new(dagrs::Dagrs { building: OffTheClock }),
    ]
}
