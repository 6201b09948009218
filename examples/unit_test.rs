//! How an application tests its own sign-ups: an engine in memory with a clock that stands still until the test moves
//! it, seeded chance, and messages kept in memory. A whole sign-up takes milliseconds, and many engines run in one
//! process. Run it with `cargo run --example unit_test`; its tests run with `cargo test --example unit_test`.

use std::error::Error;
use std::sync::Arc;

use vestibule::{
    Algorithm, AttemptVerification, Caller, Capture, ClientView, Engine, EngineError, ManualClock, NewSignUp,
    PrepareVerification, RequestContext, Secret, SeededEntropy, SignUpStatus, SignUpView, Span, Strategy, Timestamp,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let bench = Bench::new(1).await?;
    let (sign_up, caller) = bench.begin("Ada@Example.com").await?;
    let first = bench.code(&sign_up, &caller, "ada@example.com").await?;

    // Eleven minutes pass at once: the code is good for ten.
    bench.clock.advance(Span::from_secs(11 * 60));
    let late = bench.attempt(&sign_up, &caller, &first).await;
    println!("the old code: {:?}", late.err());

    let second = bench.code(&sign_up, &caller, "ada@example.com").await?;
    let (done, client) = bench.attempt(&sign_up, &caller, &second).await?;
    assert_eq!(done.status, SignUpStatus::Complete);
    println!("the new code: {} is a user since {} ms", client.sessions[0].user.id, done.updated_at().as_millis());
    bench.engine.shutdown().await;
    Ok(())
}

/// What a test needs of an engine.
struct Bench {
    engine: Engine,
    clock: Arc<ManualClock>,
    mail: Arc<Capture>,
}

impl Bench {
    /// A fresh engine. The same seed gives the same ids and codes again.
    async fn new(seed: u64) -> Result<Self, Box<dyn Error>> {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
        let mail = Arc::new(Capture::new());
        let engine = Engine::builder()
            .settings(vestibule::sample_settings("email_code")?)
            .clock(clock.clone())
            .entropy(Box::new(SeededEntropy::new(seed)))
            // An Ed25519 key is made in microseconds, an RSA key in a good part of a second.
            .algorithm(Algorithm::EdDsa)
            .email(mail.clone())
            .build()
            .await?;
        Ok(Self { engine, clock, mail })
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
        let before = self.mail.to(to).len();
        let (id, context) = (sign_up.id(), RequestContext::default());
        self.engine.sign_ups().prepare(caller, id, &PrepareVerification::new(Strategy::EmailCode), &context).await?;
        loop {
            if let Some(message) = self.mail.to(to).get(before) {
                return Ok(message.code.clone().map(Secret::into_inner).unwrap_or_default());
            }
            tokio::task::yield_now().await;
        }
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
    use std::collections::BTreeSet;

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
            bench.clock.advance(Span::from_millis(ms));
            match bench.attempt(&sign_up, &caller, &code).await {
                Ok((done, _)) => assert!(is_good && done.status == SignUpStatus::Complete, "{ms}"),
                Err(EngineError::Rejected(why)) => assert!(!is_good && why.is(ErrorCode::VerificationExpired), "{ms}"),
                Err(error) => panic!("{ms}: {error}"),
            }
            bench.engine.shutdown().await;
        }
    }

    /// Eight engines at once, in each of them eight people at once who have the same addresses everywhere.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_engines_in_one_process_know_nothing_of_each_other() {
        let mut engines = Vec::new();
        for seed in 0..8 {
            engines.push(Arc::new(Bench::new(seed).await.expect("an engine")));
        }
        let mut people = Vec::new();
        for (engine, bench) in engines.iter().enumerate() {
            // Each engine is at another time.
            bench.clock.advance(Span::from_secs(engine as u64));
            people.extend((0..8).map(|person| {
                let bench = bench.clone();
                tokio::spawn(async move {
                    let email = format!("person{person}@example.com");
                    let (sign_up, caller) = bench.begin(&email).await.expect("a sign-up");
                    let code = bench.code(&sign_up, &caller, &email).await.expect("a code");
                    let (done, client) = bench.attempt(&sign_up, &caller, &code).await.expect("a right code");
                    assert_eq!(done.created_at(), vestibule::Clock::now(&*bench.clock));
                    let token = client.new_token.expect("a new token").into_inner();
                    (engine, client.sessions[0].user.id, token)
                })
            }));
        }
        let mut users = BTreeSet::new();
        for person in people {
            let (home, user, token) = person.await.expect("a person");
            users.insert(user.to_string());
            for (engine, bench) in engines.iter().enumerate() {
                let caller = bench.engine.identify(Some(&token)).await.expect("readable");
                let known = bench.engine.me(&caller, None).await.ok().map(|user| user.id);
                assert_eq!(known, Some(user).filter(|_| engine == home), "engine {engine}, of engine {home}");
            }
        }
        assert_eq!(users.len(), 64, "every one of them is another user");
        for bench in &engines {
            assert_eq!(bench.mail.latest(100).len(), 8, "each engine sent its own messages");
            bench.engine.clone().shutdown().await;
        }
    }
}
