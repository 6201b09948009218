//! Admission rules on every route to a new user. Each route is walked up to its last step, then one rule comes into
//! force, then the last step is made. A rule that was in force earlier would have stopped the person at the latest
//! there.

use std::collections::BTreeSet;

use vestibule::domain::id::InvitationId;
use vestibule::domain::identifier::EmailAddress;
use vestibule::domain::invitation::{Invitation, InvitationState};
use vestibule::domain::message::Message;
use vestibule::domain::rejection::{ErrorCode, Rejection};
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::restrictions::{AccessList, PhoneCountries};
use vestibule::domain::settings::{OAuth, Settings, SignUpMode, Social};
use vestibule::domain::sign_up::{
    BackendUpdate, Command, External, Fields, NewSignUp, Prepare, SignUp, Transition, VerifyLink,
};
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::verification::{
    AuthorizationRequest, AuthorizationResponse, AuthorizeParams, LinkToken, Profile, ProviderOutcome,
    SecondFactorNeed, Strategy,
};

use crate::support::redirects::allowed;

use crate::domain::{World, raw, settings};

#[test]
fn no_rule_has_a_road_around_it() {
    for route in ROUTES {
        for rule in RULES {
            for from_the_start in [false, true] {
                let mut world = World::new(open());
                let becomes = walk(&mut world, route, rule, from_the_start);
                let may = !(rule.refuses)(route);
                assert_eq!(becomes, may, "{} under {}, from the start: {from_the_start}", route.name, rule.name);
            }
        }
    }
}

#[test]
fn nobody_is_written_to_who_is_refused() {
    for rule in RULES {
        let mut world = World::new(open());
        let given = world
            .create(&raw(|f| {
                f.email_address = Some(EMAIL.into());
                f.phone_number = Some(PHONE.into());
                f.password = Some(Secret::new("wanders under elms".into()));
            }))
            .expect("a sign-up")
            .next;
        (rule.enforce)(&mut world);
        for (strategy, route) in [(Strategy::EmailCode, &ROUTES[2]), (Strategy::PhoneCode, &ROUTES[3])] {
            let prepared = prepare(&mut world, &given, strategy.clone());
            assert_eq!(prepared.is_ok(), !(rule.refuses)(route), "{strategy} under {}", rule.name);
            let named = world.update(&given, &raw(|f| f.strategy = Some(strategy.clone())));
            assert_eq!(named.is_ok(), !(rule.refuses)(route), "{strategy} by update under {}", rule.name);
        }
    }
}

/// A way to become a user. The last step comes after `enforce`.
struct Route {
    name: &'static str,
    /// What the person has presented by the last step.
    shows: &'static [Shown],
    walk: Walk,
}

/// Walks the route and calls the second argument just before the last step.
type Walk = fn(&mut World, &mut dyn FnMut(&mut World)) -> Result<Transition, Rejection>;

#[derive(Clone, Copy, PartialEq)]
enum Shown {
    Email,
    Phone,
    Invitation,
}

/// A rule about who may become a user.
struct Rule {
    name: &'static str,
    enforce: fn(&mut World),
    refuses: fn(&Route) -> bool,
}

impl Route {
    fn shows(&self, what: Shown) -> bool {
        self.shows.contains(&what)
    }
}

fn walk(world: &mut World, route: &Route, rule: &Rule, from_the_start: bool) -> bool {
    if from_the_start {
        (rule.enforce)(world);
    }
    let done = (route.walk)(world, &mut |world| (rule.enforce)(world));
    done.is_ok_and(|done| done.outcome.is_some())
}

const ROUTES: &[Route] = &[
    Route {
        name: "create with a username",
        shows: &[],
        walk: |world, enforce| {
            enforce(world);
            world.create(&raw(|f| f.username = Some("ada_l".into())))
        },
    },
    Route {
        name: "update with a username",
        shows: &[],
        walk: |world, enforce| {
            let begun = world.create(&NewSignUp::default())?.next;
            enforce(world);
            world.update(&begun, &raw(|f| f.username = Some("ada_l".into())))
        },
    },
    Route {
        name: "a code by e-mail",
        shows: &[Shown::Email],
        walk: |world, enforce| {
            let given = raw(|f| (f.email_address, f.strategy) = (Some(EMAIL.into()), Some(Strategy::EmailCode)));
            let begun = world.create(&given)?;
            let code = code(&begun);
            enforce(world);
            world.attempt(&begun.next, Strategy::EmailCode, &code)
        },
    },
    Route {
        name: "a code by text message",
        shows: &[Shown::Phone],
        walk: |world, enforce| {
            let given = raw(|f| (f.phone_number, f.strategy) = (Some(PHONE.into()), Some(Strategy::PhoneCode)));
            let begun = world.create(&given)?;
            let code = code(&begun);
            enforce(world);
            world.attempt(&begun.next, Strategy::PhoneCode, &code)
        },
    },
    Route { name: "a link followed here", shows: &[Shown::Email], walk: |world, enforce| link(world, enforce, true) },
    Route {
        name: "a link followed elsewhere",
        shows: &[Shown::Email],
        walk: |world, enforce| link(world, enforce, false),
    },
    Route {
        name: "a return from a provider",
        shows: &[Shown::Email],
        walk: |world, enforce| {
            let away = leave_or_refuse(world)?;
            enforce(world);
            Ok(come_back(world, &away, answer(person(Some(EMAIL), true))))
        },
    },
    Route {
        name: "a return from a provider without an address",
        shows: &[],
        walk: |world, enforce| {
            let away = leave_or_refuse(world)?;
            enforce(world);
            Ok(come_back(world, &away, answer(person(None, false))))
        },
    },
    Route {
        name: "a token of a provider",
        shows: &[Shown::Email],
        walk: |world, enforce| {
            enforce(world);
            create_with(world, &NewSignUp::default(), |fields| {
                let strategy = Strategy::OAuthToken("oauth_token_some".into());
                fields.external = Some(External::Answered(strategy, answer(person(Some(EMAIL), true))));
            })
        },
    },
    Route {
        name: "a transfer from a sign-in",
        shows: &[],
        walk: |world, enforce| {
            enforce(world);
            create_with(world, &NewSignUp::default(), |fields| {
                let strategy = Strategy::OAuth(PROVIDER.into());
                fields.external = Some(External::Answered(strategy, answer(person(Some("unreadable"), true))));
            })
        },
    },
    Route {
        name: "a ticket",
        shows: &[Shown::Email, Shown::Invitation],
        walk: |world, enforce| {
            enforce(world);
            let given = raw(|f| (f.ticket, f.strategy) = (Some("a ticket".into()), Some(Strategy::Ticket)));
            create_with(world, &given, |fields| fields.invitation = Some(Box::new(invitation())))
        },
    },
    Route {
        name: "the backend's word",
        shows: &[Shown::Email],
        walk: |world, enforce| {
            world.settings.sign_up.custom_action_required = true;
            let given = raw(|f| (f.email_address, f.strategy) = (Some(EMAIL.into()), Some(Strategy::EmailCode)));
            let begun = world.create(&given)?;
            let waiting = world.attempt(&begun.next, Strategy::EmailCode, &code(&begun))?.next;
            enforce(world);
            let action = BackendUpdate { custom_action: Some(true), ..BackendUpdate::default() };
            world.decide(|cx| waiting.apply(&Command::BackendUpdate(action), cx))
        },
    },
    Route {
        name: "settings that ask for less than they did",
        shows: &[Shown::Email, Shown::Phone],
        walk: |world, enforce| {
            world.settings.sign_up.legal_consent_enabled = true;
            let given = raw(|f| {
                (f.email_address, f.strategy) = (Some(EMAIL.into()), Some(Strategy::EmailCode));
                f.phone_number = Some(PHONE.into());
            });
            let begun = world.create(&given)?;
            let waiting = world.attempt(&begun.next, Strategy::EmailCode, &code(&begun))?.next;
            world.settings.sign_up.legal_consent_enabled = false;
            world.settings.attributes.phone_number.verify_at_sign_up = false;
            enforce(world);
            world.update(&waiting, &NewSignUp::default())
        },
    },
];

const RULES: &[Rule] = &[
    Rule { name: "no rule", enforce: |_| {}, refuses: |_| false },
    Rule {
        name: "a restricted instance",
        enforce: |world| world.settings.sign_up.mode = SignUpMode::Restricted,
        refuses: |route| !route.shows(Shown::Invitation),
    },
    Rule {
        name: "a waiting list",
        enforce: |world| world.settings.sign_up.mode = SignUpMode::Waitlist,
        refuses: |route| !route.shows(Shown::Invitation),
    },
    Rule {
        name: "a captcha that nobody solved",
        enforce: |world| world.settings.sign_up.captcha_enabled = true,
        refuses: |_| true,
    },
    Rule {
        name: "a captcha that nobody solved, beside a provider that needs none",
        enforce: |world| {
            world.settings.sign_up.captcha_enabled = true;
            world.policy.captcha_bypass = vec!["oauth_another".into()];
        },
        refuses: |_| true,
    },
    Rule {
        name: "an allow-list of others",
        enforce: |world| world.settings.restrictions.allowlist = list(&["@friends.example", "+4930*"]),
        refuses: |route| !route.shows(Shown::Invitation),
    },
    Rule {
        name: "an empty allow-list",
        enforce: |world| world.settings.restrictions.allowlist = list(&[]),
        refuses: |route| !route.shows(Shown::Invitation),
    },
    Rule {
        name: "an allow-list with both",
        enforce: |world| world.settings.restrictions.allowlist = list(&["@MAILINATOR.com", PHONE]),
        refuses: |route| !route.shows(Shown::Email) && !route.shows(Shown::Phone),
    },
    Rule {
        name: "a block-list with the address",
        enforce: |world| world.settings.restrictions.blocklist = list(&["Ada@Mailinator.com"]),
        refuses: |route| route.shows(Shown::Email),
    },
    Rule {
        name: "a block-list with the number",
        enforce: |world| world.settings.restrictions.blocklist = list(&["+1415*"]),
        refuses: |route| route.shows(Shown::Phone),
    },
    Rule {
        name: "no sub-addresses",
        enforce: |world| world.settings.restrictions.block_email_subaddresses.enabled = true,
        refuses: |route| route.shows(Shown::Email) && !route.shows(Shown::Invitation),
    },
    Rule {
        name: "no throw-away addresses",
        enforce: |world| world.settings.restrictions.block_disposable_email_domains.enabled = true,
        refuses: |route| route.shows(Shown::Email) && !route.shows(Shown::Invitation),
    },
    Rule {
        name: "no numbers of the country",
        enforce: |world| {
            world.settings.restrictions.phone_countries =
                PhoneCountries { blocked: vec!["US".into()], ..PhoneCountries::default() };
        },
        refuses: |route| route.shows(Shown::Phone),
    },
];

/// All fields are optional; addresses must be verified.
pub(crate) fn open() -> Settings {
    let mut settings = settings(&["email_address", "phone_number", "username", "password"]);
    let attributes = &mut settings.attributes;
    attributes.email_address.verifications.push(Strategy::EmailLink);
    for attribute in [
        &mut attributes.email_address,
        &mut attributes.phone_number,
        &mut attributes.username,
        &mut attributes.password,
    ] {
        attribute.required = false;
    }
    settings.attack_protection.email_link.require_same_client = false;
    for name in [PROVIDER, "oauth_other"] {
        settings.social.insert(name.into(), Social { enabled: true, ..Social::default() });
        settings.oauth.insert(name.into(), OAuth::default());
    }
    settings
}

fn link(world: &mut World, enforce: &mut dyn FnMut(&mut World), here: bool) -> Result<Transition, Rejection> {
    let given = raw(|f| {
        (f.email_address, f.strategy) = (Some(EMAIL.into()), Some(Strategy::EmailLink));
        f.authorize = AuthorizeParams::to(allowed("http://localhost:3000/verify"));
    });
    let begun = world.create(&given)?;
    let token = message(&begun).content.link().expect("a link").expose().clone();
    let secret = LinkToken::parse(&token).expect("a token").secret;
    enforce(world);
    let by = here.then_some(begun.next.client_id);
    let follow = VerifyLink { secret, by, confirmed: true, again: false, in_cookie: true };
    world.decide(|cx| begun.next.apply(&Command::VerifyLink(follow), cx))
}

pub(crate) fn oauth_request(provider: &str) -> External {
    External::Begin(AuthorizationRequest {
        strategy: Strategy::OAuth(provider.into()),
        nonce: [3; 16],
        redirect_url: allowed("http://localhost:3000/sso-callback"),
        action_complete_redirect_url: None,
        authorize_url: "https://provider.example/authorize".into(),
        answered_elsewhere: false,
    })
}

pub(crate) fn leave(world: &mut World, given: &NewSignUp) -> SignUp {
    create_with(world, given, |fields| fields.external = Some(oauth_request(PROVIDER))).expect("a sign-up").next
}

fn leave_or_refuse(world: &mut World) -> Result<SignUp, Rejection> {
    Ok(create_with(world, &NewSignUp::default(), |fields| fields.external = Some(oauth_request(PROVIDER)))?.next)
}

pub(crate) fn come_back(world: &mut World, away: &SignUp, answer: ProviderOutcome) -> Transition {
    let nonce = away.external_account.as_ref().expect("an account").nonce;
    let back = AuthorizationResponse { nonce, answer, by_owner: true };
    world.decide(|cx| away.apply(&Command::Return(Box::new(back)), cx)).expect("a person who has a page to go back to")
}

pub(crate) fn create_with(
    world: &mut World,
    given: &NewSignUp,
    fill: impl FnOnce(&mut Fields),
) -> Result<Transition, Rejection> {
    let mut fields = world.fields(given)?;
    fill(&mut fields);
    world.create_from(&fields)
}

pub(crate) fn update(world: &mut World, sign_up: &SignUp, external: External) -> Result<Transition, Rejection> {
    update_with(world, sign_up, |fields| fields.external = Some(external))
}

pub(crate) fn update_with(
    world: &mut World,
    sign_up: &SignUp,
    fill: impl FnOnce(&mut Fields),
) -> Result<Transition, Rejection> {
    let mut fields = Fields::default();
    fill(&mut fields);
    world.decide(|cx| sign_up.apply(&Command::Update(Box::new(fields)), cx))
}

pub(crate) fn prepare(world: &mut World, sign_up: &SignUp, strategy: Strategy) -> Result<Transition, Rejection> {
    let prepare =
        Prepare { strategy, channel: None, redirect_url: None, in_cookie: false, taken: false, challenge: None };
    world.decide(|cx| sign_up.apply(&Command::Prepare(prepare), cx))
}

fn message(made: &Transition) -> &Message {
    made.messages().next().expect("a message")
}

fn code(made: &Transition) -> String {
    message(made).content.code().expect("a code").expose().clone()
}

pub(crate) fn person(email: Option<&str>, email_verified: bool) -> Profile {
    Profile {
        subject: "person-1".into(),
        email_address: email.map(str::to_owned),
        email_verified,
        ..Profile::default()
    }
}

pub(crate) fn answer(profile: Profile) -> ProviderOutcome {
    ProviderOutcome { outcome: Ok(profile), ..unknown_account() }
}

pub(crate) fn unknown_account() -> ProviderOutcome {
    let outcome = Err(ErrorCode::OAuthCallbackInvalid);
    let second_factor = SecondFactorNeed::None;
    ProviderOutcome {
        outcome,
        owner: None,
        links: None,
        session: None,
        second_factor,
        has_second_factor: false,
        taken: BTreeSet::new(),
    }
}

pub(crate) fn invitation() -> Invitation {
    let now = Timestamp::from_millis(1_800_000_000_000);
    Invitation {
        id: InvitationId::from_bytes([4; 16]),
        email_address: EmailAddress::parse(EMAIL).expect("an address"),
        public_metadata: "{}".into(),
        redirect_url: None,
        waitlist_entry: None,
        state: InvitationState::Pending,
        created_at: now,
        updated_at: now,
        expire_at: now + Span::from_secs(86_400),
    }
}

pub(crate) fn list(entries: &[&str]) -> AccessList {
    let written: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    AccessList { enabled: true, identifiers: written.try_into().expect("entries"), ..AccessList::default() }
}

pub(crate) const EMAIL: &str = "ada+news@mailinator.com";
const PHONE: &str = "+14155552671";
pub(crate) const PROVIDER: &str = "oauth_some";
