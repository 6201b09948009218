//! The Session and its token ([guide: Sessions](crate::guide::contract_sign_ins#sessions)).

use serde::Serialize;
#[cfg(feature = "server")]
use serde_json::value::RawValue;

use crate::domain::client::session::SessionTask;
use crate::domain::id::{SessionId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::engine::SessionView;

use super::{AsDisplay, Shown, UserResource};

/// A session on the wire.
#[derive(Debug, Serialize)]
pub(crate) struct SessionResource<'a> {
    object: &'static str,
    id: AsDisplay<SessionId>,
    status: &'static str,
    expire_at: Timestamp,
    abandon_at: Timestamp,
    last_active_at: Timestamp,
    last_active_organization_id: (),
    last_active_token: Option<TokenResource<'a>>,
    actor: (),
    tasks: Option<Vec<TaskResource>>,
    factor_verification_age: [i64; 2],
    user: Shown<'a, UserResource<'a>>,
    public_user_data: PublicUserData<'a>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What a person has to do before a session is of use.
#[derive(Debug, Serialize)]
struct TaskResource {
    key: &'static str,
}

impl From<SessionTask> for TaskResource {
    fn from(task: SessionTask) -> Self {
        match task {
            SessionTask::SetupMfa => Self { key: "setup-mfa" },
        }
    }
}

/// A session token on the wire.
#[derive(Debug, Serialize)]
pub(crate) struct TokenResource<'a> {
    object: &'static str,
    jwt: &'a str,
}

/// The public part of a session's user.
#[derive(Debug, Serialize)]
struct PublicUserData<'a> {
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    image_url: &'static str,
    has_image: bool,
    identifier: &'a str,
    user_id: AsDisplay<UserId>,
    username: Option<&'a str>,
    banned: bool,
}

impl<'a> From<&'a SessionView> for SessionResource<'a> {
    fn from(view: &'a SessionView) -> Self {
        let session = &view.session;
        Self {
            object: "session",
            id: AsDisplay(session.id),
            status: session.status_at(view.now),
            expire_at: session.expire_at,
            abandon_at: session.abandon_at(),
            last_active_at: session.last_active_at,
            last_active_organization_id: (),
            last_active_token: view.token.as_ref().map(|t| TokenResource::new(t.expose())),
            actor: (),
            tasks: session.task.map(|task| vec![TaskResource::from(task)]),
            factor_verification_age: session.factor_ages(view.now),
            user: Shown::Resource(UserResource::of(&view.user, Some(session.last_active_at), view.now)),
            public_user_data: PublicUserData::from(&*view.user),
            created_at: session.created_at,
            updated_at: session.updated_at,
        }
    }
}

#[cfg(feature = "server")]
impl<'a> SessionResource<'a> {
    /// Shows its user by `rendered`, where that was made of an equal one.
    pub(super) fn show_rendered(&mut self, user: &UserResource<'_>, rendered: &'a RawValue) {
        if matches!(&self.user, Shown::Resource(own) if own == user) {
            self.user = Shown::Rendered(rendered);
        }
    }
}

impl<'a> TokenResource<'a> {
    /// A session token.
    pub(crate) const fn new(jwt: &'a str) -> Self {
        Self { object: "token", jwt }
    }
}

impl<'a> From<&'a User> for PublicUserData<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            first_name: user.first_name.as_deref(),
            last_name: user.last_name.as_deref(),
            image_url: "",
            has_image: false,
            // Native clients can't read a session without one.
            identifier: user.public_identifier().unwrap_or_default(),
            user_id: AsDisplay(user.id),
            username: user.username.as_ref().map(|u| u.as_str()),
            banned: user.banned,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::time::Span;
    use crate::wire::samples;

    #[test]
    fn a_session_shows_its_public_user_data() {
        let shown = show(&samples::session());
        assert_eq!(
            shown["public_user_data"],
            json!({
                "first_name": "Ada", "last_name": null, "image_url": "", "has_image": false,
                "identifier": "ada@example.com", "user_id": samples::USER.to_string(), "username": null,
                "banned": false,
            })
        );
        assert_eq!(shown["factor_verification_age"], json!([0, -1]));
    }

    #[test]
    fn expiry_is_computed_from_the_moment_of_reading() {
        let mut view = samples::session();
        view.now = view.session.expire_at;
        view.session.updated_at = view.session.created_at + Span::from_secs(1);
        assert_eq!(show(&view)["status"], "expired");
    }

    fn show(view: &SessionView) -> Value {
        serde_json::to_value(SessionResource::from(view)).expect("JSON")
    }
}
