//! Tokens of Google, and its keys.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_google_is_believed_only_if_all_of_it_is_right() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let check = async |change: &dyn Fn(&mut Value), signer: &Signer| {
            let begun = begin(stage, &at, "google").await;
            let mut claims = begun.claims("g-1", "ann@example.com");
            change(&mut claims);
            at.say(|says| says.id_token = Some(signer.sign(&claims)));
            begun.end(stage).await
        };
        let one = Signer::one();
        let wrong: [(&str, Value); 8] = [
            ("nonce", json!("another")),
            ("nonce", Value::Null),
            ("aud", json!("another-client")),
            ("iss", json!("https://evil.example")),
            ("exp", json!(1_600_000_000)),
            ("iat", json!(4_000_000_000_u64)),
            ("email_verified", json!(false)),
            ("email", Value::Null),
        ];
        for (claim, value) in wrong {
            let location = check(&|claims| claims[claim] = value.clone(), &one).await;
            assert_eq!(location, error("oauth_failed"), "{claim}");
        }
        // Another key under the name of the right one.
        let forged = Signer::other().named("one");
        assert_eq!(check(&|_| {}, &forged).await, error("oauth_failed"));
        code_of(&check(&|claims| claims["email_verified"] = json!("true"), &one).await);
        let begun = begin(stage, &at, "google").await;
        at.say(|says| says.id_token = None);
        assert_eq!(begun.end(stage).await, error("oauth_failed"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_once_and_again_when_one_is_not_known() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        at.keys(&[Signer::one()]);
        at.say(|says| says.asked = 0);
        let enter = async |signer: &Signer| {
            let token = signer.sign(&claims("g-1", "ann@example.com"));
            stage.anybody().post("/auth/google", json!({ "googleToken": token })).await
        };
        enter(&Signer::one()).await.good(200);
        enter(&Signer::one()).await.good(200);
        assert_eq!(at.say(|says| says.asked), 1);
        at.keys(&[Signer::one(), Signer::other()]);
        enter(&Signer::other()).await.good(200);
        assert_eq!(at.say(|says| says.asked), 2);
        // Made-up names do not make it ask again and again.
        let unknown = Signer::one().named("unknown");
        enter(&unknown).await.bad(401, "UNAUTHORIZED");
        enter(&unknown).await.bad(401, "UNAUTHORIZED");
        assert_eq!(at.say(|says| says.asked), 3);
        enter(&Signer::other()).await.good(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_a_token_of_google_signs_in_and_what_it_says_besides_is_not_believed() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        at.say(|says| says.broken = false);
        let enter = async |token: &str| {
            let said = json!({ "googleId": "g-9", "email": "victim@example.com", "name": "x" });
            let body = json!({ "googleToken": token, "userData": said });
            stage.anybody().post("/auth/google", body).await
        };
        let answer = enter(&Signer::one().sign(&claims("g-1", "ann@example.com"))).await;
        assert_eq!(answer.good(200)["user"]["email"], "ann@example.com");
        stage.client(answer.good(200)).get("/users/me").await.good(200);
        let again = enter(&Signer::one().sign(&claims("g-1", "ann@example.com"))).await;
        assert_eq!(again.good(200)["user"]["id"], answer.good(200)["user"]["id"]);
        let forged = Signer::other().named("one");
        enter(&forged.sign(&claims("g-1", "ann@example.com"))).await.bad(401, "UNAUTHORIZED");
        let mut other = claims("g-1", "ann@example.com");
        other["aud"] = json!("another-client");
        enter(&Signer::one().sign(&other)).await.bad(401, "UNAUTHORIZED");
        for nonsense in ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
            enter(nonsense).await.bad(401, "UNAUTHORIZED");
        }
        at.say(|says| says.broken = true);
        let unknown = Signer::one().named("unknown");
        enter(&unknown.sign(&claims("g-1", "ann@example.com"))).await.bad(502, "EXTERNAL_SERVICE_ERROR");
    })
    .await;
}
