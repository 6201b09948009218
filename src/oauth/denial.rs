//! Error codes by which providers report that the person refused consent.

/// Whether an error response means that the person refused, and not that something failed. `error` is the standard
/// parameter; `reasons` are the values of other parameters that some providers send beside it.
///
/// RFC 6749, 4.1.2.1 defines `access_denied`. The other codes come from the documentation of LinkedIn
/// (`user_cancelled_login`, `user_cancelled_authorize`), Apple (`user_cancelled_authorize`), Facebook
/// (`error_reason=user_denied`) and Microsoft (`error_subcode=cancel`), or were seen at providers with their own
/// spelling. Codes that say that a page could not be shown (`consent_required`, `interaction_required`,
/// `login_required`: OpenID Connect Core, 3.1.2.6) are no refusal, and neither are errors of the provider itself.
pub fn is_denial<'a>(error: Option<&'a str>, reasons: impl IntoIterator<Item = &'a str>) -> bool {
    error.into_iter().chain(reasons).any(|word| {
        let word = word.trim().to_ascii_lowercase().replace(['-', ' '], "_");
        DENIALS.contains(&word.as_str())
    })
}

const DENIALS: [&str; 15] = [
    "access_denied",
    "authorization_declined",
    "authorization_denied",
    "cancel",
    "canceled",
    "cancelled",
    "consent_denied",
    "user_canceled",
    "user_canceled_authorize",
    "user_canceled_login",
    "user_cancelled",
    "user_cancelled_authorize",
    "user_cancelled_login",
    "user_declined",
    "user_denied",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_who_says_no_is_told_from_trouble() {
        for (error, reasons, denied) in [
            (Some("access_denied"), &[][..], true),
            (Some("ACCESS_DENIED"), &[], true),
            (Some("access-denied"), &[], true),
            (Some("user_cancelled_login"), &[], true),
            (Some("user_cancelled_authorize"), &[], true),
            (Some("user_denied"), &[], true),
            (Some("user_canceled"), &[], true),
            (None, &["user_denied"], true),
            (Some("consent_required"), &["cancel"], true),
            (Some("server_error"), &[], false),
            (Some("temporarily_unavailable"), &[], false),
            (Some("consent_required"), &[], false),
            (Some("interaction_required"), &[], false),
            (Some("login_required"), &[], false),
            (Some("account_selection_required"), &[], false),
            (Some("invalid_scope"), &[], false),
            (Some("unauthorized_client"), &[], false),
            (Some("access_denied_by_policy"), &[], false),
            (Some("server_error"), &["200"], false),
            (Some(""), &[""], false),
            (None, &[], false),
        ] {
            assert_eq!(is_denial(error, reasons.iter().copied()), denied, "{error:?} {reasons:?}");
        }
    }
}
