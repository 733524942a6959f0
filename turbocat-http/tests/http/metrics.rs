//! Figures for Prometheus.

use turbocat_http::settings::Secret;

use crate::stage::{Stage, on_each, on_each_with};

async fn scrape(stage: &Stage, token: Option<&str>) -> (u16, String, String) {
    let request = reqwest::Client::new().get(format!("{}/metrics", stage.url));
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind, answer.text().await.unwrap())
}

fn figure(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|one| one.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no line {line} in\n{text}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_the_queue_and_the_database_are_counted() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        for _ in 0..3 {
            ann.get("/agents").await.good(200);
        }
        ann.get(&format!("/agents/{}", uuid::Uuid::new_v4())).await.bad(404, "NOT_FOUND");
        let (status, kind, text) = scrape(stage, None).await;
        assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
        let list = "{method=\"GET\",route=\"/api/v1/agents\",status=\"200\"}";
        let near = |one: f64, other: f64| (one - other).abs() < 1e-9;
        assert!(near(figure(&text, &format!("http_requests_total{list}")), 3.0));
        assert!(near(figure(&text, &format!("http_request_duration_seconds_count{list}")), 3.0));
        let all = "{method=\"GET\",route=\"/api/v1/agents\",status=\"200\",le=\"+Inf\"}";
        assert!(near(figure(&text, &format!("http_request_duration_seconds_bucket{all}")), 3.0));
        let one = "http_requests_total{method=\"GET\",route=\"/api/v1/agents/{id}\",status=\"404\"}";
        assert!(near(figure(&text, one), 1.0), "ids are not in it");
        assert!(near(figure(&text, "http_requests_in_flight"), 1.0), "this one");
        assert!(near(figure(&text, "turbocat_database_up"), 1.0));
        assert!(near(figure(&text, "turbocat_queue_executions{state=\"waiting\"}"), 0.0));
        assert!(near(figure(&text, "turbocat_rate_limited_total"), 0.0));
        assert!(figure(&text, "turbocat_database_connections{state=\"open\"}") >= 1.0);
        assert!(figure(&text, "turbocat_uptime_seconds") > 0.0);
        for line in text.lines() {
            let good = line.starts_with("# ")
                || line.rsplit_once(' ').is_some_and(|(_, number)| number.parse::<f64>().is_ok());
            assert!(good, "{line}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_only_who_has_it_sees_them() {
    on_each_with(
        |settings| settings.metrics_token = Some(Secret::new("let-me-in")),
        |builder| builder,
        async |stage| {
            assert_eq!(scrape(stage, None).await.0, 401);
            assert_eq!(scrape(stage, Some("let-me")).await.0, 401);
            assert_eq!(scrape(stage, Some("let-me-in")).await.0, 200);
        },
    )
    .await;
}
