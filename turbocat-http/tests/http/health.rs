//! Whether it is there.

use crate::stage::on_each;

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_to_anybody_without_limits() {
    on_each(async |stage| {
        let answer = stage.anybody().get("/health").await;
        let data = answer.good(200);
        assert!(data["status"] == "healthy", "{data}");
        assert_eq!(answer.body["status"], data["status"]);
        assert_eq!(data["services"]["database"]["status"], "healthy");
        assert_eq!(data["services"]["redis"]["configured"], false);
        assert!(data["uptimeFormatted"].as_str().unwrap().ends_with('s'));
        let live = stage.anybody().get("/health/live").await;
        assert_eq!((live.status.as_u16(), &live.body["status"]), (200, &"alive".into()));
        let ready = stage.anybody().get("/health/ready").await;
        assert_eq!((ready.status.as_u16(), &ready.body["status"]), (200, &"ready".into()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_it_lives_and_is_not_ready() {
    on_each(async |stage| {
        stage.api.store().database().close().await;
        assert_eq!(stage.anybody().get("/health/live").await.status.as_u16(), 200);
        let ready = stage.anybody().get("/health/ready").await;
        assert_eq!((ready.status.as_u16(), &ready.body["status"]), (503, &"not_ready".into()));
        let health = stage.anybody().get("/health").await;
        assert_eq!(health.status.as_u16(), 503);
        assert_eq!(health.body["data"]["status"], "unhealthy");
    })
    .await;
}
