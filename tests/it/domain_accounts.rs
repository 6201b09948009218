//! Sign-up with an account at a provider, under restrictions, captcha and enumeration protection.

use vestibule::domain::identifier::{EmailAddress, IdentifierKind};
use vestibule::domain::invitation::Invitation;
use vestibule::domain::message::Content;
use vestibule::domain::rejection::{ErrorCode, Rejection};
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::SignUpMode;
use vestibule::domain::sign_up::{Command, External, NewSignUp, Transition};
use vestibule::domain::time::Timestamp;
use vestibule::domain::transfer::Proved;
use vestibule::domain::verification::{ExternalState, ProviderOutcome, Strategy};

use crate::domain::{World, raw};
use crate::domain_admission::{
    EMAIL, PROVIDER, answer, come_back, create_with, invitation, leave, list, oauth_request, open, person, prepare,
    unknown_account, update, update_with,
};

#[test]
fn with_an_allow_list_somebody_needs_something_that_is_on_it() {
    let friends = |world: &mut World| {
        world.settings.restrictions.allowlist = list(&["@friends.example"]);
    };
    for (profile, may) in [
        (person(Some("ada@friends.example"), true), true),
        (person(Some("ada@friends.example"), false), false),
        (person(Some("ada@example.com"), true), false),
        (person(Some("not an address"), true), false),
        (person(None, false), false),
    ] {
        let mut settings = open();
        settings.attributes.email_address.enabled = false;
        settings.attributes.email_address.verify_at_sign_up = false;
        let mut world = World::new(settings);
        friends(&mut world);
        let away = leave(&mut world, &NewSignUp::default());
        let back = come_back(&mut world, &away, answer(profile.clone()));
        assert_eq!(back.outcome.is_some(), may, "{profile:?}");
        let state = &back.next.external_account.as_ref().expect("an account").state;
        let refused = ExternalState::Failed { code: ErrorCode::NotAllowedAccess, session: None };
        assert_eq!(*state == refused, !may, "whoever comes back hears why");
    }
}

#[test]
fn an_empty_ticket_is_none() {
    let mut world = World::new(open());
    world.settings.restrictions.blocklist = list(&["ada@mailinator.com"]);
    world.settings.restrictions.block_email_subaddresses.enabled = true;
    for address in ["ada@mailinator.com", "bob+tag@example.com"] {
        let given = raw(|f| (f.email_address, f.ticket) = (Some(address.into()), Some(String::new())));
        assert!(world.create(&given).expect_err("no ticket").is(ErrorCode::NotAllowedAccess), "{address}");
    }
}

#[test]
fn a_captcha_is_owed_until_one_is_solved_or_a_provider_vouches() {
    let mut world = World::new(open());
    world.settings.sign_up.captcha_enabled = true;
    world.policy.captcha_bypass = vec![PROVIDER.into()];
    let given = raw(|f| {
        f.email_address = Some(EMAIL.into());
        f.password = Some(Secret::new("wanders under elms".into()));
    });
    assert!(refused(world.create(&given)), "without a provider it is asked for at once");
    let away = leave(&mut world, &given);
    assert!(refused(prepare(&mut world, &away, Strategy::EmailCode)), "another route");
    assert!(refused(world.update(&away, &given)));
    assert!(refused(world.attempt(&away, Strategy::EmailCode, "123456")));
    // A second authorization request owes the same captcha as the first.
    let again = update(&mut world, &away, oauth_request(PROVIDER)).expect("the same route").next;
    assert!(again.owes_captcha(&world.settings, &world.policy));
    let other = update(&mut world, &away, oauth_request("oauth_other"));
    assert!(refused(other), "another provider does not tell people from machines");

    let beside = update_with(&mut world, &away, |fields| fields.captcha_solved = true).expect("paid").next;
    let between = world.decide(|cx| away.apply(&Command::SolveCaptcha, cx)).expect("paid").next;
    for solved in [beside, between] {
        assert!(!solved.owes_captcha(&world.settings, &world.policy));
        assert!(prepare(&mut world, &solved, Strategy::EmailCode).is_ok());
    }

    let failed = come_back(
        &mut world,
        &away,
        ProviderOutcome { outcome: Err(ErrorCode::OAuthAccessDenied), ..unknown_account() },
    );
    assert!(refused(world.update(&failed.next, &NewSignUp::default())), "who was refused there has proved nothing");
    let vouched = come_back(&mut world, &away, answer(person(Some(EMAIL), true)));
    assert!(vouched.outcome.is_some());
}

#[test]
fn a_transfer_waives_the_captcha_for_the_account_that_it_brings_alone() {
    for (strategy, asked, outcome, may) in [
        (PROVIDER, None, Ok(person(Some(EMAIL), true)), true),
        ("oauth_other", None, Ok(person(Some(EMAIL), true)), false),
        (PROVIDER, Some(Strategy::EmailCode), Err(ErrorCode::OAuthAccessDenied), false),
        ("oauth_other", Some(Strategy::OAuth(PROVIDER.into())), Ok(person(Some(EMAIL), true)), false),
    ] {
        let mut world = World::new(open());
        world.settings.sign_up.captcha_enabled = true;
        world.policy.captcha_bypass = vec![PROVIDER.into()];
        let brought =
            External::Answered(Strategy::OAuth(strategy.into()), ProviderOutcome { outcome, ..unknown_account() });
        let given = raw(|f| f.email_address = Some(EMAIL.into()));
        let created = create_with(&mut world, &given, |fields| {
            fields.external = Some(brought.clone());
            fields.strategy = asked.clone();
        });
        assert_eq!(created.is_ok_and(|created| created.outcome.is_some()), may, "{strategy} {asked:?}");
    }
}

#[test]
fn an_address_that_nobody_vouches_for_tells_not_whose_it_is() {
    for must_be_proved in [true, false] {
        let [free, taken] = [false, true].map(|is_taken| {
            let mut settings = open();
            settings.attack_protection.enumeration_protection.enabled = true;
            settings.attributes.email_address.verify_at_sign_up = must_be_proved;
            settings.attributes.username.required = true;
            let mut world = World::new(settings);
            let away = leave(&mut world, &NewSignUp::default());
            let mut answer = answer(person(Some(EMAIL), false));
            answer.taken = is_taken.then_some(IdentifierKind::EmailAddress).into_iter().collect();
            come_back(&mut world, &away, answer).next
        });
        assert_eq!(free, taken, "must be proved: {must_be_proved}");
        assert_eq!(free.email_address.is_some(), must_be_proved);
    }
}

#[test]
fn whoever_comes_back_to_a_closed_instance_hears_it_on_their_page() {
    let mut world = World::new(open());
    let away = leave(&mut world, &NewSignUp::default());
    world.settings.sign_up.mode = SignUpMode::Restricted;
    let back = come_back(&mut world, &away, answer(person(Some(EMAIL), true)));
    let state = &back.next.external_account.as_ref().expect("an account").state;
    assert_eq!(*state, ExternalState::Failed { code: ErrorCode::SignUpModeRestricted, session: None });
}

#[test]
fn a_provider_that_is_switched_off_meanwhile_vouches_for_nobody() {
    let mut world = World::new(open());
    let away = leave(&mut world, &NewSignUp::default());
    world.settings.social.clear();
    let back = come_back(&mut world, &away, answer(person(Some(EMAIL), true)));
    assert!(back.outcome.is_none());
    let state = &back.next.external_account.as_ref().expect("an account").state;
    assert_eq!(*state, ExternalState::Failed { code: ErrorCode::OAuthProviderNotEnabled, session: None });
}

#[test]
fn an_account_with_an_address_that_can_not_be_read_meets_the_block_list_by_its_domain() {
    for from_the_start in [false, true] {
        let mut world = World::new(open());
        let away = leave(&mut world, &NewSignUp::default());
        let said = answer(person(Some("\"a b\"@bad.example"), true));
        let block = |world: &mut World| world.settings.restrictions.blocklist = list(&["@bad.example"]);
        if from_the_start {
            block(&mut world);
            assert!(come_back(&mut world, &away, said).outcome.is_none());
            continue;
        }
        world.settings.attributes.username.required = true;
        let waiting = come_back(&mut world, &away, said).next;
        block(&mut world);
        let refused = world.update(&waiting, &raw(|f| f.username = Some("ada_l".into())));
        assert!(refused.expect_err("blocked meanwhile").is(ErrorCode::NotAllowedAccess));
    }
}

#[test]
fn an_invitation_goes_with_its_address_when_a_sign_in_proved_another_one() {
    let mut settings = open();
    settings.attributes.username.required = true;
    let mut world = World::new(settings);
    let invited = invitation();
    let invitation = || Some(Box::new(Invitation { public_metadata: r#"{"role":"admin"}"#.into(), ..invited.clone() }));
    let proved = |email: &str| {
        let identifier = EmailAddress::parse(email).expect("an address").identifier();
        let at = Timestamp::from_millis(1_800_000_000_000);
        Some(Box::new(Proved { identifier, strategy: Strategy::EmailCode, at, captcha_solved: false, is_taken: false }))
    };
    let made = create_with(&mut world, &NewSignUp::default(), |fields| fields.invitation = invitation());
    let made = made.expect("a sign-up").next;
    assert_eq!(made.invited_by(), Some(invited.id));

    let other = update_with(&mut world, &made, |fields| fields.proved = proved("other@example.org"));
    let other = other.expect("an update").next;
    assert_eq!((other.invitation, other.public_metadata.as_str()), (None, "{}"));
    let same = update_with(&mut world, &made, |fields| fields.proved = proved(invited.email_address.as_str()));
    assert_eq!(same.expect("an update").next.invited_by(), Some(invited.id), "both prove the same address");

    let both = create_with(&mut world, &NewSignUp::default(), |fields| {
        (fields.invitation, fields.proved) = (invitation(), proved("other@example.org"));
    });
    assert!(both.expect_err("two addresses at once").is(ErrorCode::FormConditionalParamDisallowed));
}

#[test]
fn a_code_goes_to_no_user_whose_address_a_provider_named() {
    let mut settings = open();
    settings.attack_protection.enumeration_protection.enabled = true;
    let mut world = World::new(settings);
    let mut content = |is_taken: bool| {
        let mut answer = answer(person(Some(EMAIL), false));
        answer.taken.extend(is_taken.then_some(IdentifierKind::EmailAddress));
        let made = create_with(&mut world, &NewSignUp::default(), |fields| {
            fields.external = Some(External::Answered(Strategy::OAuth(PROVIDER.into()), answer));
            fields.strategy = Some(Strategy::EmailCode);
        });
        let message = made.expect("a sign-up").messages().next().cloned().expect("a message");
        message.content
    };
    assert!(content(false).code().is_some());
    assert_eq!(content(true), Content::Notice);
}

fn refused(outcome: Result<Transition, Rejection>) -> bool {
    let asks = |rejection: &Rejection| {
        rejection.is(ErrorCode::CaptchaMissingToken) || rejection.is(ErrorCode::RequiresCaptcha)
    };
    outcome.is_err_and(|rejection| asks(&rejection))
}
