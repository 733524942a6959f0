//! Tokens that are good once.

use std::time::Duration;

use serde_json::json;
use turbocat_storage::platform::{Hidden, NewToken, TokenPurpose};

use crate::setting::on_each;

const LIFE: Duration = Duration::from_secs(60);

fn token(hash: &str, purpose: TokenPurpose, user: Option<uuid::Uuid>) -> NewToken {
    NewToken { hash: Hidden::new(hash), purpose, user_id: user, data: json!({ "of": hash }) }
}

#[tokio::test]
async fn a_token_is_taken_once_for_its_purpose_while_it_is_good() {
    on_each(|setting| async move {
        let tokens = setting.platform.one_time_tokens();
        tokens.keep(token("a", TokenPurpose::OauthState, None), LIFE).await.unwrap();
        assert_eq!(tokens.take(TokenPurpose::SignIn, "a").await.unwrap(), None);
        let taken = tokens.take(TokenPurpose::OauthState, "a").await.unwrap().unwrap();
        assert_eq!((taken.data, taken.user_id), (json!({ "of": "a" }), None));
        assert_eq!(tokens.take(TokenPurpose::OauthState, "a").await.unwrap(), None);
        tokens.keep(token("b", TokenPurpose::OauthState, None), LIFE).await.unwrap();
        setting.pass(60_000);
        assert_eq!(tokens.take(TokenPurpose::OauthState, "b").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_newest_token_of_a_user_is_the_only_one_until_all_are_forgotten() {
    on_each(|setting| async move {
        let (tokens, user) = (setting.platform.one_time_tokens(), Some(setting.user.id));
        tokens.keep(token("a", TokenPurpose::PasswordReset, user), LIFE).await.unwrap();
        tokens.keep(token("b", TokenPurpose::PasswordReset, user), LIFE).await.unwrap();
        tokens.keep(token("c", TokenPurpose::SignIn, user), LIFE).await.unwrap();
        assert_eq!(tokens.take(TokenPurpose::PasswordReset, "a").await.unwrap(), None);
        tokens.forget(setting.user.id, TokenPurpose::PasswordReset).await.unwrap();
        assert_eq!(tokens.take(TokenPurpose::PasswordReset, "b").await.unwrap(), None);
        assert!(tokens.take(TokenPurpose::SignIn, "c").await.unwrap().is_some());
    })
    .await;
}
