//! Sessions with what is known of their devices ([guide: Devices](crate::guide::contract_me#devices)).

use serde::{Serialize, Serializer};

use crate::domain::client::activity::Activity;
use crate::domain::client::session::Session;
use crate::domain::id::SessionId;
use crate::domain::time::Timestamp;

use super::AsDisplay;

/// A session as the list of devices shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionWithActivity<'a> {
    /// The session.
    pub(crate) session: &'a Session,
    /// The time of reading.
    pub(crate) now: Timestamp,
}

#[derive(Serialize)]
struct SessionShape<'a> {
    object: &'static str,
    id: AsDisplay<SessionId>,
    status: &'static str,
    expire_at: Timestamp,
    abandon_at: Timestamp,
    last_active_at: Timestamp,
    last_active_organization_id: (),
    actor: (),
    latest_activity: ActivityShape<'a>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct ActivityShape<'a> {
    object: &'static str,
    id: String,
    device_type: Option<&'a str>,
    is_mobile: bool,
    browser_name: Option<&'a str>,
    browser_version: Option<String>,
    ip_address: Option<String>,
    city: (),
    country: (),
}

impl Serialize for SessionWithActivity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let session = self.session;
        let shape = SessionShape {
            object: "session",
            id: AsDisplay(session.id),
            status: session.status_at(self.now),
            expire_at: session.expire_at,
            abandon_at: session.abandon_at(),
            last_active_at: session.last_active_at,
            last_active_organization_id: (),
            actor: (),
            latest_activity: ActivityShape::of(session.id, session.activity.as_ref()),
            created_at: session.created_at,
            updated_at: session.updated_at,
        };
        shape.serialize(serializer)
    }
}

impl ActivityShape<'_> {
    fn of(id: SessionId, activity: Option<&Activity>) -> Self {
        let version = activity.map(|activity| activity.browser_version).filter(|version| *version > 0);
        Self {
            object: "session_activity",
            id: id.to_string().replacen("sess_", "sess_activity_", 1),
            device_type: activity.and_then(|activity| activity.system.device_type()),
            is_mobile: activity.is_some_and(|activity| activity.is_mobile),
            browser_name: activity.and_then(|activity| activity.browser.name()),
            browser_version: version.map(|version| version.to_string()),
            ip_address: activity.and_then(|activity| activity.address).map(|address| address.to_string()),
            city: (),
            country: (),
        }
    }
}
