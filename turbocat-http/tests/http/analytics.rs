//! Figures, computed by hand.

use reqwest::StatusCode;
use serde_json::{Value, json};
use turbocat_core::{ExecutionId, Timestamp};
use turbocat_storage::args;
use turbocat_storage::platform::{
    AgentType, LogLevel, NewAgent, NewExecutionLog, NewStep, NewWorkflow, StepState, StepType, UserRole,
};
use uuid::Uuid;

use crate::stage::{Client, Stage, on_each};

fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(moment.as_millisecond())
}

/// An execution that stands so, took so long and was made then.
async fn execution(stage: &Stage, workflow: Uuid, user: Uuid, row: (&str, Option<i64>, &str)) -> ExecutionId {
    let (status, took, made) = row;
    let sql = "insert into executions (id, workflow_id, user_id, status, trigger_type, duration_ms, created_at, counted, announced)
        values ($1, $2, $3, $4, 'manual', $5, $6, true, 2)";
    let id = ExecutionId::from_uuid(Uuid::now_v7());
    stage.api.database().execute(sql, args![id, workflow, user, status, took, at(made)]).await.unwrap();
    id
}

async fn workflow(stage: &Stage, client: &Client, steps: Vec<NewStep>) -> (Uuid, Vec<Uuid>) {
    let made =
        stage.api.platform().workflows().create(NewWorkflow::new(client.id, "w"), steps).await.unwrap();
    (made.0.id, made.1.iter().map(|step| step.id).collect())
}

const ROWS: [(&str, Option<i64>, &str); 8] = [
    ("completed", Some(10), "2026-01-03T10:15:00Z"),
    ("completed", Some(20), "2026-01-03T10:59:59.999Z"),
    ("completed", Some(30), "2026-01-04T00:00:00Z"),
    ("failed", Some(40), "2026-01-04T23:59:59.999Z"),
    ("timeout", Some(100), "2026-01-05T00:00:00Z"),
    ("cancelled", None, "2026-02-01T12:00:00Z"),
    ("running", None, "2026-02-01T12:30:00Z"),
    ("pending", None, "2025-12-31T23:59:59.999Z"),
];

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_a_workflow_are_those_computed_by_hand() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let (id, _) = workflow(stage, &ann, Vec::new()).await;
        for row in ROWS {
            execution(stage, id, ann.id, row).await;
        }
        let path = format!("/analytics/workflows/{id}/metrics");
        let read = async |query: &str| ann.get(&format!("{path}?{query}")).await.good(200).clone();
        let all = read("startDate=2026-01-01&endDate=2026-02-28").await;
        assert_eq!((&all["workflowId"], &all["workflowName"]), (&json!(id), &json!("w")));
        let expected = json!({
            "total": 7, "completed": 3, "failed": 2, "pending": 0, "running": 1, "cancelled": 1,
            "successRate": 0.6, "failureRate": 0.4, "avgExecutionTimeMs": 40,
        });
        assert_eq!(all["executions"], expected);
        // Places 2, 3.8 and 3.96 of 10, 20, 30, 40, 100.
        let expected = json!({ "avg": 40, "min": 10, "max": 100, "p50": 30, "p95": 88, "p99": 98 });
        assert_eq!(all["performance"], expected);
        let expected =
            json!({ "successRate": 0.6, "failureRate": 0.4, "errorTypes": { "failed": 1, "timeout": 1 } });
        assert_eq!(all["reliability"], expected);
        assert_eq!(all["metrics"]["performance"], all["performance"]);
        assert_eq!(
            all["period"],
            json!({ "from": "2026-01-01T00:00:00.000Z", "to": "2026-03-01T00:00:00.000Z" })
        );
        let series = |group: &Value| -> Vec<(String, i64, i64, i64, i64)> {
            let number = |span: &Value, name: &str| span[name].as_i64().unwrap();
            group["timeSeries"]
                .as_array()
                .unwrap()
                .iter()
                .map(|span| {
                    let begin =
                        span["timestamp"].as_str().unwrap().trim_end_matches(":00:00.000Z").to_owned();
                    (
                        begin,
                        number(span, "count"),
                        number(span, "successCount"),
                        number(span, "failureCount"),
                        number(span, "avgDurationMs"),
                    )
                })
                .collect()
        };
        let spans = |list: &[(&str, i64, i64, i64, i64)]| -> Vec<(String, i64, i64, i64, i64)> {
            list.iter().map(|(begin, a, b, c, d)| ((*begin).to_owned(), *a, *b, *c, *d)).collect()
        };
        let days = spans(&[
            ("2026-01-03T00", 2, 2, 0, 15),
            ("2026-01-04T00", 2, 1, 1, 35),
            ("2026-01-05T00", 1, 0, 1, 100),
            ("2026-02-01T00", 2, 0, 0, 0),
        ]);
        assert_eq!(series(&all), days);
        let range = "from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z";
        assert_eq!(series(&read(&format!("{range}&groupBy=DAY")).await), days);
        let hours = spans(&[
            ("2026-01-03T10", 2, 2, 0, 15),
            ("2026-01-04T00", 1, 1, 0, 30),
            ("2026-01-04T23", 1, 0, 1, 40),
            ("2026-01-05T00", 1, 0, 1, 100),
            ("2026-02-01T12", 2, 0, 0, 0),
        ]);
        assert_eq!(series(&read(&format!("{range}&groupBy=hour")).await), hours);
        // The 4th of January 2026 was a Sunday.
        let weeks = spans(&[
            ("2025-12-28T00", 2, 2, 0, 15),
            ("2026-01-04T00", 3, 1, 2, 57),
            ("2026-02-01T00", 2, 0, 0, 0),
        ]);
        assert_eq!(series(&read(&format!("{range}&groupBy=week")).await), weeks);
        let months = spans(&[("2026-01-01T00", 5, 3, 2, 40), ("2026-02-01T00", 2, 0, 0, 0)]);
        assert_eq!(series(&read(&format!("{range}&groupBy=month")).await), months);
        let nothing = read("startDate=2020-01-01&endDate=2020-01-01").await;
        assert_eq!((&nothing["executions"]["total"], &nothing["performance"]["p99"]), (&json!(0), &json!(0)));
        assert_eq!(
            (&nothing["timeSeries"], &nothing["reliability"]["successRate"]),
            (&json!([]), &json!(0.0))
        );
        bob.get(&path).await.bad(404, "NOT_FOUND");
        for query in
            ["startDate=soon", "to=2026-02-30", "startDate=2026-02-01&endDate=2026-01-01", "groupBy=year"]
        {
            assert_eq!(ann.get(&format!("{path}?{query}")).await.wrong_fields().len(), 1, "{query}");
        }
        assert_eq!(ann.get(&format!("{path}?from=x&to=y")).await.wrong_fields().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_an_agent_and_of_steps_come_from_lines_of_the_log() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let agent = stage.api.platform().agents().create(NewAgent::new(ann.id, "a", AgentType::Api)).await.unwrap();
        let mut first = NewStep::new("first", StepType::Agent, 0);
        first.agent_id = Some(agent.id);
        let second = NewStep::new("second", StepType::Wait, 1);
        let (id, steps) = workflow(stage, &ann, vec![first, second]).await;
        let execution = execution(stage, id, ann.id, ("completed", Some(1), "2026-01-03T10:15:00Z")).await;
        let line = |step: usize, state: StepState, took: Option<u64>, kind: Option<&str>| {
            let mut line = NewExecutionLog::new(execution, LogLevel::Info, "x");
            line.workflow_step_id = Some(steps[step]);
            line.step_status = Some(state);
            line.step_duration_ms = took;
            if let Some(kind) = kind {
                line.metadata = json!({ "kind": kind });
            }
            line
        };
        let lines = vec![
            line(0, StepState::Running, None, None),
            line(0, StepState::Completed, Some(10), None),
            line(0, StepState::Completed, Some(30), None),
            line(0, StepState::Completed, Some(50), None),
            line(0, StepState::Failed, Some(71), Some("timeout")),
            line(1, StepState::Completed, Some(1000), None),
            line(1, StepState::Skipped, None, None),
        ];
        stage.api.platform().execution_logs().append(lines).await.unwrap();
        let path = format!("/analytics/agents/{}/metrics?to=2199-12-31", agent.id);
        let path = format!("{path}&from=2026-01-01");
        let figures = ann.get(&path).await;
        let figures = figures.good(200);
        assert_eq!((&figures["agentId"], &figures["agentName"]), (&json!(agent.id), &json!("a")));
        // Places 1.5, 2.85 and 2.97 of 10, 30, 50, 71.
        let expected = json!({ "avg": 40, "min": 10, "max": 71, "p50": 40, "p95": 68, "p99": 70 });
        assert_eq!(figures["performance"], expected);
        assert_eq!((&figures["executions"]["total"], &figures["executions"]["successRate"]), (&json!(4), &json!(0.75)));
        assert_eq!(figures["reliability"]["errorTypes"], json!({ "timeout": 1 }));
        assert_eq!(figures["timeSeries"][0]["count"], 4);
        bob.get(&path).await.bad(404, "NOT_FOUND");
        let figures = ann.get(&format!("/analytics/workflows/{id}/metrics?to=2199-12-31&from=2026-01-01")).await;
        let expected = json!([
            { "stepKey": "first", "stepName": "first", "totalExecutions": 4, "successfulExecutions": 3, "failedExecutions": 1,
                "skippedExecutions": 0, "avgExecutionTimeMs": 40, "successRate": 0.75 },
            { "stepKey": "second", "stepName": "second", "totalExecutions": 2, "successfulExecutions": 1, "failedExecutions": 0,
                "skippedExecutions": 1, "avgExecutionTimeMs": 1000, "successRate": 1.0 },
        ]);
        assert_eq!(figures.good(200)["steps"], expected);
    }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_what_is_the_callers() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let (id, _) = workflow(stage, &ann, Vec::new()).await;
        for row in ROWS {
            execution(stage, id, ann.id, row).await;
        }
        // Of her workflow, begun by somebody else: hers as well; and his, too.
        execution(stage, id, bob.id, ("completed", Some(50), "2026-01-06T00:00:00Z")).await;
        for kind in ["api", "data"] {
            ann.post("/agents", json!({ "name": kind, "type": kind })).await.good(201);
        }
        let agent = ann.get("/agents").await.good(200)[0]["id"].clone();
        ann.patch(&format!("/agents/{}", agent.as_str().unwrap()), json!({ "status": "active" }))
            .await
            .good(200);
        ann.post("/deployments", json!({ "name": "d", "agentId": agent })).await.good(201);
        let overview = ann.get("/analytics/overview?startDate=2026-01-01&endDate=2026-02-28").await;
        let overview = overview.good(200);
        for (name, number) in [
            ("totalAgents", 2),
            ("activeAgents", 1),
            ("totalWorkflows", 1),
            ("activeWorkflows", 0),
            ("totalExecutions", 8),
            ("successfulExecutions", 4),
            ("failedExecutions", 2),
            ("avgExecutionTimeMs", 42),
            ("totalDeployments", 1),
            ("runningDeployments", 0),
        ] {
            assert_eq!(overview[name], number, "{name}");
        }
        let totals =
            json!({ "agents": 2, "workflows": 1, "executions": 8, "deployments": 1, "templates": 0 });
        assert_eq!(overview["totals"], totals);
        assert_eq!(overview["executions"]["successRate"], 0.6667);
        let his = bob.get("/analytics/overview?from=2026-01-01&to=2026-02-28").await;
        assert_eq!(
            (&his.good(200)["totalExecutions"], &his.good(200)["totalWorkflows"]),
            (&json!(1), &json!(0))
        );
        ann.get("/analytics/overview?startDate=never").await.wrong_fields();
        stage.anybody().get("/analytics/overview").await.bad(401, "UNAUTHORIZED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_everything_is_is_for_admins() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        ann.get("/analytics/system-health").await.bad(403, "FORBIDDEN");
        let admin = stage.of_role(UserRole::Admin).await;
        let answer = admin.get("/analytics/system-health").await;
        assert_eq!(answer.status, StatusCode::OK);
        let health = answer.good(200);
        assert!(["healthy", "degraded"].contains(&health["status"].as_str().unwrap()), "{health}");
        assert_eq!(health["database"]["status"], "healthy");
        assert!(health["database"]["connectionPoolSize"].as_u64().unwrap() >= 1);
        assert_eq!(health["services"]["database"]["details"]["successRate"], 1.0);
        assert_eq!(health["services"]["redis"]["status"], "not_configured");
        assert_eq!((&health["queue"]["activeJobs"], &health["queue"]["failedJobs"]), (&json!(0), &json!(0)));
        assert!(health["api"]["requestsPerMinute"].as_f64().unwrap() > 0.0);
        assert_eq!(health["api"]["errorRate"], 0.0);
    })
    .await;
}
