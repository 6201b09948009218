//! Values with something in every field, for the tests of records.

use crate::domain::client::Client;
use crate::domain::client::activity::{Activity, Browser, System};
use crate::domain::client::reverification::{Level, Reverification};
use crate::domain::client::session::{Session, SessionStatus, SessionTask};
use crate::domain::event::{Happened, Position};
use crate::domain::handshake::KeptHandshake;
use crate::domain::id::{
    AddressVerificationId, ClientId, ExternalAccountId, IdentificationId, InvitationId, ListedIdentifierId, MessageId,
    RedirectUrlId, SessionId, SignInId, SignInTokenId, SignUpId, UserId, WaitlistEntryId, WebhookEndpointId,
};
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
use crate::domain::invitation::{Invitation, InvitationState};
use crate::domain::listed::{List, ListedIdentifier, ListedRedirect};
use crate::domain::message::{FailureClass, MessageBudget, MessageStatus, Template};
use crate::domain::passkey::{ChallengeOwner, KeptChallenge};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::ErrorCode;
use crate::domain::secret::Secret;
use crate::domain::settings::restrictions::Pattern;
use crate::domain::sign_in::{self, Failures, FirstFactor, Locks, SignIn};
use crate::domain::sign_in_token::{SignInToken, SignInTokenStatus};
use crate::domain::sign_up::{Approval, Collected, Phase, SignUp};
use crate::domain::time::Timestamp;
use crate::domain::user::{
    AddressVerification, Connection, EndReason, Identification, Passkey, Purpose, SecondFactors, SessionsEnded, Totp,
    User, UserAccount,
};
use crate::domain::verification::{
    CodeDigest, ExternalAccount, ExternalState, Link, Method, PhoneChannel, Profile, Strategy, Verification, Verified,
};
use crate::domain::waitlist::{WaitlistEntry, WaitlistStatus};
use crate::domain::webhook::{Disabled, EndpointOwner, Health, Progress, Retry, RetryKey, State, WebhookEndpoint};
use crate::store::{MessageAbout, OutboxEntry, OutboxKind, StoredMessage};

pub(in crate::store) fn sign_up() -> SignUp {
    SignUp {
        id: SignUpId::from_bytes([1; 16]),
        client_id: ClientId::from_bytes([2; 16]),
        version: 300,
        phase: Phase::Complete {
            user_id: UserId::from_bytes([1; 16]),
            session_id: SessionId::from_bytes([3; 16]),
            at: at(30),
        },
        created_at: at(10),
        updated_at: at(20),
        email_address: Some(Collected { value: email("ADA@example.com"), verification: Some(verification()) }),
        phone_number: Some(Collected { value: PhoneNumber::restore("+14155552671".into()), verification: None }),
        username: Some(Username::restore("ada_l".into())),
        password_digest: Some(Secret::new("$argon2id$".into())),
        first_name: Some("Ada".into()),
        last_name: Some("Lovelace".into()),
        external_account: Some(Box::new(external_account())),
        invitation: Some(InvitationId::from_bytes([14; 16])),
        captcha_solved: false,
        custom_action: true,
        external_id: Some("customer 7".into()),
        unsafe_metadata: r#"{"a":1}"#.into(),
        public_metadata: "{}".into(),
        legal_accepted_at: Some(at(11)),
        locale: Some("en-GB".into()),
        origin: Some("https://example.com".into()),
        recent_sends: vec![(email("ada@example.com").identifier(), at(12))],
        approval: Approval::None,
        declined: None,
    }
}

pub(in crate::store) fn verification() -> Verification {
    Verification {
        method: Method::Link {
            link: Link {
                digest: CodeDigest { nonce: [6; 16], digest: [7; 32] },
                redirect_url: RedirectUrl::restored("https://example.com/verify".into()),
                in_cookie: true,
            },
            code: Some(CodeDigest { nonce: [4; 16], digest: [5; 32] }),
        },
        attempts: 2,
        prepared_at: at(13),
        expire_at: at(14),
        verified: Some(Verified { at: at(15), client: ClientId::from_bytes([2; 16]), by: Strategy::EmailCode }),
        channel: Some("sms".into()),
    }
}

pub(in crate::store) fn external_account() -> ExternalAccount {
    ExternalAccount {
        strategy: Strategy::OAuth("oauth_google".into()),
        state: ExternalState::Failed {
            code: ErrorCode::IdentifierAlreadySignedIn,
            session: Some(SessionId::from_bytes([3; 16])),
        },
        nonce: [13; 16],
        redirect_url: Some(RedirectUrl::restored("https://example.com/sso-callback".into())),
        action_complete_redirect_url: Some(RedirectUrl::restored("https://example.com/".into())),
        authorize_url: Some("https://provider.example/authorize?state=s".into()),
        expire_at: at(16),
        profile: Some(profile()),
    }
}

pub(in crate::store) fn invitation() -> Invitation {
    Invitation {
        id: InvitationId::from_bytes([14; 16]),
        email_address: email("ADA@example.com"),
        public_metadata: r#"{"b":2}"#.into(),
        redirect_url: Some(RedirectUrl::restored("https://example.com/welcome".into())),
        waitlist_entry: Some(WaitlistEntryId::from_bytes([15; 16])),
        state: InvitationState::Accepted(UserId::from_bytes([1; 16])),
        created_at: at(40),
        updated_at: at(41),
        expire_at: at(42),
    }
}

pub(in crate::store) fn waitlist_entry() -> WaitlistEntry {
    WaitlistEntry {
        id: WaitlistEntryId::from_bytes([15; 16]),
        email_address: email("ADA@example.com"),
        status: WaitlistStatus::Completed,
        invitation: Some(InvitationId::from_bytes([14; 16])),
        invited_at: Some(at(39)),
        created_at: at(38),
        updated_at: at(41),
    }
}

pub(in crate::store) fn webhook_endpoint() -> WebhookEndpoint {
    WebhookEndpoint {
        id: WebhookEndpointId::from_bytes([17; 16]),
        version: 300,
        owner: EndpointOwner::Configuration,
        url: "https://app.example.com/webhooks".into(),
        events: vec!["user.*".into(), "session.created".into()],
        description: "users of the shop".into(),
        secret: vec![1, 2, 255],
        previous_secret: Some((vec![3, 4], at(52))),
        state: State::Disabled(Disabled::Failing),
        created_at: at(50),
        updated_at: at(51),
        progress: Progress {
            cursor: Some(Position::new(70_000, 1)),
            health: Health::Failing { since: at(53), last: at(54) },
            waiting: 258,
        },
    }
}

pub(in crate::store) fn webhook_retry() -> Retry {
    let event = Position::new(70_000, 1);
    let key = RetryKey { endpoint: WebhookEndpointId::from_bytes([17; 16]), due: at(55), event };
    Retry { key, failures: 3, first_failed_at: at(53) }
}

pub(in crate::store) fn listed() -> ListedIdentifier {
    ListedIdentifier {
        id: ListedIdentifierId::from_bytes([19; 16]),
        list: List::Block,
        pattern: Pattern::Domain("example.com".into()),
        invitation: Some(InvitationId::from_bytes([14; 16])),
        created_at: at(54),
    }
}

pub(in crate::store) fn redirect_url() -> ListedRedirect {
    ListedRedirect { id: RedirectUrlId::from_bytes([20; 16]), url: "myapp://callback".into(), created_at: at(55) }
}

fn profile() -> Profile {
    Profile {
        subject: "1234567890".into(),
        email_address: Some("Ada@Example.com".into()),
        email_verified: true,
        first_name: Some("Ada".into()),
        last_name: Some("Lovelace".into()),
        username: Some("ada_l".into()),
        image_url: Some("https://provider.example/ada.png".into()),
        approved_scopes: vec!["openid".into(), "email".into()],
    }
}

pub(in crate::store) fn user() -> User {
    User {
        id: UserId::from_bytes([1; 16]),
        version: 4,
        email_addresses: vec![Identification {
            id: IdentificationId::from_bytes([6; 16]),
            value: email("ada@example.com"),
            verified_by: Some(Strategy::EmailCode),
            reserved: false,
            created_at: Some(at(65)),
            reserved_for_second_factor: false,
            default_second_factor: false,
        }],
        phone_numbers: vec![Identification {
            id: IdentificationId::from_bytes([7; 16]),
            value: PhoneNumber::restore("+14155552671".into()),
            verified_by: None,
            reserved: true,
            created_at: None,
            reserved_for_second_factor: true,
            default_second_factor: true,
        }],
        external_accounts: vec![UserAccount {
            id: ExternalAccountId::from_bytes([11; 16]),
            identification_id: IdentificationId::from_bytes([12; 16]),
            provider: "oauth_google".into(),
            profile: profile(),
            verified_at: at(33),
        }],
        unproved_emails: vec![Identification {
            created_at: Some(at(66)),
            ..Identification::unproved(IdentificationId::from_bytes([32; 16]), email("new@example.com"))
        }],
        unproved_phones: vec![Identification::unproved(
            IdentificationId::from_bytes([33; 16]),
            PhoneNumber::restore("+14155552672".into()),
        )],
        connections: vec![Connection {
            id: ExternalAccountId::from_bytes([34; 16]),
            identification_id: IdentificationId::from_bytes([35; 16]),
            account: external_account(),
            created_at: at(67),
        }],
        second_factors: Some(Box::new(SecondFactors {
            totp: Some(Totp {
                secret: Secret::new(vec![36; 20]),
                created_at: at(68),
                verified_at: Some(at(69)),
                last_step: Some(56_666_669),
            }),
            backup_codes: vec![[37; 32]],
            mfa_enabled_at: Some(at(70)),
            mfa_disabled_at: Some(at(68)),
        })),
        passkeys: vec![Passkey {
            id: IdentificationId::from_bytes([38; 16]),
            name: "Telephone".into(),
            credential: r#"{"cred":{}}"#.into(),
            created_at: at(71),
            last_used_at: Some(at(72)),
        }],
        username: Some(Username::restore("ada_l".into())),
        external_id: Some("customer 7".into()),
        password_digest: Some(Secret::new("$argon2id$".into())),
        password_last_updated_at: Some(at(34)),
        password_compromised: true,
        first_name: Some("Ada".into()),
        last_name: Some("Lovelace".into()),
        unsafe_metadata: r#"{"a":1}"#.into(),
        public_metadata: r#"{"b":2}"#.into(),
        private_metadata: r#"{"c":3}"#.into(),
        locale: Some("en-GB".into()),
        legal_accepted_at: Some(at(11)),
        created_at: at(30),
        updated_at: at(31),
        last_sign_in_at: Some(at(32)),
        last_active_at: Some(at(35)),
        banned: true,
        locked_until: Some(at(36)),
        delete_self_enabled: true,
        create_organization_enabled: true,
        create_organizations_limit: Some(5),
        bypass_client_trust: true,
        devices: vec![ClientId::from_bytes([2; 16])],
        sessions_ended: Some(SessionsEnded {
            at: at(29),
            except: Some(SessionId::from_bytes([3; 16])),
            reason: EndReason::Revoked,
        }),
        sign_up: Some(Box::new(sign_up())),
    }
}

pub(in crate::store) fn client() -> Client {
    let client_id = ClientId::from_bytes([2; 16]);
    Client {
        id: client_id,
        version: 9,
        salt: Secret::new([8; 16]),
        generation: 2,
        owed_to: Some(1),
        rotated_at: at(40),
        sign_up: Some(SignUpId::from_bytes([1; 16])),
        sign_in: Some(Box::new(sign_in(client_id))),
        finished_sign_in: Some(Box::new(SignIn {
            phase: sign_in::Phase::Complete { session_id: SessionId::from_bytes([3; 16]) },
            newcomer: None,
            ..sign_in(client_id)
        })),
        sessions: vec![Session {
            id: SessionId::from_bytes([3; 16]),
            user_id: UserId::from_bytes([1; 16]),
            client_id,
            status: SessionStatus::Active,
            created_at: at(41),
            updated_at: at(42),
            last_active_at: at(43),
            expire_at: at(44),
            origin: Some("https://example.com".into()),
            first_factor_at: Some(at(73)),
            second_factor_at: Some(at(74)),
            task: Some(SessionTask::SetupMfa),
            reverification: Some(Reverification {
                level: Level::SecondFactor,
                created_at: at(75),
                first_factor_at: Some(at(76)),
                second_factor_at: None,
                address_id: Some(IdentificationId::from_bytes([6; 16])),
            }),
            activity: Some(Activity {
                address: Some([203, 0, 113, 7].into()),
                browser: Browser::Firefox,
                browser_version: 140,
                system: System::Linux,
                is_mobile: false,
            }),
        }],
        last_active_session_id: Some(SessionId::from_bytes([3; 16])),
        last_authentication_strategy: Some(Strategy::OAuth("oauth_google".into())),
        created_at: at(45),
        updated_at: at(46),
        sessions_changed_at: Some(at(47)),
    }
}

fn sign_in(client_id: ClientId) -> SignIn {
    SignIn {
        id: SignInId::from_bytes([14; 16]),
        client_id,
        version: 3,
        phase: sign_in::Phase::SecondFactor {
            password: Some([24; 16]),
            invitation: Some(InvitationId::from_bytes([14; 16])),
        },
        identifier: Some(Username::restore("ada_l".into()).identifier()),
        user_id: Some(UserId::from_bytes([1; 16])),
        first_factor: Some(FirstFactor {
            address: email("ada@example.com").identifier(),
            verification: verification(),
        }),
        second_factor: Some(Box::new(sign_in::SecondFactor {
            address: Some(phone_number()),
            verification: verification(),
        })),
        external: Some(Box::new(external_account())),
        newcomer: Some(sign_in::Newcomer { captcha_solved: true }),
        created_at: at(48),
        updated_at: at(49),
        origin: Some("https://example.com".into()),
        recent_sends: vec![(email("ada@example.com").identifier(), at(12))],
    }
}

pub(in crate::store) fn failures() -> Failures {
    Failures {
        passwords: 39,
        codes: 300,
        known: 3,
        known_at: at(52),
        at: at(53),
        sources: vec![([17; 8], 9, at(53)), ([18; 8], 1, at(52))],
        locks: Locks { passwords: Some(at(60)), codes: None, known: Some(Timestamp::MAX) },
    }
}

pub(in crate::store) fn sign_in_token() -> SignInToken {
    let ids = (SignInTokenId::from_bytes([23; 16]), UserId::from_bytes([1; 16]));
    SignInToken::restore(ids, SignInTokenStatus::Accepted, [at(60), at(61), at(62)])
}

pub(in crate::store) fn handshake() -> KeptHandshake {
    KeptHandshake { digest: [29; 32], sealed: vec![1, 2, 255], expire_at: at(60) }
}

pub(in crate::store) fn passkey_challenge() -> KeptChallenge {
    let owner = ChallengeOwner::Registration(SessionId::from_bytes([3; 16]));
    KeptChallenge { owner, id: [39; 16], sealed: vec![1, 2, 255], expire_at: at(60) }
}

pub(in crate::store) fn address_verification() -> AddressVerification {
    let digest = CodeDigest { nonce: [28; 16], digest: [29; 32] };
    AddressVerification {
        id: AddressVerificationId::from_bytes([30; 16]),
        user_id: UserId::from_bytes([1; 16]),
        address_id: IdentificationId::from_bytes([31; 16]),
        address: phone_number(),
        purpose: Purpose::Session(SessionId::from_bytes([3; 16])),
        verification: Verification {
            method: Method::Code { strategy: Strategy::PhoneCode, digest },
            attempts: 2,
            prepared_at: at(63),
            expire_at: at(64),
            verified: None,
            channel: Some("sms".into()),
        },
    }
}

pub(in crate::store) fn phone_number() -> Identifier {
    Identifier { kind: IdentifierKind::PhoneNumber, value: "+14155552671".into() }
}

pub(in crate::store) fn outbox_entry() -> OutboxEntry {
    OutboxEntry {
        id: MessageId::from_bytes([9; 16]),
        kind: OutboxKind::Message {
            to: phone_number(),
            display_to: "+1 415 555 2671".into(),
            about: Some(MessageAbout {
                template: Template::VerificationCode,
                origin: SignUpId::from_bytes([21; 16]).into(),
                locale: Some("pt-BR".into()),
                phone_channel: Some(PhoneChannel::Sms),
            }),
        },
        sealed: vec![10, 255],
        created_at: at(50),
        expire_at: at(51),
    }
}

/// A message with each of its ends.
pub(in crate::store) fn messages() -> Vec<StoredMessage> {
    let OutboxEntry { id, kind: OutboxKind::Message { to, about, .. }, sealed, .. } = outbox_entry();
    let sent = StoredMessage {
        id,
        to,
        about,
        status: MessageStatus::Sent,
        failure: None,
        provider: "resend".into(),
        provider_message_id: Some("re_1".into()),
        attempts: 3,
        sealed,
        created_at: at(50),
        updated_at: at(52),
        expire_at: at(51),
    };
    let failed = |class| StoredMessage { status: MessageStatus::Failed, failure: Some(class), ..sent.clone() };
    let delivered = StoredMessage { status: MessageStatus::Delivered, ..sent.clone() };
    [sent.clone(), delivered].into_iter().chain(FailureClass::ALL.map(failed)).collect()
}

/// One event of each kind.
pub(in crate::store) fn happened() -> Vec<Happened> {
    let (id, version, user_id) = (SignUpId::from_bytes([21; 16]), 258, UserId::from_bytes([22; 16]));
    let (entry, invitation) = (WaitlistEntryId::from_bytes([23; 16]), InvitationId::from_bytes([24; 16]));
    let (session, message) = (SessionId::from_bytes([25; 16]), MessageId::from_bytes([26; 16]));
    let limited = |by| Happened::MessageLimited { to: IdentifierKind::PhoneNumber, by, count: 258 };
    let ended = |status| Happened::SessionEnded { id: session, user_id, status };
    vec![
        Happened::SignUpCreated { id, version },
        Happened::SignUpUpdated { id, version },
        Happened::SignUpCompleted { id, version, user_id },
        Happened::SignUpAbandoned { id },
        Happened::UserCreated { id: user_id, version },
        Happened::UserUpdated { id: user_id, version },
        Happened::UserDeleted { id: user_id, external_id: Some("ada-1".into()) },
        Happened::SessionCreated { id: session, user_id },
        ended(SessionStatus::Ended),
        ended(SessionStatus::Removed),
        ended(SessionStatus::Replaced),
        ended(SessionStatus::Revoked),
        Happened::MessageSent { id: message },
        Happened::MessageFailed { id: message, class: None },
        Happened::MessageFailed { id: message, class: Some(FailureClass::RateLimited) },
        Happened::MessageCreated { id: message, to: IdentifierKind::PhoneNumber },
        Happened::MessageDelivered { id: message },
        limited(MessageBudget::Source),
        limited(MessageBudget::Destination),
        limited(MessageBudget::Address),
        Happened::WaitlistEntryCreated { id: entry },
        Happened::WaitlistEntryUpdated { id: entry },
        Happened::WaitlistEntryDeleted { id: entry },
        Happened::InvitationCreated { id: invitation },
        Happened::InvitationAccepted { id: invitation, user_id },
        Happened::InvitationRevoked { id: invitation },
        Happened::InvitationDeleted { id: invitation },
    ]
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::restore(text.to_lowercase(), text.into())
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms)
}
