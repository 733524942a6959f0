//! Changing the key: everything is sealed anew, a few rows at a time.

use std::collections::BTreeMap;

use serde_json::json;
use turbocat_storage::args;
use turbocat_storage::platform::{
    AgentPatch, DeploymentPatch, DeploymentTarget, Hidden, NewDeployment, UserPatch,
};
use turbocat_storage::vault::{Keyring, Place, RotationCursor, Vault};
use uuid::Uuid;

use crate::sealing::{ONE, TWO};
use crate::setting::{Setting, on_each};

/// Rotates to the end, `rows` at a time; how many rows were changed, and what failed.
async fn rotate(vault: &Vault, rows: u32) -> (u64, Vec<String>) {
    let (mut cursor, mut changed, mut failed) = (Some(RotationCursor::default()), 0, Vec::new());
    while let Some(from) = cursor {
        let rotated = vault.rotate(from, rows).await.unwrap();
        changed += rotated.changed;
        failed.extend(rotated.failed);
        cursor = rotated.next;
    }
    (changed, failed)
}

/// A secret in every place where one can stand; the ids of agent and deployment.
async fn everywhere(setting: &Setting, keys: &Keyring) -> (Uuid, Uuid) {
    let platform = &setting.platform;
    let vault = Vault::new(platform.database().clone(), keys.clone());
    for n in 0..7 {
        vault.shared().set(&format!("S{n}"), "hunter2").await.unwrap();
    }
    vault.of(setting.user.id).set("S0", "hunter2").await.unwrap();
    let seal = |column| keys.seal(&Place::new("users", column, setting.user.id), "hunter2").unwrap();
    let patch = UserPatch {
        oauth_access_token: Some(Some(Hidden::new(seal("oauth_access_token")))),
        oauth_refresh_token: Some(Some(Hidden::new(seal("oauth_refresh_token")))),
        ..UserPatch::default()
    };
    platform.users().update(setting.user.id, patch, None).await.unwrap();
    let agent = setting.agent("sealed").await.id;
    let mut config = json!({ "z": [{ "apiKey": "hunter2" }], "a": 1 });
    keys.seal_named(&Place::new("agents", "config", agent), &mut config, &["apiKey"]).unwrap();
    let patch = AgentPatch { config: Some(config), ..AgentPatch::default() };
    platform.agents().update(agent, patch, None).await.unwrap();
    setting.agent("without secrets").await;
    let new = NewDeployment::new(setting.user.id, "kept");
    let deployment = platform.deployments().create(new, DeploymentTarget::Agent(agent)).await.unwrap().id;
    let variables = BTreeMap::from([("A".to_owned(), "hunter2".to_owned())]);
    let place = Place::new("deployments", "environment_vars", deployment);
    let environment_vars = Some(keys.seal_variables(&place, &variables).unwrap());
    let patch = DeploymentPatch { environment_vars, ..DeploymentPatch::default() };
    platform.deployments().update(deployment, patch, None).await.unwrap();
    (agent, deployment)
}

/// Everything opens with these keys.
async fn opens(setting: &Setting, keys: &Keyring, agent: Uuid, deployment: Uuid) {
    let platform = &setting.platform;
    let vault = Vault::new(platform.database().clone(), keys.clone());
    for n in 0..7 {
        assert_eq!(vault.shared().get(&format!("S{n}")).await.unwrap().as_deref(), Some("hunter2"));
    }
    assert_eq!(vault.of(setting.user.id).get("S0").await.unwrap().as_deref(), Some("hunter2"));
    let user = platform.users().get(setting.user.id).await.unwrap().unwrap();
    let open = |column, text: &Option<Hidden>| {
        keys.open(&Place::new("users", column, user.id), text.as_ref().unwrap().reveal()).unwrap()
    };
    assert_eq!(open("oauth_access_token", &user.oauth_access_token), "hunter2");
    assert_eq!(open("oauth_refresh_token", &user.oauth_refresh_token), "hunter2");
    let mut config = platform.agents().get(agent).await.unwrap().unwrap().config;
    keys.open_marked(&Place::new("agents", "config", agent), &mut config).unwrap();
    assert_eq!(config.to_string(), r#"{"z":[{"apiKey":"hunter2"}],"a":1}"#);
    let variables = platform.deployments().get(deployment).await.unwrap().unwrap().environment_vars;
    let place = Place::new("deployments", "environment_vars", deployment);
    assert_eq!(keys.open_variables(&place, &variables).unwrap()["A"], "hunter2");
}

#[tokio::test]
async fn everything_is_sealed_anew_and_the_old_key_can_go() {
    on_each(|setting| async move {
        let old = Keyring::new("k1", ONE).unwrap();
        let (agent, deployment) = everywhere(&setting, &old).await;
        let both = Keyring::new("k2", TWO).unwrap().with_older("k1", ONE).unwrap();
        let vault = Vault::new(setting.platform.database().clone(), both.clone());
        for rows in [3, 100] {
            let expected = if rows == 3 { 12 } else { 0 };
            assert_eq!(rotate(&vault, rows).await, (expected, vec![]), "{rows} at a time");
        }
        opens(&setting, &Keyring::new("k2", TWO).unwrap(), agent, deployment).await;
        let keys = vault.shared().list().await.unwrap();
        assert!(keys.iter().all(|info| info.key_id == "k2"));
    })
    .await;
}

#[tokio::test]
async fn a_rotation_that_was_stopped_goes_on_or_begins_anew() {
    on_each(|setting| async move {
        let (agent, deployment) = everywhere(&setting, &Keyring::new("k1", ONE).unwrap()).await;
        let both = Keyring::new("k2", TWO).unwrap().with_older("k1", ONE).unwrap();
        let vault = Vault::new(setting.platform.database().clone(), both.clone());
        let first = vault.rotate(RotationCursor::default(), 5).await.unwrap();
        assert_eq!((first.changed, first.next.is_some()), (5, true));
        opens(&setting, &both, agent, deployment).await;
        let second = vault.rotate(first.next.unwrap(), 5).await.unwrap();
        assert_eq!(second.changed, 3);
        assert_eq!(rotate(&vault, 2).await, (4, vec![]));
        opens(&setting, &Keyring::new("k2", TWO).unwrap(), agent, deployment).await;
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_opened_is_told_and_left() {
    on_each(|setting| async move {
        everywhere(&setting, &Keyring::new("k1", ONE).unwrap()).await;
        let lost = "update users set oauth_access_token = 'v1:k0:AAAA' where id = $1";
        setting.platform.database().execute(lost, args![setting.user.id]).await.unwrap();
        let both = Keyring::new("k2", TWO).unwrap().with_older("k1", ONE).unwrap();
        let vault = Vault::new(setting.platform.database().clone(), both);
        let (changed, failed) = rotate(&vault, 4).await;
        assert_eq!((changed, failed), (11, vec![format!("users/oauth_access_token/{}/", setting.user.id)]));
        let user = setting.platform.users().get(setting.user.id).await.unwrap().unwrap();
        assert_eq!(user.oauth_access_token.unwrap().reveal(), "v1:k0:AAAA");
    })
    .await;
}
