//! A POST that is sent again under its key.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use turbocat_storage::args;
use turbocat_storage::platform::Claim;

use crate::stage::{Answer, Client, Stage, on_each};

async fn send(client: &Client, key: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, "/agents").header("idempotency-key", key).json(body);
    Answer::of(request).await
}

async fn count(client: &Client) -> Value {
    client.get("/agents").await.body["pagination"]["totalItems"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_is_answered_again_and_done_once() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let body = json!({ "name": "one", "type": "api" });
        let first = send(&ann, "key-1", &body).await;
        first.good(201);
        assert!(!first.headers.contains_key("idempotent-replayed"));
        let again = send(&ann, "key-1", &body).await;
        assert_eq!(again.status.as_u16(), 201);
        assert_eq!(again.headers["idempotent-replayed"], "true");
        assert_eq!(again.text, first.text);
        assert_eq!(again.headers["etag"], first.headers["etag"]);
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);
        assert_eq!(count(&ann).await, 1);
        // Another request, another key, another caller.
        send(&ann, "key-1", &json!({ "name": "two", "type": "api" })).await.bad(422, "UNPROCESSABLE_ENTITY");
        send(&ann, "key-2", &body).await.good(201);
        assert_eq!(count(&ann).await, 2);
        let theirs = send(&bob, "key-1", &body).await;
        assert_ne!(theirs.good(201)["id"], first.body["data"]["id"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_done() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        let body = json!({ "name": "one", "type": "api" });
        let answers = futures_util::future::join_all((0..8).map(|_| send(&ann, "same", &body))).await;
        let first = answers.iter().filter(|answer| {
            answer.status.as_u16() == 201 && !answer.headers.contains_key("idempotent-replayed")
        });
        assert_eq!(first.count(), 1);
        for answer in answers.iter().filter(|answer| answer.status.as_u16() != 201) {
            let error = answer.bad(409, "CONFLICT");
            assert_eq!(error["retryAfter"], 1);
            assert_eq!(answer.headers["retry-after"], "1");
        }
        assert_eq!(count(&ann).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_kept_as_well_and_a_bad_key_is_none() {
    on_each(async |stage| {
        let ann = stage.somebody().await;
        send(&ann, "wrong", &json!({})).await.bad(400, "VALIDATION_ERROR");
        let again = send(&ann, "wrong", &json!({})).await;
        assert_eq!(
            (again.status.as_u16(), &again.headers["idempotent-replayed"]),
            (400, &"true".parse().unwrap())
        );
        for bad in ["", "a b", "\u{e9}", &"x".repeat(256)] {
            let request = ann.request(Method::POST, "/agents");
            let value = reqwest::header::HeaderValue::from_bytes(bad.as_bytes()).unwrap();
            let request =
                request.header("idempotency-key", value).json(&json!({ "name": "x", "type": "api" }));
            Answer::of(request).await.bad(400, "VALIDATION_ERROR");
        }
        assert_eq!(count(&ann).await, 0);
        send(&ann, &"x".repeat(255), &json!({ "name": "x", "type": "api" })).await.good(201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_cannot_be_read_in_the_table() {
    on_each(async |stage: &Stage| {
        let anybody = stage.anybody();
        let body = json!({ "email": "kept@example.com", "password": crate::stage::PASSWORD });
        let register =
            || anybody.request(Method::POST, "/auth/register").header("idempotency-key", "k").json(&body);
        let first = Answer::of(register()).await;
        first.good(201);
        assert_eq!(Answer::of(register()).await.text, first.text);
        let sql = "select name, answer from idempotency_keys";
        let row = stage.api.database().fetch_one(sql, args![]).await.unwrap();
        let answer: String = row.get("answer").unwrap();
        assert!(answer.starts_with("v1:") && !answer.contains("accessToken"), "{answer}");
        assert_eq!(row.get::<String>("name").unwrap().len(), 64);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_request_was_cut_off_is_free_after_its_time() {
    on_each(async |stage| {
        let keys = stage.api.platform().idempotency();
        let hold = Duration::from_secs(60);
        let Claim::Yours(held) = keys.claim("n", "r", hold).await.unwrap() else { panic!("it is free") };
        assert_eq!(keys.claim("n", "r", hold).await.unwrap(), Claim::Busy);
        assert_eq!(keys.claim("n", "other", hold).await.unwrap(), Claim::Different);
        keys.release("n", held).await.unwrap();
        // Held for no time at all: as if its time were over.
        let Claim::Yours(old) = keys.claim("n", "r", Duration::ZERO).await.unwrap() else {
            panic!("it is free")
        };
        let Claim::Yours(held) = keys.claim("n", "r", hold).await.unwrap() else {
            panic!("its time is over")
        };
        keys.finish("n", old, 201, "late", hold).await.unwrap();
        assert_eq!(keys.claim("n", "r", hold).await.unwrap(), Claim::Busy);
        keys.finish("n", held, 201, "answer", hold).await.unwrap();
        let answered = Claim::Answered { status: 201, answer: "answer".to_owned() };
        assert_eq!(keys.claim("n", "r", hold).await.unwrap(), answered);
    })
    .await;
}
