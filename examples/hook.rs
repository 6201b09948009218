//! An application that has its say on new users, in process: people of other companies are refused in its own words,
//! and with each new user a row of the application's own is written in the same commit, so that neither exists without
//! the other. Run it with `cargo run --example hook`.

use std::error::Error;
use std::sync::Arc;

use vestibule::hooks::{
    Additions, Answer, ApplicationValue, BoxFuture, Hook, HookOptions, Refusal, UserToBe, ValueKey,
};
use vestibule::messages::Capture;
use vestibule::settings::sample_settings;
use vestibule::{
    AttemptVerification, Caller, Engine, EngineError, NewSignUp, PrepareVerification, RequestContext, SignUpStatus,
    SignUpView, Strategy,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mail = Arc::new(Capture::new());
    let hook = Arc::new(Company::new("example.com")?);
    let engine = Engine::builder()
        .settings(sample_settings("email_code")?)
        .email(mail.clone())
        .before_conversion(hook, HookOptions::default())
        .build()
        .await?;

    // Somebody from elsewhere proves their address, and is refused all the same.
    let refused = signs_up(&engine, &mail, "eve@elsewhere.example").await;
    let error = refused.err().ok_or("the hook refuses them")?;
    let error = error.downcast::<EngineError>()?;
    assert_eq!((error.code(), error.http_status()), ("company_only", 422));
    println!("eve: {error}, {}", serde_json::json!({ "errors": *error }));

    // A colleague becomes a user, and has a row in our table from the first moment on.
    let ada = signs_up(&engine, &mail, "ada@example.com").await?;
    assert_eq!(ada.status, SignUpStatus::Complete);
    let rows = engine.values().list("plans", "", None, 10).await?;
    let [row] = &rows[..] else { return Err("one row for one user: there is none for eve".into()) };
    println!("ada: {} = {}", row.key, String::from_utf8_lossy(row.bytes.expose()));
    engine.shutdown().await;
    Ok(())
}

/// Only people of one company become users, on the free plan at first.
struct Company {
    domain: String,
    refusal: Refusal,
}

impl Company {
    fn new(domain: &str) -> Result<Self, Box<dyn Error>> {
        let refusal = Refusal::new("company_only", format!("Please use your address at {domain}."))?;
        Ok(Self { domain: domain.to_owned(), refusal })
    }

    fn judge(&self, user: &UserToBe) -> Result<Answer, Box<dyn Error>> {
        let is_ours = |address: &str| address.rsplit_once('@').is_some_and(|(_, domain)| domain == self.domain);
        if !user.email_addresses.iter().any(|email| is_ours(email.value.as_str())) {
            return Ok(Answer::Refuse(self.refusal.clone()));
        }
        let row = ApplicationValue::new(row_of(&user.user_id.to_string())?, "free")?;
        Ok(Answer::AllowWith(Additions::new().public_metadata(r#"{"plan":"free"}"#)?.value(row)?))
    }
}

impl Hook for Company {
    fn before_conversion<'a>(&'a self, user: &'a UserToBe) -> BoxFuture<'a, Answer> {
        // A real application would ask its database here; an answer has a deadline.
        Box::pin(async move { self.judge(user).unwrap_or_else(|_| Answer::Refuse(self.refusal.clone())) })
    }
}

/// The key of a user's row.
fn row_of(user: &str) -> Result<ValueKey, Box<dyn Error>> {
    Ok(ValueKey::new("plans", user)?)
}

/// A sign-up with the code from the mail.
async fn signs_up(engine: &Engine, mail: &Capture, address: &str) -> Result<SignUpView, Box<dyn Error>> {
    let (sign_ups, context) = (engine.sign_ups(), RequestContext::default());
    let input = NewSignUp::new().email_address(address);
    let (sign_up, client) = sign_ups.create(&Caller::anonymous(), &input, &context).await?;
    let token = client.new_token.ok_or("a new client has a token")?;
    let (id, caller) = (sign_up.id(), engine.identify(Some(token.expose())).await?);
    sign_ups.prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &context).await?;
    let code = mail.next_to(address).await.code.clone().ok_or("the message has a code")?;
    let attempt = AttemptVerification::code(Strategy::EmailCode, code.into_inner());
    Ok(sign_ups.attempt(&caller, id, &attempt, &context).await?.0)
}
