//! The paths of Clerk's Frontend API for features that the engine does not have: they say so to every caller.

use crate::domain::id::SignUpId;
use crate::domain::rejection::ErrorCode;

use crate::http::endpoint::is;

/// The error at such a path; `None` where Clerk has nothing there either, or the engine has it.
pub(super) fn code(segments: &[&str]) -> Option<ErrorCode> {
    let is_off = match *segments {
        // Sign-ups: enterprise connections and risk checks.
        ["v1", "client", "sign_ups", text, "enterprise_connections" | "protect_check"] => is::<SignUpId>(text),
        ["v1", "me", feature, ..] => OF_A_USER.contains(&feature),
        ["v1", "organizations" | "api_keys" | "commerce" | "billing" | "dev_tools", ..] => true,
        _ => false,
    };
    is_off.then_some(ErrorCode::FeatureNotEnabled)
}

/// What users have at Clerk and not here, by the paths of `@clerk/clerk-js`.
const OF_A_USER: &[&str] = &[
    "api_keys",
    "billing",
    "biometric_credentials",
    "commerce",
    "enterprise_accounts",
    "enterprise_connections",
    "oauth",
    "organization_creation_defaults",
    "organization_invitations",
    "organization_memberships",
    "organization_suggestions",
    "saml_accounts",
    "trusted_devices",
    "web3_wallets",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_does_not_have_is_told_from_what_is_nowhere() {
        let sign_up = SignUpId::from_bytes([1; 16]);
        for path in [
            "v1/me/biometric_credentials/prepare".to_owned(),
            "v1/billing/plans".into(),
            "v1/dev_tools/enable_environment_setting".into(),
            "v1/organizations".into(),
            "v1/organizations/org_1/memberships".into(),
            format!("v1/client/sign_ups/{sign_up}/enterprise_connections"),
        ] {
            let segments: Vec<&str> = path.split('/').collect();
            assert_eq!(code(&segments), Some(ErrorCode::FeatureNotEnabled), "{path}");
        }
        for path in [
            "v1/me",
            "v1/me/",
            "v1/me/nonsense",
            "v1/me/email_addresses/idn_1",
            "v1/organization",
            "v2/organizations",
            "v1/client/sign_ups/sua_1/protect_check",
            "v1/client/sync",
            "dev/organizations",
        ] {
            let segments: Vec<&str> = path.split('/').collect();
            assert_eq!(code(&segments), None, "{path}");
        }
    }
}
