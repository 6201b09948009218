//! Why a command was refused, in Clerk's codes. Texts and HTTP statuses are in one table in
//! `wire/error/table.rs`.

use super::id::SessionId;
use super::time::Span;

/// A command refused: one or more reasons. Validation collects them all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rejected: {}", .0.iter().map(Reason::code).collect::<Vec<_>>().join(", "))]
pub struct Rejection(Vec<Reason>);

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What is wrong.
    pub code: ErrorCode,
    /// The parameter at fault, as the wire spells it.
    pub param: Option<String>,
    /// How long to wait, for limits.
    pub retry_after: Option<Span>,
    /// A number in the error text, such as a length.
    pub number: Option<u32>,
    /// The existing session that can be used instead.
    pub session: Option<SessionId>,
    /// The parameters that are missing, or the addresses that are invited already, where one reason is about several.
    pub params: Vec<String>,
    /// What the application says instead of the texts of the code.
    pub words: Option<Box<OwnWords>>,
}

/// What an application says of its own refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnWords {
    /// The code on the wire; that of the reason where there is none.
    pub code: Option<String>,
    /// The text for people.
    pub message: String,
}

impl Rejection {
    /// The reasons, at least one.
    pub fn reasons(&self) -> &[Reason] {
        &self.0
    }

    /// All `reasons` as one rejection; `Ok` when there are none.
    ///
    /// # Errors
    /// The rejection, when there is at least one reason. A parameter that could not be read is not missing too.
    pub fn collect(reasons: Vec<Reason>) -> Result<(), Self> {
        let is_missing = |reason: &Reason| reason.code == ErrorCode::FormParamMissing && reason.param.is_some();
        let read_in_vain = |missing: &Reason| {
            reasons.iter().any(|other| other.param == missing.param && other.code == ErrorCode::FormParamTypeInvalid)
        };
        let kept: Vec<_> =
            reasons.iter().filter(|reason| !(is_missing(reason) && read_in_vain(reason))).cloned().collect();
        if kept.is_empty() { Ok(()) } else { Err(Self(kept)) }
    }

    /// Whether one of the reasons is `code`.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.0.iter().any(|r| r.code == code)
    }

    /// The same rejection with another reason behind those that it has.
    #[must_use]
    pub fn and(mut self, reason: Reason) -> Self {
        self.0.push(reason);
        self
    }
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Self {
        Self(vec![reason])
    }
}

impl From<ErrorCode> for Rejection {
    fn from(code: ErrorCode) -> Self {
        Reason::from(code).into()
    }
}

impl From<ErrorCode> for Reason {
    fn from(code: ErrorCode) -> Self {
        Self { code, param: None, retry_after: None, number: None, session: None, params: Vec::new(), words: None }
    }
}

impl ErrorCode {
    /// This code about a parameter.
    pub fn on(self, param: impl AsRef<str>) -> Reason {
        Reason { param: Some(param.as_ref().to_owned()), ..self.into() }
    }

    /// This code about a limit that lifts after `span`.
    pub fn after(self, span: Span) -> Reason {
        Reason { retry_after: Some(span), ..self.into() }
    }
}

impl Reason {
    /// `user_locked`, with how long still; `None` until it is unlocked.
    pub(crate) fn locked(remaining: Option<Span>) -> Self {
        let seconds = remaining.map(|remaining| u32::try_from(remaining.as_secs_ceil()).unwrap_or(u32::MAX));
        Self { number: seconds, ..ErrorCode::UserLocked.into() }
    }

    /// The code on the wire.
    pub fn code(&self) -> &str {
        self.words.as_ref().and_then(|words| words.code.as_deref()).unwrap_or(self.code.as_str())
    }

    /// The same reason with a text of the application for people.
    pub fn saying(mut self, message: String) -> Self {
        self.words = Some(Box::new(OwnWords { code: None, message }));
        self
    }

    /// The same reason with the number for its text.
    pub const fn with(mut self, number: u32) -> Self {
        self.number = Some(number);
        self
    }

    /// The same reason about several parameters or addresses.
    pub fn about(mut self, params: Vec<String>) -> Self {
        self.params = params;
        self
    }

    /// The same reason with the session that can be used instead.
    pub const fn instead(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }
}

macro_rules! codes {
    ($($variant:ident $code:literal)*) => {
        /// The error codes of the contract ([guide: Errors and limits on the wire](crate::guide::contract_errors)).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $code, "`")] $variant,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

codes! {
    FormIdentifierExists "form_identifier_exists"
    FormParamFormatInvalid "form_param_format_invalid"
    FormParamMissing "form_param_missing"
    FormParamNil "form_param_nil"
    FormParamUnknown "form_param_unknown"
    FormInvalidOrigin "form_invalid_origin"
    FormParamDuplicate "form_param_duplicate"
    FormParamValueInvalid "form_param_value_invalid"
    FormParamValueDisabled "form_param_value_disabled"
    FormParamTypeInvalid "form_param_type_invalid"
    FormParamMaxLengthExceeded "form_param_max_length_exceeded"
    FormConditionalParamMissing "form_conditional_param_missing"
    FormDataMissing "form_data_missing"
    FormConditionalParamDisallowed "form_conditional_param_disallowed"
    FormParamExceedsAllowedSize "form_param_exceeds_allowed_size"
    FormPasswordLengthTooShort "form_password_length_too_short"
    FormPasswordLengthTooLong "form_password_length_too_long"
    FormPasswordSizeInBytesExceeded "form_password_size_in_bytes_exceeded"
    FormPasswordNoLowercase "form_password_no_lowercase"
    FormPasswordNoUppercase "form_password_no_uppercase"
    FormPasswordNoNumber "form_password_no_number"
    FormPasswordNoSpecialChar "form_password_no_special_char"
    FormPasswordPwned "form_password_pwned"
    FormPasswordNotStrongEnough "form_password_not_strong_enough"
    FormPasswordDigestInvalid "form_password_digest_invalid_code"
    FormPasswordCompromised "form_password_compromised"
    FormNewPasswordMatchesCurrent "form_new_password_matches_current"
    FormPasswordMatchesIdentifier "form_password_matches_identifier"
    ClientStateInvalid "client_state_invalid"
    TotpAlreadyEnabled "totp_already_enabled"
    TotpNotEnabled "totp_not_enabled"
    BackupCodesNotAvailable "backup_codes_not_available"
    FormUsernameInvalidLength "form_username_invalid_length"
    FormUsernameInvalidCharacter "form_username_invalid_character"
    FormUsernameNeedsNonNumberChar "form_username_needs_non_number_char"
    FormIdentifierNotFound "form_identifier_not_found"
    FormPasswordIncorrect "form_password_incorrect"
    IncorrectPassword "incorrect_password"
    NoPasswordSet "no_password_set"
    FormPasswordValidationFailed "form_password_validation_failed"
    PasswordRequired "password_required"
    UpdatingUserPasswordDeprecated "updating_user_password_deprecated"
    ImmutableAttributeModificationNotAllowed "immutable_attribute_modification_not_allowed"
    TooManyUnverifiedIdentifications "too_many_unverified_identifications"
    IdentificationDeletionFailed "identification_deletion_failed"
    LastRequiredIdentificationDeletionFailed "last_required_identification_deletion_failed"
    DeleteLinkedIdentificationDisallowed "delete_linked_identification_disallowed"
    OAuthIdentificationClaimed "oauth_identification_claimed"
    SessionReverificationRequired "session_reverification_required"
    SessionReverificationMissing "session_reverification_missing"
    InvalidActionForSessionReverification "invalid_action_for_session_reverification"
    PasskeyRegistrationFailure "passkey_registration_failure"
    PasskeyAuthenticationFailure "passkey_authentication_failure"
    PasskeyNotRegistered "passkey_not_registered"
    PasskeyInvalidPublicKeyCredential "passkey_invalid_public_key_credential"
    PasskeyQuotaExceeded "passkey_quota_exceeded"
    FormCodeIncorrect "form_code_incorrect"
    LegalNotAccepted "legal_not_accepted"
    VerificationMissing "verification_missing"
    VerificationExpired "verification_expired"
    VerificationFailed "verification_failed"
    VerificationAlreadyVerified "verification_already_verified"
    VerificationStrategyInvalid "verification_strategy_invalid"
    VerificationCodeTooManyRequests "verification_code_too_many_requests"
    VerificationLinkTokenInvalid "verification_link_token_invalid"
    VerificationLinkTokenExpired "verification_link_token_expired"
    SignUpEmailLinkNotSameClient "sign_up_email_link_not_same_client"
    SignInEmailLinkNotSameClient "sign_in_email_link_not_same_client"
    VerificationLinkNotSameClient "verification_link_not_same_client"
    ApprovalTokenInvalid "approval_token_invalid"
    ApprovalTokenExpired "approval_token_expired"
    ApprovalTokenConsumed "approval_token_consumed"
    PkceVerificationFailed "pkce_verification_failed"
    InvalidRedirectUrl "invalid_redirect_url"
    ResourceMissmatch "resource_missmatch"
    InvalidHandshake "invalid_handshake"
    InvalidNonce "invalid_nonce"
    InvalidProxyConfiguration "invalid_proxy_configuration"
    TooManyRequests "too_many_requests"
    SignUpCannotBeUpdated "sign_up_cannot_be_updated"
    SignUpAwaitsApproval "sign_up_awaits_approval"
    SignUpRefused "sign_up_refused"
    SignUpNotAwaitingApproval "sign_up_not_awaiting_approval"
    SignUpCheckFailed "sign_up_check_failed"
    RefusedByApplication "refused_by_application"
    SignUpModeRestricted "sign_up_mode_restricted"
    SignUpRestrictedWaitlist "sign_up_restricted_waitlist"
    OAuthProviderNotEnabled "oauth_provider_not_enabled"
    OAuthConfigMissing "oauth_config_missing"
    OAuthTokenExchangeError "oauth_token_exchange_error"
    OAuthFetchUserError "oauth_fetch_user_error"
    OAuthCallbackInvalid "oauth_callback_invalid"
    OAuthAccessDenied "oauth_access_denied"
    ExternalAccountExists "external_account_exists"
    ExternalAccountNotFound "external_account_not_found"
    IdentifierAlreadySignedIn "identifier_already_signed_in"
    AccountTransferInvalid "account_transfer_invalid"
    StrategyForUserInvalid "strategy_for_user_invalid"
    SignUpIfMissingNotAllowed "sign_up_if_missing_not_allowed"
    SignUpIfMissingStrategyNotSupported "sign_up_if_missing_strategy_not_supported"
    SignUpIfMissingTransfer "sign_up_if_missing_transfer"
    UserBanned "user_banned"
    UserLocked "user_locked"
    AccountLockoutWarning "account_lockout_warning"
    SessionExists "session_exists"
    TicketInvalidCode "ticket_invalid_code"
    TicketExpiredCode "ticket_expired_code"
    InvitationAlreadyAccepted "invitation_already_accepted"
    InvitationAlreadyRevoked "invitation_already_revoked"
    RevokedInvitation "revoked_invitation"
    InvitationAccountExists "invitation_account_exists"
    SignInTokenAlreadyUsed "sign_in_token_already_used_code"
    SignInTokenRevoked "sign_in_token_revoked_code"
    SignInTokenCannotBeUsed "sign_in_token_cannot_be_used_code"
    SignInTokenCannotBeRevoked "sign_in_token_cannot_be_revoked_code"
    SignInTokenNotInSignIn "sign_in_token_not_in_sign_in_code"
    InvitationAccountNotExists "invitation_account_not_exists"
    DuplicateRecord "duplicate_record"
    WaitlistEntryAlreadyInvited "waitlist_entry_already_invited"
    WaitlistEntryAlreadyCompleted "waitlist_entry_already_completed"
    WaitlistEntryAlreadyRejected "waitlist_entry_already_rejected"
    FeatureNotEnabled "feature_not_enabled"
    UserDeleteSelfNotEnabled "user_delete_self_not_enabled"
    CaptchaMissingToken "captcha_missing_token"
    CaptchaInvalid "captcha_invalid"
    RequiresCaptcha "requires_captcha"
    NotAllowedAccess "not_allowed_access"
    UnsupportedCountryCode "unsupported_country_code"
    ResourceConflict "resource_conflict"
    ResourceForbidden "resource_forbidden"
    ResourceNotFound "resource_not_found"
    WebhookEndpointConfigured "webhook_endpoint_configured"
    WebhookEndpointQuotaExceeded "webhook_endpoint_quota_exceeded"
    MessageOver "message_over"
}
