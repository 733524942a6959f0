//! What is kept no longer is forgotten, and nothing else.

use std::time::Duration;

use serde_json::json;
use turbocat_core::Timestamp;
use turbocat_http::Api;
use turbocat_storage::args;
use uuid::Uuid;

use crate::stage::on_each;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_forgotten_when_a_server_begins() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let (platform, database) = (stage.api.platform(), stage.api.database());
        let (minute, old) = (Duration::from_secs(60), Timestamp::from_millis(1));
        platform.idempotency().claim("over", "r", Duration::ZERO).await.unwrap();
        platform.idempotency().claim("held", "r", minute).await.unwrap();
        platform.rate_windows().count("over", Duration::ZERO).await.unwrap();
        platform.rate_windows().count("open", minute).await.unwrap();
        let agent = ann.post("/agents", json!({ "name": "a", "type": "api" })).await;
        let body = json!({ "name": "d", "agentId": agent.good(201)["id"] });
        let id: Uuid =
            ann.post("/deployments", body).await.good(201)["id"].as_str().unwrap().parse().unwrap();
        platform.deployments().count_request(id, true, minute).await.unwrap();
        let sql = "insert into deployment_minutes (deployment_id, minute) values ($1, $2)";
        database.execute(sql, args![id, old]).await.unwrap();
        stage.api.flush().await;
        let told = platform.feed().last().await.unwrap();
        database.execute("update feed set at = $1 where seq < $2", args![old, told]).await.unwrap();

        let second = Api::builder(stage.api.store().clone()).build().unwrap();
        let left = async |sql: &'static str| {
            let row = database.fetch_one(sql, args![]).await.unwrap();
            row.get::<i64>("n").unwrap()
        };
        // The last of them to be forgotten.
        let minutes = "select count(*) as n from deployment_minutes";
        for _ in 0..1000 {
            if left(minutes).await == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for sql in [
            minutes,
            "select count(*) as n from idempotency_keys",
            "select count(*) as n from rate_windows",
            "select count(*) as n from feed",
        ] {
            assert_eq!(left(sql).await, 1, "{sql}");
        }
        ann.get("/agents").await.good(200);
        drop(second);
    })
    .await;
}
