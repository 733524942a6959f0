//! Other engines that run graphs of async steps in a process, each used as its documentation shows.

mod async_dag;
mod dagrs;
mod dagx;
mod graph_flow;

use crate::contestant::{Building, Contestant};

/// All peers, each in every way of using it that changes the figure.
pub fn contestants() -> Vec<Box<dyn Contestant>> {
    let mut all: Vec<Box<dyn Contestant>> = vec![Box::new(graph_flow::GraphFlow)];
    for building in [Building::OnTheClock, Building::OffTheClock] {
        all.push(Box::new(async_dag::AsyncDag { building }));
        all.push(Box::new(dagx::Dagx { building }));
        all.push(Box::new(dagrs::Dagrs { building }));
    }
    all
}
