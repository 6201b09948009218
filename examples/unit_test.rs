//! How an application tests its own sign-ups: an engine in memory with a clock that stands still until the test moves
//! it, seeded chance, and messages kept in memory. A whole sign-up takes milliseconds, and many engines run in one
//! process. Run it with `cargo run --example unit_test`; its tests run with `cargo test --example unit_test`.

use std::error::Error;
use std::time::Instant;

use vestibule::settings::sample_settings;
use vestibule::testing::Kit;
use vestibule::{
    AttemptVerification, Caller, ClientView, Engine, EngineError, NewSignUp, PrepareVerification, RequestContext,
    Secret, SignUpStatus, SignUpView, Span, Strategy,
};

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "it shows how long a sign-up takes in real time")]
async fn main() -> Result<(), Box<dyn Error>> {
    let bench = Bench::new(1).await?;
    let (sign_up, caller) = bench.begin("Ada@Example.com").await?;
    let first = bench.code(&sign_up, &caller, "ada@example.com").await?;

    // Eleven minutes pass at once: the code is good for ten.
    bench.kit.clock.advance(Span::from_secs(11 * 60));
    let late = bench.attempt(&sign_up, &caller, &first).await;
    println!("the old code: {:?}", late.err());

    let second = bench.code(&sign_up, &caller, "ada@example.com").await?;
    let (done, client) = bench.attempt(&sign_up, &caller, &second).await?;
    assert_eq!(done.status, SignUpStatus::Complete);
    println!("the new code: {} is a user since {} ms", client.sessions[0].user.id, done.updated_at().as_millis());

    let count: u32 = 200;
    let began = Instant::now();
    for n in 0..count {
        let email = format!("person{n}@example.com");
        let (sign_up, caller) = bench.begin(&email).await?;
        let code = bench.code(&sign_up, &caller, &email).await?;
        bench.attempt(&sign_up, &caller, &code).await?;
    }
    println!("a whole sign-up takes {:?}", began.elapsed() / count);
    bench.engine.shutdown().await;
    Ok(())
}

/// What a test needs of an engine.
struct Bench {
    kit: Kit,
    engine: Engine,
}

impl Bench {
    /// A fresh engine. The same seed gives the same ids and codes again.
    async fn new(seed: u64) -> Result<Self, Box<dyn Error>> {
        let kit = Kit::new(seed);
        let engine = kit.builder().settings(sample_settings("email_code")?).build().await?;
        Ok(Self { kit, engine })
    }

    /// Begins a sign-up as somebody whom the engine does not know yet.
    async fn begin(&self, email: &str) -> Result<(SignUpView, Caller), Box<dyn Error>> {
        let (input, context) = (NewSignUp::new().email_address(email), RequestContext::default());
        let made = self.engine.sign_ups().create(&Caller::anonymous(), &input, &context).await?;
        let token = made.1.new_token.ok_or("a new client has a token")?;
        Ok((made.0, self.engine.identify(Some(token.expose())).await?))
    }

    /// Asks for a code and waits for the message with it: messages leave after the call is answered.
    async fn code(&self, sign_up: &SignUpView, caller: &Caller, to: &str) -> Result<String, EngineError> {
        let (id, context) = (sign_up.id(), RequestContext::default());
        self.engine.sign_ups().prepare(caller, id, &PrepareVerification::new(Strategy::EmailCode), &context).await?;
        let message = self.kit.mail.next_to(to).await;
        Ok(message.code.clone().map(Secret::into_inner).unwrap_or_default())
    }

    async fn attempt(
        &self,
        sign_up: &SignUpView,
        caller: &Caller,
        code: &str,
    ) -> Result<(SignUpView, ClientView), EngineError> {
        let (id, context) = (sign_up.id(), RequestContext::default());
        let attempt = AttemptVerification::code(Strategy::EmailCode, code);
        self.engine.sign_ups().attempt(caller, id, &attempt, &context).await
    }
}

#[cfg(test)]
mod tests {
    use vestibule::ErrorCode;

    use super::*;

    #[test]
    fn the_example_runs() {
        super::main().expect("a sign-up");
    }

    #[tokio::test]
    async fn a_code_is_good_for_ten_minutes_to_the_millisecond() {
        for (ms, is_good) in [(10 * 60_000 - 1, true), (10 * 60_000, false)] {
            let bench = Bench::new(2).await.expect("an engine");
            let (sign_up, caller) = bench.begin("ada@example.com").await.expect("a sign-up");
            let code = bench.code(&sign_up, &caller, "ada@example.com").await.expect("a code");
            bench.kit.clock.advance(Span::from_millis(ms));
            match bench.attempt(&sign_up, &caller, &code).await {
                Ok((done, _)) => assert!(is_good && done.status == SignUpStatus::Complete, "{ms}"),
                Err(EngineError::Rejected(why)) => assert!(!is_good && why.is(ErrorCode::VerificationExpired), "{ms}"),
                Err(error) => panic!("{ms}: {error}"),
            }
            bench.engine.shutdown().await;
        }
    }
}
