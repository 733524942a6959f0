//! Secrets at rest: what opens where, and what does not.

use std::collections::BTreeMap;

use serde_json::json;
use turbocat_core::Secrets;
use turbocat_storage::StorageErrorKind;
use turbocat_storage::platform::{AgentPatch, NewUser};
use turbocat_storage::testing::on_each_database;
use turbocat_storage::vault::{Keyring, Place, Vault, mask};
use uuid::Uuid;

use crate::setting::on_each;

pub(crate) const ONE: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub(crate) const TWO: &str = "FFEEDDCCBBAA99887766554433221100ffeeddccbbaa99887766554433221100";

/// Made with another implementation of AES-256-GCM: key `ONE`, the nonce 0 to 11, `hunter2`.
const IMPORTED: &str =
    r#"{"iv":"AAECAwQFBgcICQoL","content":"L3e4b6CX8A==","tag":"2Q0dD8GxyvYmr28rkQ6BmQ=="}"#;

fn place() -> Place {
    Place::new("agents", "config", Uuid::from_u128(1))
}

fn keyring() -> Keyring {
    Keyring::new("k1", ONE).unwrap()
}

#[test]
fn what_is_sealed_opens_in_its_place_and_nowhere_else() {
    let keys = keyring();
    for text in ["", "hunter2", "ключ \u{0} \u{1F511}", &"x".repeat(70_000)] {
        let sealed = keys.seal(&place(), text).unwrap();
        assert!(sealed.starts_with("v1:k1:") && (text.is_empty() || !sealed.contains(text)));
        assert_eq!(keys.open(&place(), &sealed).unwrap(), text);
        assert_ne!(keys.seal(&place(), text).unwrap(), sealed, "the same twice looks different");
        for other in [
            Place::new("agents", "config", Uuid::from_u128(2)),
            Place::new("agents", "tools", Uuid::from_u128(1)),
            Place::new("users", "config", Uuid::from_u128(1)),
            place().field("x"),
        ] {
            assert_eq!(keys.open(&other, &sealed).unwrap_err().kind(), StorageErrorKind::Secret);
        }
    }
}

#[test]
fn a_text_that_was_changed_does_not_open() {
    let keys = keyring();
    let sealed = keys.seal(&place(), "hunter2").unwrap();
    for at in 0..sealed.len() {
        let mut bytes = sealed.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        let error = keys.open(&place(), &changed).unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Secret, "at {at}");
        assert!(!error.to_string().contains("hunter2"));
    }
    for cut in 0..sealed.len() {
        assert!(keys.open(&place(), &sealed[..cut]).is_err(), "cut at {cut}");
    }
    for text in [
        "",
        "v1:",
        "v1:k1:",
        "v1:k1:!!!!",
        "v2:k1:AAAA",
        "plain",
        "{",
        "{}",
        r#"{"iv":"","content":"","tag":""}"#,
    ] {
        assert_eq!(keys.open(&place(), text).unwrap_err().kind(), StorageErrorKind::Secret, "{text}");
    }
}

#[test]
fn another_key_does_not_open_and_a_missing_one_is_named() {
    let sealed = keyring().seal(&place(), "hunter2").unwrap();
    let same_name = Keyring::new("k1", TWO).unwrap().open(&place(), &sealed).unwrap_err();
    assert!(same_name.to_string().contains("changed, or belongs to another place or key"));
    let missing = Keyring::new("k2", TWO).unwrap().open(&place(), &sealed).unwrap_err();
    assert!(
        missing.to_string().contains("sealed with the key `k1`, which is not there; help: "),
        "{missing}"
    );
    let both = Keyring::new("k2", TWO).unwrap().with_older("k1", ONE).unwrap();
    assert_eq!(both.open(&place(), &sealed).unwrap(), "hunter2");
    assert!(both.seal(&place(), "x").unwrap().starts_with("v1:k2:"));
    let resealed = both.reseal(&place(), &sealed).unwrap().unwrap();
    assert_eq!(both.reseal(&place(), &resealed).unwrap(), None);
    assert_eq!(Keyring::new("k2", TWO).unwrap().open(&place(), &resealed).unwrap(), "hunter2");
}

#[test]
fn a_key_is_64_hexadecimal_digits_and_is_not_shown() {
    for key in ["", "00", &ONE[1..], &ONE.replace('0', "g"), &ONE.replace("00", "+0"), &"é".repeat(32)] {
        let error = Keyring::new("k1", key).unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Invalid);
    }
    for id in ["", "a b", "a:b", "é", &"x".repeat(33)] {
        assert!(Keyring::new(id, ONE).is_err(), "{id}");
    }
    assert!(keyring().with_older("k1", TWO).is_err());
    let shown = format!("{:?}", keyring());
    assert!(shown.contains("k1") && !shown.contains("0001"), "{shown}");
}

#[test]
fn imported_texts_open_with_the_key_of_the_other_system() {
    let error = keyring().open(&place(), IMPORTED).unwrap_err();
    assert!(error.to_string().contains("it was imported, and there is no key for such"), "{error}");
    let keys = Keyring::new("k2", TWO).unwrap().with_imported(ONE).unwrap();
    assert_eq!(keys.open(&place(), IMPORTED).unwrap(), "hunter2");
    let resealed = keys.reseal(&place(), IMPORTED).unwrap().unwrap();
    assert!(resealed.starts_with("v1:k2:"));
    let wrong = IMPORTED.replace("2Q0d", "2Q0e");
    assert_eq!(keys.open(&place(), &wrong).unwrap_err().kind(), StorageErrorKind::Secret);
}

#[test]
fn variables_are_sealed_one_by_one_and_masked() {
    let keys = keyring();
    let variables: BTreeMap<String, String> = [("TOKEN", "sk-1234567890abcdef"), ("SHORT", "abc")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
    let sealed = keys.seal_variables(&place(), &variables).unwrap();
    assert!(!sealed.to_string().contains("abc"));
    assert_eq!(keys.open_variables(&place(), &sealed).unwrap(), variables);
    let masked = keys.mask_variables(&place(), &sealed).unwrap();
    assert_eq!((masked["TOKEN"].as_str(), masked["SHORT"].as_str()), ("sk-1********cdef", "****"));
    let swapped = json!({ "TOKEN": sealed["SHORT"], "SHORT": sealed["TOKEN"] });
    assert_eq!(keys.open_variables(&place(), &swapped).unwrap_err().kind(), StorageErrorKind::Secret);
    assert_eq!(keys.open_variables(&place(), &json!(["x"])).unwrap_err().kind(), StorageErrorKind::Corrupt);
}

#[test]
fn secrets_in_a_configuration_are_marked() {
    let keys = keyring();
    let before = json!({
        "apiKey": "sk-1234567890abcdef",
        "url": "https://example.org",
        "auth": [{ "token": "tok", "apiKey": "{{ secrets.KEY }}" }],
        "note": { "$secret": "no sealed text" },
    });
    let mut config = before.clone();
    keys.seal_named(&place(), &mut config, &["apiKey", "token"]).unwrap();
    assert!(config["apiKey"]["$secret"].as_str().unwrap().starts_with("v1:k1:"));
    assert_eq!(config["auth"][0]["apiKey"], "{{ secrets.KEY }}");
    assert_eq!((&config["url"], &config["note"]), (&before["url"], &before["note"]));
    let once = config.clone();
    keys.seal_named(&place(), &mut config, &["apiKey", "token"]).unwrap();
    assert_eq!(config, once, "what is sealed stays so");
    let mut masked = config.clone();
    keys.mask_marked(&place(), &mut masked).unwrap();
    assert_eq!(
        (masked["apiKey"].as_str(), masked["auth"][0]["token"].as_str()),
        (Some("sk-1********cdef"), Some("****"))
    );
    keys.open_marked(&place(), &mut config).unwrap();
    assert_eq!(config, before);
}

#[test]
fn masks_show_little() {
    for (secret, shown) in [
        ("", "****"),
        ("a", "****"),
        ("12345678", "********"),
        ("123456789", "1234*6789"),
        ("12345678901234567890", "1234********7890"),
        ("ключключключ", "ключ****ключ"),
    ] {
        assert_eq!(mask(secret), shown);
    }
}

#[tokio::test]
async fn a_secret_is_found_by_its_name() {
    on_each(|setting| async move {
        let vault = Vault::new(setting.platform.database().clone(), keyring());
        let (shared, own) = (vault.shared(), vault.of(setting.user.id));
        let other = setting.platform.users().create(NewUser::new("b@example.org")).await.unwrap();
        shared.set("KEY", "everybody's").await.unwrap();
        shared.set("ONLY", "shared").await.unwrap();
        assert_eq!(own.secret("KEY").await.as_deref(), Some("everybody's"));
        own.set("KEY", "first").await.unwrap();
        own.set("KEY", "Ada's").await.unwrap();
        assert_eq!(own.secret("KEY").await.as_deref(), Some("Ada's"));
        assert_eq!(own.secret("ONLY").await.as_deref(), Some("shared"));
        assert_eq!(shared.secret("KEY").await.as_deref(), Some("everybody's"));
        assert_eq!(vault.of(other.id).secret("KEY").await.as_deref(), Some("everybody's"));
        assert_eq!(own.secret("'; --").await, None);
        let names = |list: Vec<turbocat_storage::vault::SecretInfo>| {
            list.into_iter().map(|info| format!("{} {}", info.name, info.key_id)).collect::<Vec<_>>()
        };
        assert_eq!(names(own.list().await.unwrap()), ["KEY k1"]);
        assert_eq!(names(shared.list().await.unwrap()), ["KEY k1", "ONLY k1"]);
        own.delete("KEY").await.unwrap();
        assert_eq!(own.delete("KEY").await.unwrap_err().kind(), StorageErrorKind::NotFound);
        assert_eq!(own.get("KEY").await.unwrap().as_deref(), Some("everybody's"));
        for name in ["", &"x".repeat(256)] {
            assert_eq!(own.set(name, "x").await.unwrap_err().kind(), StorageErrorKind::Invalid);
        }
        let nobody = vault.of(Uuid::nil()).set("KEY", "x").await.unwrap_err();
        assert_eq!(nobody.kind(), StorageErrorKind::Constraint);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_set_a_secret_at_once_one_is_last() {
    on_each_database(|database| async move {
        let vault = Vault::new(database, keyring());
        let tasks: Vec<_> = (0..6)
            .map(|n| {
                let scope = vault.shared();
                tokio::spawn(async move { scope.set("KEY", &format!("value {n}")).await.unwrap() })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert!(vault.shared().secret("KEY").await.unwrap().starts_with("value "));
        assert_eq!(vault.shared().list().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn who_writes_into_the_table_cannot_give_a_secret_another_name() {
    on_each_database(|database| async move {
        let vault = Vault::new(database.clone(), keyring());
        vault.shared().set("PUBLIC", "x").await.unwrap();
        vault.shared().set("PRIVATE", "hunter2").await.unwrap();
        database
            .execute("delete from secrets where name = 'PUBLIC'", turbocat_storage::args![])
            .await
            .unwrap();
        let sql = "update secrets set name = 'PUBLIC' where name = 'PRIVATE'";
        database.execute(sql, turbocat_storage::args![]).await.unwrap();
        assert_eq!(vault.shared().get("PUBLIC").await.unwrap_err().kind(), StorageErrorKind::Secret);
        assert_eq!(vault.shared().secret("PUBLIC").await, None);
        assert!(!format!("{vault:?} {:?}", vault.shared()).contains("hunter2"));
    })
    .await;
}

#[tokio::test]
async fn a_copy_of_an_agent_has_its_own_secrets() {
    on_each(|setting| async move {
        let keys = keyring();
        let agent = setting.agent("one").await;
        let mut config = json!({ "apiKey": "hunter2" });
        keys.seal_named(&Place::new("agents", "config", agent.id), &mut config, &["apiKey"]).unwrap();
        let patch = AgentPatch { config: Some(config), ..AgentPatch::default() };
        setting.platform.agents().update(agent.id, patch, None).await.unwrap();
        let agents = setting.platform.agents();
        let error = agents.duplicate(agent.id, setting.user.id, None, None).await.unwrap_err();
        assert_eq!(error.kind(), StorageErrorKind::Secret);
        let copy = agents.duplicate(agent.id, setting.user.id, None, Some(&keys)).await.unwrap();
        let mut config = copy.config.clone();
        keys.open_marked(&Place::new("agents", "config", copy.id), &mut config).unwrap();
        assert_eq!(config, json!({ "apiKey": "hunter2" }));
        let mut moved = copy.config;
        assert!(keys.open_marked(&Place::new("agents", "config", agent.id), &mut moved).is_err());
    })
    .await;
}
