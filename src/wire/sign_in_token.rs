//! A sign-in token, in the shape of Clerk's Backend API.

use serde::Serialize;

use crate::domain::id::{SignInTokenId, UserId};
use crate::domain::sign_in_token::SignInTokenStatus;
use crate::domain::time::Timestamp;
use crate::engine::SignInTokenView;

use super::AsDisplay;

/// A sign-in token. One that was used or revoked is shown without its ticket.
#[derive(Debug, Serialize)]
pub(crate) struct SignInTokenResource<'a> {
    object: &'static str,
    id: AsDisplay<SignInTokenId>,
    user_id: AsDisplay<UserId>,
    status: &'static str,
    token: Option<&'a str>,
    url: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a SignInTokenView> for SignInTokenResource<'a> {
    fn from(view: &'a SignInTokenView) -> Self {
        let value = &view.value;
        let is_pending = value.status == SignInTokenStatus::Pending;
        Self {
            object: "sign_in_token",
            id: AsDisplay(value.id),
            user_id: AsDisplay(value.user_id),
            status: value.status.as_str(),
            token: is_pending.then(|| view.ticket.expose().as_str()),
            url: is_pending.then(|| view.url.as_str()),
            created_at: value.created_at,
            updated_at: value.updated_at,
        }
    }
}
