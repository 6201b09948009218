//! Sample views for the tests of this folder.

use std::sync::Arc;

use crate::domain::client::Client;
use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::field::Field;
use crate::domain::id::{ClientId, IdentificationId, SessionId, SignUpId, UserId};
use crate::domain::identifier::EmailAddress;
use crate::domain::redirect::RedirectUrl;
use crate::domain::requirements::Requirements;
use crate::domain::secret::Secret;
use crate::domain::sign_up::{Approval, Collected, Phase, SignUp, Status};
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::{Identification, User};
use crate::domain::verification::{
    CodeDigest, ExternalAccount, ExternalState, Method, Strategy, Verification, Verified,
};
use crate::engine::{ClientView, SessionView, SignUpView};

pub(crate) const CLIENT: ClientId = ClientId::from_bytes([1; 16]);
pub(crate) const SIGN_UP: SignUpId = SignUpId::from_bytes([2; 16]);
pub(crate) const USER: UserId = UserId::from_bytes([2; 16]);
pub(crate) const SESSION: SessionId = SessionId::from_bytes([3; 16]);
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_411_798_000);

/// A sign-up with an e-mail address and a password, nothing prepared.
pub(crate) fn sign_up() -> SignUpView {
    SignUpView {
        value: Arc::new(value()),
        status: Status::MissingRequirements,
        requirements: Requirements {
            required_fields: vec![Field::EmailAddress, Field::Password],
            optional_fields: vec![Field::FirstName, Field::OAuth("oauth_google".into())],
            missing_fields: Vec::new(),
            unverified_fields: vec![Field::EmailAddress],
            identified: true,
            awaits_custom_action: false,
            owes_captcha: false,
            needs_approval: false,
        },
        email_strategies: vec!["email_code".into()],
        phone_strategies: Vec::new(),
        abandon_at: NOW + Span::from_secs(86_400),
        attempts_max: 5,
        now: NOW,
    }
}

/// The same with a code that was sent.
pub(crate) fn prepared() -> SignUpView {
    with_verification(None)
}

/// The same, completed.
pub(crate) fn complete() -> SignUpView {
    let mut view = with_verification(Some((NOW, CLIENT)));
    Arc::make_mut(&mut view.value).phase = Phase::Complete { user_id: USER, session_id: SESSION, at: NOW };
    view.status = Status::Complete;
    view.requirements.unverified_fields.clear();
    view
}

/// An account at a provider whose authorization request is in progress.
pub(crate) fn external_account() -> ExternalAccount {
    ExternalAccount {
        strategy: Strategy::OAuth("oauth_google".into()),
        state: ExternalState::Pending,
        nonce: [7; 16],
        redirect_url: Some(RedirectUrl::restored("https://app.example/sso-callback".into())),
        action_complete_redirect_url: None,
        authorize_url: Some("https://provider.example/authorize?state=s".into()),
        expire_at: NOW + Span::from_secs(600),
        profile: None,
    }
}

/// The user that it became.
pub(crate) fn user() -> User {
    let sign_up = complete().value;
    User {
        email_addresses: vec![Identification {
            verified_by: Some(Strategy::EmailCode),
            ..Identification::unproved(IdentificationId::from_bytes([4; 16]), email())
        }],
        password_digest: sign_up.password_digest.clone(),
        first_name: sign_up.first_name.clone(),
        unsafe_metadata: sign_up.unsafe_metadata.clone(),
        last_sign_in_at: Some(NOW),
        devices: vec![CLIENT],
        sign_up: Some(Box::new((*sign_up).clone())),
        ..User::new(USER, NOW)
    }
}

/// The user's session.
pub(crate) fn session() -> SessionView {
    SessionView {
        session: Session {
            id: SESSION,
            user_id: USER,
            client_id: CLIENT,
            status: SessionStatus::Active,
            created_at: NOW,
            updated_at: NOW,
            last_active_at: NOW,
            expire_at: NOW + Span::from_secs(7 * 86_400),
            origin: None,
            first_factor_at: Some(NOW),
            second_factor_at: None,
            task: None,
            reverification: None,
            activity: None,
        },
        user: Arc::new(user()),
        token: Some(Secret::new("a.b.c".into())),
        now: NOW,
    }
}

/// A client with this sign-up and these sessions.
pub(crate) fn client(sign_up: Option<SignUpView>, sessions: Vec<SessionView>) -> ClientView {
    ClientView::sample(
        Client {
            id: CLIENT,
            version: 1,
            salt: Secret::new([9; 16]),
            generation: 0,
            owed_to: None,
            rotated_at: NOW,
            sign_up: sign_up.as_ref().map(|view| view.value.id),
            sign_in: None,
            finished_sign_in: None,
            sessions: sessions.iter().map(|view| view.session.clone()).collect(),
            last_active_session_id: sessions.first().map(|view| view.session.id),
            last_authentication_strategy: None,
            created_at: NOW,
            updated_at: NOW,
            sessions_changed_at: sessions.first().map(|_| NOW),
        },
        sign_up,
        sessions,
    )
}

fn with_verification(verified: Option<(Timestamp, ClientId)>) -> SignUpView {
    let mut view = sign_up();
    Arc::make_mut(&mut view.value).email_address = Some(Collected {
        value: email(),
        verification: Some(Verification {
            method: Method::Code {
                strategy: Strategy::EmailCode,
                digest: CodeDigest { nonce: [1; 16], digest: [2; 32] },
            },
            attempts: 0,
            prepared_at: NOW,
            expire_at: NOW + Span::from_secs(600),
            verified: verified.map(|(at, client)| Verified { at, client, by: Strategy::EmailCode }),
            channel: None,
        }),
    });
    view
}

fn value() -> SignUp {
    SignUp {
        id: SIGN_UP,
        client_id: CLIENT,
        version: 1,
        phase: Phase::Open,
        created_at: NOW,
        updated_at: NOW,
        email_address: Some(Collected { value: email(), verification: None }),
        phone_number: None,
        username: None,
        password_digest: Some(Secret::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA".into())),
        first_name: Some("Ada".into()),
        last_name: None,
        external_account: None,
        invitation: None,
        captcha_solved: false,
        custom_action: false,
        external_id: None,
        unsafe_metadata: r#"{"plan":"pro"}"#.into(),
        public_metadata: "{}".into(),
        legal_accepted_at: None,
        locale: Some("en-US".into()),
        origin: None,
        recent_sends: Vec::new(),
        approval: Approval::None,
        declined: None,
    }
}

fn email() -> EmailAddress {
    EmailAddress::parse("ada@example.com").expect("an address")
}
