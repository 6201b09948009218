//! The table: every code of a refusal or a failure with its status and texts. People read these texts
//! ([guide: Errors and limits on the wire](crate::guide::contract_errors)). A code without texts does not compile.

use crate::domain::rejection::ErrorCode;

use super::Failure;

/// The status and texts of one code. `{param}` and `{n}` stand for the parameter in words and the reason's number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The HTTP status.
    pub(crate) status: u16,
    message: &'static str,
    long_message: &'static str,
    /// Parameters with texts of their own: the name, the message and the long message.
    exceptions: &'static [(&'static str, &'static str, &'static str)],
}

impl Row {
    /// The row of a code whose texts are the same for every parameter.
    pub(crate) const fn new(status: u16, message: &'static str, long_message: &'static str) -> Self {
        Self { status, message, long_message, exceptions: &[] }
    }

    /// The message and the long message for a parameter, or without one.
    pub(crate) fn texts(&self, param: Option<&str>) -> (&'static str, &'static str) {
        let own = self.exceptions.iter().find(|(name, ..)| param == Some(*name));
        own.map_or((self.message, self.long_message), |(_, message, long_message)| (message, long_message))
    }

    /// Adds texts for some parameters.
    const fn except(self, exceptions: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        Self { exceptions, ..self }
    }
}

/// The row of a refusal.
#[rustfmt::skip]
pub(crate) const fn of_refusal(code: ErrorCode) -> Row {
    match code {
        // Fields
        ErrorCode::FormIdentifierExists => row(FIELD, "already exists", "This identifier is taken. Please try another.").except(&[
            ("email_address", "That email address is taken. Please try another.", "That email address is taken. Please try another."),
            ("phone_number", "That phone number is taken. Please try another.", "That phone number is taken. Please try another."),
            ("external_id", "That external id is taken.", "Another user has that external id."),
            ("username", "That username is taken. Please try another.", "That username is taken. Please try another."),
        ]),
        ErrorCode::FormParamFormatInvalid => row(FIELD, "is invalid", "The {param} is not in a valid format.").except(&[
            ("email_address", "is invalid", "Email address must be a valid email address."),
            ("phone_number", "is invalid", "Phone number must be a valid phone number according to E.164 international standard."),
            ("secret", "is invalid", "The secret must be whsec_ and the base64 of 24 to 64 random bytes."),
            ("url", "is invalid", "The URL must begin with https:// and lead to a public address, without a password and without a fragment. In development it may also begin with http://localhost."),
        ]),
        ErrorCode::FormParamMissing => row(FIELD, "is missing", "Enter {param}."),
        ErrorCode::FormParamNil => row(FIELD, "is empty", "Enter {param}."),
        ErrorCode::FormParamUnknown => row(FIELD, "is unknown", "{param} is not a valid parameter for this request."),
        ErrorCode::FormInvalidOrigin => row(FIELD, "is invalid", "The {param} must be origins, such as https://app.example.com or capacitor://localhost, at most 100 of them."),
        ErrorCode::FormParamDuplicate => row(FIELD, "is duplicated", "The {param} was included several times."),
        ErrorCode::FormParamValueInvalid => row(FIELD, "is invalid", "The {param} does not have an allowed value.").except(&[
            ("events", "is invalid", "The events must be names such as user.created, or groups such as user.*, of events that are sent."),
            ("strategy", "is invalid", "The strategy is not one of the allowed values."),
            ("unsafe_metadata", "is invalid", "The unsafe metadata must be a JSON object."),
            ("public_metadata", "is invalid", "The public metadata must be a JSON object."),
            ("private_metadata", "is invalid", "The private metadata must be a JSON object."),
            ("test_mode", "can't be changed", "Only a development instance has a test mode."),
            ("url_based_session_syncing", "can't be changed", "The kind of the publishable key decides this."),
            ("enhanced_email_deliverability", "can't be changed", "Messages are sent as the configuration of the instance says: [email]."),
            ("clerk_js_version", "can't be changed", "The engine serves no bundles, so it can't choose their version."),
            ("development_origin", "can't be changed", "Origins are allowed by allowed_origins, or by server.allowed_origins in the configuration."),
            ("hibp", "can't be changed", "The instance knows no service that knows leaked passwords: password.pwned_range_url in its configuration."),
            ("notify", "is invalid", "Only an e-mail address on the allow-list can be invited."),
        ]),
        ErrorCode::FormParamValueDisabled => row(BAD, "is disabled", "The {param} given is not enabled for this instance."),
        ErrorCode::FormParamTypeInvalid => row(FIELD, "is invalid", "The {param} has the wrong type."),
        ErrorCode::FormParamMaxLengthExceeded => row(FIELD, "is too long", "The {param} must not exceed {n} characters."),
        ErrorCode::FormParamExceedsAllowedSize => row(FIELD, "is too big", "The {param} must not exceed {n} bytes."),
        ErrorCode::FormConditionalParamMissing => row(FIELD, "is missing", "The {param} is needed with the other parameters of this request."),
        ErrorCode::FormDataMissing => row(FIELD, "is missing", "The settings of this instance require more of a user. The missing parameters are named."),
        ErrorCode::FormConditionalParamDisallowed => row(FIELD, "is not allowed", "The {param} does not fit the other parameters of this request."),
        ErrorCode::FormPasswordLengthTooShort => row(FIELD, "Passwords must be {n} characters or more.", "Passwords must be {n} characters or more."),
        ErrorCode::FormPasswordLengthTooLong => row(FIELD, "Passwords must be {n} characters or less.", "Passwords must be {n} characters or less."),
        ErrorCode::FormPasswordSizeInBytesExceeded => row(FIELD, "Password is too long.", "The password has exceeded the maximum number of bytes permitted. Please try a shorter one."),
        ErrorCode::FormPasswordNoLowercase => row(FIELD, "Passwords must contain at least one lowercase character.", "Passwords must contain at least one lowercase character."),
        ErrorCode::FormPasswordNoUppercase => row(FIELD, "Passwords must contain at least one uppercase character.", "Passwords must contain at least one uppercase character."),
        ErrorCode::FormPasswordNoNumber => row(FIELD, "Passwords must contain at least one number.", "Passwords must contain at least one number."),
        ErrorCode::FormPasswordNoSpecialChar => row(FIELD, "Passwords must contain at least one special character.", "Passwords must contain at least one special character."),
        ErrorCode::FormPasswordPwned => row(FIELD, "Password is too easily guessed.", "This password is among the most used ones, too close to your own details, or known from a data breach. Please use a different password."),
        ErrorCode::FormPasswordNotStrongEnough => row(FIELD, "Password is not strong enough.", "Given password is not strong enough. Please add another word or two."),
        ErrorCode::FormPasswordDigestInvalid => row(FIELD, "is invalid", "The password digest does not have the form that its hasher writes."),
        ErrorCode::FormPasswordCompromised => row(FIELD, "Password compromised", "This password is known to others and can't be used any more. Please sign in another way."),
        ErrorCode::PasskeyRegistrationFailure => row(FIELD, "Passkey not registered", "The passkey could not be registered. Please try again."),
        ErrorCode::PasskeyAuthenticationFailure => row(FIELD, "Passkey not accepted", "The passkey could not be verified. Please try again, or use another method."),
        ErrorCode::PasskeyNotRegistered => row(FIELD, "Passkey not registered", "This passkey belongs to no account here. Please use another method."),
        ErrorCode::PasskeyInvalidPublicKeyCredential => row(FIELD, "is invalid", "The {param} must be the answer of the browser to the last challenge, as JSON."),
        ErrorCode::PasskeyQuotaExceeded => row(FORBIDDEN, "Too many passkeys", "You have as many passkeys as you can have. Remove one before you add another."),
        ErrorCode::TotpAlreadyEnabled => row(BAD, "Already set up", "An authenticator app is set up already. Remove it before you set up another one."),
        ErrorCode::TotpNotEnabled => row(BAD, "Not set up", "No authenticator app is set up."),
        ErrorCode::BackupCodesNotAvailable => row(BAD, "Not available", "Backup codes need another second factor: set one up first."),
        ErrorCode::FormNewPasswordMatchesCurrent => row(FIELD, "is the same as before", "The new password is the same as the current one. Please choose another one."),
        ErrorCode::FormPasswordMatchesIdentifier => row(FIELD, "is an identifier", "The password must not be your e-mail address, phone number or username."),
        ErrorCode::ClientStateInvalid => row(BAD, "Invalid action", "This is not possible in the present state of the sign-in. Please begin again."),
        ErrorCode::FormUsernameInvalidLength => row(FIELD, "is invalid", "The username is too short or too long."),
        ErrorCode::FormUsernameInvalidCharacter => row(FIELD, "is invalid", "The username can only contain letters, numbers and the allowed special characters."),
        ErrorCode::FormUsernameNeedsNonNumberChar => row(FIELD, "is invalid", "The username must contain one non-number character."),
        ErrorCode::FormIdentifierNotFound => row(FIELD, "not found", "There is no account with that identifier."),
        ErrorCode::FormPasswordIncorrect => row(FIELD, "is incorrect", "That password is not right. Try again, or use another way to sign in."),
        ErrorCode::IncorrectPassword => row(FIELD, "is incorrect", "The password is not that of the user."),
        ErrorCode::NoPasswordSet => row(BAD, "no password", "The user has no password."),
        ErrorCode::FormPasswordValidationFailed => row(FIELD, "is incorrect", "That is not your current password. Please try again."),
        ErrorCode::FormCodeIncorrect => row(FIELD, "is incorrect", "Incorrect code"),
        ErrorCode::LegalNotAccepted => row(FIELD, "must be accepted", "You must accept the terms to continue."),
        // Verifications
        ErrorCode::VerificationMissing => row(BAD, "No verification in progress", "You need to send a verification code before attempting to verify."),
        ErrorCode::VerificationExpired => row(BAD, "expired", "This verification has expired. You must create a new one."),
        ErrorCode::VerificationFailed => row(BAD, "failed", "Too many failed attempts. You have to request a new code."),
        ErrorCode::VerificationAlreadyVerified => row(BAD, "already verified", "This verification has already been verified."),
        ErrorCode::VerificationStrategyInvalid => row(BAD, "Invalid verification strategy", "The verification strategy is not valid for this sign up."),
        ErrorCode::VerificationCodeTooManyRequests => row(WAIT, "Too many requests", "You need to wait before you can request another verification code."),
        ErrorCode::VerificationLinkTokenInvalid => row(BAD, "Invalid link", "This link is not valid, or was used already. Please ask for a new one."),
        ErrorCode::VerificationLinkTokenExpired => row(BAD, "Link expired", "This link has expired. Please ask for a new one."),
        ErrorCode::SignUpEmailLinkNotSameClient => row(FORBIDDEN, "Not the same browser", "Open this link in the browser and on the device where you began to sign up."),
        ErrorCode::SignInEmailLinkNotSameClient => row(FORBIDDEN, "Not the same browser", "Open this link in the browser and on the device where you began to sign in."),
        ErrorCode::VerificationLinkNotSameClient => row(FORBIDDEN, "Not the same browser", "Open this link in the browser and on the device where you added the address."),
        ErrorCode::ApprovalTokenInvalid => row(FIELD, "Invalid link", "This link is not valid. Please ask for a new one."),
        ErrorCode::ApprovalTokenExpired => row(FIELD, "Link expired", "This link has expired. Please ask for a new one."),
        ErrorCode::ApprovalTokenConsumed => row(FIELD, "Link used", "This link was used already. Please ask for a new one."),
        ErrorCode::PkceVerificationFailed => row(FIELD, "Not the same application", "This link belongs to another application, or to an earlier start of it. Please ask for a new one."),
        ErrorCode::InvalidRedirectUrl => row(FIELD, "is not allowed", "The {param} does not match an allowed origin or redirect URL of this instance."),
        ErrorCode::ResourceMissmatch => row(BAD, "is not listed", "The {param} is not one of the redirect URLs that this instance lists. Applications that are no web sites, and links with a code challenge, take listed ones only."),
        ErrorCode::InvalidHandshake => row(BAD, "Invalid handshake", "This page can't have the result of a handshake: its origin is not one of the allowed origins of this instance."),
        ErrorCode::InvalidNonce => row(BAD, "Invalid nonce", "There is no handshake with this nonce, or it was fetched already, or it is over."),
        ErrorCode::InvalidProxyConfiguration => row(FIELD, "Invalid proxy", "This is not the URL at which browsers reach this instance. Please set server.public_url to it, or check the other URL."),
        // Sign-ups
        ErrorCode::TooManyRequests => row(WAIT, "Too many requests", "Too many requests. Please try again in a bit."),
        ErrorCode::SignUpCannotBeUpdated => row(BAD, "Sign up cannot be updated", "This sign up has reached a terminal state and cannot be updated."),
        ErrorCode::SignUpAwaitsApproval => row(FORBIDDEN, "Waiting for approval", "Your sign up is waiting for approval. There is nothing more to do until it has been looked at."),
        ErrorCode::SignUpRefused => row(FORBIDDEN, "Not approved", "Your sign up was not approved."),
        ErrorCode::SignUpNotAwaitingApproval => row(CONFLICT, "not awaiting approval", "This sign up does not wait for approval, or not any more."),
        // The application says these in its own words, if it says anything.
        ErrorCode::SignUpCheckFailed => row(FIELD, "Sign up not checked", "Your sign up could not be checked. Please try again in a moment."),
        ErrorCode::RefusedByApplication => row(FIELD, "Sign up not allowed", "You are not allowed to sign up."),
        ErrorCode::CaptchaMissingToken => row(BAD, "Captcha missing", "Please complete the captcha to continue."),
        ErrorCode::RequiresCaptcha => row(UNAUTHENTICATED, "Captcha required", "Please complete the captcha to continue."),
        ErrorCode::CaptchaInvalid => row(BAD, "Captcha invalid", "The captcha was not accepted. Please try again."),
        ErrorCode::NotAllowedAccess => row(FORBIDDEN, "Access not allowed.", "You are not allowed to sign up.").except(&[
            ("email_address", "Access not allowed.", "This email address is not allowed to sign up."),
            ("phone_number", "Access not allowed.", "This phone number is not allowed to sign up."),
            ("identifier", "Access not allowed.", "You are not allowed to sign in."),
        ]),
        ErrorCode::UnsupportedCountryCode => row(FORBIDDEN, "Unsupported country code", "Phone numbers from this country are not supported. Please use another one."),
        ErrorCode::SignUpModeRestricted => row(FORBIDDEN, "Sign ups are restricted", "Sign up is restricted to people with an invitation."),
        ErrorCode::SignUpRestrictedWaitlist => row(FORBIDDEN, "Sign ups are restricted", "Sign up is restricted to people let in from the waiting list."),
        ErrorCode::OAuthProviderNotEnabled => row(BAD, "Provider not enabled", "This provider is not enabled for this instance."),
        ErrorCode::OAuthConfigMissing => row(BAD, "Provider not configured", "This provider has no credentials on this instance."),
        ErrorCode::OAuthTokenExchangeError => row(BAD, "Token exchange failed", "The provider did not confirm the sign in. Please try again."),
        ErrorCode::OAuthFetchUserError => row(BAD, "Profile not available", "The provider did not say who you are. Please try again."),
        ErrorCode::OAuthCallbackInvalid => row(BAD, "Invalid callback", "This sign in with a provider is not known here, or is over. Please try again."),
        ErrorCode::OAuthAccessDenied => row(FORBIDDEN, "Access denied", "You did not grant access to your account at the provider."),
        ErrorCode::ExternalAccountExists => row(BAD, "Account exists", "There is already a user for this account. Please sign in instead."),
        ErrorCode::ExternalAccountNotFound => row(MISSING, "Account not found", "There is no user for this account yet. Please sign up."),
        ErrorCode::IdentifierAlreadySignedIn => row(BAD, "Already signed in", "You are already signed in with this account."),
        ErrorCode::AccountTransferInvalid => row(BAD, "Invalid account transfer", "There is no account to transfer."),
        ErrorCode::SessionExists => row(BAD, "Session already exists", "You're currently in single session mode. You can only be signed into one account at a time."),
        ErrorCode::ResourceNotFound => row(MISSING, "not found", "There is nothing here, or nothing that you may see."),
        // The profile
        ErrorCode::PasswordRequired => row(BAD, "Password required", "Without the password you could not sign in any more, or this instance needs one. It can be changed."),
        ErrorCode::UpdatingUserPasswordDeprecated => row(FORBIDDEN, "not here", "The password is changed by a call of its own, change_password."),
        ErrorCode::ImmutableAttributeModificationNotAllowed => row(FORBIDDEN, "can't be changed", "The {param} can't be changed after sign-up."),
        ErrorCode::TooManyUnverifiedIdentifications => row(BAD, "Too many unverified", "There are too many addresses that are not verified yet. Please verify or remove one of them first."),
        ErrorCode::IdentificationDeletionFailed => row(BAD, "Can't be removed", "Without it you could not sign in any more. Please add another way to sign in first."),
        ErrorCode::LastRequiredIdentificationDeletionFailed => row(BAD, "Can't be removed", "Everybody here needs at least one of these. Please add another one first."),
        ErrorCode::DeleteLinkedIdentificationDisallowed => row(BAD, "Can't be removed", "An account that is connected vouches for this address. Please disconnect the account first."),
        ErrorCode::OAuthIdentificationClaimed => row(BAD, "Account in use", "This account is connected to another user."),
        ErrorCode::SessionReverificationRequired => row(FORBIDDEN, "Verify again", "Please verify again that it is you, and repeat this."),
        ErrorCode::SessionReverificationMissing => row(BAD, "No verification in progress", "There is no verification of this session in progress. Please begin again."),
        ErrorCode::InvalidActionForSessionReverification => row(BAD, "Not needed now", "This step does not fit the verification in progress."),
        // Invitations
        ErrorCode::TicketInvalidCode => row(BAD, "Invalid ticket", "This ticket is not valid. Please ask for a new one."),
        ErrorCode::TicketExpiredCode => row(BAD, "Ticket expired", "This ticket has expired. Please ask for a new one."),
        ErrorCode::InvitationAlreadyAccepted => row(BAD, "Invitation already accepted", "This invitation was used already. Please sign in instead."),
        ErrorCode::InvitationAlreadyRevoked => row(BAD, "Invitation already revoked", "This invitation was taken back already."),
        ErrorCode::RevokedInvitation => row(BAD, "Invitation revoked", "This invitation was taken back."),
        ErrorCode::InvitationAccountExists => row(BAD, "Account exists", "There is already a user with the invited email address. Please sign in instead."),
        ErrorCode::InvitationAccountNotExists => row(BAD, "No account yet", "There is no user with the invited email address yet. Please sign up."),
        ErrorCode::SignInTokenAlreadyUsed => row(BAD, "Ticket already used", "This ticket was used already. Please ask for a new one."),
        ErrorCode::SignInTokenRevoked => row(BAD, "Ticket revoked", "This ticket was taken back. Please ask for a new one."),
        ErrorCode::SignInTokenCannotBeUsed => row(BAD, "Ticket unusable", "There is no user any more to whom this ticket signs in."),
        ErrorCode::SignInTokenCannotBeRevoked => row(BAD, "Cannot be revoked", "Only a sign-in token that is pending can be revoked."),
        ErrorCode::SignInTokenNotInSignIn => row(BAD, "Ticket for signing in", "This ticket is for signing in, not for signing up."),
        ErrorCode::DuplicateRecord => row(BAD, "duplicate record", "There is a pending invitation for this email address already.").except(&[
            ("identifier", "duplicate record", "The list has this identifier already."),
            ("url", "duplicate record", "This redirect URL is listed already."),
        ]),
        ErrorCode::WaitlistEntryAlreadyInvited => row(CONFLICT, "already invited", "This person was invited already, and the invitation is still good."),
        ErrorCode::WaitlistEntryAlreadyCompleted => row(CONFLICT, "already completed", "This person has signed up already."),
        ErrorCode::WaitlistEntryAlreadyRejected => row(CONFLICT, "already rejected", "This person was rejected already."),
        ErrorCode::FeatureNotEnabled => row(FORBIDDEN, "not enabled", "This feature is not enabled on this instance."),
        ErrorCode::UserDeleteSelfNotEnabled => row(FORBIDDEN, "not enabled", "Users of this instance can't delete their account themselves."),
        ErrorCode::ResourceConflict => row(CONFLICT, "changed meanwhile", "It was changed by another request since it was read. Please read it again."),
        ErrorCode::ResourceForbidden => row(FORBIDDEN, "forbidden", "This can't be done to it any more."),
        // Webhooks
        ErrorCode::WebhookEndpointConfigured => row(FORBIDDEN, "is configured", "This endpoint is in the configuration of the instance. Please change it there."),
        ErrorCode::MessageOver => row(CONFLICT, "no longer good", "What this message says is no longer good, so it is not sent again. The person can ask for a new one."),
        ErrorCode::WebhookEndpointQuotaExceeded => row(FORBIDDEN, "too many endpoints", "There are {n} endpoints already, and an instance has no more."),
        // Sign-ins
        ErrorCode::StrategyForUserInvalid => row(BAD, "Invalid strategy for this account", "This account can't be signed in to that way."),
        ErrorCode::UserBanned => row(FORBIDDEN, "Account banned", "This account is banned. Please contact support for more information."),
        ErrorCode::AccountLockoutWarning => row(FIELD, "Account will be locked", "The account is locked after {n} more failed attempts."),
        ErrorCode::UserLocked => row(FORBIDDEN, "Account locked", "This account is locked. Please try again later, or contact support."),
        ErrorCode::SignUpIfMissingNotAllowed => row(FIELD, "Sign up not allowed", "There is no signing up with this identifier on the way of signing in. Please sign up instead."),
        ErrorCode::SignUpIfMissingStrategyNotSupported => row(FIELD, "Strategy not supported", "Whoever may be new here proves the identifier by a code that is sent to it."),
        ErrorCode::SignUpIfMissingTransfer => row(MISSING, "No account yet", "There is no account with that identifier yet. Please continue to sign up."),
    }
}

/// The row of a failure.
#[rustfmt::skip]
pub(crate) const fn of_failure(failure: Failure) -> Row {
    match failure {
        Failure::SignedOut => row(UNAUTHENTICATED, "Signed out", "You are signed out."),
        Failure::AuthenticationInvalid => row(UNAUTHENTICATED, "Invalid authentication", "Unable to authenticate the request: it needs an active session or, from a backend, the secret key."),
        Failure::TokenReplaced => row(BAD, "Signed in or out meanwhile", "Somebody signed in or out in this browser while this request was under way. Please try again."),
        Failure::SeveralClients => row(BAD, "Several clients", "This request came with the cookies or tokens of several clients at once, and nobody can tell which of them is yours. Please clear the cookies of this site, and try again."),
        Failure::ServiceUnavailable => row(UNAVAILABLE, "Service unavailable", "The service is not available at the moment. Please try again in a bit."),
        Failure::InternalError => row(INTERNAL, "Internal error", "Something went wrong on our side. Please try again."),
    }
}

const fn row(status: u16, message: &'static str, long_message: &'static str) -> Row {
    Row::new(status, message, long_message)
}

const BAD: u16 = 400;
const UNAUTHENTICATED: u16 = 401;
const FORBIDDEN: u16 = 403;
const MISSING: u16 = 404;
const CONFLICT: u16 = 409;
const FIELD: u16 = 422;
const WAIT: u16 = 429;
const INTERNAL: u16 = 500;
const UNAVAILABLE: u16 = 503;
