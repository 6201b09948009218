//! Invariants of a sign-in.

use proptest::prelude::*;
use vestibule::domain::client::ClientChange;
use vestibule::domain::context::Context;
use vestibule::domain::message::Content;
use vestibule::domain::quota::{QuotaKind, QuotaUse};
use vestibule::domain::rejection::{ErrorCode, Rejection};
use vestibule::domain::sign_in::{
    Attempt, Create, Credential, Entry, Phase, Prepare, Proof, SignIn, Start, Status, Transition,
};
use vestibule::domain::user::User;
use vestibule::domain::verification::{AuthorizationResponse, ProviderOutcome};

use super::people::Live;
use super::world::{Law, World};

/// A command to a sign-in. An attempt contains the code as typed.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Create(Box<Create>),
    Prepare(Prepare),
    Attempt(Attempt, Option<String>),
    Return(Box<AuthorizationResponse>),
}

/// A decision with its inputs.
pub(super) struct Decision<'a> {
    pub(super) before: Option<&'a SignIn>,
    pub(super) asked: &'a Asked,
    pub(super) user: Option<&'a User>,
    pub(super) live: Option<&'a Live>,
    pub(super) world: &'a World,
}

impl Asked {
    pub(super) fn decide(
        &self,
        value: &SignIn,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        match self {
            Self::Create(create) => SignIn::create(create, user, cx),
            Self::Prepare(prepare) => value.prepare(prepare, user, cx),
            Self::Attempt(attempt, _) => value.attempt(attempt, user, cx),
            Self::Return(back) => value.return_from_provider(back, cx),
        }
    }
}

pub(super) fn of_transition(decision: &Decision<'_>, transition: &Transition) -> Law {
    counts_changes(decision, transition)?;
    lets_in_who_proved_it(decision, transition)?;
    counts_every_try(decision, transition)?;
    if let Err(refused) = &transition.verdict {
        keeps_little_of_a_refusal(decision, transition, refused)?;
    }
    sends_to_its_own_addresses(decision, transition)
}

fn counts_changes(decision: &Decision<'_>, transition: &Transition) -> Law {
    let next = &transition.next;
    match decision.before {
        None => prop_assert_eq!(next.version, 1),
        Some(before) => {
            prop_assert_eq!(before.phase, Phase::Open);
            prop_assert_eq!(next.version, before.version + 1);
            prop_assert!(before.updated_at <= next.updated_at, "time goes back");
            let kept = |value: &SignIn| (value.id, value.client_id, value.created_at, value.identifier.clone());
            prop_assert_eq!(kept(next), kept(before));
        }
    }
    // The client stores exactly this value in place of the earlier one.
    let written = transition.client_changes.iter().filter_map(|change| match change {
        ClientChange::SetSignIn { expected, next } => Some((*expected, next.as_deref())),
        _ => None,
    });
    for (expected, written) in written {
        let replaced = match decision.asked {
            Asked::Create(create) => create.replaces,
            _ => decision.before.map(SignIn::stamp),
        };
        prop_assert_eq!(expected, replaced);
        prop_assert!(
            written == Some(next) || (written.is_none() && transition.outcome.entry.is_some()),
            "another value is kept"
        );
    }
    let attempts = next.first_factor.as_ref().map_or(0, |factor| factor.verification.attempts);
    prop_assert!(attempts <= decision.world.policy().attempts_max, "more tries than allowed");
    Ok(())
}

/// A session needs a proof by its user.
fn lets_in_who_proved_it(decision: &Decision<'_>, transition: &Transition) -> Law {
    let next = &transition.next;
    let sessions: Vec<_> = transition
        .client_changes
        .iter()
        .filter_map(|change| match change {
            ClientChange::AddSession { session, .. } => Some((session.id, session.user_id, session.client_id)),
            _ => None,
        })
        .collect();
    let Some(entry) = &transition.outcome.entry else {
        prop_assert!(sessions.is_empty() && next.phase == Phase::Open, "complete without a session");
        return Ok(());
    };
    prop_assert_eq!(sessions, [(entry.session_id, entry.user_id, next.client_id)]);
    prop_assert_eq!(next.phase, Phase::Complete { session_id: entry.session_id });
    prop_assert_eq!((next.status(), next.user_id), (Status::Complete, Some(entry.user_id)));
    prop_assert!(transition.verdict.is_ok());
    let is_theirs = match &entry.proof {
        Credential::Password(fit) => {
            let user = decision.user.filter(|user| user.id == entry.user_id);
            user.is_some_and(|user| user.password_digest.as_ref() == Some(&fit.compared))
        }
        Credential::Code { address, .. } => {
            let user = decision.user.filter(|user| user.id == entry.user_id);
            let is_held = user.is_some_and(|user| user.identifiers().contains(address));
            is_held && decision.live.is_some_and(|live| live.address == *address && brings(decision, live))
        }
        Credential::Account(_) => {
            answer(decision).is_some_and(|answer| is_holder(answer, entry) && answer.links.is_none())
        }
        Credential::NewAccount { address, .. } => answer(decision).is_some_and(|answer| {
            let profile = answer.outcome.as_ref().ok().filter(|profile| profile.email_verified);
            let vouched = profile.and_then(|profile| profile.email());
            is_holder(answer, entry) && answer.links.as_ref() == Some(address) && vouched.as_ref() == Some(address)
        }),
        // No step of these histories presents a ticket or a passkey or resets a password, and the backend takes none.
        Credential::NewPassword(_)
        | Credential::Passkey(_)
        | Credential::Ticket(_)
        | Credential::Invitation { .. }
        | Credential::Backend => false,
    };
    prop_assert!(is_theirs, "a session without a proof");
    Ok(())
}

fn answer<'a>(decision: &Decision<'a>) -> Option<&'a ProviderOutcome> {
    match decision.asked {
        Asked::Return(back) => Some(&back.answer),
        Asked::Create(create) => match &create.start {
            Start::TakeOver(found) => Some(&found.1),
            _ => None,
        },
        Asked::Prepare(_) | Asked::Attempt(..) => None,
    }
}

/// A handover from a sign-up was checked there: the account belongs to the user, independent of who is signed in.
fn is_holder(answer: &ProviderOutcome, entry: &Entry) -> bool {
    answer.owner == Some(entry.user_id)
}

/// Whether the typed code is the latest one and still valid.
fn brings(decision: &Decision<'_>, live: &Live) -> bool {
    let is_good = decision.world.now < live.until && live.wrong < decision.world.policy().attempts_max;
    let Asked::Attempt(_, typed) = decision.asked else { return false };
    is_good && typed.is_some() && *typed == live.code
}

/// Each guess counts as a try on an account, and only a correct one is reported as correct.
fn counts_every_try(decision: &Decision<'_>, transition: &Transition) -> Law {
    let guesses = match decision.asked {
        Asked::Attempt(..) => true,
        Asked::Create(create) => matches!(create.start, Start::Password { .. }),
        Asked::Prepare(_) | Asked::Return(_) => false,
    };
    prop_assert_eq!(transition.outcome.tried.is_some(), guesses, "a try that is not counted");
    let Some(tried) = &transition.outcome.tried else { return Ok(()) };
    let is_newcomer = transition.verdict.as_ref().is_err_and(|refused| refused.is(ErrorCode::SignUpIfMissingTransfer));
    prop_assert_eq!(tried.succeeded, transition.outcome.entry.is_some() || is_newcomer);
    let proofs = transition.quota_uses.iter().filter(|charge| charge.what == QuotaKind::Proof).count();
    prop_assert_eq!(proofs, usize::from(tried.succeeded), "a proof begins the count anew, and nothing else does");
    Ok(())
}

/// A wrong password changes nothing; a wrong code counts a try. A person who proves an unused identifier may sign up
/// with it.
fn keeps_little_of_a_refusal(decision: &Decision<'_>, transition: &Transition, refused: &Rejection) -> Law {
    prop_assert!(transition.outcome.entry.is_none() && transition.effects.is_empty());
    if refused.is(ErrorCode::FormPasswordIncorrect) {
        prop_assert!(transition.client_changes.is_empty(), "a wrong password changes the client");
        let fits = match decision.asked {
            Asked::Attempt(Attempt { proof: Proof::Password { fits }, .. }, _) => fits.is_some(),
            Asked::Create(create) => matches!(create.start, Start::Password { fits: Some(_) }),
            _ => false,
        };
        prop_assert!(!fits || decision.user.is_none(), "the right password is called wrong");
        return Ok(());
    }
    let Asked::Attempt(Attempt { proof: Proof::Code(_), .. }, _) = decision.asked else {
        prop_assert!(false, "refused, and something changes");
        return Ok(());
    };
    let mut expected = decision.before.expect("it was there").clone();
    expected.version += 1;
    if let Some(factor) = &mut expected.first_factor {
        factor.verification.attempts += 1;
    }
    let is_right = decision.live.is_some_and(|live| brings(decision, live));
    if refused.is(ErrorCode::SignUpIfMissingTransfer) {
        prop_assert!(is_right && decision.user.is_none() && expected.newcomer.is_some(), "nothing to sign up with");
        let proved = transition.next.proved_by_newcomer().map(|proved| proved.identifier);
        prop_assert_eq!(proved, decision.live.map(|live| live.address.clone()));
        return Ok(());
    }
    prop_assert!(refused.is(ErrorCode::FormCodeIncorrect));
    let could_be_right = decision.user.is_some() || expected.newcomer.is_some();
    prop_assert!(!is_right || !could_be_right, "the right code is called wrong");
    prop_assert_eq!(&transition.next, &expected, "more than the try is kept");
    Ok(())
}

/// A message goes to the identifier or to an address of its user and is counted once. Without a user it contains
/// nothing.
fn sends_to_its_own_addresses(decision: &Decision<'_>, transition: &Transition) -> Law {
    let next = &transition.next;
    let is_message = |charge: &&QuotaUse| matches!(charge.what, QuotaKind::Message | QuotaKind::OwnMessage);
    let charged: Vec<_> = transition.quota_uses.iter().filter(is_message).collect();
    prop_assert!(charged.len() == transition.effects.len() && charged.len() <= 1, "a message that is not counted");
    for (charge, message) in charged.into_iter().zip(transition.messages()) {
        let of_user = decision.user.is_some_and(|user| user.identifiers().contains(&message.to));
        prop_assert!(of_user || next.identifier.as_ref() == Some(&message.to), "to somebody else");
        let is_known = decision.user.is_some_and(|user| user.knows(next.client_id));
        let what = if is_known { QuotaKind::OwnMessage } else { QuotaKind::Message };
        prop_assert_eq!(charge, &QuotaUse { address: message.to.clone(), client: next.client_id, what });
        let factor = next.first_factor.as_ref().expect("a message is about a factor");
        prop_assert_eq!(&factor.address, &message.to);
        prop_assert!(factor.verification.verified.is_none() && factor.verification.attempts == 0);
        prop_assert_eq!(message.expire_at, factor.verification.expire_at);
        let is_somebodys = of_user || next.newcomer.is_some();
        prop_assert!(is_somebodys || message.content == Content::Decoy, "a code to nobody");
        prop_assert!(!of_user || message.content.code().is_some(), "a user is sent nothing");
    }
    Ok(())
}
