//! E-mail links in the pure core.

use vestibule::clock::Clock as _;
use vestibule::domain::client::ClientChange;
use vestibule::domain::field::Field;
use vestibule::domain::id::ClientId;
use vestibule::domain::message::Message;
use vestibule::domain::quota::QuotaKind;
use vestibule::domain::rejection::{ErrorCode, Rejection};
use vestibule::domain::settings::Settings;
use vestibule::domain::sign_up::{Command, Prepare, SignUp, Transition, VerifyLink};
use vestibule::domain::time::Span;
use vestibule::domain::transition::Change;
use vestibule::domain::verification::{LinkToken, Strategy, VerificationStatus};

use crate::support::redirects::allowed;

use crate::domain::{World, raw, settings};

#[test]
fn the_owner_follows_the_link_once_and_is_signed_in() {
    let mut world = World::new(by_link());
    let (sign_up, message) = begin(&mut world, "ada@example.com");
    assert!(message.content.code().is_none());
    let done = follow(&mut world, &sign_up, &token(&message), OWNER, false).expect("the owner's link");
    assert!(done.outcome.is_some());
    assert!(done.client_changes.contains(&ClientChange::Rotate));
    assert_eq!(charged(&done), [QuotaKind::Proof]);
    let user = done.outcome.as_ref().map(|c| &c.user).expect("a user");
    assert_eq!(user.email_addresses[0].verified_by, Some(Strategy::EmailLink));
    world.clock.advance(Span::from_secs(3600));
    let again = follow(&mut world, &done.next, &token(&message), OWNER, false).expect("they have succeeded");
    assert!(again.change == Change::Nothing && again.next == done.next);
    for (by, confirmed) in [(None, false), (None, true), (STRANGER, false), (STRANGER, true)] {
        let used = follow(&mut world, &done.next, &token(&message), by, confirmed).expect_err("a used link");
        assert!(used.is(ErrorCode::VerificationLinkTokenInvalid), "{by:?} {confirmed}");
    }
    let wrong = LinkToken::parse(&flipped(&token(&message).expose())).expect("well-formed");
    assert!(follow(&mut world, &done.next, &wrong, OWNER, false).is_err());
}

#[test]
fn a_link_that_is_used_up_says_so_to_all_but_the_browser_that_has_succeeded() {
    let mut unfinished = by_link();
    unfinished.attributes.username = settings(&["username"]).attributes.username;
    for same_client in [true, false] {
        let mut world = World::new(unfinished.clone());
        world.settings.attack_protection.email_link.require_same_client = same_client;
        let (sign_up, message) = begin(&mut world, "ada@example.com");
        let proved = follow(&mut world, &sign_up, &token(&message), OWNER, false).expect("the owner's link");
        assert!(proved.outcome.is_none(), "a username is missing");
        let again = follow(&mut world, &proved.next, &token(&message), OWNER, false).expect("they have succeeded");
        assert!(!again.is_changed() && again.next == proved.next);
        for by in [None, STRANGER] {
            let used = follow(&mut world, &proved.next, &token(&message), by, true).expect_err("a used link");
            assert!(used.is(ErrorCode::VerificationLinkTokenInvalid), "{by:?}");
        }
    }
}

#[test]
fn a_link_without_a_place_to_go_is_not_made() {
    let mut world = World::new(by_link());
    let sign_up = world.create(&raw(|f| f.email_address = Some("ada@example.com".into()))).expect("a sign-up").next;
    let prepare = Prepare {
        strategy: Strategy::EmailLink,
        channel: None,
        redirect_url: None,
        in_cookie: true,
        taken: false,
        challenge: None,
    };
    let refused = world.decide(|cx| sign_up.apply(&Command::Prepare(prepare), cx)).expect_err("no redirect_url");
    assert_eq!(refused, Rejection::from(ErrorCode::FormParamMissing.on("redirect_url")));
    let created = world.create(&raw(|f| {
        f.email_address = Some("ada@example.com".into());
        f.strategy = Some(Strategy::EmailLink);
    }));
    assert_eq!(created.expect_err("no redirect_url"), Rejection::from(ErrorCode::FormParamMissing.on("redirect_url")));
}

#[test]
fn under_the_same_client_rule_nobody_else_changes_anything() {
    let mut world = World::new(by_link());
    let (sign_up, message) = begin(&mut world, "ada@example.com");
    for (by, confirmed) in [(None, false), (None, true), (STRANGER, false), (STRANGER, true)] {
        let refused = follow(&mut world, &sign_up, &token(&message), by, confirmed).expect_err("not the owner");
        assert!(refused.is(ErrorCode::SignUpEmailLinkNotSameClient), "{by:?} {confirmed}");
    }
}

#[test]
fn without_the_rule_a_strangers_word_verifies_and_the_owner_keeps_its_token() {
    let mut world = World::new(by_link());
    world.settings.attack_protection.email_link.require_same_client = false;
    let (sign_up, message) = begin(&mut world, "ada@example.com");
    for by in [None, STRANGER] {
        let opened = follow(&mut world, &sign_up, &token(&message), by, false).expect("a page");
        assert!(!opened.is_changed() && opened.next == sign_up);
    }
    let done = follow(&mut world, &sign_up, &token(&message), None, true).expect("a person's word");
    let session = done.client_changes.iter().find_map(|change| match change {
        ClientChange::AddSession { session, .. } => Some(session),
        _ => None,
    });
    assert_eq!(session.map(|s| s.client_id), OWNER, "the session is the sign-up's client's");
    assert!(!rotates(&done), "its token would be lost");
    let verified = done.next.verification(&Field::EmailAddress).and_then(|v| v.verified.as_ref());
    assert_ne!(verified.map(|proof| proof.client), OWNER, "it was not the owner who proved it");
}

#[test]
fn a_token_kept_elsewhere_than_in_the_cookie_stays() {
    for (asked, answered) in [(true, false), (false, true)] {
        let mut world = World::new(by_link());
        let (sign_up, message) = begin_in(&mut world, "ada@example.com", asked);
        let secret = token(&message).secret;
        let follow = VerifyLink { secret, by: OWNER, confirmed: false, again: false, in_cookie: answered };
        let done = world.decide(|cx| sign_up.apply(&Command::VerifyLink(follow), cx)).expect("the owner's link");
        assert!(done.outcome.is_some() && !rotates(&done));
    }
}

fn rotates(transition: &Transition) -> bool {
    let is_new_token = |change: &ClientChange| matches!(change, ClientChange::Rotate | ClientChange::Renew { .. });
    transition.client_changes.iter().any(is_new_token)
}

#[test]
fn a_link_is_good_for_its_own_time() {
    let mut world = World::new(by_link());
    world.policy.link_ttl = Span::from_secs(90);
    let (sign_up, message) = begin(&mut world, "ada@example.com");
    assert_eq!(message.expire_at, world.clock.now() + Span::from_secs(90));
    world.clock.advance(Span::from_secs(89));
    assert!(follow(&mut world, &sign_up, &token(&message), OWNER, false).is_ok());
    world.clock.advance(Span::from_secs(1));
    let refused = follow(&mut world, &sign_up, &token(&message), OWNER, false).expect_err("an old link");
    assert!(refused.is(ErrorCode::VerificationLinkTokenExpired));
    let status = sign_up.verification(&Field::EmailAddress).map(|v| v.status(world.clock.now(), 5));
    assert_eq!(status, Some(VerificationStatus::Expired));
}

#[test]
fn code_and_link_of_one_mail_are_used_up_together() {
    let mut both = by_link();
    both.attributes.email_address.verifications.push(Strategy::EmailCode);
    both.attributes.username = settings(&["username"]).attributes.username;
    let mut world = World::new(both);
    let (sign_up, message) = begin(&mut world, "ada@example.com");
    let code = message.content.code().expect("a code beside the link").expose().clone();

    let by_code = world.attempt(&sign_up, Strategy::EmailCode, &code).expect("the code");
    assert!(by_code.verdict.is_ok());
    let verification = by_code.next.verification(&Field::EmailAddress).expect("verified");
    assert_eq!(*verification.strategy(), Strategy::EmailCode);
    let refused = follow(&mut world, &by_code.next, &token(&message), STRANGER, true).expect_err("used up");
    assert!(refused.is(ErrorCode::VerificationLinkTokenInvalid));
    let by_both = follow(&mut world, &by_code.next, &token(&message), OWNER, false).expect("they have succeeded");
    assert!(!by_both.is_changed());

    let wrong = if code == "000000" { "000001" } else { "000000" };
    let by_link = follow(&mut world, &sign_up, &token(&message), OWNER, false).expect("the link").next;
    let refused = world.attempt(&by_link, Strategy::EmailCode, wrong).expect_err("used up");
    assert!(refused.is(ErrorCode::VerificationAlreadyVerified));
    assert!(!world.attempt(&by_link, Strategy::EmailCode, &code).expect("they have succeeded").is_changed());

    let mut tried = sign_up;
    for _ in 0..5 {
        tried = world.attempt(&tried, Strategy::EmailCode, wrong).expect("a counted try").next;
    }
    let refused = follow(&mut world, &tried, &token(&message), OWNER, false).expect_err("a failed verification");
    assert!(refused.is(ErrorCode::VerificationLinkTokenInvalid));
}

#[test]
fn a_link_alone_takes_no_code() {
    let mut world = World::new(by_link());
    let (sign_up, _) = begin(&mut world, "ada@example.com");
    for strategy in [Strategy::EmailLink, Strategy::EmailCode] {
        let refused = world.attempt(&sign_up, strategy, "123456").expect_err("nothing to type");
        assert!(refused.is(ErrorCode::VerificationStrategyInvalid) || refused.is(ErrorCode::FormParamValueDisabled));
    }
}

#[test]
fn a_link_proves_the_address_it_was_sent_to_and_only_the_newest_does() {
    let mut world = World::new(by_link());
    let (sign_up, first) = begin(&mut world, "ada@example.com");
    let to = |address: &str| raw(|f| f.email_address = Some(address.into()));
    let moved = world.update(&sign_up, &to("eve@example.com")).expect("an update").next;
    let back = world.update(&moved, &to("ada@example.com")).expect("an update").next;
    for value in [&moved, &back] {
        assert!(follow(&mut world, value, &token(&first), OWNER, false).is_err());
    }
    world.clock.advance(Span::from_secs(31));
    let (resent, second) = prepare(&mut world, &sign_up, true);
    let stale = follow(&mut world, &resent, &token(&first), OWNER, false).expect_err("an older link");
    assert!(stale.is(ErrorCode::VerificationLinkTokenInvalid));
    assert!(follow(&mut world, &resent, &token(&second), OWNER, false).expect("the newest").verdict.is_ok());
    let (moved_and_sent, to_eve) = prepare(&mut world, &moved, true);
    let crossed = follow(&mut world, &moved_and_sent, &token(&first), OWNER, false).expect_err("another address's");
    assert!(crossed.is(ErrorCode::VerificationLinkTokenInvalid));
    assert!(follow(&mut world, &moved_and_sent, &token(&to_eve), OWNER, false).expect("eve's link").verdict.is_ok());
}

#[test]
fn a_wrong_link_is_charged_to_nobody_and_changes_nothing() {
    let mut world = World::new(by_link());
    let (sign_up, message) = begin(&mut world, "ada@example.com");
    let wrong = LinkToken::parse(&flipped(&token(&message).expose())).expect("well-formed");
    for by in [None, OWNER] {
        let refused = follow(&mut world, &sign_up, &wrong, by, true).expect_err("nothing to commit");
        assert!(refused.is(ErrorCode::VerificationLinkTokenInvalid));
    }
}

#[test]
fn only_the_owner_that_lost_the_completing_answer_hears_it_again() {
    let mut world = World::new(by_link());
    let (sign_up, message) = begin(&mut world, "ada@example.com");
    let done = follow(&mut world, &sign_up, &token(&message), OWNER, false).expect("the owner's link").next;
    let secret = token(&message).secret;
    let again = |by, again| {
        Command::VerifyLink(VerifyLink { secret: secret.clone(), by, confirmed: false, again, in_cookie: true })
    };
    let heard = world.decide(|cx| done.apply(&again(OWNER, true), cx)).expect("the lost answer");
    assert!(heard.change == Change::Replay);
    for (by, is_again) in [(STRANGER, false), (STRANGER, true), (None, true)] {
        assert!(world.decide(|cx| done.apply(&again(by, is_again), cx)).is_err(), "{by:?} {is_again}");
    }
    // The earlier token does not work on a sign-up that is still open.
    let early = world.decide(|cx| sign_up.apply(&again(OWNER, true), cx)).expect_err("not the owner's token any more");
    assert!(early.is(ErrorCode::SignUpEmailLinkNotSameClient));
    world.clock.advance(Span::from_secs(61));
    assert!(world.decide(|cx| done.apply(&again(OWNER, true), cx)).is_err());
}

#[test]
fn a_switched_off_strategy_ends_links_on_their_way() {
    let mut world = World::new(by_link());
    let (sign_up, message) = begin(&mut world, "ada@example.com");
    world.settings.attributes.email_address.verifications = vec![Strategy::EmailCode];
    let refused = follow(&mut world, &sign_up, &token(&message), OWNER, false).expect_err("off");
    assert!(refused.is(ErrorCode::VerificationLinkTokenInvalid));
}

const OWNER: Option<ClientId> = Some(ClientId::from_bytes([2; 16]));
const STRANGER: Option<ClientId> = Some(ClientId::from_bytes([3; 16]));

fn by_link() -> Settings {
    let mut settings = settings(&["email_address"]);
    settings.attributes.email_address.verifications = vec![Strategy::EmailLink];
    settings
}

fn begin(world: &mut World, address: &str) -> (SignUp, Message) {
    begin_in(world, address, true)
}

fn begin_in(world: &mut World, address: &str, in_cookie: bool) -> (SignUp, Message) {
    let sign_up = world.create(&raw(|f| f.email_address = Some(address.into()))).expect("a sign-up").next;
    prepare(world, &sign_up, in_cookie)
}

fn prepare(world: &mut World, sign_up: &SignUp, in_cookie: bool) -> (SignUp, Message) {
    let redirect_url = Some(allowed("https://app.example.com/verify"));
    let prepare = Prepare {
        strategy: Strategy::EmailLink,
        channel: None,
        redirect_url,
        in_cookie,
        taken: false,
        challenge: None,
    };
    let prepared = world.decide(|cx| sign_up.apply(&Command::Prepare(prepare), cx)).expect("prepared");
    let message = prepared.messages().next().cloned().expect("a message");
    (prepared.next, message)
}

fn follow(
    world: &mut World,
    sign_up: &SignUp,
    token: &LinkToken,
    by: Option<ClientId>,
    confirmed: bool,
) -> Result<Transition, Rejection> {
    let follow = VerifyLink { secret: token.secret.clone(), by, confirmed, again: false, in_cookie: true };
    world.decide(|cx| sign_up.apply(&Command::VerifyLink(follow), cx))
}

fn token(message: &Message) -> LinkToken {
    let text = message.content.link().expect("a link").expose();
    LinkToken::parse(text).expect("a token")
}

fn charged(transition: &Transition) -> Vec<QuotaKind> {
    transition.quota_uses.iter().map(|c| c.what).collect()
}

/// The token with its last digit changed.
fn flipped(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}
