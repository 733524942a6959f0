//! Whose account it is.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_never_leads_to_an_account_that_was_made_in_another_way() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let register = json!({ "email": "ann@example.com", "password": PASSWORD });
        let answer = stage.anybody().post("/auth/register", register).await;
        let ann = stage.client(answer.good(201));
        let begun = begin(stage, &at, "google").await;
        at.say(|says| says.id_token = Some(Signer::one().sign(&begun.claims("g-1", "ANN@example.com"))));
        assert_eq!(begun.end(stage).await, error("email_taken"));
        let token = Signer::one().sign(&claims("g-1", "ann@example.com"));
        let answer = stage.anybody().post("/auth/google", json!({ "googleToken": token })).await;
        answer.bad(409, "CONFLICT");
        let kept = stage.api.platform().users().get(ann.id).await.unwrap().unwrap();
        assert_eq!((kept.oauth_id, kept.google_id, kept.email_verified), (None, None, false));
        // Nor does the one of another provider.
        google(stage, &at, "g-2", "bob@example.com").await.good(200);
        at.say(|says| {
            says.user = json!({ "id": 7, "login": "bob" });
            says.emails = json!([{ "email": "bob@example.com", "primary": true, "verified": true }]);
        });
        assert_eq!(begin(stage, &at, "github").await.end(stage).await, error("email_taken"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_deactivated_or_deleted_does_not_come_in_that_way() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let ann = user(stage, &google(stage, &at, "g-1", "ann@example.com").await).await;
        let begun = begin(stage, &at, "google").await;
        at.say(|says| says.id_token = Some(Signer::one().sign(&begun.claims("g-1", "ann@example.com"))));
        let code = code_of(&begun.end(stage).await);
        let patch = UserPatch { is_active: Some(false), ..UserPatch::default() };
        stage.api.platform().users().update(ann.id, patch, None).await.unwrap();
        exchange(stage, &code).await.bad(403, "FORBIDDEN");
        let enter = async || {
            let begun = begin(stage, &at, "google").await;
            at.say(|says| says.id_token = Some(Signer::one().sign(&begun.claims("g-1", "ann@example.com"))));
            begun.end(stage).await
        };
        assert_eq!(enter().await, error("account_deactivated"));
        let token = Signer::one().sign(&claims("g-1", "ann@example.com"));
        let answer = stage.anybody().post("/auth/google", json!({ "googleToken": token })).await;
        answer.bad(403, "FORBIDDEN");
        stage.api.platform().users().delete(ann.id).await.unwrap();
        assert_eq!(enter().await, error("email_taken"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn github_is_asked_for_a_proven_address_and_a_name() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let enter = async |emails: Value| {
            at.say(|says| {
                says.user =
                    json!({ "id": 42, "login": "annlee", "name": null, "email": "shown@example.com" });
                says.emails = emails;
            });
            begin(stage, &at, "github").await.end(stage).await
        };
        let unproven = json!([{ "email": "ann@example.com", "primary": true, "verified": false }]);
        assert_eq!(enter(unproven).await, error("oauth_failed"));
        assert_eq!(enter(json!([])).await, error("oauth_failed"));
        let emails = json!([
            { "email": "second@example.com", "primary": false, "verified": true },
            { "email": "ann@example.com", "primary": true, "verified": true },
        ]);
        let location = enter(emails).await;
        let ann = user(stage, &exchange(stage, &code_of(&location)).await).await;
        assert_eq!((ann.email.as_str(), ann.full_name.as_deref()), ("ann@example.com", Some("annlee")));
        assert_eq!(ann.oauth_provider.as_deref(), Some("github"));
        assert_eq!((ann.oauth_id.as_deref(), ann.email_verified), (Some("42"), true));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_from_microsoft_proves_nothing() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        at.say(|says| {
            says.user = json!({
                "id": "m-1", "mail": null, "userPrincipalName": "ann@corp.example", "displayName": "Ann",
            });
        });
        let location = begin(stage, &at, "microsoft").await.end(stage).await;
        let ann = user(stage, &exchange(stage, &code_of(&location)).await).await;
        assert_eq!((ann.email.as_str(), ann.email_verified), ("ann@corp.example", false));
        assert_eq!(ann.email_verified_at, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_twice_at_once_has_one_account() {
    let at = Provider::open().await;
    on_each_at(&at, async |stage| {
        let enter = async || {
            let token = Signer::one().sign(&claims("g-1", "ann@example.com"));
            stage.anybody().post("/auth/google", json!({ "googleToken": token })).await
        };
        let (one, two, three) = tokio::join!(enter(), enter(), enter());
        let id = |answer: &Answer| answer.good(200)["user"]["id"].clone();
        assert_eq!(id(&one), id(&two));
        assert_eq!(id(&one), id(&three));
    })
    .await;
}
