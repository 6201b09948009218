//! The SignUp ([guide: The SignUp object](crate::guide::contract_sign_ups#the-signup-object)), with exactly those keys.

use serde::Serialize;

use crate::domain::field::Field;
use crate::domain::id::{SessionId, SignUpId, UserId};
use crate::domain::identifier::{EmailAddress, PhoneNumber, Username};
use crate::domain::sign_up::{Approval, Phase, Status};
use crate::domain::time::Timestamp;
use crate::engine::SignUpView;

use super::verification::{ExternalResource, VerificationResource};
use super::{AsDisplay, Metadata};

/// A sign-up on the wire.
#[derive(Debug, Serialize)]
pub(crate) struct SignUpResource<'a> {
    object: &'static str,
    id: AsDisplay<SignUpId>,
    status: &'static str,
    required_fields: Vec<&'a str>,
    optional_fields: Vec<&'a str>,
    missing_fields: Vec<&'a str>,
    unverified_fields: Vec<&'a str>,
    verifications: Verifications<'a>,
    username: Option<&'a str>,
    email_address: Option<&'a str>,
    phone_number: Option<&'a str>,
    web3_wallet: (),
    password_enabled: bool,
    has_password: bool,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    unsafe_metadata: Metadata<'a>,
    public_metadata: Metadata<'a>,
    custom_action: bool,
    external_id: Option<&'a str>,
    created_session_id: Option<AsDisplay<SessionId>>,
    created_user_id: Option<AsDisplay<UserId>>,
    abandon_at: Timestamp,
    legal_accepted_at: Option<Timestamp>,
    locale: Option<&'a str>,
    external_account: (),
    external_account_strategy: (),
    protect_check: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<ApprovalResource<'a>>,
}

/// Whether an administrator must approve the sign-up; absent unless it waits or was refused
/// ([guide: Approval](crate::guide::contract_sign_ups#approval)).
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum ApprovalResource<'a> {
    Waiting { waiting_since: Timestamp },
    Refused { refused_at: Timestamp, reason: Option<&'a str> },
}

/// The verifications by field; null while a field is not given.
#[derive(Debug, Serialize)]
struct Verifications<'a> {
    email_address: Option<VerificationResource<'a>>,
    phone_number: Option<VerificationResource<'a>>,
    web3_wallet: (),
    external_account: Option<ExternalResource<'a>>,
}

impl<'a> From<&'a SignUpView> for SignUpResource<'a> {
    fn from(view: &'a SignUpView) -> Self {
        let value = &*view.value;
        let email = value.email_address.as_ref();
        let phone = value.phone_number.as_ref();
        let created = match value.phase {
            Phase::Open => None,
            Phase::Complete { user_id, session_id, .. } => Some((user_id, session_id)),
        };
        let has_password = value.password_digest.is_some();
        let denied = value.denied();
        let needed = &view.requirements;
        let approval = (needed.needs_approval && needed.are_met_but_for_approval()).then_some(APPROVAL);
        let missing_fields = names(&needed.missing_fields).into_iter().chain(approval).collect();
        Self {
            object: "sign_up_attempt",
            id: AsDisplay(value.id),
            status: match view.status {
                Status::MissingRequirements => "missing_requirements",
                Status::Complete => "complete",
                Status::Abandoned => "abandoned",
            },
            required_fields: names(&view.requirements.required_fields),
            optional_fields: names(&view.requirements.optional_fields),
            missing_fields,
            unverified_fields: names(&view.requirements.unverified_fields),
            verifications: Verifications {
                email_address: email.map(|e| {
                    let verification = e.verification.as_ref();
                    VerificationResource::of_field(verification, &view.email_strategies, view)
                }),
                phone_number: phone.map(|p| {
                    let verification = p.verification.as_ref();
                    VerificationResource::of_field(verification, &view.phone_strategies, view)
                }),
                web3_wallet: (),
                external_account: value
                    .external_account
                    .as_deref()
                    .map(|a| ExternalResource::of_sign_up(a, denied.as_ref(), view.now)),
            },
            username: value.username.as_ref().map(Username::as_str),
            email_address: email.map(|e| EmailAddress::as_str(&e.value)),
            phone_number: phone.map(|p| PhoneNumber::as_str(&p.value)),
            web3_wallet: (),
            password_enabled: has_password,
            has_password,
            first_name: value.first_name.as_deref(),
            last_name: value.last_name.as_deref(),
            unsafe_metadata: Metadata(&value.unsafe_metadata),
            public_metadata: Metadata(&value.public_metadata),
            custom_action: value.custom_action,
            external_id: value.external_id.as_deref(),
            created_session_id: created.map(|(_, session)| AsDisplay(session)),
            created_user_id: created.map(|(user, _)| AsDisplay(user)),
            abandon_at: view.abandon_at,
            legal_accepted_at: value.legal_accepted_at,
            locale: value.locale.as_deref(),
            external_account: (),
            external_account_strategy: (),
            protect_check: (),
            approval: match &value.approval {
                Approval::None => None,
                Approval::Waiting { since } => Some(ApprovalResource::Waiting { waiting_since: *since }),
                Approval::Refused { at, reason } => {
                    Some(ApprovalResource::Refused { refused_at: *at, reason: reason.as_deref() })
                }
            },
        }
    }
}

/// What a sign-up lacks that waits for approval. Clerk's components look for their own words only, and treat this one as
/// something that the page to continue on may settle.
const APPROVAL: &str = "approval";

fn names(fields: &[Field]) -> Vec<&str> {
    fields.iter().map(Field::as_str).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::rejection::ErrorCode;
    use crate::domain::verification::ExternalState;
    use crate::wire::samples;

    #[test]
    fn the_keys_are_those_of_the_contract_in_its_order() {
        let shown = show(&samples::sign_up());
        let keys: Vec<&String> = shown.as_object().expect("an object").keys().collect();
        assert_eq!(
            keys.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(" "),
            "object id status required_fields optional_fields missing_fields unverified_fields verifications \
             username email_address phone_number web3_wallet password_enabled has_password first_name last_name \
             unsafe_metadata public_metadata custom_action external_id created_session_id created_user_id \
             abandon_at legal_accepted_at locale external_account external_account_strategy protect_check"
        );
    }

    #[test]
    fn before_prepare_a_verification_has_no_status() {
        let shown = show(&samples::sign_up());
        assert_eq!(
            shown["verifications"],
            json!({
                "email_address": {"next_action": "needs_prepare", "supported_strategies": ["email_code"]},
                "phone_number": null, "web3_wallet": null, "external_account": null,
            })
        );
        assert_eq!(shown["unverified_fields"], json!(["email_address"]));
        assert_eq!(shown["missing_fields"], json!([]));
        assert_eq!(shown["unsafe_metadata"], json!({"plan": "pro"}));
        assert_eq!(shown["legal_accepted_at"], Value::Null);
    }

    #[test]
    fn a_prepared_verification_waits_for_an_attempt() {
        let shown = show(&samples::prepared());
        assert_eq!(
            shown["verifications"]["email_address"],
            json!({
                "object": "verification_otp", "status": "unverified", "strategy": "email_code", "attempts": 0,
                "expire_at": 1_795_412_398_000_u64, "next_action": "needs_attempt",
                "supported_strategies": ["email_code"],
            })
        );
    }

    #[test]
    fn a_complete_sign_up_names_its_user_and_session() {
        let shown = show(&samples::complete());
        assert_eq!(shown["status"], "complete");
        assert_eq!(shown["created_user_id"], samples::USER.to_string());
        assert_eq!(shown["created_session_id"], samples::SESSION.to_string());
        let verification = &shown["verifications"]["email_address"];
        assert_eq!(verification["status"], "verified");
        assert_eq!(verification["next_action"], "");
        assert_eq!(verification["verified_at_client"], samples::CLIENT.to_string());
    }

    #[test]
    fn an_account_at_a_provider_is_shown_with_the_way_there_and_what_came_of_it() {
        let mut view = samples::sign_up();
        let mut account = samples::external_account();
        let value = Arc::make_mut(&mut view.value);
        value.external_account = Some(Box::new(account.clone()));
        assert_eq!(
            show(&view)["verifications"]["external_account"],
            json!({
                "object": "verification_oauth", "status": "unverified", "strategy": "oauth_google", "attempts": null,
                "expire_at": 1_795_412_398_000_u64,
                "external_verification_redirect_url": "https://provider.example/authorize?state=s", "error": null,
            })
        );
        account.authorize_url = None;
        account.state =
            ExternalState::Failed { code: ErrorCode::IdentifierAlreadySignedIn, session: Some(samples::SESSION) };
        Arc::make_mut(&mut view.value).external_account = Some(Box::new(account));
        let shown = &show(&view)["verifications"]["external_account"];
        assert_eq!(shown["status"], "failed");
        assert_eq!(shown["external_verification_redirect_url"], Value::Null);
        assert_eq!(shown["error"]["code"], "identifier_already_signed_in");
        assert_eq!(shown["error"]["meta"]["session_id"], samples::SESSION.to_string());
        assert!(shown["error"]["long_message"].is_string());
    }

    fn show(view: &SignUpView) -> Value {
        serde_json::to_value(SignUpResource::from(view)).expect("JSON")
    }
}
