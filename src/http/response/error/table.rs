//! The table: every code with its status and texts. The texts are what people read
//! ([guide: Errors and limits on the wire](crate::guide::contract_errors)).

use hyper::StatusCode;

/// One line of the table. `{param}` and `{n}` stand for the parameter in words and the reason's number.
pub(super) struct Row {
    pub(super) code: &'static str,
    /// The only parameter the row is for, when it is not for all.
    pub(super) param: Option<&'static str>,
    pub(super) status: StatusCode,
    pub(super) message: &'static str,
    pub(super) long_message: &'static str,
}

/// The row of a code, a row of its own for the parameter first. A code without one is a defect, and is answered
/// as such.
pub(super) fn row(code: &str, param: Option<&str>) -> &'static Row {
    let of_code = || TABLE.iter().filter(|row| row.code == code);
    of_code()
        .find(|row| row.param.is_some() && row.param == param)
        .or_else(|| of_code().find(|row| row.param.is_none()))
        .unwrap_or(&INTERNAL)
}

const fn all(code: &'static str, status: StatusCode, message: &'static str, long_message: &'static str) -> Row {
    Row { code, param: None, status, message, long_message }
}

const fn only(
    code: &'static str,
    param: &'static str,
    status: StatusCode,
    message: &'static str,
    long_message: &'static str,
) -> Row {
    Row { param: Some(param), ..all(code, status, message, long_message) }
}

const BAD: StatusCode = StatusCode::BAD_REQUEST;
const UNAUTHENTICATED: StatusCode = StatusCode::UNAUTHORIZED;
const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
const FIELD: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
const CONFLICT: StatusCode = StatusCode::CONFLICT;
const WAIT: StatusCode = StatusCode::TOO_MANY_REQUESTS;

const INTERNAL: Row = all(
    "internal_error",
    StatusCode::INTERNAL_SERVER_ERROR,
    "Internal error",
    "Something went wrong on our side. Please try again.",
);

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    // Fields
    only("form_identifier_exists", "email_address", FIELD, "That email address is taken. Please try another.", "That email address is taken. Please try another."),
    only("form_identifier_exists", "phone_number", FIELD, "That phone number is taken. Please try another.", "That phone number is taken. Please try another."),
    only("form_identifier_exists", "external_id", FIELD, "That external id is taken.", "Another user has that external id."),
    only("form_identifier_exists", "username", FIELD, "That username is taken. Please try another.", "That username is taken. Please try another."),
    all("form_identifier_exists", FIELD, "already exists", "This identifier is taken. Please try another."),
    only("form_param_format_invalid", "email_address", FIELD, "is invalid", "Email address must be a valid email address."),
    only("form_param_format_invalid", "phone_number", FIELD, "is invalid", "Phone number must be a valid phone number according to E.164 international standard."),
    all("form_param_format_invalid", FIELD, "is invalid", "The {param} is not in a valid format."),
    all("form_param_missing", FIELD, "is missing", "Enter {param}."),
    all("form_param_nil", FIELD, "is empty", "Enter {param}."),
    all("form_param_unknown", FIELD, "is unknown", "{param} is not a valid parameter for this request."),
    all("form_param_duplicate", FIELD, "is duplicated", "The {param} was included several times."),
    only("form_param_value_invalid", "strategy", FIELD, "is invalid", "The strategy is not one of the allowed values."),
    only("form_param_value_invalid", "unsafe_metadata", FIELD, "is invalid", "The unsafe metadata must be a JSON object."),
    all("form_param_value_invalid", FIELD, "is invalid", "The {param} does not have an allowed value."),
    all("form_param_value_disabled", BAD, "is disabled", "The {param} given is not enabled for this instance."),
    all("form_param_type_invalid", FIELD, "is invalid", "The {param} has the wrong type."),
    all("form_param_max_length_exceeded", FIELD, "is too long", "The {param} must not exceed {n} characters."),
    all("form_param_exceeds_allowed_size", FIELD, "is too big", "The {param} must not exceed {n} bytes."),
    all("form_conditional_param_disallowed", FIELD, "is not allowed", "The {param} does not fit the other parameters of this request."),
    all("form_password_length_too_short", FIELD, "Passwords must be {n} characters or more.", "Passwords must be {n} characters or more."),
    all("form_password_length_too_long", FIELD, "Passwords must be {n} characters or less.", "Passwords must be {n} characters or less."),
    all("form_password_size_in_bytes_exceeded", FIELD, "Password is too long.", "The password has exceeded the maximum number of bytes permitted. Please try a shorter one."),
    all("form_password_no_lowercase", FIELD, "Passwords must contain at least one lowercase character.", "Passwords must contain at least one lowercase character."),
    all("form_password_no_uppercase", FIELD, "Passwords must contain at least one uppercase character.", "Passwords must contain at least one uppercase character."),
    all("form_password_no_number", FIELD, "Passwords must contain at least one number.", "Passwords must contain at least one number."),
    all("form_password_no_special_char", FIELD, "Passwords must contain at least one special character.", "Passwords must contain at least one special character."),
    all("form_password_pwned", FIELD, "Password is too easily guessed.", "This password is among the most used ones, too close to your own details, or known from a data breach. Please use a different password."),
    all("form_password_not_strong_enough", FIELD, "Password is not strong enough.", "Given password is not strong enough. Please add another word or two."),
    all("form_username_invalid_length", FIELD, "is invalid", "The username is too short or too long."),
    all("form_username_invalid_character", FIELD, "is invalid", "The username can only contain letters, numbers and the allowed special characters."),
    all("form_username_needs_non_number_char", FIELD, "is invalid", "The username must contain one non-number character."),
    all("form_identifier_not_found", FIELD, "not found", "There is no account with that identifier."),
    all("form_password_incorrect", FIELD, "is incorrect", "That password is not right. Try again, or use another way to sign in."),
    all("form_code_incorrect", FIELD, "is incorrect", "Incorrect code"),
    all("legal_not_accepted", FIELD, "must be accepted", "You must accept the terms to continue."),
    // Verifications
    all("verification_missing", BAD, "No verification in progress", "You need to send a verification code before attempting to verify."),
    all("verification_expired", BAD, "expired", "This verification has expired. You must create a new one."),
    all("verification_failed", BAD, "failed", "Too many failed attempts. You have to request a new code."),
    all("verification_already_verified", BAD, "already verified", "This verification has already been verified."),
    all("verification_strategy_invalid", BAD, "Invalid verification strategy", "The verification strategy is not valid for this sign up."),
    all("verification_code_too_many_requests", WAIT, "Too many requests", "You need to wait before you can request another verification code."),
    all("verification_link_token_invalid", BAD, "Invalid link", "This link is not valid, or was used already. Please ask for a new one."),
    all("verification_link_token_expired", BAD, "Link expired", "This link has expired. Please ask for a new one."),
    all("sign_up_email_link_not_same_client", FORBIDDEN, "Not the same browser", "Open this link in the browser and on the device where you began to sign up."),
    all("invalid_redirect_url", FIELD, "is not allowed", "The {param} does not match an allowed origin or redirect URL of this instance."),
    // Sign-ups
    all("too_many_requests", WAIT, "Too many requests", "Too many requests. Please try again in a bit."),
    all("sign_up_cannot_be_updated", BAD, "Sign up cannot be updated", "This sign up has reached a terminal state and cannot be updated."),
    all("captcha_missing_token", BAD, "Captcha missing", "Please complete the captcha to continue."),
    all("requires_captcha", UNAUTHENTICATED, "Captcha required", "Please complete the captcha to continue."),
    all("captcha_invalid", BAD, "Captcha invalid", "The captcha was not accepted. Please try again."),
    only("not_allowed_access", "email_address", FORBIDDEN, "Access not allowed.", "This email address is not allowed to sign up."),
    only("not_allowed_access", "phone_number", FORBIDDEN, "Access not allowed.", "This phone number is not allowed to sign up."),
    only("not_allowed_access", "identifier", FORBIDDEN, "Access not allowed.", "You are not allowed to sign in."),
    all("not_allowed_access", FORBIDDEN, "Access not allowed.", "You are not allowed to sign up."),
    all("unsupported_country_code", FORBIDDEN, "Unsupported country code", "Phone numbers from this country are not supported. Please use another one."),
    all("sign_up_mode_restricted", FORBIDDEN, "Sign ups are restricted", "Sign up is restricted to people with an invitation."),
    all("sign_up_restricted_waitlist", FORBIDDEN, "Sign ups are restricted", "Sign up is restricted to people let in from the waiting list."),
    all("oauth_provider_not_enabled", BAD, "Provider not enabled", "This provider is not enabled for this instance."),
    all("oauth_config_missing", BAD, "Provider not configured", "This provider has no credentials on this instance."),
    all("oauth_token_exchange_error", BAD, "Token exchange failed", "The provider did not confirm the sign in. Please try again."),
    all("oauth_fetch_user_error", BAD, "Profile not available", "The provider did not say who you are. Please try again."),
    all("oauth_callback_invalid", BAD, "Invalid callback", "This sign in with a provider is not known here, or is over. Please try again."),
    all("oauth_access_denied", FORBIDDEN, "Access denied", "You did not grant access to your account at the provider."),
    all("external_account_exists", BAD, "Account exists", "There is already a user for this account. Please sign in instead."),
    all("external_account_not_found", StatusCode::NOT_FOUND, "Account not found", "There is no user for this account yet. Please sign up."),
    all("identifier_already_signed_in", BAD, "Already signed in", "You are already signed in with this account."),
    all("account_transfer_invalid", BAD, "Invalid account transfer", "There is no account to transfer."),
    all("session_exists", BAD, "Session already exists", "You're currently in single session mode. You can only be signed into one account at a time."),
    all("resource_not_found", StatusCode::NOT_FOUND, "not found", "There is nothing here, or nothing that you may see."),
    // Invitations
    all("ticket_invalid_code", BAD, "Invalid ticket", "This invitation is not valid. Please ask for a new one."),
    all("ticket_expired_code", BAD, "Ticket expired", "This invitation has expired. Please ask for a new one."),
    all("invitation_already_accepted", BAD, "Invitation already accepted", "This invitation was used already. Please sign in instead."),
    all("invitation_already_revoked", BAD, "Invitation already revoked", "This invitation was taken back already."),
    all("revoked_invitation", BAD, "Invitation revoked", "This invitation was taken back."),
    all("invitation_account_exists", BAD, "Account exists", "There is already a user with the invited email address. Please sign in instead."),
    all("duplicate_record", BAD, "duplicate record", "There is a pending invitation for this email address already."),
    all("waitlist_entry_already_invited", CONFLICT, "already invited", "This person was invited already, and the invitation is still good."),
    all("waitlist_entry_already_completed", CONFLICT, "already completed", "This person has signed up already."),
    all("waitlist_entry_already_rejected", CONFLICT, "already rejected", "This person was rejected already."),
    all("feature_not_enabled", FORBIDDEN, "not enabled", "This feature is not enabled on this instance."),
    all("user_delete_self_not_enabled", FORBIDDEN, "not enabled", "Users of this instance can't delete their account themselves."),
    all("resource_forbidden", FORBIDDEN, "forbidden", "This can't be done to it any more."),
    // Sign-ins
    all("strategy_for_user_invalid", BAD, "Invalid strategy for this account", "This account can't be signed in to that way."),
    all("sign_up_if_missing_not_allowed", FIELD, "Sign up not allowed", "There is no signing up with this identifier on the way of signing in. Please sign up instead."),
    all("sign_up_if_missing_strategy_not_supported", FIELD, "Strategy not supported", "Whoever may be new here proves the identifier by a code that is sent to it."),
    all("sign_up_if_missing_transfer", StatusCode::NOT_FOUND, "No account yet", "There is no account with that identifier yet. Please continue to sign up."),
    // Who asks
    all("signed_out", UNAUTHENTICATED, "Signed out", "You are signed out."),
    all("authentication_invalid", UNAUTHENTICATED, "Invalid authentication", "Unable to authenticate the request: it needs an active session or, from a backend, the secret key."),
    all("authorization_header_format_invalid", UNAUTHENTICATED, "Invalid Authorization header format", "The Authorization header must hold the secret key, as `Bearer <key>`."),
    all("clerk_key_invalid", UNAUTHENTICATED, "The provided secret key is invalid.", "The provided secret key is invalid. Make sure that it is the one of this instance."),
    all("client_state_invalid", BAD, "Signed in or out meanwhile", "Somebody signed in or out in this browser while this request was under way. Please try again."),
    all("cookie_invalid", BAD, "Several clients", "This request came with the cookies or tokens of several clients at once, and nobody can tell which of them is yours. Please clear the cookies of this site, and try again."),
    all("dev_browser_unauthenticated", UNAUTHENTICATED, "Browser unauthenticated", "Unable to authenticate this browser for your development instance."),
    // Transport
    all("origin_invalid", BAD, "Invalid HTTP Origin header", "The Origin HTTP header is not one of the allowed origins of this instance."),
    all("origin_missing", BAD, "Missing HTTP Origin header", "The Origin HTTP header is missing."),
    all("origin_authorization_headers_conflict", BAD, "Origin and Authorization conflict", "For security purposes, only one of the Origin and Authorization headers should be provided, but not both."),
    all("host_invalid", BAD, "Invalid host", "The Host HTTP header is missing, is there twice, is no host, or does not name this instance."),
    all("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", "This resource does not have that method."),
    all("request_timeout", StatusCode::REQUEST_TIMEOUT, "Request timeout", "The request took too long to arrive."),
    all("request_body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "Request too large", "The request is larger, or has more parameters, than allowed."),
    all("unsupported_content_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type is unsupported", "The request's content type must be application/x-www-form-urlencoded, without a content encoding."),
    all("request_body_invalid", BAD, "Body is invalid", "The request's body could not be read."),
    all("service_unavailable", StatusCode::SERVICE_UNAVAILABLE, "Service unavailable", "The service is not available at the moment. Please try again in a bit."),
    INTERNAL,
];
