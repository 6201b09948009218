//! The authenticator app and the backup codes of a user, in the shape that clerk-js expects.

use serde::Serialize;

use crate::domain::time::Timestamp;
use crate::engine::TotpView;

/// An authenticator app on the wire. Its secret is shown only before it is proved.
#[derive(Debug, Serialize)]
pub(crate) struct TotpResource<'a> {
    object: &'static str,
    id: String,
    secret: Option<&'a str>,
    uri: Option<&'a str>,
    verified: bool,
    backup_codes: Option<Vec<&'a str>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// New backup codes on the wire, which are shown once.
#[derive(Debug, Serialize)]
pub(crate) struct BackupCodesResource<'a> {
    object: &'static str,
    id: String,
    codes: Vec<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An authenticator app that was removed.
#[derive(Debug, Serialize)]
pub(crate) struct DeletedTotp {
    object: &'static str,
    id: String,
    deleted: bool,
}

impl<'a> From<&'a TotpView> for TotpResource<'a> {
    fn from(view: &'a TotpView) -> Self {
        let totp = view.user.second_factors.as_ref().and_then(|own| own.totp.as_ref());
        let created_at = totp.map_or(view.user.updated_at, |totp| totp.created_at);
        Self {
            object: "totp",
            id: id("totp", view),
            secret: view.secret.as_ref().map(|text| text.expose().as_str()),
            uri: view.uri.as_ref().map(|text| text.expose().as_str()),
            verified: totp.is_some_and(|totp| totp.verified_at.is_some()),
            backup_codes: (!view.backup_codes.is_empty()).then(|| codes(view)),
            created_at,
            updated_at: totp.and_then(|totp| totp.verified_at).unwrap_or(created_at),
        }
    }
}

impl<'a> From<&'a TotpView> for BackupCodesResource<'a> {
    fn from(view: &'a TotpView) -> Self {
        let at = view.user.updated_at;
        Self { object: "backup_code", id: id("bc", view), codes: codes(view), created_at: at, updated_at: at }
    }
}

impl From<&TotpView> for DeletedTotp {
    fn from(view: &TotpView) -> Self {
        Self { object: "totp", id: id("totp", view), deleted: true }
    }
}

/// A user has one of each, so its id has the digits of the user's.
fn id(prefix: &str, view: &TotpView) -> String {
    let user = view.user.id.to_string();
    format!("{prefix}_{}", user.rsplit('_').next().unwrap_or_default())
}

fn codes(view: &TotpView) -> Vec<&str> {
    view.backup_codes.iter().map(|code| code.expose().as_str()).collect()
}
