//! The people of a history: what they hold and remember, and the commands of their steps.

use std::collections::BTreeSet;

use vestibule::domain::field::Field;
use vestibule::domain::id::{ClientId, InvitationId, SessionId, SignUpId};
use vestibule::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber};
use vestibule::domain::invitation::{Invitation, InvitationState};
use vestibule::domain::message::Content;
use vestibule::domain::rejection::{ErrorCode, Rejection};
use vestibule::domain::secret::Secret;
use vestibule::domain::sign_up::{External, Fields, NewSignUp, Patch, SignUp, Transition};
use vestibule::domain::time::Timestamp;
use vestibule::domain::transfer::Proved;
use vestibule::domain::verification::{
    AuthorizationRequest, AuthorizeParams, Profile, ProviderOutcome, SecondFactorNeed, Strategy as Way,
};

use crate::support::redirects::allowed;

use super::instance::PROVIDER;
use super::steps::{Answer, Beside, Means, Proof, Which, Write};
use super::world::World;

/// A person who signs up.
pub(super) struct Person {
    pub(super) id: SignUpId,
    pub(super) client: ClientId,
    pub(super) value: Option<SignUp>,
    /// What was last sent to the current address of each field, if known.
    pub(super) live: [Option<Live>; 2],
    /// Everything that was sent so far.
    pub(super) sent: Vec<Sent>,
    /// Nonces of the authorization requests made so far.
    pub(super) nonces: Vec<[u8; 16]>,
    pub(super) sessions: usize,
}

/// The secret that would verify a value now.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) address: Identifier,
    pub(super) code: Option<String>,
    pub(super) token: Option<String>,
    pub(super) until: Timestamp,
    pub(super) wrong: u32,
}

/// What a message carried.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) code: Option<String>,
    pub(super) token: Option<String>,
}

/// The fields that are verified by a message.
pub(super) const ADDRESSES: [Field; 2] = [Field::EmailAddress, Field::PhoneNumber];

impl Person {
    pub(super) fn new(n: u8) -> Self {
        Self {
            id: SignUpId::from_bytes([100 + n; 16]),
            client: ClientId::from_bytes([110 + n; 16]),
            value: None,
            live: [None, None],
            sent: Vec::new(),
            nonces: Vec::new(),
            sessions: 0,
        }
    }

    /// The code that the step means.
    pub(super) fn code(&self, which: Which, other: &Self) -> String {
        let codes = |sent: &[Sent]| sent.iter().filter_map(|sent| sent.code.clone()).collect::<Vec<_>>();
        let (mine, theirs) = (codes(&self.sent), codes(&other.sent));
        let found = match which {
            Which::Last => mine.last().cloned().or_else(|| Some("424242".into())),
            Which::Earlier => mine.iter().rev().nth(1).or(mine.first()).cloned(),
            Which::Others => theirs.last().cloned(),
            Which::Wrong => None,
            Which::Odd => Some("12 34 5".into()),
        };
        let is_free = |code: &String| code != "424242" && !mine.contains(code) && !theirs.contains(code);
        found.unwrap_or_else(|| (0..).map(|n| format!("{n:06}")).find(is_free).expect("a code that was never sent"))
    }

    /// The link token that the step means.
    pub(super) fn token(&self, which: Which, other: &Self) -> Option<String> {
        let tokens = |sent: &[Sent]| sent.iter().filter_map(|sent| sent.token.clone()).collect::<Vec<_>>();
        let (mine, theirs) = (tokens(&self.sent), tokens(&other.sent));
        match which {
            Which::Last => mine.last().cloned(),
            Which::Earlier => mine.iter().rev().nth(1).or(mine.first()).cloned(),
            Which::Others => theirs.last().cloned(),
            Which::Wrong | Which::Odd => Some(format!("{}.{}", self.id, "ab".repeat(24))),
        }
    }

    /// The nonce of the authorization request that the step means.
    pub(super) fn nonce(&self, which: Which, other: &Self) -> [u8; 16] {
        let found = match which {
            Which::Last => self.nonces.last(),
            Which::Earlier => self.nonces.first(),
            Which::Others => other.nonces.last(),
            Which::Wrong | Which::Odd => None,
        };
        found.copied().unwrap_or([255; 16])
    }

    /// Remembers what a transition sends, and forgets what it invalidates.
    pub(super) fn remember(&mut self, before: Option<&SignUp>, transition: &Transition, world: &World) {
        let next = &transition.next;
        for (field, live) in ADDRESSES.iter().zip(&mut self.live) {
            let address = next.address(field);
            if live.as_ref().map(|live| &live.address) != address.as_ref() {
                *live = None;
            }
            let verification = |value: &SignUp| {
                value.verification(field).map(|v| (v.code().map(|(_, digest)| *digest), v.link().cloned()))
            };
            let is_new = before.and_then(verification) != verification(next);
            if let (Some(address), true) = (address, is_new) {
                let until = next.verification(field).map(|v| v.expire_at);
                let is_test = world.policy().test_mode && is_test(&address);
                let code = is_test.then(|| "424242".to_owned());
                *live = until.map(|until| Live { address, code, token: None, until, wrong: 0 });
            }
        }
        for message in transition.messages() {
            let text = |secret: Option<&Secret<String>>| secret.map(|secret| secret.expose().clone());
            let (code, token) = (text(message.content.code()), text(message.content.link()));
            self.sent.push(Sent { code: code.clone(), token: token.clone() });
            for live in self.live.iter_mut().flatten().filter(|live| live.address == message.to) {
                (live.code, live.token) = (code.clone(), token.clone());
                if message.content == Content::Notice {
                    live.until = Timestamp::EPOCH;
                }
            }
        }
        if transition.verdict.is_err() {
            for (field, live) in ADDRESSES.iter().zip(&mut self.live) {
                let tries = |value: &SignUp| value.verification(field).map(|v| v.attempts);
                let is_counted = before.and_then(tries) != tries(next);
                live.iter_mut().filter(|_| is_counted).for_each(|live| live.wrong += 1);
            }
        }
    }
}

/// A write as the domain gets it, with the results of look-ups.
pub(super) fn fields(write: &Write, person: &mut Person, world: &World) -> Result<Fields, Rejection> {
    let gone = |is_there: bool, text: &str| if is_there { text.to_owned() } else { String::new() };
    let pick = |list: &[&str], at: Option<usize>| at.map(|at| list[at].to_owned());
    let strategy = match (&write.beside, write.means) {
        (Beside::Leave, _) => Some(Way::OAuth(PROVIDER.into())),
        (_, means) => means.map(Means::way),
    };
    let asks = |field: &Field| world.settings().enabled(field);
    let mut raw = NewSignUp {
        email_address: pick(&EMAILS, write.email),
        phone_number: pick(&PHONES, write.phone),
        username: pick(&USERNAMES, write.username),
        password: write.password.map(|is_there| Secret::new(gone(is_there, "wanders under elms"))),
        first_name: write.first_name.map(|is_there| gone(is_there, "Ada")),
        legal_accepted: write.legal,
        authorize: AuthorizeParams::to(allowed("https://app.example/verify")),
        ticket: matches!(write.beside, Beside::Ticket(..)).then(|| "a ticket".to_owned()),
        strategy,
        ..NewSignUp::default()
    };
    // Fields that the instance has switched off would make the whole write fail.
    for (field, given) in [
        (Field::EmailAddress, &mut raw.email_address),
        (Field::PhoneNumber, &mut raw.phone_number),
        (Field::Username, &mut raw.username),
        (Field::FirstName, &mut raw.first_name),
    ] {
        *given = given.take().filter(|_| asks(&field));
    }
    raw.password = raw.password.filter(|_| asks(&Field::Password));
    let (mut fields, password) = Fields::parse(&raw.into(), world.settings())?;
    if password.is_some() {
        fields.password_digest = Patch::Set(Secret::new("a digest".into()));
    }
    fields.captcha_solved = write.captcha_solved;
    match &write.beside {
        Beside::Nothing => {}
        Beside::Ticket(n, proof) => {
            fields.invitation = Some(Box::new(invitation(*n, world.now)));
            fields.proved = proof.map(|proof| Box::new(proved(proof, world)));
        }
        Beside::Proof(proof) => fields.proved = Some(Box::new(proved(*proof, world))),
        Beside::Leave => {
            let nonce = [person.nonces.len() as u8 + 1; 16].map(|byte| byte ^ person.id.as_bytes()[0]);
            person.nonces.push(nonce);
            fields.external = Some(External::Begin(oauth_request(nonce)));
        }
        Beside::Answer(said) => {
            let way = Way::OAuthToken("oauth_token_google".into());
            fields.external = Some(External::Answered(way, answer(said, world)));
        }
    }
    let held = fields.identifiers().into_iter().filter(|identifier| world.owner(identifier).is_some());
    fields.taken = held.map(|identifier| identifier.kind).collect();
    let kind = fields.strategy.as_ref().and_then(Way::kind);
    if let Some(kind) = kind.filter(|kind| !fields.names(*kind) && is_hidden(*kind, person.value.as_ref(), world)) {
        fields.taken.insert(kind);
    }
    Ok(fields)
}

/// Whether the sign-up's address of this kind belongs to a user and that is secret.
pub(super) fn is_hidden(kind: IdentifierKind, value: Option<&SignUp>, world: &World) -> bool {
    let address = value.zip(kind.field()).and_then(|(value, field)| value.address(&field));
    world.settings().hides_existence(kind) && address.is_some_and(|address| world.owner(&address).is_some())
}

pub(super) fn oauth_request(nonce: [u8; 16]) -> AuthorizationRequest {
    AuthorizationRequest {
        strategy: Way::OAuth(PROVIDER.into()),
        nonce,
        redirect_url: allowed("https://app.example/sso-callback"),
        action_complete_redirect_url: None,
        authorize_url: "https://provider.example/authorize".into(),
        answered_elsewhere: false,
    }
}

pub(super) fn invitation(n: usize, now: Timestamp) -> Invitation {
    Invitation {
        id: InvitationId::from_bytes([n as u8 + 1; 16]),
        email_address: EmailAddress::parse(["ada@example.com", "bob@example.com"][n]).expect("an address"),
        public_metadata: format!(r#"{{"invited":{n}}}"#),
        redirect_url: None,
        waitlist_entry: None,
        state: InvitationState::Pending,
        created_at: now,
        updated_at: now,
        expire_at: now,
    }
}

fn proved(proof: Proof, world: &World) -> Proved {
    let (identifier, strategy) = match proof {
        Proof::Email(at) => (EmailAddress::parse(EMAILS[at]).expect("an address").identifier(), Way::EmailCode),
        Proof::Phone(at) => (PhoneNumber::parse(PHONES[at]).expect("a number").identifier(), Way::PhoneCode),
    };
    let is_taken = world.owner(&identifier).is_some();
    Proved { identifier, strategy, at: world.now, captcha_solved: false, is_taken }
}

/// A provider's answer, with the engine's look-ups.
pub(super) fn answer(said: &Answer, world: &World) -> ProviderOutcome {
    let nothing = ProviderOutcome {
        outcome: Err(ErrorCode::OAuthAccessDenied),
        owner: None,
        links: None,
        session: None,
        second_factor: SecondFactorNeed::None,
        has_second_factor: false,
        taken: BTreeSet::new(),
    };
    let (subject, email, is_verified, username) = match said {
        Answer::Denied => return nothing,
        Answer::SignedInAlready => (&0, &None, &false, &None),
        Answer::Person { subject, email, is_verified, username } => (subject, email, is_verified, username),
    };
    let profile = Profile {
        subject: format!("subject {subject}"),
        email_address: email.map(|at| EMAILS[at].to_owned()),
        email_verified: *is_verified && email.is_some(),
        username: username.map(|at| USERNAMES[at].to_owned()),
        ..Profile::default()
    };
    let of_email = profile.email().and_then(|email| world.owner(&email.identifier()));
    let of_account = world.owner(&profile.identifier(PROVIDER));
    let may_link = of_email.filter(|_| profile.email_verified).and_then(|id| world.user(id)).filter(|user| {
        let mut addresses = user.email_addresses.iter();
        let known =
            addresses.find(|known| Some(&known.value.identifier()) == profile.email().map(|e| e.identifier()).as_ref());
        let has_another = user.external_accounts.iter().any(|account| account.provider == PROVIDER);
        known.is_some_and(|known| known.verified_by.is_none() || !has_another)
    });
    let mut taken = BTreeSet::new();
    taken.extend(of_email.map(|_| IdentifierKind::EmailAddress));
    let name = |name: &String| Identifier { kind: IdentifierKind::Username, value: name.clone() };
    let of_name = profile.username.as_ref().and_then(|text| world.owner(&name(text)));
    taken.extend(of_name.map(|_| IdentifierKind::Username));
    let links = profile.email().filter(|_| of_account.is_none() && may_link.is_some());
    let session = matches!(said, Answer::SignedInAlready).then(|| SessionId::from_bytes([9; 16]));
    let owner = of_account.or(may_link.map(|user| user.id));
    ProviderOutcome {
        outcome: Ok(profile),
        owner,
        links,
        session,
        taken,
        second_factor: SecondFactorNeed::None,
        has_second_factor: false,
    }
}

pub(super) fn is_test(address: &Identifier) -> bool {
    match address.kind {
        IdentifierKind::EmailAddress => address.value.contains("+clerk_test@"),
        IdentifierKind::PhoneNumber => address.value == "+12015550123",
        _ => false,
    }
}

impl Means {
    pub(super) fn way(self) -> Way {
        match self {
            Self::EmailCode => Way::EmailCode,
            Self::EmailLink => Way::EmailLink,
            Self::PhoneCode => Way::PhoneCode,
        }
    }
}

pub(super) const EMAILS: [&str; 8] = [
    "",
    "ada@example.com",
    "ADA@Example.com",
    "bob@example.com",
    "held@example.com",
    "ada+clerk_test@example.com",
    "eve@blocked.example",
    "eve+tag@example.com",
];
pub(super) const PHONES: [&str; 5] = ["", "+14155552671", "+14155552672", "+12015550123", "+14155552673"];
pub(super) const USERNAMES: [&str; 4] = ["", "ada_l", "bob_b", "held_name"];
