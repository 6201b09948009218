//! The SessionReverification ([guide: Re-verification](crate::guide::contract_me#re-verification)), and sessions with what is
//! known of their devices.

use serde::{Serialize, Serializer};

use crate::domain::client::activity::Activity;
use crate::domain::client::session::Session;
use crate::domain::id::SessionId;
use crate::domain::sign_in::Factor;
use crate::domain::time::Timestamp;
use crate::domain::verification::Strategy;
use crate::engine::{ReverificationView, SessionView};

use super::AsDisplay;
use super::sign_in::FactorResource;
use super::verification::State;

/// A re-verification on the wire.
#[derive(Debug, Serialize)]
pub(super) struct ReverificationResource<'a> {
    object: &'static str,
    level: &'static str,
    status: &'static str,
    supported_first_factors: Vec<FactorResource<'a>>,
    supported_second_factors: Option<Vec<FactorResource<'a>>>,
    first_factor_verification: Option<State<'a>>,
    second_factor_verification: Option<State<'a>>,
    session: &'a SessionView,
}

impl<'a> From<&'a ReverificationView> for ReverificationResource<'a> {
    fn from(view: &'a ReverificationView) -> Self {
        let resource = |factors: &'a [Factor]| factors.iter().map(|f| FactorResource::of(f, None)).collect::<Vec<_>>();
        let sent = view.sent.as_ref().map(|sent| {
            let verification = &sent.verification;
            let status = verification.status(view.session.now, view.attempts_max);
            (State::of(verification, status), sent.address_id)
        });
        let is_second = sent.as_ref().is_some_and(|(_, id)| {
            view.second_factors.iter().any(|factor| factor.address.as_ref().is_some_and(|address| address.id == *id))
        });
        let sent = sent.map(|(state, _)| state);
        let (first, second) = if is_second { (None, sent) } else { (sent, None) };
        let proved = view.step.first_factor_at.map(|_| State::verified(&Strategy::Password));
        Self {
            object: "session_reverification",
            level: view.step.level.as_str(),
            status: view.step.status().as_str(),
            supported_first_factors: resource(&view.first_factors),
            supported_second_factors: (!view.second_factors.is_empty()).then(|| resource(&view.second_factors)),
            first_factor_verification: first.or(proved),
            second_factor_verification: second,
            session: &view.session,
        }
    }
}

/// A session as the list of devices shows it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "only the HTTP front end shows it"))]
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
