//! With strict enumeration protection a sign-in answers and works the same for each identifier: whatever factors its
//! user has, and if it has no user at all.

use std::sync::Arc;

use vestibule::delivery::Capture;
use vestibule::domain::id::{ClientId, ExternalAccountId, IdentificationId, UserId};
use vestibule::domain::identifier::{EmailAddress, Username};
use vestibule::domain::policy::Policy;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::user::{Identification, User, UserAccount};
use vestibule::domain::verification::{Profile, Strategy};
use vestibule::engine::{
    AttemptFirstFactor, Caller, ClientView, Engine, EngineError, NewSignIn, PrepareFirstFactor, RequestContext,
    SignInView,
};
use vestibule::password::{HashOptions, HashParameters, HashPool};
use vestibule::store::{Commit, Decision, FaultyStore, Store, StoreCall, StoreRead};
use vestibule::token::InstanceKey;

#[tokio::test]
async fn whoever_is_named_the_answers_and_the_work_are_the_same() {
    let (bench, digest) = (Bench::new().await, digest().await);
    for (n, kind) in KINDS.into_iter().enumerate() {
        let address = format!("somebody{n}@example.com");
        bench.import(&user(n, &address, kind, &digest)).await;
        let somebody = bench.walk(&address).await;
        let nobody = bench.walk(&format!("nobody{n}@example.com")).await;
        assert_eq!(somebody.len(), nobody.len(), "{kind:?}");
        for (step, (somebody, nobody)) in somebody.iter().zip(&nobody).enumerate() {
            assert_eq!(somebody, nobody, "{kind:?}, step {step}");
        }
        let by_name = bench.walk(&format!("somebody_{n}")).await;
        assert_eq!(by_name, bench.walk(&format!("nobody_{n}")).await, "{kind:?} by a username");
    }
}

#[tokio::test]
async fn where_somebody_may_sign_up_by_signing_in_the_answers_and_the_work_are_the_same_too() {
    let (bench, digest) = (Bench { may_sign_up: true, ..Bench::new().await }, digest().await);
    for (n, kind) in KINDS.into_iter().enumerate() {
        let address = format!("somebody{n}@example.com");
        bench.import(&user(n, &address, kind, &digest)).await;
        let (somebody, nobody) = (bench.walk(&address).await, bench.walk(&format!("nobody{n}@example.com")).await);
        assert!(matches!(kind, Kind::Blocked) || somebody.len() > 20, "{somebody:?}");
        assert_eq!(somebody.len(), nobody.len(), "{kind:?}");
        for (step, (somebody, nobody)) in somebody.iter().zip(&nobody).enumerate() {
            assert_eq!(somebody, nobody, "{kind:?}, step {step}");
        }
        let by_name = bench.walk(&format!("somebody_{n}")).await;
        assert_eq!(by_name, bench.walk(&format!("nobody_{n}")).await, "{kind:?} by a username");
    }
}

/// The person gave another spelling of the address, and nothing may tell that a user has it.
#[tokio::test]
async fn a_code_reaches_the_user_who_spells_the_mailbox_with_other_dots() {
    for ignores_dots in [true, false] {
        let (store, mail) = (Arc::new(FaultyStore::default()), Arc::new(Capture::new()));
        let mut settings = settings();
        settings.restrictions.ignore_dots_for_gmail_addresses.enabled = ignores_dots;
        let builder = Engine::builder().settings(settings).store(store.clone()).email(mail.clone());
        let bench = Bench { engine: builder.build().await.expect("an engine"), store, may_sign_up: false };
        bench.import(&user(0, "a.da@gmail.com", Kind::Code, &Secret::new(String::new()))).await;
        let begun = bench.create(Caller::anonymous(), "ada@gmail.com", None, Some("email_code")).await;
        let (sign_in, client) = begun.expect("the answer is that for any address");
        let address = sign_in.first_factors.iter().find_map(|factor| factor.address.as_ref()).expect("an address");
        assert_eq!(address.identifier.value, "ada@gmail.com", "the user's spelling is not shown");
        if !ignores_dots {
            bench.engine.shutdown().await;
            assert_eq!((mail.to("a.da@gmail.com").len(), mail.to("ada@gmail.com").len()), (0, 0));
            continue;
        }
        let mut sent = mail.to("a.da@gmail.com");
        for _ in 0..500 {
            if !sent.is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            sent = mail.to("a.da@gmail.com");
        }
        let code = sent[0].code.as_ref().expect("a code").expose().clone();
        let caller = bench.known(&client.new_token.expect("a token")).await;
        let attempt = AttemptFirstFactor::code(Strategy::EmailCode, code);
        let id = sign_in.value.id;
        let done = bench.engine.sign_ins().attempt(&caller, id, &attempt, &RequestContext::default()).await;
        assert_eq!(done.expect("a right code").1.sessions.len(), 1);
        bench.engine.shutdown().await;
    }
}

#[tokio::test]
async fn signing_in_renews_a_digest_that_cost_less_than_one_does_now() {
    let (cheap, dear) = (CHEAP, HashParameters { m_kib: 128, ..CHEAP });
    let store = Arc::new(FaultyStore::default());
    let before = Bench::over(store.clone(), cheap).await;
    before.import(&user(1, "old@example.com", Kind::Password, &digest().await)).await;
    let after = Bench::over(store.clone(), dear).await;
    let sign_in = |password| after.create(Caller::anonymous(), "old@example.com", Some(password), None);
    let cost = async || {
        let user = store.user(UserId::from_bytes([2; 16])).await.expect("readable").expect("a user");
        HashPool::cost_of(user.password_digest.as_ref().expect("a digest"))
    };
    assert!(sign_in("wanders under oaks").await.is_err());
    assert_eq!(cost().await, Some(cheap.into()), "a wrong password renews nothing");
    sign_in(PASSWORD).await.expect("signed in");
    assert_eq!(cost().await, Some(dear.into()));
    sign_in(PASSWORD).await.expect("by the new one");
    assert!(sign_in("wanders under oaks").await.is_err());
}

struct Bench {
    engine: Engine,
    store: Arc<FaultyStore>,
    /// Whether sign-ins use `sign_up_if_missing`.
    may_sign_up: bool,
}

impl Bench {
    async fn new() -> Self {
        Self::over(Arc::default(), CHEAP).await
    }

    async fn over(store: Arc<FaultyStore>, parameters: HashParameters) -> Self {
        let policy = Policy { resend_cooldown: Span::default(), ..Policy::default() };
        let hashing = HashOptions { parameters, threads: 1, ..HashOptions::default() };
        let builder =
            Engine::builder().settings(settings()).policy(policy).key(InstanceKey::from_bytes([7; 32].into()));
        let builder = builder.store(store.clone()).hashing(hashing).email(Arc::new(Capture::new()));
        Self { engine: builder.build().await.expect("an engine"), store, may_sign_up: false }
    }

    async fn import(&self, user: &User) {
        let commit = Commit {
            decision: Decision { user: Some(Box::new(user.clone())), ..Decision::default() },
            ..Commit::default()
        };
        self.store.commit(vec![commit]).await.remove(0).expect("a user");
    }

    /// All calls that a person can make who knows an identifier but no secret, with the store's reads.
    async fn walk(&self, identifier: &str) -> Vec<(String, Vec<String>)> {
        let mut steps = Vec::new();
        calls_of(&self.store);
        let begun = self.create(Caller::anonymous(), identifier, None, None).await;
        steps.push((shown(&begun), calls_of(&self.store)));
        let Ok((sign_in, client)) = &begun else { return steps };
        let token = client.new_token.clone().expect("a new client");
        let id = sign_in.value.id;
        for _ in 0..2 {
            for strategy in ["email_code", "phone_code", "password", "ticket", "oauth_custom_fake"] {
                let raw = PrepareFirstFactor::new(strategy.parse().expect("a strategy"));
                let caller = self.known(&token).await;
                let prepared = self.engine.sign_ins().prepare(&caller, id, &raw, &RequestContext::default()).await;
                steps.push((shown(&prepared), calls_of(&self.store)));
            }
        }
        for strategy in ["email_code", "phone_code", "password"] {
            for _ in 0..6 {
                let password = (strategy == "password").then(|| Secret::new("wanders under oaks".into()));
                let code = Some("000000".into());
                let raw = AttemptFirstFactor {
                    strategy: strategy.parse().expect("a strategy"),
                    code,
                    password,
                    public_key_credential: None,
                };
                let caller = self.known(&token).await;
                let tried = self.engine.sign_ins().attempt(&caller, id, &raw, &RequestContext::default()).await;
                steps.push((shown(&tried), calls_of(&self.store)));
            }
        }
        let seen = self.engine.sign_ins().show(&self.known(&token).await, id, &RequestContext::default()).await;
        steps.push((shown(&seen), calls_of(&self.store)));
        for (password, strategy) in [
            (Some("wanders under oaks"), None),
            (Some("x"), Some("password")),
            (Some("wanders under oaks"), Some("email_code")),
            (None, Some("email_code")),
            (None, Some("phone_code")),
            (None, Some("password")),
            (None, Some("reset_password_email_code")),
        ] {
            let created = self.create(self.known(&token).await, identifier, password, strategy).await;
            steps.push((shown(&created), calls_of(&self.store)));
        }
        steps
    }

    async fn known(&self, token: &Secret<String>) -> Caller {
        self.engine.identify(Some(token.expose())).await.expect("readable")
    }

    async fn create(&self, caller: Caller, identifier: &str, password: Option<&str>, strategy: Option<&str>) -> Answer {
        let raw = NewSignIn {
            identifier: Some(identifier.into()),
            password: password.map(|text| Secret::new(text.into())),
            strategy: strategy.map(|name| name.parse().expect("a strategy")),
            sign_up_if_missing: self.may_sign_up,
            ..NewSignIn::default()
        };
        self.engine.sign_ins().create(&caller, &raw, &RequestContext::default()).await
    }
}

type Answer = Result<(SignInView, ClientView), EngineError>;

/// An answer without parts that differ between any two sign-ins.
fn shown(answer: &Answer) -> String {
    match answer {
        Err(error) => format!("{error:?}"),
        Ok((view, client)) => {
            let factors = view.first_factors.iter();
            let factors = factors.map(|f| (&f.strategy, f.address.as_ref().map(|address| address.primary)));
            let factor = view.value.first_factor.as_ref().map(|factor| {
                let verification = &factor.verification;
                (verification.strategy(), verification.attempts, verification.verified.is_some())
            });
            let user = (view.user.is_some(), client.sessions.len());
            format!("{:?} {:?} {factor:?} {user:?}", view.status, factors.collect::<Vec<_>>())
        }
    }
}

/// The factors of a user.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Password,
    Code,
    OAuth,
    Unproved,
    Everything,
    Blocked,
}

/// The hash of the password.
async fn digest() -> Secret<String> {
    let options = HashOptions { parameters: CHEAP, threads: 1, ..HashOptions::default() };
    HashPool::new(options).expect("a pool").hash(Secret::new(PASSWORD.into())).await.expect("a digest")
}

fn user(n: usize, address: &str, kind: Kind, digest: &Secret<String>) -> User {
    let id = u8::try_from(n + 1).expect("a few");
    let email = EmailAddress::parse(address).expect("an address");
    let proved = match kind {
        Kind::Unproved => None,
        Kind::OAuth => Some(Strategy::FromOAuth("from_oauth_custom_fake".into())),
        _ => Some(Strategy::EmailCode),
    };
    let account = UserAccount {
        id: ExternalAccountId::from_bytes([id; 16]),
        identification_id: IdentificationId::from_bytes([id; 16]),
        provider: "oauth_custom_fake".into(),
        profile: Profile { subject: address.into(), ..Profile::default() },
        verified_at: Timestamp::EPOCH,
    };
    User {
        email_addresses: vec![Identification {
            verified_by: proved,
            ..Identification::unproved(IdentificationId::from_bytes([id + 100; 16]), email)
        }],
        external_accounts: matches!(kind, Kind::OAuth | Kind::Everything).then_some(account).into_iter().collect(),
        username: Some(Username::restore(format!("somebody_{n}"))),
        password_digest: (!matches!(kind, Kind::Code | Kind::OAuth)).then(|| digest.clone()),
        devices: vec![ClientId::from_bytes([id; 16])],
        ..User::new(UserId::from_bytes([id; 16]), Timestamp::EPOCH)
    }
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    let on = Attribute { enabled: true, used_for_first_factor: true, ..Attribute::default() };
    settings.attributes.email_address = Attribute { verifications: vec![Strategy::EmailCode], ..on.clone() };
    settings.attributes.phone_number = Attribute { verifications: vec![Strategy::PhoneCode], ..on.clone() };
    settings.attributes.username = on.clone();
    settings.attributes.password = on;
    settings.attack_protection.enumeration_protection.enabled = true;
    settings.restrictions.blocklist.enabled = true;
    let blocked = ["somebody", "nobody"].map(|name| format!("{name}{BLOCKED}@example.com"));
    let blocked = serde_json::json!(blocked);
    settings.restrictions.blocklist.identifiers = serde_json::from_value(blocked).expect("a pattern");
    settings
}

/// The calls that a store got since the last time, in words.
fn calls_of(store: &FaultyStore) -> Vec<String> {
    store.take_calls().iter().flat_map(described).collect()
}

fn described(call: &StoreCall) -> Vec<String> {
    match call {
        StoreCall::Read(read @ (StoreRead::User | StoreRead::Client | StoreRead::Owner)) => vec![format!("{read:?}")],
        StoreCall::Read(_) => vec![],
        StoreCall::Commit(batch) => batch.iter().filter_map(decision).collect(),
    }
}

/// A commit that a call decided on. Commits of the relay come at any time, so they are left out.
fn decision(commit: &Commit) -> Option<String> {
    let decision = &commit.decision;
    if decision.client.is_none() && decision.tried.is_none() && decision.entry.is_none() {
        return None;
    }
    let changes = decision.client.as_ref().map_or(0, |write| write.changes.len());
    let quota_uses: Vec<_> = decision.quota_uses.iter().map(|charge| charge.what).collect();
    let tried = decision.tried.as_ref().map(|tried| (tried.share, tried.succeeded));
    let messages: Vec<_> = decision.outbox.iter().map(|entry| !entry.sealed.is_empty()).collect();
    let entry = decision.entry.is_some();
    Some(format!("commit {changes} {quota_uses:?} {tried:?} {messages:?} {entry} {}", commit.relaxed))
}

const KINDS: [Kind; 6] = [Kind::Password, Kind::Code, Kind::OAuth, Kind::Unproved, Kind::Everything, Kind::Blocked];
/// Index of the blocked user.
const BLOCKED: usize = 5;
const CHEAP: HashParameters = HashParameters { m_kib: 64, t: 1, p: 1 };
const PASSWORD: &str = "wanders under elms";
