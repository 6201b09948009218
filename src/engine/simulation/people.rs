//! The simulated people: what each of them knows, and their next call.

use crate::actors::test_support::{Answer, FakeTransport};
use crate::domain::field::Field;
use crate::domain::id::{ClientId, SignInId, SignUpId};
use crate::domain::identifier::Identifier;
use crate::domain::policy::Policy;
use crate::domain::sign_up::Phase;
use crate::domain::time::Timestamp;
use crate::domain::verification::VerificationStatus;

use super::Random;
use super::calls::Call;
use super::model::{Model, Outcome};

/// A person with a browser.
pub(super) struct Person {
    n: usize,
    pub(super) token: Option<String>,
    pub(super) client: Option<ClientId>,
    sign_up: Option<SignUpId>,
    sign_in: Option<(SignInId, String, Timestamp)>,
    /// A call whose answer was lost.
    lost: Option<Call>,
}

impl Person {
    pub(super) fn new(n: usize) -> Self {
        Self { n, token: None, client: None, sign_up: None, sign_in: None, lost: None }
    }

    /// The next call of this person.
    pub(super) fn next(&mut self, model: &Model, transport: &FakeTransport, random: &mut Random) -> Call {
        if self.token.is_none() {
            return Call::Open;
        }
        if let Some(lost) = self.lost.take().filter(|_| random.below(3) > 0) {
            return lost;
        }
        let email = || EMAILS.map(str::to_owned);
        let begin = |random: &mut Random| {
            let names = [None, None, Some("ada_lovelace".to_owned()), Some(format!("person_{}", self.n))];
            let username = random.pick(&names).flatten();
            Call::SignUp { email: random.pick(&email()).unwrap_or_default(), username }
        };
        if let Some(session) = self.client.and_then(|client| model.session(client))
            && random.below(2) == 0
        {
            return Call::SignOut { session };
        }
        if let Some((id, address, sent_at)) = self.sign_in.clone()
            && random.below(2) == 0
        {
            let code = code(transport, &address, sent_at, random);
            return Call::Prove { id, email: address, code };
        }
        let Some(id) = self.sign_up else {
            return match random.below(3) {
                0 => Call::SignIn { email: random.pick(&email()).unwrap_or_default() },
                1 => Call::Look,
                _ => begin(random),
            };
        };
        match random.below(12) {
            0 => begin(random),
            1 => Call::Readdress { id, email: random.pick(&email()).unwrap_or_default() },
            2 | 3 => Call::Rename { id, name: format!("Ada {}", random.below(100)) },
            4 => Call::Look,
            5 => Call::SignIn { email: random.pick(&email()).unwrap_or_default() },
            6..=8 => Call::Prepare { id },
            _ => match prepared(model, id) {
                Some((address, sent_at)) => {
                    Call::Attempt { id, code: code(transport, &address.value, sent_at, random) }
                }
                None => Call::Prepare { id },
            },
        }
    }

    /// What the person learns from an answer, or from a missing one.
    pub(super) fn hear(&mut self, call: &Call, outcome: &Outcome) {
        let is_proof = matches!(call, Call::Attempt { .. } | Call::Prove { .. });
        match outcome {
            Outcome::Unknown => {
                self.lost = is_proof.then(|| call.clone());
                if matches!(call, Call::SignUp { .. }) {
                    self.sign_up = None;
                }
            }
            Outcome::Refused(_) => {
                // The token is no longer valid, or its flow is gone.
                if self.lost.is_none() && is_proof {
                    self.sign_in = None;
                }
            }
            Outcome::Done(answer) if answer.is_nobody => *self = Self::new(self.n),
            Outcome::Done(answer) => {
                if let Some(view) = &answer.client {
                    self.client = Some(view.client.id);
                    let token = view.new_token.as_ref().map(|token| token.expose().clone());
                    self.token = token.or_else(|| self.token.take());
                }
                if let Some(view) = &answer.sign_up {
                    self.sign_up = (view.value.phase == Phase::Open).then_some(view.value.id);
                }
                if let Some(view) = &answer.sign_in {
                    let factor = view.value.first_factor.as_ref().filter(|_| view.value.session().is_none());
                    let sent = factor.map(|f| (f.address.value.clone(), f.verification.prepared_at));
                    self.sign_in = sent.map(|(address, at)| (view.value.id, address, at));
                }
            }
        }
    }

    /// The call that finishes a sign-up whose code is still valid and proves its address; `None` where there is none.
    ///
    /// # Errors
    /// When the code was promised and has not arrived.
    pub(super) fn last_step(
        &self,
        model: &Model,
        transport: &FakeTransport,
        now: Timestamp,
        policy: &Policy,
    ) -> Result<Option<(Call, Identifier)>, String> {
        let (Some(id), Some(_)) = (self.sign_up, &self.token) else { return Ok(None) };
        let Some(sign_up) = model.current(id, self.client) else { return Ok(None) };
        let Some(verification) = sign_up.verification(&Field::EmailAddress) else { return Ok(None) };
        if verification.status(now, policy.attempts_max) != VerificationStatus::Unverified {
            return Ok(None);
        }
        let address = sign_up.address(&Field::EmailAddress).ok_or("a verification of nothing")?;
        let codes = sent(transport, &address.value, verification.prepared_at);
        match codes.as_slice() {
            [] => Err(format!("the code to {} never arrived", address.value)),
            [code] if sign_up.username.is_none() => Ok(Some((Call::Attempt { id, code: code.clone() }, address))),
            // Two people had codes sent to the same address at the same moment, or another identifier may be taken too.
            _ => Ok(None),
        }
    }
}

/// The address that a sign-up's code was sent to, and when.
fn prepared(model: &Model, id: SignUpId) -> Option<(Identifier, Timestamp)> {
    let sign_up = model.sign_up(id)?;
    let verification = sign_up.verification(&Field::EmailAddress)?;
    Some((sign_up.address(&Field::EmailAddress)?, verification.prepared_at))
}

/// Mostly the code that was sent to this address at this time; otherwise a wrong one.
fn code(transport: &FakeTransport, address: &str, sent_at: Timestamp, random: &mut Random) -> String {
    let codes = sent(transport, address, sent_at);
    let right = random.pick(&codes).filter(|_| random.below(8) > 0);
    right.unwrap_or_else(|| "000000".into())
}

fn sent(transport: &FakeTransport, address: &str, sent_at: Timestamp) -> Vec<String> {
    let messages = transport.handed_to(address).into_iter();
    let messages = messages.filter(|handed| handed.created_at == sent_at && handed.answer == Answer::Sent);
    let mut codes: Vec<String> = messages.filter_map(|handed| handed.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

const EMAILS: [&str; 4] = ["ada@example.com", "eve@example.com", "zoe@example.com", "kim@example.com"];
