//! Counters: many at once, none lost, the average as promised.

use std::time::Duration;

use turbocat_storage::platform::{DeploymentTarget, NewDeployment, NewWorkflow};

use crate::setting::on_each;

#[tokio::test(flavor = "multi_thread")]
async fn no_count_is_lost_when_many_count_at_once() {
    on_each(|setting| async move {
        let agent = setting.agent("busy").await.id;
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let platform = setting.platform.clone();
                tokio::spawn(async move {
                    for _ in 0..10 {
                        let took = Duration::from_millis(100);
                        platform.agents().count_execution(agent, task % 4 != 0, took).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let agent = setting.platform.agents().get(agent).await.unwrap().unwrap();
        let counts = (agent.total_executions, agent.successful_executions, agent.failed_executions);
        assert_eq!((counts, agent.avg_execution_time_ms), ((80, 60, 20), 100));
    })
    .await;
}

#[tokio::test]
async fn the_average_is_rounded_each_time() {
    on_each(|setting| async move {
        let new = NewWorkflow::new(setting.user.id, "flow");
        let (workflow, _) = setting.platform.workflows().create(new, vec![]).await.unwrap();
        let (mut average, mut count) = (0.0f64, 0.0f64);
        for took in [0u64, 1, 2, 1000, 3, 77, 123_456, 1, 0, 5] {
            setting.pass(10);
            let took = Duration::from_millis(took);
            setting.platform.workflows().count_execution(workflow.id, true, took).await.unwrap();
            average = ((average * count + took.as_millis() as f64) / (count + 1.0)).round();
            count += 1.0;
            let read = setting.platform.workflows().get(workflow.id).await.unwrap().unwrap();
            assert_eq!(read.avg_execution_time_ms, average as u64, "after {count}");
            assert_eq!(read.last_execution_at, Some(setting.platform.now()));
        }
    })
    .await;
}

#[tokio::test]
async fn requests_to_a_deployment_are_counted() {
    on_each(|setting| async move {
        let agent = setting.agent("kept").await;
        let deployments = setting.platform.deployments();
        let new = NewDeployment::new(setting.user.id, "kept");
        let made = deployments.create(new, DeploymentTarget::Agent(agent.id)).await.unwrap();
        for (succeeded, took) in [(true, 10), (false, 21)] {
            deployments.count_request(made.id, succeeded, Duration::from_millis(took)).await.unwrap();
        }
        let read = deployments.get(made.id).await.unwrap().unwrap();
        assert_eq!((read.total_requests, read.total_errors, read.avg_response_time_ms), (2, 1, 16));
    })
    .await;
}
