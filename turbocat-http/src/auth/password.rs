//! Passwords: what makes a good one, and how they are kept.

use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use tokio::sync::Semaphore;

use crate::error::{Detail, Error, Result};

/// The shortest and the longest, in characters.
const LENGTH: (usize, usize) = (8, 128);

/// Passwords that are tried first by those who guess, in lower case, that would pass the other rules.
const COMMON: &[&str] = &[
    "p@ssw0rd",
    "p@ssword1",
    "password1!",
    "password123!",
    "passw0rd!",
    "welcome1!",
    "welcome123!",
    "qwerty123!",
    "qwerty1!",
    "admin123!",
    "administrator1!",
    "changeme1!",
    "changeme123!",
    "letmein1!",
    "letmein123!",
    "iloveyou1!",
    "summer2024!",
    "summer2025!",
    "summer2026!",
    "winter2024!",
    "winter2025!",
    "winter2026!",
    "spring2026!",
    "autumn2026!",
    "abcd1234!",
    "abc123!@#",
    "abc12345!",
    "1q2w3e4r!",
    "1qaz2wsx!",
    "1qaz@wsx",
    "zaq1@wsx",
    "monkey123!",
    "dragon123!",
    "football1!",
    "baseball1!",
    "superman1!",
    "trustno1!",
    "master123!",
    "hello123!",
    "secret123!",
    "test1234!",
    "test123!",
    "demo123!",
    "user123!",
    "p@ssw0rd1",
    "p@ssw0rd!",
    "p@ssw0rd123",
    "pa$$w0rd",
    "pa$$word1",
    "pass@123",
    "pass@1234",
    "admin@123",
    "welcome@123",
    "india@123",
    "abcd@1234",
    "qwer1234!",
    "asdf1234!",
    "zxcv1234!",
];

/// Everything that is wrong with a password, as details of the field it came in.
pub(crate) fn judge(password: &str, field: &str, known: &[&str]) -> Vec<Detail> {
    let mut found = Vec::new();
    let mut say = |code: &str, what: String| found.push(Detail::new(field, code, what));
    let length = password.chars().count();
    if length < LENGTH.0 {
        say("too_small", format!("must have at least {} characters", LENGTH.0));
    }
    if length > LENGTH.1 {
        say("too_big", format!("must have at most {} characters", LENGTH.1));
    }
    if !password.chars().any(|c| c.is_ascii_uppercase()) {
        say("custom", "must have an upper-case letter".to_owned());
    }
    if !password.chars().any(|c| c.is_ascii_lowercase()) {
        say("custom", "must have a lower-case letter".to_owned());
    }
    if !password.chars().any(|c| c.is_ascii_digit()) {
        say("custom", "must have a digit".to_owned());
    }
    if !password.chars().any(|c| c.is_ascii_punctuation()) {
        say("custom", "must have a special character such as ! or #".to_owned());
    }
    let lower = password.to_lowercase();
    if COMMON.contains(&&*lower) {
        say("custom", "is one of the first that others would guess".to_owned());
    }
    let same = |name: &&str| {
        let name = name.to_lowercase();
        !name.is_empty() && (lower == name || name.split_once('@').is_some_and(|(user, _)| user == lower))
    };
    if known.iter().any(same) {
        say("custom", "must not be the name or the e-mail address".to_owned());
    }
    found
}

/// How many passwords are hashed at once: each takes 19 MiB and a core.
static PLACES: Semaphore = Semaphore::const_new(4);

/// What is kept of a password.
pub(crate) async fn hash(password: &str) -> Result<String> {
    let password = password.to_owned();
    let _place = PLACES.acquire().await.map_err(Error::internal)?;
    let hash = move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string());
    tokio::task::spawn_blocking(hash).await.map_err(Error::internal)?.map_err(Error::internal)
}

/// What a password comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wrong,
    Right,
    /// Right, but kept in a way of the past: it is to be hashed anew.
    RightAndOld,
}

/// Holds a password against what was kept. Without anything kept it takes as long, so that nobody
/// learns who exists.
pub(crate) async fn verify(password: &str, kept: Option<&str>) -> Result<Verdict> {
    let (password, kept) = (password.to_owned(), kept.map(str::to_owned));
    let _place = PLACES.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(move || check(&password, kept.as_deref())).await.map_err(Error::internal)
}

fn check(password: &str, kept: Option<&str>) -> Verdict {
    let verdict = |right, then| if right { then } else { Verdict::Wrong };
    match kept {
        Some(hash) if hash.starts_with("$2") => {
            // Imported: it knows the first 72 bytes only.
            verdict(bcrypt::verify(password, hash).unwrap_or(false), Verdict::RightAndOld)
        }
        Some(hash) => verdict(is_of(password, hash), Verdict::Right),
        None => {
            is_of(password, nobodys());
            Verdict::Wrong
        }
    }
}

fn is_of(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// The hash of a password that nobody has.
fn nobodys() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let password = crate::secure::random::<32>();
        Argon2::default().hash_password(&password).map(|hash| hash.to_string()).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_password_is_accepted_and_everything_wrong_is_told() {
        assert!(judge("Correct-Horse-7", "password", &["ann@example.com"]).is_empty());
        assert_eq!(judge("", "password", &[]).len(), 5);
        assert_eq!(
            judge("Password123!", "password", &[])[0].message,
            "is one of the first that others would guess"
        );
        assert_eq!(judge("Ann.Lee-1@x.example", "password", &["ann.lee-1@x.example"]).len(), 1);
        assert_eq!(judge(&"aA1!".repeat(33), "newPassword", &[])[0].code, "too_big");
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_hashes_of_the_past_are_told() {
        let kept = hash("Correct-Horse-7").await.unwrap();
        assert!(kept.starts_with("$argon2id$"));
        assert_eq!(verify("Correct-Horse-7", Some(&kept)).await.unwrap(), Verdict::Right);
        assert_eq!(verify("correct-horse-7", Some(&kept)).await.unwrap(), Verdict::Wrong);
        let old = bcrypt::hash("Correct-Horse-7", 4).unwrap();
        assert_eq!(verify("Correct-Horse-7", Some(&old)).await.unwrap(), Verdict::RightAndOld);
        assert_eq!(verify("x", Some(&old)).await.unwrap(), Verdict::Wrong);
        assert_eq!(verify("x", Some("nonsense")).await.unwrap(), Verdict::Wrong);
        assert_eq!(verify("x", None).await.unwrap(), Verdict::Wrong);
    }
}
