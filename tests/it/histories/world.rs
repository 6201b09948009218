//! The environment of decisions: time, randomness, settings and a store.

use std::collections::HashMap;
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tokio::runtime::{Builder, Runtime};
use vestibule::domain::context::Context;
use vestibule::domain::id::{ClientId, IdentificationId, SignUpId, UserId};
use vestibule::domain::identifier::{EmailAddress, Identifier, PhoneNumber, Username};
use vestibule::domain::policy::Policy;
use vestibule::domain::quota::{QuotaKind, QuotaUse};
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::Settings;
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::user::{Identification, User};
use vestibule::domain::verification::Strategy as Way;
use vestibule::entropy::SeededEntropy;
use vestibule::store::{Commit, CommitError, Committed, Decision, MemoryStore, Store};
use vestibule::token::InstanceKey;

use super::instance::Instance;

pub(super) type Law = Result<(), TestCaseError>;

pub(super) struct World {
    instances: [(Settings, Policy); 2],
    pub(super) now: Timestamp,
    /// The latest time that the clock has shown.
    pub(super) latest: Timestamp,
    entropy: SeededEntropy,
    pub(super) key: InstanceKey,
    store: MemoryStore,
    runtime: Runtime,
    windows: HashMap<Identifier, Window>,
    sent: HashMap<(SignUpId, Identifier), Timestamp>,
}

/// Counts of an address within its hour.
#[derive(Default)]
struct Window {
    start: Timestamp,
    messages: u32,
    guesses: u32,
    by_client: HashMap<ClientId, u32>,
}

impl World {
    pub(super) fn new(instances: &[Instance; 2], seed: u64) -> Self {
        let now = Timestamp::from_millis(1_800_000_000_000);
        Self {
            instances: instances.each_ref().map(|instance| (instance.settings(), instance.policy())),
            now,
            latest: now,
            entropy: SeededEntropy::new(seed),
            key: InstanceKey::from_bytes([7; 32].into()),
            store: MemoryStore::new(),
            runtime: Builder::new_current_thread().build().expect("a runtime without threads"),
            windows: HashMap::new(),
            sent: HashMap::new(),
        }
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.instances[0].0
    }

    pub(super) const fn policy(&self) -> &Policy {
        &self.instances[0].1
    }

    /// The operator changes all settings; limits stay, because they need a restart.
    pub(super) fn swap(&mut self) {
        let [(one, _), (other, _)] = &mut self.instances;
        std::mem::swap(one, other);
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now = self.now + Span::from_millis(ms);
        self.latest = self.latest.max(self.now);
    }

    /// The clock is set back a little.
    pub(super) fn step_back(&mut self, ms: u64) {
        self.now = self.now.before(Span::from_millis(ms));
    }

    /// Decides twice with the same time and randomness; both results must be equal.
    pub(super) fn decide<T: PartialEq + Debug>(
        &mut self,
        decision: impl Fn(&mut Context<'_>) -> T,
    ) -> Result<T, TestCaseError> {
        let decide = |entropy: &mut SeededEntropy| {
            let (settings, policy) = &self.instances[0];
            decision(&mut Context { now: self.now, settings, policy, entropy, digest: &self.key })
        };
        let mut again = self.entropy.clone();
        let (first, second) = (decide(&mut self.entropy), decide(&mut again));
        prop_assert_eq!(&first, &second, "the same inputs, and another transition");
        Ok(first)
    }

    /// Commits, and checks that the store allows exactly what the limits allow.
    pub(super) fn commit(&mut self, commit: Commit) -> Result<Result<Committed, CommitError>, TestCaseError> {
        let (quota_uses, limits) = (commit.decision.quota_uses.clone(), self.policy().address_limits.expect("limits"));
        let tried = commit.decision.tried.is_some();
        let decision = Decision { limits: Some(limits), ..commit.decision };
        let commit = Commit { at: self.now, decision, ..commit };
        let mut answers = self.runtime.block_on(self.store.commit(vec![commit]));
        let answer = answers.remove(0);
        let has_room = |charge: &QuotaUse| {
            let window = self.windows.get(&charge.address).filter(|window| window.is_running(self.now));
            match charge.what {
                QuotaKind::Message => window.is_none_or(|window| window.messages < limits.messages),
                // Part of the quota is reserved for clients that signed in before.
                QuotaKind::OwnMessage => window.is_none_or(|window| {
                    let own = window.by_client.get(&charge.client).copied().unwrap_or_default();
                    own < limits.messages && window.messages < limits.messages + limits.messages / 2
                }),
                QuotaKind::Guess => window.is_none_or(|window| window.guesses < limits.guesses),
                QuotaKind::Proof => true,
            }
        };
        let have_room = quota_uses.iter().all(has_room);
        match &answer {
            Ok(_) => {
                prop_assert!(have_room, "more than the limit within an hour");
                quota_uses.iter().for_each(|charge| self.count(charge));
            }
            Err(CommitError::LimitExceeded { .. }) => prop_assert!(!have_room || tried, "refused within the limits"),
            Err(_) => {}
        }
        Ok(answer)
    }

    fn count(&mut self, charge: &QuotaUse) {
        let now = self.now;
        if charge.what == QuotaKind::Proof {
            self.windows.remove(&charge.address);
            return;
        }
        let window = self.windows.entry(charge.address.clone()).or_default();
        if !window.is_running(now) {
            *window = Window { start: now, ..Window::default() };
        }
        match charge.what {
            QuotaKind::Guess => window.guesses += 1,
            _ => {
                window.messages += 1;
                *window.by_client.entry(charge.client).or_default() += 1;
            }
        }
    }

    /// Records a message and checks the time since the one before.
    pub(super) fn note_message(&mut self, from: SignUpId, to: &Identifier) -> Law {
        let before = self.sent.insert((from, to.clone()), self.now);
        if let Some(before) = before {
            // If the clock was set back, the latest time it has shown counts.
            prop_assert!(
                self.latest.since(before) >= self.policy().resend_cooldown,
                "two messages within the cool-down"
            );
        }
        Ok(())
    }

    pub(super) fn read<T>(&self, read: impl AsyncFnOnce(&MemoryStore) -> T) -> T {
        self.runtime.block_on(read(&self.store))
    }

    pub(super) fn owner(&self, identifier: &Identifier) -> Option<UserId> {
        self.read(async |store| store.owner(identifier).await).expect("memory reads")
    }

    pub(super) fn user(&self, id: UserId) -> Option<User> {
        self.read(async |store| store.user(id).await).expect("memory reads").map(|user| (*user).clone())
    }

    /// Adds an existing user.
    pub(super) fn settle(&mut self, n: u8, email: &str, phone: &str, username: &str, is_proved: bool) {
        let user = user(n, (email, phone, username), is_proved, self.now);
        let commit = Commit { decision: Decision { user: Some(user), ..Decision::default() }, ..Commit::default() };
        let mut answers = self.runtime.block_on(self.store.commit(vec![commit]));
        answers.remove(0).expect("nobody is in its way");
    }
}

impl Window {
    fn is_running(&self, now: Timestamp) -> bool {
        now.since(self.start) < HOUR && self.start.since(now) <= HOUR
    }
}

fn user(n: u8, (email, phone, username): (&str, &str, &str), is_proved: bool, now: Timestamp) -> User {
    User {
        email_addresses: vec![Identification {
            verified_by: is_proved.then_some(Way::EmailCode),
            ..Identification::unproved(
                IdentificationId::from_bytes([n; 16]),
                EmailAddress::parse(email).expect("an address"),
            )
        }],
        phone_numbers: vec![Identification {
            verified_by: is_proved.then_some(Way::PhoneCode),
            ..Identification::unproved(
                IdentificationId::from_bytes([n + 1; 16]),
                PhoneNumber::parse(phone).expect("a number"),
            )
        }],
        username: Some(Username::restore(username.into())),
        password_digest: Some(Secret::new(format!("the digest of {username}"))),
        devices: vec![ClientId::from_bytes([n; 16])],
        ..User::new(UserId::from_bytes([n; 16]), now)
    }
}

const HOUR: Span = Span::from_secs(3600);
