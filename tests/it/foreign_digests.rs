//! Users whose password digest another system made: they sign in with the password that they have, and the first
//! sign-in replaces the digest by one of ours.

use std::sync::Arc;

use vestibule::domain::id::{IdentificationId, UserId};
use vestibule::domain::identifier::EmailAddress;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::{Attribute, Settings};
use vestibule::domain::time::Timestamp;
use vestibule::domain::user::{Identification, User};
use vestibule::domain::verification::Strategy;
use vestibule::engine::{Caller, ClientView, Engine, EngineError, NewSignIn, RequestContext, SignInView};
use vestibule::password::{DigestCost, ForeignDigest, HashOptions, HashParameters, HashPool};
use vestibule::store::{Commit, Decision, MemoryStore, Store};

#[tokio::test]
async fn the_first_sign_in_replaces_the_digest_of_another_system() {
    for (hasher, digest) in DIGESTS {
        let bench = Bench::new(false).await;
        let before = bench.import(hasher, digest).await;
        assert!(bench.sign_in(ADDRESS, "wanders under oaks").await.is_err(), "{hasher}");
        assert_eq!(bench.stored().await.expose(), before.expose(), "{hasher}: a wrong password replaces nothing");

        let (_, client) = bench.sign_in(ADDRESS, PASSWORD).await.expect(hasher);
        assert_eq!(client.sessions.len(), 1, "{hasher}");
        let after = bench.stored().await;
        assert_eq!(HashPool::cost_of(&after), Some(DigestCost::Own(PARAMETERS)), "{hasher}");
        assert!(after.expose().starts_with("$argon2id$"), "{hasher}");

        bench.sign_in(ADDRESS, PASSWORD).await.expect("by the new digest");
        assert!(bench.sign_in(ADDRESS, "wanders under oaks").await.is_err(), "{hasher}");
        assert_eq!(bench.stored().await.expose(), after.expose(), "{hasher}: it is renewed once");
    }
}

#[tokio::test]
async fn two_first_sign_ins_at_once_both_succeed() {
    let (hasher, digest) = DIGESTS[0];
    let bench = Bench::new(false).await;
    bench.import(hasher, digest).await;
    let (one, other) = tokio::join!(bench.sign_in(ADDRESS, PASSWORD), bench.sign_in(ADDRESS, PASSWORD));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    assert_eq!(HashPool::cost_of(&bench.stored().await), Some(DigestCost::Own(PARAMETERS)));
    bench.sign_in(ADDRESS, PASSWORD).await.expect("by the new digest");
}

#[tokio::test]
async fn a_password_is_compared_as_it_was_typed_where_another_system_did_not_normalise_it() {
    // Its last character is `1⁄2` in the normal form that we hash.
    let password = "Grüße, 世界 ½";
    let bench = Bench::new(false).await;
    bench.import("bcrypt", "$2b$04$abcdefghijklmnopqrstuuYLDw9WU4BQw.m9l5rPA2GXJVEXTUW2C").await;
    for _ in 0..2 {
        bench.sign_in(ADDRESS, password).await.expect("signed in");
    }
    bench.sign_in(ADDRESS, "Grüße, 世界 1⁄2").await.expect("the same normal form");
}

#[tokio::test]
async fn where_users_are_hidden_the_cost_of_another_systems_digests_is_remembered_for_unknown_users() {
    let (hasher, digest) = DIGESTS[0];
    let bench = Bench::new(true).await;
    let digest = bench.import(hasher, digest).await;
    assert!(bench.sign_in("nobody@example.com", PASSWORD).await.is_err());
    assert_eq!(bench.foreign_costs().await, None, "none was seen yet");
    assert!(bench.sign_in(ADDRESS, "wanders under oaks").await.is_err());
    let Some(DigestCost::Foreign(cost)) = HashPool::cost_of(&digest) else { panic!("a cost of another system") };
    assert_eq!(bench.foreign_costs().await.as_deref(), Some(cost.as_str()));
    bench.sign_in(ADDRESS, PASSWORD).await.expect("signed in");
    assert_eq!(bench.foreign_costs().await.as_deref(), Some(cost.as_str()), "others may have such digests");
}

struct Bench {
    engine: Engine,
    store: Arc<MemoryStore>,
}

impl Bench {
    async fn new(hides_users: bool) -> Self {
        let store = Arc::new(MemoryStore::new());
        let mut settings = Settings::default();
        let on = Attribute { enabled: true, used_for_first_factor: true, ..Attribute::default() };
        settings.attributes.email_address = Attribute { verifications: vec![Strategy::EmailCode], ..on.clone() };
        settings.attributes.password = on;
        settings.attack_protection.enumeration_protection.enabled = hides_users;
        let builder = Engine::builder().settings(settings).hashing(options()).store(store.clone()).source_limits(None);
        Self { engine: builder.build().await.expect("an engine"), store }
    }

    /// Stores a user with this digest, and returns what was stored of it.
    async fn import(&self, hasher: &str, digest: &str) -> Secret<String> {
        let digest = ForeignDigest::parse(hasher, digest).expect(hasher);
        let stored = HashPool::new(options()).expect("a pool").adopt(&digest).await.expect("a text to store");
        let decision = Decision { user: Some(user(stored.clone())), ..Decision::default() };
        let commit = Commit { decision, ..Commit::default() };
        self.store.commit(vec![commit]).await.remove(0).expect("a user");
        stored
    }

    async fn stored(&self) -> Secret<String> {
        let user = self.store.user(USER).await.expect("readable").expect("a user");
        user.password_digest.clone().expect("a digest")
    }

    async fn sign_in(&self, identifier: &str, password: &str) -> Result<(SignInView, ClientView), EngineError> {
        let raw = NewSignIn {
            identifier: Some(identifier.into()),
            password: Some(Secret::new(password.into())),
            ..NewSignIn::default()
        };
        self.engine.sign_ins().create(&Caller::anonymous(), &raw, &RequestContext::default()).await
    }

    /// What is remembered of the costs of other systems' digests.
    async fn foreign_costs(&self) -> Option<String> {
        let value = self.store.value("password_foreign_costs").await.expect("readable");
        value.map(|bytes| String::from_utf8(bytes).expect("text"))
    }
}

fn options() -> HashOptions {
    HashOptions { parameters: PARAMETERS, threads: 1, ..HashOptions::default() }
}

fn user(digest: Secret<String>) -> User {
    User {
        email_addresses: vec![Identification {
            verified_by: Some(Strategy::EmailCode),
            ..Identification::unproved(
                IdentificationId::from_bytes([2; 16]),
                EmailAddress::parse(ADDRESS).expect("an address"),
            )
        }],
        password_digest: Some(digest),
        ..User::new(USER, Timestamp::EPOCH)
    }
}

const USER: UserId = UserId::from_bytes([1; 16]);
const ADDRESS: &str = "ada@example.com";
const PASSWORD: &str = "wanders under elms";
const PARAMETERS: HashParameters = HashParameters { m_kib: 64, t: 1, p: 1 };
/// Digests of the password; `src/password/foreign/vectors.py` made them.
const DIGESTS: [(&str, &str); 7] = [
    ("bcrypt", "$2b$04$abcdefghijklmnopqrstuuGJu8VHVrrDdSneajL7N2c3G/5GiSaAy"),
    ("argon2id", "$argon2id$v=19$m=128,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$etm8SsAYjWfk/dz5BnymMoliBa1goo0b"),
    ("pbkdf2_sha256_django", "pbkdf2_sha256$1000$seasalt$Ql+o0RCCouDgRpT9Fz2HirzHrnHGDJrNZ2Vg73ZZVt4="),
    ("phpass", "$P$5seasalt.jf9lKyvlruZuv/bMqizEM0"),
    ("md5", "ffc1c7f58a700540c1c854ca98474cdc"),
    ("sha256", "299ed0a98dba2142325cbdf7dd94010362cc204647149c3fc4ca97364baa26ae"),
    ("ldap_ssha", "{SSHA}08K3Qc76yEHB94MHaVm4AeXjNSlzYWx0"),
];
