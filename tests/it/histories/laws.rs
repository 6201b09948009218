//! Invariants of a sign-up.

use proptest::prelude::*;
use vestibule::domain::client::ClientChange;
use vestibule::domain::field::Field;
use vestibule::domain::identifier::EmailAddress;
use vestibule::domain::message::Content;
use vestibule::domain::quota::{QuotaKind, QuotaUse};
use vestibule::domain::rejection::{ErrorCode, Rejection};
use vestibule::domain::requirements::Requirements;
use vestibule::domain::settings::SignUpMode;
use vestibule::domain::sign_up::{
    Approval, Attempt, Command, External, Fields, Phase, SignUp, Status, Transition, VerifyLink,
};
use vestibule::domain::verification::{ExternalState, ProviderOutcome, Strategy as Way, VerificationStatus};

use super::instance::PROVIDER;
use super::people::{ADDRESSES, Live, Person};
use super::world::{Law, World};

/// A decision with its inputs.
pub(super) struct Decision<'a> {
    pub(super) before: Option<&'a SignUp>,
    pub(super) command: &'a Command,
    pub(super) person: &'a Person,
    pub(super) world: &'a World,
}

/// A rejection has a reason, and a correct input is never called wrong.
pub(super) fn of_refusal(decision: &Decision<'_>, refused: &Rejection) -> Law {
    prop_assert!(!refused.reasons().is_empty());
    never_calls_the_right_code_wrong(decision, refused)
}

pub(super) fn of_transition(decision: &Decision<'_>, transition: &Transition) -> Law {
    counts_changes(decision, transition)?;
    if !transition.is_changed() {
        return Ok(());
    }
    if let Err(refused) = &transition.verdict {
        never_calls_the_right_code_wrong(decision, refused)?;
        return only_counts_the_try(decision, transition);
    }
    converts_when_nothing_is_missing(decision, transition)?;
    renews_the_token_of_whom_it_leaves_to_others(decision, transition)?;
    lets_in_whom_the_settings_let_in(decision, transition)?;
    gives_the_user_what_it_gathered(transition)?;
    proves_only_what_was_sent_or_vouched_for(decision, transition)?;
    sends_to_its_own_addresses(decision, transition)
}

/// Invariants of a stored value.
pub(super) fn of_value(value: &SignUp, world: &World) -> Law {
    let (now, settings, policy) = (world.now, world.settings(), world.policy());
    let lists = Requirements::of(value, now, settings, policy);
    for field in &lists.required_fields {
        prop_assert!(value.has(field) != lists.missing_fields.contains(field), "{field} is required");
        prop_assert!(settings.enabled(field) && !lists.optional_fields.contains(field), "{field} is required");
    }
    let shown = |field: &Field| lists.required_fields.contains(field) || lists.optional_fields.contains(field);
    prop_assert!(lists.missing_fields.iter().all(|field| shown(field) && !value.has(field)));
    for field in &ADDRESSES {
        let attribute = settings.attribute(field).expect("an attribute");
        let verification = value.verification(field);
        let is_proved = verification.is_some_and(|verification| verification.verified.is_some());
        let owes_proof = attribute.enabled && attribute.verify_at_sign_up && value.has(field) && !is_proved;
        prop_assert_eq!(lists.unverified_fields.contains(field), owes_proof, "{} has to be proved", field);
        if let Some(verification) = verification {
            prop_assert!(verification.attempts <= policy.attempts_max, "more tries than allowed");
        }
    }
    let is_open = value.status(now, policy) == Status::MissingRequirements;
    let deadline = value.next_deadline(now, policy);
    prop_assert_eq!(deadline.is_some(), is_open);
    if let Some(deadline) = deadline {
        prop_assert!(now < deadline && deadline <= value.abandon_at(policy), "a deadline that has gone by");
        let verifications = ADDRESSES.iter().filter_map(|field| value.verification(field));
        let is_open = |status| status == VerificationStatus::Unverified;
        for verification in verifications.filter(|v| is_open(v.status(now, policy.attempts_max))) {
            prop_assert!(deadline <= verification.expire_at, "a code expires unseen");
        }
    }
    // An invitation is for one address, and the operator's data in it counts only for that address.
    prop_assert_eq!(value.invitation.is_some(), value.invited_by().is_some(), "invited with another address");
    prop_assert_eq!(value.public_metadata == "{}", value.invitation.is_none(), "metadata without an invitation");
    Ok(())
}

/// Each change raises the version by one; time never goes back; a finished sign-up does not change.
fn counts_changes(decision: &Decision<'_>, transition: &Transition) -> Law {
    let next = &transition.next;
    let Some(before) = decision.before else {
        prop_assert!(transition.is_changed() && next.version == 1);
        return Ok(());
    };
    if !transition.is_changed() {
        prop_assert_eq!(next, before);
        prop_assert!(transition.effects.is_empty() && transition.quota_uses.is_empty(), "nothing changes");
        prop_assert!(transition.outcome.is_none() && transition.verdict.is_ok(), "nothing changes");
        return Ok(());
    }
    prop_assert_eq!(before.phase, Phase::Open, "a finished one changes");
    prop_assert_eq!(before.status(decision.world.now, decision.world.policy()), Status::MissingRequirements);
    prop_assert_eq!(next.version, before.version + 1);
    prop_assert!(before.updated_at <= next.updated_at, "time goes back");
    let kept = |value: &SignUp| (value.id, value.client_id, value.created_at, value.origin.clone());
    prop_assert_eq!(kept(next), kept(before));
    let own = ClientChange::RequireSignUp(next.id);
    prop_assert_eq!(transition.client_changes.first(), Some(&own), "only where it is the client's current one");
    Ok(())
}

/// A wrong guess is the only rejection that changes anything: the try is counted for the verification and the address.
fn only_counts_the_try(decision: &Decision<'_>, transition: &Transition) -> Law {
    let Command::Attempt(attempt) = decision.command else {
        prop_assert!(false, "refused, and something changes");
        return Ok(());
    };
    let field = attempt.strategy.field().expect("a field");
    let mut expected = decision.before.expect("it was there").clone();
    expected.version += 1;
    let address = expected.address(&field).expect("an address");
    let verification = match field {
        Field::EmailAddress => expected.email_address.as_mut().and_then(|email| email.verification.as_mut()),
        _ => expected.phone_number.as_mut().and_then(|phone| phone.verification.as_mut()),
    };
    verification.expect("it was prepared").attempts += 1;
    prop_assert_eq!(&transition.next, &expected, "more than the try is kept");
    let guess = QuotaUse { address, client: expected.client_id, what: QuotaKind::Guess };
    prop_assert_eq!(&transition.quota_uses, &[guess]);
    prop_assert!(transition.effects.is_empty() && transition.outcome.is_none());
    prop_assert_eq!(transition.client_changes.len(), 1, "the client is not changed");
    Ok(())
}

/// A step of the person after which others may complete the sign-up, and no other step, gives the client a new token.
fn renews_the_token_of_whom_it_leaves_to_others(decision: &Decision<'_>, transition: &Transition) -> Law {
    let (next, world) = (&transition.next, decision.world);
    let verification = next.verification(&Field::EmailAddress);
    let link = verification.and_then(|verification| verification.link());
    let in_cookie = link.is_some_and(|link| link.in_cookie);
    let is_told = match decision.command {
        Command::Update(_) | Command::Prepare(_) | Command::Attempt(_) | Command::SolveCaptcha => true,
        Command::VerifyLink(follow) => follow.by == Some(next.client_id) && in_cookie,
        Command::Return(back) => back.by_owner,
        Command::BackendUpdate(_) | Command::Approve | Command::Refuse(_) => false,
    };
    let lists = Requirements::of(next, world.now, world.settings(), world.policy());
    let needs_a_person = lists.owes_captcha || !lists.identified || !lists.missing_fields.is_empty();
    let is_anywhere = !(in_cookie && world.settings().attack_protection.email_link.require_same_client);
    let status = verification.map(|v| v.status(world.now, world.policy().attempts_max));
    let by_link = link.is_some() && is_anywhere && status == Some(VerificationStatus::Unverified);
    let needs_a_code = lists.unverified_fields.iter().any(|field| !by_link || *field != Field::EmailAddress);
    let is_left = next.phase == Phase::Open && next.refused().is_none() && !needs_a_person && !needs_a_code;
    let renewals = transition.client_changes.iter().filter(|change| matches!(change, ClientChange::Renew { .. }));
    prop_assert_eq!(renewals.count(), usize::from(is_told && is_left), "{:?}", decision.command);
    let rotates = transition.client_changes.contains(&ClientChange::Rotate);
    prop_assert_eq!(rotates, is_told && next.phase != Phase::Open, "a token that nobody is told");
    Ok(())
}

/// A write creates a user if and only if nothing is missing or unverified then. Sending a message or solving a captcha
/// never does.
fn converts_when_nothing_is_missing(decision: &Decision<'_>, transition: &Transition) -> Law {
    let (next, world) = (&transition.next, decision.world);
    let is_complete = matches!(next.phase, Phase::Complete { .. });
    prop_assert_eq!(is_complete, transition.outcome.is_some(), "complete without a user");
    let sessions: Vec<_> = transition
        .client_changes
        .iter()
        .filter_map(|change| match change {
            ClientChange::AddSession { session, .. } => Some((session.user_id, session.id, session.client_id)),
            _ => None,
        })
        .collect();
    match next.phase {
        Phase::Open => prop_assert!(sessions.is_empty(), "a session before it is complete"),
        Phase::Complete { user_id, session_id, .. } => {
            prop_assert_eq!(user_id, next.id.cast());
            prop_assert_eq!(sessions, [(user_id, session_id, next.client_id)]);
        }
    }
    let is_refused_account =
        next.external_account.as_ref().is_some_and(|account| matches!(account.state, ExternalState::Failed { .. }));
    match decision.command {
        Command::Prepare(_) | Command::SolveCaptcha | Command::Refuse(_) => {
            prop_assert!(!is_complete, "nobody has proved anything")
        }
        // The page after the redirect tells the reason, and the person can use another method.
        Command::Return(_) if is_refused_account => {}
        Command::Approve => prop_assert!(is_complete && owes_nothing(next, world), "approved, and something is owed"),
        _ => {
            let awaits_approval = world.settings().sign_up.approval_required;
            let is_due = owes_nothing(next, world) && !awaits_approval;
            prop_assert_eq!(is_complete, is_due, "complete, and something is owed");
        }
    }
    waits_before_it_is_approved(decision, transition)
}

/// Where approval is required, only an approval of what waited creates a user; and what waits owes nothing else.
fn waits_before_it_is_approved(decision: &Decision<'_>, transition: &Transition) -> Law {
    let (next, world) = (&transition.next, decision.world);
    let waited = decision.before.is_some_and(|before| before.waits_since().is_some());
    let is_required = world.settings().sign_up.approval_required;
    if transition.outcome.is_some() && is_required {
        prop_assert!(waited && matches!(decision.command, Command::Approve), "a user without approval");
    }
    if next.waits_since().is_some() && !waited {
        prop_assert!(is_required && owes_nothing(next, world), "it waits, and something else is owed");
    }
    let before = decision.before.filter(|_| waited && is_required && transition.outcome.is_none());
    let of_person = !matches!(decision.command, Command::BackendUpdate(_) | Command::Refuse(_));
    prop_assert!(before.is_none() || !of_person, "the person changes what waits");
    prop_assert!(transition.outcome.is_none() || next.approval == Approval::None, "it waits no more");
    Ok(())
}

/// Whether nothing is missing or unverified, computed again from the settings.
fn owes_nothing(value: &SignUp, world: &World) -> bool {
    let (settings, policy) = (world.settings(), world.policy());
    let attributes = &settings.attributes;
    let account =
        value.external_account.as_ref().filter(|account| matches!(account.state, ExternalState::Verified { .. }));
    let given = [
        (&attributes.email_address, value.email_address.is_some()),
        (&attributes.phone_number, value.phone_number.is_some()),
        (&attributes.username, value.username.is_some()),
        (&attributes.password, value.password_digest.is_some() || account.is_some()),
        (&attributes.first_name, value.first_name.is_some()),
    ];
    let has_identifier = given[..3].iter().any(|(_, is_given)| *is_given) || account.is_some();
    let has_required = given.iter().all(|(attribute, is_given)| *is_given || !attribute.required);
    let is_proved = |field: &Field| {
        let attribute = settings.attribute(field).expect("an attribute");
        let must_be = attribute.enabled && attribute.verify_at_sign_up && value.has(field);
        !must_be || value.verification(field).is_some_and(|verification| verification.verified.is_some())
    };
    let waives = account.is_some_and(|account| policy.waives_captcha(&account.strategy));
    has_identifier
        && has_required
        && ADDRESSES.iter().all(is_proved)
        && (value.legal_accepted_at.is_some() || !settings.sign_up.legal_consent_enabled)
        && (account.is_some() || !settings.social[PROVIDER].required)
        && (value.custom_action || !settings.sign_up.custom_action_required)
        && (value.captcha_solved || waives || !settings.sign_up.captcha_enabled)
}

/// The current settings allow each new user and each recipient of a message.
fn lets_in_whom_the_settings_let_in(decision: &Decision<'_>, transition: &Transition) -> Law {
    let (next, settings) = (&transition.next, decision.world.settings());
    if transition.outcome.is_none() && transition.effects.is_empty() {
        return Ok(());
    }
    let is_open = settings.sign_up.mode == SignUpMode::Public;
    prop_assert!(is_open || next.invited_by().is_some(), "the instance is closed");
    let is_blocked = |address: &str| settings.restrictions.blocklist.enabled && address.ends_with("@blocked.example");
    let email = next.email_address.as_ref().map(|email| email.value.as_str());
    if transition.outcome.is_some() {
        let of_account = next.proved_account().and_then(|account| account.profile.as_ref()?.email());
        let addresses = email.into_iter().chain(of_account.as_ref().map(EmailAddress::as_str));
        prop_assert!(addresses.into_iter().all(|address| !is_blocked(address)), "a blocked address");
    }
    for message in transition.messages() {
        prop_assert!(!is_blocked(&message.to.value), "a message to a blocked address");
        let waives =
            next.proved_account().is_some_and(|account| decision.world.policy().waives_captcha(&account.strategy));
        prop_assert!(next.captcha_solved || waives || !settings.sign_up.captcha_enabled, "a captcha is owed");
    }
    Ok(())
}

fn gives_the_user_what_it_gathered(transition: &Transition) -> Law {
    let Some(conversion) = &transition.outcome else { return Ok(()) };
    let (user, value) = (&conversion.user, &transition.next);
    let emails = user.email_addresses.iter().map(|email| (&email.value, email.verified_by.is_some()));
    let phones = user.phone_numbers.iter().map(|phone| (&phone.value, phone.verified_by.is_some()));
    let is_proved = |field: &Field| value.verification(field).is_some_and(|v| v.verified.is_some());
    let email = value.email_address.iter().map(|email| (&email.value, is_proved(&Field::EmailAddress)));
    let phone = value.phone_number.iter().map(|phone| (&phone.value, is_proved(&Field::PhoneNumber)));
    prop_assert!(emails.eq(email) && phones.eq(phone), "other addresses than were proved");
    prop_assert_eq!(&user.username, &value.username);
    prop_assert_eq!(&user.password_digest, &value.password_digest);
    prop_assert_eq!(&user.public_metadata, &value.public_metadata);
    prop_assert_eq!(conversion.accepts, value.invited_by());
    prop_assert_eq!(user.sign_up.as_deref(), Some(value));
    let account = value.proved_account().and_then(|account| account.profile.as_ref());
    let accounts: Vec<_> = user.external_accounts.iter().map(|account| &account.profile).collect();
    prop_assert_eq!(accounts, account.into_iter().collect::<Vec<_>>());
    Ok(())
}

/// A value is verified only by what was sent to it, or by a party that may confirm it.
fn proves_only_what_was_sent_or_vouched_for(decision: &Decision<'_>, transition: &Transition) -> Law {
    let next = &transition.next;
    for (field, live) in ADDRESSES.iter().zip(&decision.person.live) {
        let address = next.address(field);
        let proved = |value: &SignUp| value.verification(field).is_some_and(|v| v.verified.is_some());
        let was_proved = decision.before.is_some_and(|before| proved(before) && before.address(field) == address);
        prop_assert!(!was_proved || proved(next), "a proof is lost");
        if !proved(next) || was_proved {
            continue;
        }
        let live = live.as_ref().filter(|live| Some(&live.address) == address.as_ref());
        let is_right = match decision.command {
            Command::Attempt(attempt) => {
                live.is_some_and(|live| is_good(live, decision.world) && fits(attempt, field, live))
            }
            Command::VerifyLink(follow) => {
                live.is_some_and(|live| is_good(live, decision.world) && leads(follow, live, decision))
            }
            Command::Update(fields) => is_vouched(fields, field, next),
            Command::Return(back) => *field == Field::EmailAddress && vouches(&back.answer, next),
            _ => false,
        };
        prop_assert!(is_right, "{field} is proved by nothing");
    }
    Ok(())
}

fn is_good(live: &Live, world: &World) -> bool {
    world.now < live.until && live.wrong < world.policy().attempts_max
}

fn fits(attempt: &Attempt, field: &Field, live: &Live) -> bool {
    attempt.strategy.field().as_ref() == Some(field) && live.code.is_some() && attempt.code == live.code
}

fn leads(follow: &VerifyLink, live: &Live, decision: &Decision<'_>) -> bool {
    let is_owner = follow.by == Some(decision.person.client) && !follow.again;
    let same_client = decision.world.settings().attack_protection.email_link.require_same_client;
    let secret = live.token.as_deref().and_then(vestibule::domain::verification::LinkToken::parse);
    secret.is_some_and(|token| token.secret == follow.secret) && (is_owner || (follow.confirmed && !same_client))
}

fn is_vouched(fields: &Fields, field: &Field, next: &SignUp) -> bool {
    let address = next.address(field);
    let invited = fields.invitation.as_ref().map(|invitation| invitation.email_address.identifier());
    let proved = fields.proved.as_ref().map(|proved| proved.identifier.clone());
    let is_of_provider = match &fields.external {
        Some(External::Answered(_, answer)) => *field == Field::EmailAddress && vouches(answer, next),
        _ => false,
    };
    address.is_some() && (address == invited || address == proved) || is_of_provider
}

fn vouches(answer: &ProviderOutcome, next: &SignUp) -> bool {
    let profile = answer.outcome.as_ref().ok().filter(|profile| profile.email_verified);
    let email = profile.and_then(|profile| profile.email()).map(|email| email.identifier());
    email.is_some() && email == next.address(&Field::EmailAddress) && answer.owner.is_none() && answer.session.is_none()
}

fn never_calls_the_right_code_wrong(decision: &Decision<'_>, refused: &Rejection) -> Law {
    let Command::Attempt(attempt) = decision.command else { return Ok(()) };
    for (field, live) in ADDRESSES.iter().zip(&decision.person.live) {
        let is_right = live.as_ref().is_some_and(|live| is_good(live, decision.world) && fits(attempt, field, live));
        prop_assert!(!is_right || !refused.is(ErrorCode::FormCodeIncorrect), "the right code is called wrong");
    }
    Ok(())
}

/// A message goes only to an address of the sign-up and is counted once. If the address belongs to a user and that is
/// secret, it carries no code.
fn sends_to_its_own_addresses(decision: &Decision<'_>, transition: &Transition) -> Law {
    let (next, now) = (&transition.next, decision.world.now);
    prop_assert!(transition.effects.len() <= 1, "one message at a time");
    let is_message = |charge: &&QuotaUse| matches!(charge.what, QuotaKind::Message | QuotaKind::OwnMessage);
    let charged: Vec<_> = transition.quota_uses.iter().filter(is_message).collect();
    prop_assert_eq!(charged.len(), transition.effects.len(), "a message that is not counted");
    for (charge, message) in charged.into_iter().zip(transition.messages()) {
        let field = message.to.kind.field().expect("a field");
        let own = next.address(&field);
        prop_assert_eq!(Some(&message.to), own.as_ref(), "to somebody else");
        let expected = QuotaUse { address: message.to.clone(), client: next.client_id, what: QuotaKind::Message };
        prop_assert_eq!(charge, &expected);
        let verification = next.verification(&field).expect("a message is about a verification");
        prop_assert!(verification.verified.is_none() && verification.attempts == 0, "a message about what is proved");
        prop_assert_eq!((message.created_at, message.expire_at), (now, verification.expire_at));
        prop_assert!(now < message.expire_at);
        let hides = decision.world.settings().hides_existence(message.to.kind);
        let taken = hides && decision.world.owner(&message.to).is_some();
        prop_assert_eq!(taken, message.content == Content::Notice);
        let is_link = *verification.strategy() == Way::EmailLink;
        prop_assert_eq!(is_link && !taken, message.content.link().is_some());
    }
    Ok(())
}
