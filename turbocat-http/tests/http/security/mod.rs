//! What others would try: forged tokens, smuggled fields, guessed passwords, odd bytes, odd paths.

mod tokens;
mod rights;
mod secrets;
mod bytes;
mod raw;

use serde_json::{Value, json};

use crate::stage::{PASSWORD, Stage};

async fn registered(stage: &Stage, email: &str) -> Value {
    let register = json!({ "email": email, "password": PASSWORD });
    stage.anybody().post("/auth/register", register).await.good(201).clone()
}
