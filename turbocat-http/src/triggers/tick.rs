//! Times of day: the task that starts what is due.

use async_trait::async_trait;
use tokio::task::AbortHandle;
use turbocat_core::Plan;
use turbocat_storage::platform::Workflow;
use turbocat_storage::{Planner, Ticker, Unplanned};

use crate::api::{Api, Distant};
use crate::workflows::compile;

/// The task; it ends with this.
#[derive(Debug)]
pub(crate) struct Ticking(AbortHandle);

impl Ticking {
    /// Starts what is due, from now on.
    pub(crate) fn begin(api: &Api) -> Self {
        let planner = Plans(api.distant());
        let ticker = Ticker::new(api.store().clone(), api.engine().clone()).planner(planner);
        Self(tokio::spawn(async move { ticker.run().await }).abort_handle())
    }

    pub(crate) fn end(&self) {
        self.0.abort();
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.end();
    }
}

/// The plans of the platform's workflows, with the agents of its rows.
struct Plans(Distant);

#[async_trait]
impl Planner for Plans {
    async fn plan(&self, workflow: &Workflow) -> Result<Plan, Unplanned> {
        let api = self.0.near().ok_or_else(|| Unplanned::Unavailable("the platform is gone".to_owned()))?;
        compile::plan(&api, workflow).await.map_err(|error| {
            if error.is_server_side() {
                Unplanned::Unavailable(error.message().to_owned())
            } else {
                Unplanned::Refused(error.message().to_owned())
            }
        })
    }
}
