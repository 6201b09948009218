//! Garbage collection of expired records, by an incremental scan in pages. It needs no list of expiry times, which
//! could become wrong; the duration of a scan does not matter.

use bytes::Bytes;

use crate::domain::id::{ClientId, SessionId};
use crate::domain::message::Origin;
use crate::domain::policy::RetentionPolicy;
use crate::domain::sign_in::Failures;
use crate::domain::sign_up::{Phase, SignUp};
use crate::domain::time::{Span, Timestamp};

use super::codec;
use super::key::{self, Kind};
use super::quota;
use super::record::{
    AddressVerificationRecordV2, ClientRecordV5, CounterRecordV1, EventsRecordV2, FailuresRecordV2, HandshakeRecordV1,
    InvitationRecordV1, MessageRecordV1, OutboxRecordV2, PasskeyChallengeRecordV1, SessionRecordV2,
    SignInTokenRecordV1, UserRecordV4,
};
use crate::domain::client::Client;
use crate::domain::invitation::{Invitation, InvitationState};
use crate::domain::sign_in_token::SignInToken;
use crate::domain::user::{AddressVerification, User};
use crate::store::error::StoreError;
use crate::store::{OutboxEntry, StoredMessage};

/// What the garbage collection does with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Verdict {
    Keep,
    Delete,
    /// Write it without a part that has expired.
    Rewrite(Bytes),
}

/// The scanned kinds, in this order; then the scan begins again. Events are the last, since it leaves them at the first
/// one that is kept.
pub(in crate::store) const GC_KINDS: [Kind; 14] = [
    Kind::Client,
    Kind::Outbox,
    Kind::Counter,
    Kind::User,
    Kind::Failures,
    Kind::Session,
    Kind::Invitation,
    Kind::WebhookRetry,
    Kind::SignInToken,
    Kind::Message,
    Kind::AddressVerification,
    Kind::Handshake,
    Kind::PasskeyChallenge,
    Kind::Event,
];

/// What to do with the record at `key` at `now`; `get` reads other records.
pub(in crate::store) fn fate(
    key: &[u8],
    value: &[u8],
    keep: RetentionPolicy,
    now: Timestamp,
    get: impl Fn(&Bytes) -> Result<Option<Bytes>, StoreError>,
) -> Result<Verdict, StoreError> {
    let goes = |is_over: bool| if is_over { Verdict::Delete } else { Verdict::Keep };
    let is = |kind: Kind| key.first() == Some(&kind.byte());
    Ok(if is(Kind::Client) {
        let mut client = Client::try_from(codec::decode::<ClientRecordV5>(value)?)?;
        client.drop_ended(|id| {
            let user = get(&key::user(id))?.map(|bytes| codec::decode::<UserRecordV4>(&bytes));
            user.transpose()?.map(User::try_from).transpose()
        })?;
        let has_session = client.live_sessions(now).next().is_some();
        let is_idle = client.updated_at + keep.client <= now;
        let in_progress = client.sign_up.map(|id| get(&key::sign_up(id))).transpose()?.flatten().is_some();
        goes(is_idle && !has_session && !in_progress)
    } else if is(Kind::Outbox) {
        let entry = OutboxEntry::from(codec::decode::<OutboxRecordV2>(value)?);
        goes(entry.expire_at + UNSENT <= now)
    } else if is(Kind::Counter) {
        goes(quota::is_over(&codec::decode::<CounterRecordV1>(value)?, now))
    } else if is(Kind::Failures) {
        goes(Failures::from(codec::decode::<FailuresRecordV2>(value)?).are_forgotten(now))
    } else if is(Kind::Session) {
        let record = codec::decode::<SessionRecordV2>(value)?;
        let is_known = get(&key::user(record.user_id()))?.is_some();
        let holder = key::client(record.client_id());
        match record.final_session() {
            Some(session) => goes(!is_known || session.abandon_at() <= now),
            // Its client records the end.
            None => goes(!is_known || get(&holder)?.is_none()),
        }
    } else if is(Kind::Event) {
        goes(codec::decode::<EventsRecordV2>(value)?.at() + keep.events <= now)
    } else if is(Kind::Invitation) {
        // The invitation of a user has the user's address, so it goes with the user.
        match Invitation::from(codec::decode::<InvitationRecordV1>(value)?).state {
            InvitationState::Accepted(user) => goes(get(&key::user(user))?.is_none()),
            InvitationState::Pending | InvitationState::Revoked => Verdict::Keep,
        }
    } else if is(Kind::WebhookRetry) {
        let endpoint = key::parse_webhook_retry(key).map(|key| key::webhook_endpoint(key.endpoint));
        goes(endpoint.map(|key| get(&key)).transpose()?.flatten().is_none())
    } else if is(Kind::Message) {
        match key::parse_provider_message(key) {
            Some(id) => goes(get(&key::message(id))?.is_none()),
            None => of_message(StoredMessage::from(codec::decode::<MessageRecordV1>(value)?), keep, now, get)?,
        }
    } else if is(Kind::SignInToken) {
        let token = SignInToken::from(codec::decode::<SignInTokenRecordV1>(value)?);
        goes(token.is_forgotten(now) || get(&key::user(token.user_id))?.is_none())
    } else if is(Kind::AddressVerification) {
        let record = codec::decode::<AddressVerificationRecordV2>(value)?;
        let verification = AddressVerification::try_from(record)?.verification;
        goes(verification.expire_at + PROOF_KNOWN <= now)
    } else if is(Kind::Handshake) {
        goes(codec::decode::<HandshakeRecordV1>(value)?.expire_at() <= now)
    } else if is(Kind::PasskeyChallenge) {
        goes(codec::decode::<PasskeyChallengeRecordV1>(value)?.expire_at() <= now)
    } else if is(Kind::User) {
        let mut record = codec::decode::<UserRecordV4>(value)?;
        let Some(kept) = record.base.sign_up.take() else { return Ok(Verdict::Keep) };
        let sign_up = SignUp::try_from(kept)?;
        let is_over = match sign_up.phase {
            Phase::Complete { at, .. } if at + keep.finished > now => false,
            Phase::Complete { session_id, .. } => !lives(session_id, sign_up.client_id, now, get)?,
            Phase::Open => false,
        };
        if is_over { Verdict::Rewrite(codec::encode(&record)?) } else { Verdict::Keep }
    } else {
        Verdict::Keep
    })
}

/// What to do with a message that left the outbox. It goes with what it was made for, and its secret when it expires.
fn of_message(
    message: StoredMessage,
    keep: RetentionPolicy,
    now: Timestamp,
    get: impl Fn(&Bytes) -> Result<Option<Bytes>, StoreError>,
) -> Result<Verdict, StoreError> {
    let is_there = |key: &Bytes| get(key).map(|value| value.is_some());
    let has_origin = match message.about.as_ref().map(|about| about.origin) {
        Some(Origin::SignUp(id)) => is_there(&key::sign_up(id))? || is_there(&key::user(id.cast()))?,
        // The address may be that of a person who is no user yet.
        Some(Origin::SignIn(_) | Origin::AddressVerification(_)) => {
            message.expire_at > now || is_there(&key::identifier(&message.to))?
        }
        Some(Origin::Invitation(id)) => is_there(&key::invitation(id))?,
        Some(Origin::User(id)) => is_there(&key::user(id))?,
        None => true,
    };
    if message.updated_at + keep.messages <= now || !has_origin {
        return Ok(Verdict::Delete);
    }
    if message.expire_at > now || message.sealed.is_empty() {
        return Ok(Verdict::Keep);
    }
    let record = MessageRecordV1::from(&StoredMessage { sealed: Vec::new(), ..message });
    Ok(Verdict::Rewrite(codec::encode(&record)?))
}

/// Whether a session is live on its client.
fn lives(
    session: SessionId,
    client: ClientId,
    now: Timestamp,
    get: impl Fn(&Bytes) -> Result<Option<Bytes>, StoreError>,
) -> Result<bool, StoreError> {
    let Some(bytes) = get(&key::client(client))? else { return Ok(false) };
    let client = Client::try_from(codec::decode::<ClientRecordV5>(&bytes)?)?;
    Ok(client.live_session(session, now).is_some())
}

/// How long the verification of an address is kept after its code expires: a second attempt is told that it was proved.
const PROOF_KNOWN: Span = Span::from_secs(86_400);
/// How long an unsent message is kept after it expires. The relay removes it itself, unless the relay never learned of
/// it.
const UNSENT: Span = Span::from_secs(3600);
