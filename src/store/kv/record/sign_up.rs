//! A sign-up: a record of its own while open, inside its user's record once finished.

use serde::{Deserialize, Serialize};

use crate::domain::id::{ClientId, InvitationId, SessionId, SignUpId, UserId};
use crate::domain::identifier::{EmailAddress, PhoneNumber, Username};
use crate::domain::redirect::RedirectUrl;
use crate::domain::refusal::{Declined, Refusal};
use crate::domain::secret::Secret;
use crate::domain::sign_up::{Approval, Collected, Phase, SignUp};
use crate::domain::time::Timestamp;
use crate::domain::verification::{CodeDigest, Link, Method, Verification, Verified};
use crate::store::StoreError;
use crate::store::kv::codec::{Older, Record};
use crate::store::kv::key::Kind;

use super::external::ExternalAccountV1;
use super::identifier::{EmailAddressV1, IdentifierV1};
use super::strategy::strategy;

/// An open sign-up and its place in the list of deadlines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct SignUpRecordV1 {
    /// The deadline it is listed under.
    pub(in crate::store) deadline_key: u64,
    /// Its present deadline; writes change it without changing the list.
    pub(in crate::store) deadline: u64,
    pub(in crate::store) sign_up: SignUpV1,
}

/// The same, with the fields added since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct SignUpRecordV2 {
    /// The deadline it is listed under.
    pub(in crate::store) deadline_key: u64,
    /// Its present deadline; writes change it without changing the list.
    pub(in crate::store) deadline: u64,
    pub(in crate::store) sign_up: SignUpV2,
}

/// The same, with what was added for approvals and refusals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct SignUpRecordV3 {
    /// The deadline it is listed under.
    pub(in crate::store) deadline_key: u64,
    /// Its present deadline; writes change it without changing the list.
    pub(in crate::store) deadline: u64,
    pub(in crate::store) sign_up: SignUpV3,
}

/// A sign-up's own fields, third shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct SignUpV3 {
    second: SignUpV2,
    approval: ApprovalV1,
    declined: Option<DeclinedV1>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum ApprovalV1 {
    None,
    Waiting { since: u64 },
    Refused { at: u64, reason: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum DeclinedV1 {
    Unchecked,
    Refused { code: String, message: String },
}

/// A sign-up's own fields. A finished one needs no captcha any more, so its user's record keeps the first shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct SignUpV2 {
    pub(in crate::store) first: SignUpV1,
    captcha_solved: bool,
}

/// A sign-up's own fields, first shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct SignUpV1 {
    id: [u8; 16],
    pub(super) client_id: [u8; 16],
    pub(in crate::store) version: u64,
    phase: PhaseV1,
    created_at: u64,
    updated_at: u64,
    email_address: Option<CollectedV1<EmailAddressV1>>,
    phone_number: Option<CollectedV1<String>>,
    username: Option<String>,
    password_digest: Option<Secret<String>>,
    first_name: Option<String>,
    last_name: Option<String>,
    external_account: Option<Box<ExternalAccountV1>>,
    invitation: Option<[u8; 16]>,
    custom_action: bool,
    external_id: Option<String>,
    unsafe_metadata: String,
    public_metadata: String,
    legal_accepted_at: Option<u64>,
    locale: Option<String>,
    origin: Option<String>,
    recent_sends: Vec<(IdentifierV1, u64)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum PhaseV1 {
    Open,
    Complete { user_id: [u8; 16], session_id: [u8; 16], at: u64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CollectedV1<T> {
    value: T,
    verification: Option<VerificationV1>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct VerificationV1 {
    strategy: String,
    secret: Option<CodeDigestV1>,
    link: Option<LinkV1>,
    attempts: u32,
    prepared_at: u64,
    expire_at: u64,
    verified: Option<(u64, [u8; 16])>,
    channel: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CodeDigestV1 {
    nonce: [u8; 16],
    digest: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LinkV1 {
    digest: CodeDigestV1,
    redirect_url: Secret<String>,
    in_cookie: bool,
}

impl Record for SignUpRecordV1 {
    const KIND: Kind = Kind::SignUp;
    const SCHEMA: u8 = 1;
}

impl Record for SignUpRecordV2 {
    const KIND: Kind = Kind::SignUp;
    const SCHEMA: u8 = 2;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<SignUpRecordV1>().map(Self::from)
    }
}

impl Record for SignUpRecordV3 {
    const KIND: Kind = Kind::SignUp;
    const SCHEMA: u8 = 3;

    fn from_older(older: Older<'_>) -> Result<Self, StoreError> {
        older.read::<SignUpRecordV2>().map(Self::from)
    }
}

impl From<SignUpRecordV2> for SignUpRecordV3 {
    /// There were neither approvals nor hooks that could refuse.
    fn from(record: SignUpRecordV2) -> Self {
        let SignUpRecordV2 { deadline_key, deadline, sign_up } = record;
        Self {
            deadline_key,
            deadline,
            sign_up: SignUpV3 { second: sign_up, approval: ApprovalV1::None, declined: None },
        }
    }
}

impl SignUpV3 {
    /// Counts the transitions.
    pub(in crate::store) const fn version(&self) -> u64 {
        self.second.first.version
    }

    /// Since when it waits for approval.
    pub(in crate::store) const fn waits_since(&self) -> Option<Timestamp> {
        match self.approval {
            ApprovalV1::Waiting { since } => Some(Timestamp::from_millis(since)),
            ApprovalV1::None | ApprovalV1::Refused { .. } => None,
        }
    }
}

impl From<SignUpRecordV1> for SignUpRecordV2 {
    /// This schema did not store whether a captcha was solved: if the settings require one, it must be solved again.
    fn from(record: SignUpRecordV1) -> Self {
        let SignUpRecordV1 { deadline_key, deadline, sign_up } = record;
        Self { deadline_key, deadline, sign_up: SignUpV2 { first: sign_up, captcha_solved: false } }
    }
}

impl From<&SignUp> for SignUpV3 {
    fn from(sign_up: &SignUp) -> Self {
        Self {
            second: sign_up.into(),
            approval: (&sign_up.approval).into(),
            declined: sign_up.declined.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<SignUpV3> for SignUp {
    type Error = StoreError;

    fn try_from(record: SignUpV3) -> Result<Self, StoreError> {
        let SignUpV3 { second, approval, declined } = record;
        Ok(Self { approval: approval.into(), declined: declined.map(Into::into), ..second.try_into()? })
    }
}

impl From<&Approval> for ApprovalV1 {
    fn from(approval: &Approval) -> Self {
        match approval {
            Approval::None => Self::None,
            Approval::Waiting { since } => Self::Waiting { since: since.as_millis() },
            Approval::Refused { at, reason } => Self::Refused { at: at.as_millis(), reason: reason.clone() },
        }
    }
}

impl From<ApprovalV1> for Approval {
    fn from(record: ApprovalV1) -> Self {
        match record {
            ApprovalV1::None => Self::None,
            ApprovalV1::Waiting { since } => Self::Waiting { since: Timestamp::from_millis(since) },
            ApprovalV1::Refused { at, reason } => Self::Refused { at: Timestamp::from_millis(at), reason },
        }
    }
}

impl From<&Declined> for DeclinedV1 {
    fn from(declined: &Declined) -> Self {
        match declined {
            Declined::Unchecked => Self::Unchecked,
            Declined::Refused(refusal) => {
                Self::Refused { code: refusal.code().to_owned(), message: refusal.message().to_owned() }
            }
        }
    }
}

impl From<DeclinedV1> for Declined {
    fn from(record: DeclinedV1) -> Self {
        match record {
            DeclinedV1::Unchecked => Self::Unchecked,
            DeclinedV1::Refused { code, message } => Self::Refused(Refusal::restored(code, message)),
        }
    }
}

impl From<&SignUp> for SignUpV2 {
    fn from(sign_up: &SignUp) -> Self {
        Self { first: sign_up.into(), captcha_solved: sign_up.captcha_solved }
    }
}

impl TryFrom<SignUpV2> for SignUp {
    type Error = StoreError;

    fn try_from(record: SignUpV2) -> Result<Self, StoreError> {
        Ok(Self { captcha_solved: record.captcha_solved, ..record.first.try_into()? })
    }
}

impl From<&SignUp> for SignUpV1 {
    fn from(sign_up: &SignUp) -> Self {
        Self {
            id: *sign_up.id.as_bytes(),
            client_id: *sign_up.client_id.as_bytes(),
            version: sign_up.version,
            phase: sign_up.phase.into(),
            created_at: sign_up.created_at.as_millis(),
            updated_at: sign_up.updated_at.as_millis(),
            email_address: sign_up.email_address.as_ref().map(|email| CollectedV1::of(email, |e| e.into())),
            phone_number: sign_up.phone_number.as_ref().map(|phone| CollectedV1::of(phone, |p| p.as_str().to_owned())),
            username: sign_up.username.as_ref().map(|u| u.as_str().to_owned()),
            password_digest: sign_up.password_digest.clone(),
            first_name: sign_up.first_name.clone(),
            last_name: sign_up.last_name.clone(),
            external_account: sign_up.external_account.as_deref().map(|account| Box::new(account.into())),
            invitation: sign_up.invitation.map(|id| *id.as_bytes()),
            custom_action: sign_up.custom_action,
            external_id: sign_up.external_id.clone(),
            unsafe_metadata: sign_up.unsafe_metadata.clone(),
            public_metadata: sign_up.public_metadata.clone(),
            legal_accepted_at: sign_up.legal_accepted_at.map(Timestamp::as_millis),
            locale: sign_up.locale.clone(),
            origin: sign_up.origin.clone(),
            recent_sends: sign_up.recent_sends.iter().map(|(to, at)| (to.into(), at.as_millis())).collect(),
        }
    }
}

impl TryFrom<SignUpV1> for SignUp {
    type Error = StoreError;

    fn try_from(record: SignUpV1) -> Result<Self, StoreError> {
        Ok(Self {
            id: SignUpId::from_bytes(record.id),
            client_id: ClientId::from_bytes(record.client_id),
            version: record.version,
            phase: record.phase.into(),
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            email_address: record.email_address.map(|email| email.collected(EmailAddress::from)).transpose()?,
            phone_number: record.phone_number.map(|phone| phone.collected(PhoneNumber::restore)).transpose()?,
            username: record.username.map(Username::restore),
            password_digest: record.password_digest,
            first_name: record.first_name,
            last_name: record.last_name,
            external_account: record.external_account.map(|account| (*account).try_into().map(Box::new)).transpose()?,
            invitation: record.invitation.map(InvitationId::from_bytes),
            captcha_solved: false,
            custom_action: record.custom_action,
            external_id: record.external_id,
            unsafe_metadata: record.unsafe_metadata,
            public_metadata: record.public_metadata,
            legal_accepted_at: record.legal_accepted_at.map(Timestamp::from_millis),
            locale: record.locale,
            origin: record.origin,
            recent_sends: record
                .recent_sends
                .into_iter()
                .map(|(to, at)| (to.into(), Timestamp::from_millis(at)))
                .collect(),
            approval: Approval::None,
            declined: None,
        })
    }
}

impl From<Phase> for PhaseV1 {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Open => Self::Open,
            Phase::Complete { user_id, session_id, at } => {
                Self::Complete { user_id: *user_id.as_bytes(), session_id: *session_id.as_bytes(), at: at.as_millis() }
            }
        }
    }
}

impl From<PhaseV1> for Phase {
    fn from(record: PhaseV1) -> Self {
        match record {
            PhaseV1::Open => Self::Open,
            PhaseV1::Complete { user_id, session_id, at } => Self::Complete {
                user_id: UserId::from_bytes(user_id),
                session_id: SessionId::from_bytes(session_id),
                at: Timestamp::from_millis(at),
            },
        }
    }
}

impl<T> CollectedV1<T> {
    fn of<V>(collected: &Collected<V>, value: impl FnOnce(&V) -> T) -> Self {
        Self { value: value(&collected.value), verification: collected.verification.as_ref().map(Into::into) }
    }

    fn collected<V>(self, value: impl FnOnce(T) -> V) -> Result<Collected<V>, StoreError> {
        Ok(Collected { value: value(self.value), verification: self.verification.map(TryInto::try_into).transpose()? })
    }
}

impl From<&Verification> for VerificationV1 {
    fn from(verification: &Verification) -> Self {
        Self {
            strategy: verification.strategy().to_string(),
            secret: verification.code().map(|(_, digest)| (*digest).into()),
            link: verification.link().map(Into::into),
            attempts: verification.attempts,
            prepared_at: verification.prepared_at.as_millis(),
            expire_at: verification.expire_at.as_millis(),
            verified: verification.verified.as_ref().map(|proof| (proof.at.as_millis(), *proof.client.as_bytes())),
            channel: verification.channel.clone(),
        }
    }
}

impl TryFrom<VerificationV1> for Verification {
    type Error = StoreError;

    fn try_from(record: VerificationV1) -> Result<Self, StoreError> {
        let strategy = strategy(&record.strategy)?;
        let verified = record.verified.map(|(at, client)| Verified {
            at: Timestamp::from_millis(at),
            client: ClientId::from_bytes(client),
            by: strategy.clone(),
        });
        let method = match (record.link, record.secret) {
            (Some(link), code) => Method::Link { link: link.into(), code: code.map(Into::into) },
            (None, Some(digest)) => Method::Code { strategy, digest: digest.into() },
            (None, None) => Method::Known(strategy),
        };
        Ok(Self {
            method,
            attempts: record.attempts,
            prepared_at: Timestamp::from_millis(record.prepared_at),
            expire_at: Timestamp::from_millis(record.expire_at),
            verified,
            channel: record.channel,
        })
    }
}

impl From<CodeDigest> for CodeDigestV1 {
    fn from(digest: CodeDigest) -> Self {
        Self { nonce: digest.nonce, digest: digest.digest }
    }
}

impl From<CodeDigestV1> for CodeDigest {
    fn from(record: CodeDigestV1) -> Self {
        Self { nonce: record.nonce, digest: record.digest }
    }
}

impl From<&Link> for LinkV1 {
    fn from(link: &Link) -> Self {
        let redirect_url = Secret::new(link.redirect_url.to_string());
        Self { digest: link.digest.into(), redirect_url, in_cookie: link.in_cookie }
    }
}

impl From<LinkV1> for Link {
    fn from(record: LinkV1) -> Self {
        let redirect_url = RedirectUrl::restored(record.redirect_url.into_inner());
        Self { digest: record.digest.into(), redirect_url, in_cookie: record.in_cookie }
    }
}
