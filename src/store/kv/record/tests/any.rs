//! Any value comes back whole, and any bytes are read or refused.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::domain::client::Client;
use crate::domain::client::session::SessionStatus;
use crate::domain::id::{ClientId, SessionId, SignInId, SignUpId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::ErrorCode;
use crate::domain::secret::Secret;
use crate::domain::sign_in::{self, FirstFactor, SignIn};
use crate::domain::sign_up::{Collected, Phase, SignUp};
use crate::domain::time::Timestamp;
use crate::domain::user::{EndReason, SessionsEnded, Totp, User};
use crate::domain::verification::{CodeDigest, ExternalState, Link, Method, Strategy as Way, Verification, Verified};
use crate::store::kv::codec::{Record, decode};

use super::super::sign_up::SignUpRecordV1;
use super::super::*;
use super::{back, through};

proptest! {
    #[test]
    fn any_sign_up_comes_back_whole(sign_up in sign_ups(), captcha_solved in any::<bool>(), deadline in any::<u64>()) {
        let sign_up = SignUp { captcha_solved, ..sign_up };
        let record = SignUpRecordV3 { deadline_key: deadline, deadline, sign_up: (&sign_up).into() };
        let read = through(&record);
        prop_assert_eq!(&read, &record);
        prop_assert_eq!(SignUp::try_from(read.sign_up), Ok(sign_up));
    }

    #[test]
    fn any_external_account_comes_back_whole(
        strategy in strategies(),
        (state, code, id) in (0..4_usize, 0..ErrorCode::ALL.len(), any::<[u8; 16]>()),
        at in times(),
        session in any::<bool>(),
    ) {
        let mut sign_up = samples::sign_up();
        let code = ErrorCode::ALL[code];
        let account = sign_up.external_account.as_mut().expect("a sample");
        account.strategy = strategy;
        account.state = match state {
            0 => ExternalState::Pending,
            1 => ExternalState::Verified { at, client: ClientId::from_bytes(id) },
            2 => ExternalState::Transferable(code),
            _ => ExternalState::Failed { code, session: session.then_some(SessionId::from_bytes(id)) },
        };
        let record = SignUpRecordV3 { deadline_key: 0, deadline: 0, sign_up: (&sign_up).into() };
        prop_assert_eq!(SignUp::try_from(through(&record).sign_up), Ok(sign_up));
    }

    #[test]
    fn any_user_comes_back_whole(
        sign_up in sign_ups(),
        (emails, phones) in (0..4_usize, 0..4_usize),
        (locale, last_sign_in_at) in (option::of(texts()), option::of(times())),
        devices in vec(any::<[u8; 16]>(), 0..9),
        ended in option::of((times(), option::of(any::<[u8; 16]>()), any::<bool>())),
        (version, last_active_at, locked_until) in (any::<u64>(), option::of(times()), option::of(times())),
        (private_metadata, banned, limit) in (texts(), any::<bool>(), option::of(any::<u32>())),
        added in (0..3_usize, 0..3_usize, 0..3_usize, 0..3_usize, any::<bool>()),
        (noted_at, second, totp) in (option::of(times()), any::<(bool, bool)>(), option::of((times(), option::of(times()), option::of(any::<u64>())))),
    ) {
        let mut user = samples::user();
        user.email_addresses = vec![user.email_addresses[0].clone(); emails];
        user.phone_numbers = vec![user.phone_numbers[0].clone(); phones];
        user.password_digest.clone_from(&sign_up.password_digest);
        user.username.clone_from(&sign_up.username);
        user.locale = locale;
        user.last_sign_in_at = last_sign_in_at;
        user.devices = devices.into_iter().map(ClientId::from_bytes).collect();
        user.sessions_ended = ended.map(|(at, id, is_revoked)| SessionsEnded {
            at,
            except: id.map(SessionId::from_bytes),
            reason: if is_revoked { EndReason::Revoked } else { EndReason::Elsewhere },
        });
        (user.version, user.last_active_at, user.locked_until) = (version, last_active_at, locked_until);
        (user.private_metadata, user.banned, user.create_organizations_limit) = (private_metadata, banned, limit);
        user.sign_up = Some(Box::new(sign_up));
        let (unproved, phones, connections, passkeys, has_factors) = added;
        user.unproved_emails = vec![user.unproved_emails[0].clone(); unproved];
        user.unproved_phones = vec![user.unproved_phones[0].clone(); phones];
        user.connections = vec![user.connections[0].clone(); connections];
        user.passkeys = vec![user.passkeys[0].clone(); passkeys];
        for phone in &mut user.phone_numbers {
            (phone.created_at, phone.reserved_for_second_factor, phone.default_second_factor) =
                (noted_at, second.0, second.1);
        }
        user.second_factors = user.second_factors.filter(|_| has_factors);
        if let Some(factors) = &mut user.second_factors {
            factors.totp = totp.map(|(created_at, verified_at, last_step)| Totp {
                secret: Secret::new(vec![7; unproved]),
                created_at,
                verified_at,
                last_step,
            });
        }
        prop_assert_eq!(back::<UserRecordV4, User, _>(&user), Ok(user));
    }

    #[test]
    fn any_client_comes_back_whole(
        (salt, generation, version) in (any::<[u8; 16]>(), any::<u32>(), any::<u64>()),
        owed_to in option::of(any::<u32>()),
        statuses in vec(0..5_usize, 0..6),
        strategy in option::of(strategies()),
        sign_up in option::of(any::<[u8; 16]>()),
        sign_in in option::of(sign_ins()),
    ) {
        let mut client = samples::client();
        client.sign_in = sign_in.map(Box::new);
        (client.salt, client.generation, client.version) = (Secret::new(salt), generation, version);
        client.owed_to = owed_to;
        client.last_authentication_strategy = strategy;
        client.sign_up = sign_up.map(SignUpId::from_bytes);
        let session = client.sessions[0].clone();
        client.sessions = statuses
            .into_iter()
            .map(|status| {
                let mut session = session.clone();
                session.status = STATUSES[status];
                session
            })
            .collect();
        prop_assert_eq!(back::<ClientRecordV5, Client, _>(&client), Ok(client));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..600)) {
        let _ = decode::<SignUpRecordV3>(&bytes);
        refuses_or_reads::<SignUpRecordV1>(&bytes)?;
        refuses_or_reads::<SignUpRecordV3>(&bytes)?;
        refuses_or_reads::<UserRecordV4>(&bytes)?;
        refuses_or_reads::<ClientRecordV2>(&bytes)?;
        refuses_or_reads::<ClientRecordV3>(&bytes)?;
        refuses_or_reads::<ClientRecordV5>(&bytes)?;
        refuses_or_reads::<SessionRecordV2>(&bytes)?;
        refuses_or_reads::<OutboxRecordV2>(&bytes)?;
        refuses_or_reads::<MessageRecordV1>(&bytes)?;
        refuses_or_reads::<CounterRecordV1>(&bytes)?;
        refuses_or_reads::<FailuresRecordV2>(&bytes)?;
        refuses_or_reads::<IdentifierRecordV1>(&bytes)?;
        refuses_or_reads::<ValueRecordV1>(&bytes)?;
        refuses_or_reads::<EventsRecordV2>(&bytes)?;
        refuses_or_reads::<AddressVerificationRecordV2>(&bytes)?;
        refuses_or_reads::<HandshakeRecordV1>(&bytes)?;
        refuses_or_reads::<PasskeyChallengeRecordV1>(&bytes)?;
        refuses_or_reads::<PasskeyHolderRecordV1>(&bytes)?;
        refuses_or_reads::<ListedRecordV1>(&bytes)?;
        refuses_or_reads::<RedirectUrlRecordV1>(&bytes)?;
    }
}

/// Reads an arbitrary payload in a valid envelope; what can be read must be writable again.
fn refuses_or_reads<R: Record + PartialEq + Debug>(payload: &[u8]) -> Result<(), TestCaseError> {
    let mut bytes = vec![b'V', b's', R::KIND.byte(), R::SCHEMA];
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes);
    hasher.update(payload);
    bytes.extend(hasher.finalize().to_le_bytes());
    bytes.extend(payload);
    if let Ok(record) = decode::<R>(&bytes) {
        prop_assert_eq!(through(&record), record);
    }
    Ok(())
}

fn sign_ups() -> impl Strategy<Value = SignUp> {
    let ids = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<u64>());
    let phases = option::of((any::<[u8; 16]>(), any::<[u8; 16]>(), times()));
    let addresses = (
        option::of((texts(), texts(), option::of(verifications()))),
        option::of((texts(), option::of(verifications()))),
        option::of(texts()),
        option::of(texts()),
    );
    let rest = (texts(), option::of(times()), option::of(texts()));
    let sends = vec((0..4_usize, texts(), times()), 0..4);
    (ids, phases, addresses, rest, sends).prop_map(|(ids, phase, addresses, rest, sends)| {
        let (email, phone, username, password) = addresses;
        let (metadata, legal_accepted_at, origin) = rest;
        SignUp {
            id: SignUpId::from_bytes(ids.0),
            client_id: ClientId::from_bytes(ids.1),
            version: ids.2,
            phase: phase.map_or(Phase::Open, |(user, session, at)| Phase::Complete {
                user_id: UserId::from_bytes(user),
                session_id: SessionId::from_bytes(session),
                at,
            }),
            email_address: email.map(|(normalised, typed, verification)| Collected {
                value: EmailAddress::restore(normalised, typed),
                verification,
            }),
            phone_number: phone
                .map(|(value, verification)| Collected { value: PhoneNumber::restore(value), verification }),
            username: username.map(Username::restore),
            password_digest: password.map(Secret::new),
            unsafe_metadata: metadata,
            legal_accepted_at,
            origin,
            recent_sends: sends
                .into_iter()
                .map(|(kind, value, at)| {
                    let kind = KINDS[kind];
                    (Identifier { kind, value }, at)
                })
                .collect(),
            ..samples::sign_up()
        }
    })
}

fn verifications() -> impl Strategy<Value = Verification> {
    let secret = option::of((any::<[u8; 16]>(), any::<[u8; 32]>()));
    let verified = option::of((times(), any::<[u8; 16]>()));
    let channel = option::of(texts());
    let link = option::of((any::<[u8; 16]>(), any::<[u8; 32]>(), texts(), any::<bool>()));
    (strategies(), secret, link, any::<u32>(), times(), verified, channel).prop_map(
        |(strategy, secret, link, attempts, expire_at, verified, channel)| {
            let secret = secret.map(|(nonce, digest)| CodeDigest { nonce, digest });
            let link = link.map(|(nonce, digest, redirect_url, in_cookie)| Link {
                digest: CodeDigest { nonce, digest },
                redirect_url: RedirectUrl::restored(redirect_url),
                in_cookie,
            });
            let by = strategy.clone();
            Verification {
                method: match (link, secret) {
                    (Some(link), code) => Method::Link { link, code },
                    (None, Some(digest)) => Method::Code { strategy, digest },
                    (None, None) => Method::Known(strategy),
                },
                attempts,
                expire_at,
                verified: verified.map(|(at, client)| Verified { at, client: ClientId::from_bytes(client), by }),
                channel,
                ..samples::verification()
            }
        },
    )
}

fn sign_ins() -> impl Strategy<Value = SignIn> {
    let identifier = || (0..KINDS.len(), texts()).prop_map(|(kind, value)| Identifier { kind: KINDS[kind], value });
    let first_factor = option::of((identifier(), verifications()));
    let ids = (any::<[u8; 16]>(), option::of(any::<[u8; 16]>()), option::of(any::<[u8; 16]>()));
    let sends = vec((identifier(), times()), 0..3);
    let rest = (any::<u64>(), times(), times(), option::of(texts()), any::<bool>());
    let newcomer = option::of(any::<bool>());
    (ids, option::of(identifier()), first_factor, sends, rest, newcomer).prop_map(
        |((id, user, session), identifier, factor, recent_sends, rest, newcomer)| {
            let (version, created_at, updated_at, origin, away) = rest;
            SignIn {
                id: SignInId::from_bytes(id),
                client_id: samples::client().id,
                version,
                phase: match (session, away) {
                    (Some(id), true) => sign_in::Phase::Complete { session_id: SessionId::from_bytes(id) },
                    (Some(id), false) => sign_in::Phase::SecondFactor { password: Some(id), invitation: None },
                    (None, true) => sign_in::Phase::NewPassword,
                    (None, false) => sign_in::Phase::Open,
                },
                second_factor: factor.clone().map(|(address, verification)| {
                    Box::new(sign_in::SecondFactor { address: away.then_some(address), verification })
                }),
                identifier,
                user_id: user.map(UserId::from_bytes),
                first_factor: factor.map(|(address, verification)| FirstFactor { address, verification }),
                external: away.then(|| Box::new(samples::external_account())),
                newcomer: newcomer.map(|captcha_solved| sign_in::Newcomer { captcha_solved }),
                created_at,
                updated_at,
                origin,
                recent_sends,
            }
        },
    )
}

fn strategies() -> impl Strategy<Value = Way> {
    prop_oneof![
        Just(Way::EmailCode),
        Just(Way::EmailLink),
        Just(Way::PhoneCode),
        Just(Way::Password),
        Just(Way::Ticket),
        Just(Way::GoogleOneTap),
        Just(Way::Admin),
        Just(Way::Enterprise("saml".into())),
        "oauth_(custom_)?[a-su-z0-9_]{1,50}".prop_map(Way::OAuth),
        "oauth_token_[a-z0-9_]{1,50}".prop_map(Way::OAuthToken),
        "from_oauth_[a-z0-9_]{1,50}".prop_map(Way::FromOAuth),
        "web3_[a-z0-9_]{1,40}_signature".prop_map(Way::Web3),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    "\\PC{0,40}"
}

fn times() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_millis)
}

const KINDS: [IdentifierKind; 4] = [
    IdentifierKind::EmailAddress,
    IdentifierKind::PhoneNumber,
    IdentifierKind::Username,
    IdentifierKind::ExternalAccount,
];
const STATUSES: [SessionStatus; 5] = [
    SessionStatus::Active,
    SessionStatus::Ended,
    SessionStatus::Removed,
    SessionStatus::Replaced,
    SessionStatus::Revoked,
];
