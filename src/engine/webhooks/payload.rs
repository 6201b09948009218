//! What a webhook tells about an event: the object as it is when it is sent. An event only names its object.

use std::sync::Arc;

use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::event::Happened;
use crate::domain::id::{UserId, WebhookEndpointId};
use crate::domain::identifier::IdentifierKind;
use crate::domain::invitation::Invitation;
use crate::domain::settings::Lockout;
use crate::domain::sign_in::{Failures, SignInAttempts};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::domain::waitlist::WaitlistEntry;
use crate::store::{Store, StoreError};
use crate::webhook::EventType;

use super::composed::{ComposedMessage, Composing};

/// The object of an event, as the receiver of a webhook sees it. It serializes as the `data` of the webhook
/// ([guide: Webhooks](crate::guide::contract_backend#webhooks)).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventData {
    /// A user with what failed sign-ins have come to, at this time.
    User(Arc<User>, SignInAttempts, Timestamp),
    /// A user who is gone, with the id in the application's backend.
    DeletedUser(UserId, Option<String>),
    /// A session, with its user if there is one, at this time.
    Session(Session, Option<(Arc<User>, SignInAttempts)>, Timestamp),
    /// An entry of the waiting list, with its invitation, at this time.
    WaitlistEntry(WaitlistEntry, Option<Invitation>, Timestamp),
    /// A message with its code or link.
    Message(Box<ComposedMessage>),
    /// A test of this endpoint.
    Test(WebhookEndpointId),
}

/// The webhook that tells of an event; `None` for events of which none does.
pub(super) const fn event_type(what: &Happened) -> Option<EventType> {
    Some(match what {
        Happened::UserCreated { .. } => EventType::UserCreated,
        Happened::UserUpdated { .. } => EventType::UserUpdated,
        Happened::UserDeleted { .. } => EventType::UserDeleted,
        Happened::SessionCreated { .. } => EventType::SessionCreated,
        Happened::SessionEnded { status: SessionStatus::Removed, .. } => EventType::SessionRemoved,
        Happened::SessionEnded { status: SessionStatus::Revoked, .. } => EventType::SessionRevoked,
        Happened::SessionEnded { .. } => EventType::SessionEnded,
        Happened::MessageCreated { to: IdentifierKind::PhoneNumber, .. } => EventType::SmsCreated,
        Happened::MessageCreated { .. } => EventType::EmailCreated,
        Happened::WaitlistEntryCreated { .. } => EventType::WaitlistEntryCreated,
        Happened::WaitlistEntryUpdated { .. } => EventType::WaitlistEntryUpdated,
        _ => return None,
    })
}

/// The object of an event; `None` where it is gone, of which a later event tells.
///
/// # Errors
/// When it can't be read.
pub(super) async fn load(
    store: &dyn Store,
    composing: &Composing,
    what: &Happened,
    lockout: Option<Lockout>,
    now: Timestamp,
) -> Result<Option<EventData>, StoreError> {
    Ok(match what {
        Happened::UserCreated { id, .. } | Happened::UserUpdated { id, .. } => {
            load_user(store, *id, lockout, now).await?.map(|(user, attempts)| EventData::User(user, attempts, now))
        }
        Happened::UserDeleted { id, external_id } => Some(EventData::DeletedUser(*id, external_id.clone())),
        Happened::SessionCreated { id, user_id } | Happened::SessionEnded { id, user_id, .. } => {
            match store.session(*id).await? {
                Some(session) => {
                    let user = load_user(store, *user_id, lockout, now).await?;
                    Some(EventData::Session(session, user, now))
                }
                None => None,
            }
        }
        Happened::MessageCreated { id, .. } => {
            composing.compose(store, *id, now).await?.map(|composed| EventData::Message(Box::new(composed)))
        }
        Happened::WaitlistEntryCreated { id } | Happened::WaitlistEntryUpdated { id } => {
            match store.waitlist_entry(*id).await? {
                Some(entry) => {
                    let invitation = match entry.invitation {
                        Some(id) => store.invitation(id).await?,
                        None => None,
                    };
                    Some(EventData::WaitlistEntry(entry, invitation, now))
                }
                None => None,
            }
        }
        _ => None,
    })
}

async fn load_user(
    store: &dyn Store,
    id: UserId,
    lockout: Option<Lockout>,
    now: Timestamp,
) -> Result<Option<(Arc<User>, SignInAttempts)>, StoreError> {
    let Some(user) = store.user(id).await? else { return Ok(None) };
    let failures = if lockout.is_some() { store.failures(id).await? } else { None };
    Ok(Some((user, Failures::shown(failures.as_ref(), lockout, now))))
}
