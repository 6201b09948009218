//! A verification ([guide: Verifications](crate::guide::contract_sign_ups#verifications)).

use serde::Serialize;

use crate::domain::id::ClientId;
use crate::domain::rejection::Reason;
use crate::domain::time::Timestamp;
use crate::domain::verification::{
    ExternalAccount, ExternalState, ExternalStatus, Strategy, Verification, VerificationStatus,
};
use crate::engine::SignUpView;

use super::AsDisplay;
use super::error::Problem;

/// The verification of a field of a sign-up. Before the first prepare it has neither status nor strategy: with them
/// clerk-js would wait for a code that was never sent
/// ([guide: Verifications](crate::guide::contract_sign_ups#verifications)).
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum VerificationResource<'a> {
    Unprepared(Next<'a>),
    Prepared {
        #[serde(flatten)]
        state: State<'a>,
        #[serde(flatten)]
        next: Next<'a>,
    },
}

/// The next possible action.
#[derive(Debug, Serialize)]
pub(super) struct Next<'a> {
    next_action: &'static str,
    supported_strategies: &'a [String],
}

/// The state of a verification.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct State<'a> {
    object: &'static str,
    status: &'static str,
    strategy: AsDisplay<&'a Strategy>,
    attempts: Option<u32>,
    expire_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<Problem>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at_client: Option<AsDisplay<ClientId>>,
    /// For passkeys: what the device is asked, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl<'a> VerificationResource<'a> {
    /// The verification of a given field; `verification` is present after the first prepare.
    pub(super) fn of_field(
        verification: Option<&'a Verification>,
        strategies: &'a [String],
        view: &SignUpView,
    ) -> Self {
        let next = |next_action| Next { next_action, supported_strategies: strategies };
        let Some(verification) = verification else {
            return Self::Unprepared(next("needs_prepare"));
        };
        let status = verification.status(view.now, view.attempts_max);
        let next = next(match status {
            VerificationStatus::Unverified => "needs_attempt",
            VerificationStatus::Verified => "",
            VerificationStatus::Expired | VerificationStatus::Failed => "needs_prepare",
        });
        // A link was followed elsewhere: the page that waits for it learns here why there is no user.
        let is_link = *verification.strategy() == Strategy::EmailLink && status == VerificationStatus::Verified;
        let error = view.value.denied().filter(|_| is_link).as_ref().map(|denied| Box::new(Problem::of(denied)));
        Self::Prepared { state: State { error, ..State::of(verification, status) }, next }
    }
}

impl<'a> State<'a> {
    /// `verification`, which has this status.
    pub(super) fn of(verification: &'a Verification, status: VerificationStatus) -> Self {
        Self {
            object: object(verification.strategy()),
            status: word(status),
            strategy: AsDisplay(verification.strategy()),
            attempts: Some(verification.attempts),
            expire_at: Some(verification.expire_at),
            error: None,
            channel: verification.channel.as_deref(),
            verified_at_client: verification.verified.as_ref().map(|proof| AsDisplay(proof.client)),
            nonce: None,
        }
    }

    /// The same with what the person's device is asked.
    pub(super) fn with_nonce(self, nonce: Option<&'a str>) -> Self {
        Self { nonce, ..self }
    }

    /// A verification that waits for the answer of a device, which is asked this until then.
    pub(super) fn asking(strategy: &'a Strategy, nonce: &'a str, expire_at: Timestamp) -> Self {
        let waits =
            Self { status: word(VerificationStatus::Unverified), attempts: Some(0), ..Self::verified(strategy) };
        Self { expire_at: Some(expire_at), nonce: Some(nonce), ..waits }
    }

    /// `verification`, which proved an identifier without a user: it can be used to sign up
    /// ([guide: Sign up if missing](crate::guide::contract_sign_ins#sign-up-if-missing)).
    pub(super) fn transferable(verification: &'a Verification) -> Self {
        Self { status: "transferable", ..Self::of(verification, VerificationStatus::Verified) }
    }

    /// A verification of which only the strategy is still known.
    pub(super) fn verified(strategy: &'a Strategy) -> Self {
        Self {
            object: object(strategy),
            status: "verified",
            strategy: AsDisplay(strategy),
            attempts: None,
            expire_at: None,
            error: None,
            channel: None,
            verified_at_client: None,
            nonce: None,
        }
    }
}

/// The verification of an account at a provider
/// ([guide: Accounts at providers](crate::guide::contract_sign_ups#accounts-at-providers)).
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ExternalResource<'a> {
    object: &'static str,
    status: &'static str,
    strategy: AsDisplay<&'a Strategy>,
    attempts: (),
    expire_at: Option<Timestamp>,
    external_verification_redirect_url: Option<&'a str>,
    error: Option<Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at_client: Option<AsDisplay<ClientId>>,
}

impl<'a> ExternalResource<'a> {
    /// The state of a sign-up's `account` at `now`. Where it is proved, and the application does not want the person as a
    /// user, the error says why.
    pub(super) fn of_sign_up(account: &'a ExternalAccount, denied: Option<&Reason>, now: Timestamp) -> Self {
        let shown = Self::of(account, now);
        let denied = denied.filter(|_| account.is_verified()).map(Problem::of);
        Self { error: shown.error.or(denied), ..shown }
    }

    /// The state of `account` at `now`.
    pub(super) fn of(account: &'a ExternalAccount, now: Timestamp) -> Self {
        let error = match &account.state {
            ExternalState::Failed { code, session } => {
                Some(Problem::of(&Reason { session: *session, ..Reason::from(*code) }))
            }
            ExternalState::Transferable(code) => Some(Problem::of(&Reason::from(*code))),
            ExternalState::Pending | ExternalState::Verified { .. } => None,
        };
        Self {
            object: object(&account.strategy),
            status: match account.status(now) {
                ExternalStatus::Unverified => "unverified",
                ExternalStatus::Verified => "verified",
                ExternalStatus::Transferable => "transferable",
                ExternalStatus::Failed => "failed",
                ExternalStatus::Expired => "expired",
            },
            strategy: AsDisplay(&account.strategy),
            attempts: (),
            expire_at: Some(account.expire_at),
            external_verification_redirect_url: account.authorize_url.as_deref(),
            error,
            verified_at_client: match account.state {
                ExternalState::Verified { client, .. } => Some(AsDisplay(client)),
                _ => None,
            },
        }
    }
}

/// The status on the wire.
pub(super) const fn word(status: VerificationStatus) -> &'static str {
    match status {
        VerificationStatus::Unverified => "unverified",
        VerificationStatus::Verified => "verified",
        VerificationStatus::Expired => "expired",
        VerificationStatus::Failed => "failed",
    }
}

fn object(strategy: &Strategy) -> &'static str {
    match strategy {
        Strategy::EmailCode | Strategy::PhoneCode => "verification_otp",
        Strategy::ResetPasswordEmailCode | Strategy::ResetPasswordPhoneCode => "verification_otp",
        Strategy::Totp => "verification_totp",
        Strategy::BackupCode => "verification_backup_code",
        Strategy::EmailLink => "verification_email_link",
        Strategy::Web3(_) => "verification_web3",
        Strategy::OAuth(_) | Strategy::OAuthToken(_) => "verification_oauth",
        Strategy::FromOAuth(_) => "verification_from_oauth",
        Strategy::GoogleOneTap => "verification_google_one_tap",
        Strategy::Admin => "verification_admin",
        Strategy::Enterprise(_) => "verification_saml",
        Strategy::Ticket => "verification_ticket",
        Strategy::Password => "verification_password",
        Strategy::Passkey => "verification_passkey",
    }
}

/// How one of a user's addresses was proved, as stored with the user.
pub(super) fn proof<'a>(strategy: Option<&'a Strategy>, kept: Option<&'a Verification>) -> Option<State<'a>> {
    let strategy = strategy?;
    let kept = kept.filter(|v| v.verified.as_ref().is_some_and(|proof| proof.by == *strategy));
    Some(match kept {
        Some(verification) => State::of(verification, VerificationStatus::Verified),
        None => State::verified(strategy),
    })
}
