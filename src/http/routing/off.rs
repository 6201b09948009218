//! The paths of Clerk's Frontend API for features that the engine does not have: they say so to every caller.

use hyper::Method;

use crate::domain::id::{SessionId, SignInId, SignUpId};
use crate::domain::rejection::ErrorCode;

use crate::http::endpoint::is;

/// The error for `method` at such a path; `None` where Clerk has nothing there either, or the engine has it.
pub(super) fn code(method: &Method, segments: &[&str]) -> Option<ErrorCode> {
    let is_off = match *segments {
        // Sessions: reverification.
        ["v1", "client", "sessions", text, "verify", ..] => is::<SessionId>(text),
        // Sign-ins: password reset and second factors.
        ["v1", "client", "sign_ins", text, "reset_password" | "prepare_second_factor" | "attempt_second_factor"] => {
            is::<SignInId>(text)
        }
        // Sign-ups: enterprise connections and risk checks.
        ["v1", "client", "sign_ups", text, "enterprise_connections" | "protect_check"] => is::<SignUpId>(text),
        ["v1", "me"] if method == Method::DELETE => return Some(ErrorCode::UserDeleteSelfNotEnabled),
        ["v1", "me"] => method == Method::PATCH,
        ["v1", "me", feature, ..] => OF_A_USER.contains(&feature),
        ["v1", "organizations" | "api_keys" | "commerce" | "billing" | "dev_tools", ..] => true,
        _ => false,
    };
    is_off.then_some(ErrorCode::FeatureNotEnabled)
}

/// What users have at Clerk and not here, by the paths of `@clerk/clerk-js`: everything that can be changed in a
/// profile.
const OF_A_USER: &[&str] = &[
    "api_keys",
    "backup_codes",
    "billing",
    "biometric_credentials",
    "change_password",
    "commerce",
    "email_addresses",
    "enterprise_accounts",
    "enterprise_connections",
    "external_accounts",
    "metadata",
    "oauth",
    "organization_creation_defaults",
    "organization_invitations",
    "organization_memberships",
    "organization_suggestions",
    "passkeys",
    "phone_numbers",
    "remove_password",
    "saml_accounts",
    "sessions",
    "totp",
    "trusted_devices",
    "web3_wallets",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_does_not_have_is_told_from_what_is_nowhere() {
        let (sign_up, sign_in) = (SignUpId::from_bytes([1; 16]), SignInId::from_bytes([2; 16]));
        let session = SessionId::from_bytes([3; 16]);
        for path in [
            "v1/me/passkeys".to_owned(),
            "v1/me/passkeys/idn_1/attempt_verification".into(),
            "v1/me/email_addresses/".into(),
            "v1/me/totp/attempt_verification".into(),
            "v1/me/biometric_credentials/prepare".into(),
            "v1/billing/plans".into(),
            "v1/dev_tools/enable_environment_setting".into(),
            "v1/organizations".into(),
            "v1/organizations/org_1/memberships".into(),
            format!("v1/client/sign_ups/{sign_up}/enterprise_connections"),
            format!("v1/client/sign_ins/{sign_in}/attempt_second_factor"),
            format!("v1/client/sessions/{session}/verify"),
            format!("v1/client/sessions/{session}/verify/attempt_first_factor"),
        ] {
            let segments: Vec<&str> = path.split('/').collect();
            assert_eq!(code(&Method::POST, &segments), Some(ErrorCode::FeatureNotEnabled), "{path}");
        }
        for path in [
            "v1/me",
            "v1/me/",
            "v1/me/nonsense",
            "v1/organization",
            "v2/organizations",
            "v1/client/sign_ups/sua_1/protect_check",
            "v1/client/sync",
            "dev/organizations",
        ] {
            let segments: Vec<&str> = path.split('/').collect();
            assert_eq!(code(&Method::POST, &segments), None, "{path}");
        }
    }
}
