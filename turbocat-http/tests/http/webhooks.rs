//! Webhooks: events told to a receiver, signed, again and again until they are taken.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use turbocat_http::ApiBuilder;
use turbocat_plugins::net::Egress;
use turbocat_storage::args;
use turbocat_storage::platform::{
    Attempted, DeliveryStatus, Hidden, NewUser, NewWebhook, Outcome, Platform, WebhookPatch,
};
use turbocat_storage::testing::on_each_store;
use uuid::Uuid;

use crate::stage::{Client, Stage, fields, on_each, on_each_with};

/// Somebody who is told, and answers what was agreed on, then 204.
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Receiver {
    async fn open() -> Self {
        let (got, answers) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(VecDeque::new())));
        let (seen, next): (Arc<Mutex<Vec<_>>>, Arc<Mutex<VecDeque<u16>>>) = (got.clone(), answers.clone());
        let router = axum::Router::new().fallback(async move |headers: HeaderMap, body: Bytes| {
            seen.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
            let status = next.lock().unwrap().pop_front().unwrap_or(204);
            StatusCode::from_u16(status).unwrap()
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks?x=1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, got, answers }
    }

    fn answer(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    async fn got(&self, count: usize) -> Vec<(HeaderMap, String)> {
        for _ in 0..1500 {
            let got = self.got.lock().unwrap().clone();
            if got.len() >= count {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} and not {count} were sent", self.got.lock().unwrap().len());
    }
}

fn open(builder: ApiBuilder) -> ApiBuilder {
    builder.egress(Egress::builder().allow("127.0.0.1").build().unwrap())
}

async fn made(client: &Client, url: &str, events: Value) -> Value {
    client.post("/webhooks", json!({ "url": url, "events": events })).await.good(201).clone()
}

async fn path_of(webhook: &Value) -> String {
    format!("/webhooks/{}", webhook["id"].as_str().unwrap())
}

/// The deliveries of a webhook, once one of them stands so.
async fn delivery(client: &Client, path: &str, status: &str, attempts: i64) -> Value {
    for _ in 0..1500 {
        let all = client.get(&format!("{path}/deliveries?status={status}")).await.good(200).clone();
        let found = all
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["attempts"].as_i64() == Some(attempts) && !one["lastDurationMs"].is_null());
        if let Some(found) = found {
            return found.clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", client.get(&format!("{path}/deliveries")).await);
}

async fn agent(client: &Client) {
    client.post("/agents", json!({ "name": "one", "type": "api" })).await.good(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_and_signed() {
    on_each_with(
        |_| {},
        open,
        async |stage| {
            let (ann, bob) = (stage.somebody().await, stage.somebody().await);
            let receiver = Receiver::open().await;
            let webhook = made(&ann, &receiver.url, json!(["agent.*"])).await;
            agent(&bob).await;
            agent(&ann).await;
            let (headers, body) = receiver.got(1).await[0].clone();
            let told: Value = serde_json::from_str(&body).unwrap();
            assert_eq!((&told["type"], &told["userId"]), (&json!("agent.created"), &json!(ann.id)));
            assert!(
                told["timestamp"].is_string() && told["resourceId"].is_string() && told["data"].is_object()
            );
            let text = |name: &str| headers[name].to_str().unwrap().to_owned();
            assert_eq!(
                (text("webhook-id"), text("content-type")),
                (told["id"].as_str().unwrap().to_owned(), "application/json".to_owned())
            );
            let secret =
                STANDARD.decode(webhook["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap()).unwrap();
            let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
            mac.update(format!("{}.{}.{body}", text("webhook-id"), text("webhook-timestamp")).as_bytes());
            assert_eq!(
                text("webhook-signature"),
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            );
            let path = path_of(&webhook).await;
            let done = delivery(&ann, &path, "delivered", 1).await;
            assert_eq!(
                (&done["event"], &done["lastStatus"], &done["nextAt"]),
                (&json!("agent.created"), &json!(204), &Value::Null)
            );
            // Once more, under the same id.
            let again = format!("{path}/deliveries/{}/resend", done["id"].as_str().unwrap());
            ann.post(&again, json!({})).await.good(201);
            let second = receiver.got(2).await[1].clone();
            assert_eq!((&second.0["webhook-id"], &second.1), (&headers["webhook-id"], &body));
            bob.post(&again, json!({})).await.bad(404, "NOT_FOUND");
            ann.post(&format!("{path}/test"), json!({})).await.good(201);
            let test: Value = serde_json::from_str(&receiver.got(3).await[2].1).unwrap();
            assert_eq!(test["type"], "webhook.test");
            // With a new secret it is signed anew.
            let rotated = ann.post(&format!("{path}/rotate-secret"), json!({})).await;
            assert_ne!(rotated.good(200)["secret"], webhook["secret"]);
            assert!(!ann.get(&path).await.text.contains("whsec_"));
            assert_eq!(receiver.got(3).await.len(), 3, "nobody else's, and nothing twice");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_tried_again_and_given_up_in_the_end() {
    on_each_with(
        |_| {},
        open,
        async |stage| {
            let ann = stage.somebody().await;
            let receiver = Receiver::open().await;
            receiver.answer(&[500, 302]);
            let webhook = made(&ann, &receiver.url, json!(["team.*"])).await;
            let path = path_of(&webhook).await;
            stage.api.flush().await;
            ann.post(&format!("{path}/test"), json!({})).await.good(201);
            let waiting = delivery(&ann, &path, "pending", 1).await;
            assert_eq!(
                (&waiting["lastStatus"], &waiting["lastError"]),
                (&json!(500), &json!("the receiver answered 500"))
            );
            assert!(waiting["nextAt"].as_str() > waiting["updatedAt"].as_str());
            let id: Uuid = waiting["id"].as_str().unwrap().parse().unwrap();
            // As if the time had passed: the eighth attempt is due.
            let sql = "update webhook_deliveries set attempts = 7, next_at = created_at where id = $1";
            stage.api.database().execute(sql, args![id]).await.unwrap();
            let failed = delivery(&ann, &path, "failed", 8).await;
            assert_eq!(
                (&failed["lastStatus"], &failed["nextAt"]),
                (&json!(302), &Value::Null),
                "no redirect is followed"
            );
            assert_eq!(ann.get(&path).await.good(200)["failures"], 1);
            // One that is taken ends the row of failures.
            ann.post(&format!("{path}/test"), json!({})).await.good(201);
            delivery(&ann, &path, "delivered", 1).await;
            assert_eq!(ann.get(&path).await.good(200)["failures"], 0);
            receiver.answer(&[410]);
            ann.post(&format!("{path}/test"), json!({})).await.good(201);
            for _ in 0..1000 {
                if ann.get(&path).await.good(200)["isActive"] == false {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let gone = ann.get(&path).await;
            assert_eq!(
                (&gone.good(200)["isActive"], &gone.good(200)["disabledReason"]),
                (&json!(false), &json!("the receiver said that it is gone"))
            );
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_inside_is_told_and_five_given_up_are_enough() {
    // With the usual way out, which reaches nobody inside.
    on_each(async |stage: &Stage| {
        let ann = stage.somebody().await;
        let receiver = Receiver::open().await;
        let webhook = made(&ann, &receiver.url, json!(["team.*"])).await;
        let path = path_of(&webhook).await;
        for _ in 0..5 {
            ann.post(&format!("{path}/test"), json!({})).await.good(201);
        }
        for _ in 0..1500 {
            if ann.get(&path).await.good(200)["isActive"] == false {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let off = ann.get(&path).await;
        assert_eq!((&off.good(200)["isActive"], &off.good(200)["failures"]), (&json!(false), &json!(5)));
        assert_eq!(off.good(200)["disabledReason"], "5 deliveries in a row were given up");
        assert!(receiver.got.lock().unwrap().is_empty());
        ann.post(&format!("{path}/test"), json!({})).await.bad(400, "BAD_REQUEST");
        let on = ann.patch(&path, json!({ "isActive": true })).await;
        assert_eq!((&on.good(200)["failures"], &on.good(200)["disabledReason"]), (&json!(0), &Value::Null));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_holds_up_nobody_else() {
    on_each_with(
        |_| {},
        open,
        async |stage| {
            let ann = stage.somebody().await;
            // It accepts, and says nothing ever.
            let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let slow =
                made(&ann, &format!("http://{}", silent.local_addr().unwrap()), json!(["team.*"])).await;
            for _ in 0..20 {
                ann.post(&format!("{}/test", path_of(&slow).await), json!({})).await.good(201);
            }
            let receiver = Receiver::open().await;
            let fast = made(&ann, &receiver.url, json!(["agent.created"])).await;
            agent(&ann).await;
            receiver.got(1).await;
            delivery(&ann, &path_of(&fast).await, "delivered", 1).await;
            // At most a few of the slow one are on their way.
            let sql =
                "select count(*) as n from webhook_deliveries where status = 'pending' and attempts > 0";
            let row = stage.api.database().fetch_one(sql, args![]).await.unwrap();
            assert!((1..=8).contains(&row.get::<i64>("n").unwrap()));
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_checked_and_belongs_to_somebody() {
    on_each(async |stage| {
        let (ann, bob) = (stage.somebody().await, stage.somebody().await);
        let wrong =
            json!({ "url": "ftp://a", "events": ["execution.*", "execution.done", "x"], "secret": "s" });
        let wrong = ann.post("/webhooks", wrong).await.wrong_fields();
        let expected = [
            ("events.1", "invalid_value"),
            ("events.2", "invalid_value"),
            ("secret", "invalid_format"),
            ("url", "invalid_format"),
        ];
        assert_eq!(wrong, fields(&expected));
        let wrong =
            ann.post("/webhooks", json!({ "url": "http://a:b@c", "events": [] })).await.wrong_fields();
        assert_eq!(wrong, fields(&[("events", "too_small")]));
        let secret = format!("whsec_{}", STANDARD.encode([7; 24]));
        let body =
            json!({ "url": "https://example.com", "events": ["*"], "secret": secret, "isActive": false });
        let webhook = ann.post("/webhooks", body).await.good(201).clone();
        assert_eq!(webhook["secret"], secret);
        let path = path_of(&webhook).await;
        for (client, status, code) in [(&bob, 404, "NOT_FOUND"), (&stage.anybody(), 401, "UNAUTHORIZED")] {
            client.get(&path).await.bad(status, code);
            client.patch(&path, json!({ "url": "https://evil.example" })).await.bad(status, code);
            client.delete(&path).await.bad(status, code);
            client.get(&format!("{path}/deliveries")).await.bad(status, code);
            client.post(&format!("{path}/test"), json!({})).await.bad(status, code);
            client.post(&format!("{path}/rotate-secret"), json!({})).await.bad(status, code);
        }
        let sealed = stage.api.database().fetch_one("select secret from webhooks", args![]).await.unwrap();
        assert!(sealed.get::<String>("secret").unwrap().starts_with("v1:"));
        let changed = ann.patch(&path, json!({ "events": ["agent.*"], "description": "d" })).await;
        assert_eq!(
            (&changed.good(200)["events"], &changed.good(200)["description"]),
            (&json!(["agent.*"]), &json!("d"))
        );
        ann.patch(&path, json!({ "events": ["nothing"] })).await.wrong_fields();
        ann.patch(&path, json!({})).await.bad(400, "VALIDATION_ERROR");
        assert_eq!(ann.get("/webhooks?isActive=false").await.body["pagination"]["totalItems"], 1);
        assert_eq!(ann.delete(&path).await.status.as_u16(), 204);
        ann.get(&path).await.bad(404, "NOT_FOUND");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_held_by_one_and_taken_by_another_when_its_time_is_over() {
    on_each_store(async |store| {
        let platform = Platform::new(store.database().clone());
        let ann = platform.users().create(NewUser::new("ann@example.com")).await.unwrap();
        let new = NewWebhook {
            user_id: ann.id,
            url: "https://example.com".to_owned(),
            description: None,
            events: vec!["*".to_owned()],
            secret: Hidden::new("sealed"),
            is_active: true,
        };
        let webhook = platform.webhooks().create_as(Uuid::now_v7(), new).await.unwrap();
        let deliveries = platform.deliveries();
        for _ in 0..6 {
            deliveries.create(webhook.id, Uuid::now_v7(), "a.b", &json!({})).await.unwrap();
        }
        let (minute, none) = (Duration::from_secs(60), Vec::new);
        // No more than so many to one; those are held.
        let (one, other) =
            tokio::join!(deliveries.claim(9, 2, none(), minute), deliveries.claim(9, 2, none(), minute));
        let (one, other) = (one.unwrap(), other.unwrap());
        let both: std::collections::HashSet<Uuid> =
            one.iter().chain(&other).map(|delivery| delivery.id).collect();
        assert_eq!(both.len(), one.len() + other.len(), "none is held by two");
        assert!(one.len() <= 2 && other.len() <= 2 && !both.is_empty());
        assert!(deliveries.claim(9, 9, vec![webhook.id], minute).await.unwrap().is_empty(), "it is busy");
        let rest = deliveries.claim(9, 9, none(), Duration::ZERO).await.unwrap();
        assert_eq!(rest.len(), 6 - both.len());
        // Whoever held those has ended.
        let again = deliveries.claim(9, 9, none(), minute).await.unwrap();
        assert_eq!(again.len(), rest.len());
        assert!(again.iter().all(|delivery| delivery.attempts == 2));
        let well = Attempted { outcome: Outcome::Delivered, status: Some(200), error: None, took: minute };
        // What the one before says late counts for nothing.
        let late = rest.iter().find(|delivery| delivery.id == again[0].id).unwrap();
        deliveries.note(late, &well).await.unwrap();
        assert_eq!(deliveries.get(late.id).await.unwrap().unwrap().status, DeliveryStatus::Pending);
        deliveries.note(&again[0], &well).await.unwrap();
        assert_eq!(deliveries.get(late.id).await.unwrap().unwrap().status, DeliveryStatus::Delivered);
        // Of one that is not told any more nothing is taken, and nothing is lost.
        let off = WebhookPatch { is_active: Some(false), ..WebhookPatch::default() };
        platform.webhooks().update(webhook.id, off, None).await.unwrap();
        deliveries.create(webhook.id, Uuid::now_v7(), "a.b", &json!({})).await.unwrap();
        assert!(deliveries.claim(9, 9, none(), minute).await.unwrap().is_empty());
    })
    .await;
}
