//! `/v1/me/email_addresses…` and `/v1/me/phone_numbers…`.

use std::sync::Arc;

use crate::domain::id::IdentificationId;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::user::{AddressVerification, User};
use crate::domain::verification::parse_strategy;
use crate::engine::{ClientView, EngineError};
use crate::http::call::Call;
use crate::http::frontend::inputs;
use crate::http::request::form::Params;
use crate::http::request::identity::{ClientUpdate, Identity};
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::backend::DeletedObject;
use crate::wire::{OwnAddress, OwnAddresses};

use super::{named_session, settle};

/// The two kinds of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum AddressKind {
    Email,
    Phone,
}

impl AddressKind {
    /// The name of the object and of its parameter.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email_address",
            Self::Phone => "phone_number",
        }
    }

    fn has(self, user: &User, id: IdentificationId) -> bool {
        match self {
            Self::Email => user.email_addresses.iter().chain(&user.unproved_emails).any(|known| known.id == id),
            Self::Phone => user.phone_numbers.iter().chain(&user.unproved_phones).any(|known| known.id == id),
        }
    }
}

/// The addresses of a kind, as a bare list.
pub(in crate::http) async fn list(call: &Call<'_>, kind: AddressKind) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let identity = call.identify().await?;
    match call.engine().me(&identity.caller, session).await {
        Ok(user) => {
            let answer = ApiResponse::json(&OwnAddresses { user: &user, is_phone: kind == AddressKind::Phone });
            Ok(call.with_credentials(&identity, answer, &ClientUpdate::Unchanged))
        }
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

pub(in crate::http) async fn create(
    call: &Call<'_>,
    kind: AddressKind,
    form: &Params,
) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let text = reader.take(kind.as_str());
    let second_factor = if kind == AddressKind::Phone { reader.flag(RESERVED) } else { None };
    if text.is_none() {
        reasons.push(ErrorCode::FormParamMissing.on(kind.as_str()));
    }
    Rejection::collect(reasons)?;
    let text = text.unwrap_or_default();
    let identity = call.identify().await?;
    let (own_user, caller) = (call.engine().own_user(), &identity.caller);
    let outcome = match kind {
        AddressKind::Email => own_user.add_email_address(caller, session, &text, &call.context).await,
        AddressKind::Phone => {
            let number = (text.as_str(), second_factor.unwrap_or(false));
            own_user.add_phone_number(caller, session, number, &call.context).await
        }
    };
    let outcome = outcome.map(|(id, user, client)| ((id, user), client));
    settle(call, &identity, outcome, |(id, user)| shown(call, user, *id, None)).await
}

pub(in crate::http) async fn show(
    call: &Call<'_>,
    kind: AddressKind,
    id: IdentificationId,
) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let identity = call.identify().await?;
    let outcome = call.engine().own_user().address(&identity.caller, session, id, &call.context).await;
    let outcome = outcome.and_then(|found| if kind.has(&found.0, id) { Ok(found) } else { Err(EngineError::NotFound) });
    let outcome = outcome.map(|(user, verification, client)| ((user, verification), client));
    settle(call, &identity, outcome, |(user, verification)| shown(call, user, id, verification.as_ref())).await
}

pub(in crate::http) async fn prepare(
    call: &Call<'_>,
    kind: AddressKind,
    id: IdentificationId,
    form: &Params,
) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let strategy = parse_strategy(form.single("strategy")?)?;
    let redirect_url = if kind == AddressKind::Email { inputs::place(call, form)? } else { None };
    let identity = known(call, kind, id).await?;
    let own_user = call.engine().own_user();
    let address = (id, &strategy, redirect_url.as_ref());
    let outcome = own_user.prepare_address(&identity.caller, session, address, &call.context).await;
    proved(call, &identity, id, outcome).await
}

pub(in crate::http) async fn attempt(
    call: &Call<'_>,
    kind: AddressKind,
    id: IdentificationId,
    form: &Params,
) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let code = form.single("code")?.ok_or_else(|| ErrorCode::FormParamMissing.on("code"))?;
    let identity = known(call, kind, id).await?;
    let own_user = call.engine().own_user();
    let outcome = own_user.attempt_address(&identity.caller, session, (id, code), &call.context).await;
    proved(call, &identity, id, outcome).await
}

/// Changes the use of a phone number.
pub(in crate::http) async fn mark(
    call: &Call<'_>,
    id: IdentificationId,
    form: &Params,
) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let (reserved, default) = (reader.flag(RESERVED), reader.flag("default_second_factor"));
    Rejection::collect(reasons)?;
    let identity = call.identify().await?;
    let own_user = call.engine().own_user();
    let mark = (id, reserved, default);
    let outcome = own_user.mark_phone_number(&identity.caller, session, mark, &call.context).await;
    settle(call, &identity, outcome, |user| shown(call, user, id, None)).await
}

pub(in crate::http) async fn delete(
    call: &Call<'_>,
    kind: AddressKind,
    id: IdentificationId,
) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let identity = known(call, kind, id).await?;
    let outcome = call.engine().own_user().remove_address(&identity.caller, session, id, &call.context).await;
    settle(call, &identity, outcome, |_| DeletedObject::new(kind.as_str(), id)).await
}

/// The caller, whose user has the address.
async fn known(call: &Call<'_>, kind: AddressKind, id: IdentificationId) -> Result<Identity, HttpError> {
    let session = named_session(call)?;
    let identity = call.identify().await?;
    let user = call.engine().me(&identity.caller, session).await;
    match user.and_then(|user| if kind.has(&user, id) { Ok(()) } else { Err(EngineError::NotFound) }) {
        Ok(()) => Ok(identity),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

async fn proved(
    call: &Call<'_>,
    identity: &Identity,
    id: IdentificationId,
    outcome: Result<(Arc<User>, AddressVerification, ClientView), EngineError>,
) -> Result<ApiResponse, HttpError> {
    let outcome = outcome.map(|(user, verification, client)| ((user, verification), client));
    settle(call, identity, outcome, |(user, verification)| shown(call, user, id, Some(verification))).await
}

fn shown<'a>(
    call: &Call<'_>,
    user: &'a User,
    id: IdentificationId,
    verification: Option<&'a AddressVerification>,
) -> serde_json::Value {
    let (now, attempts_max) = (call.engine().now(), call.engine().policy().attempts_max);
    serde_json::json!(OwnAddress { user, id, verification, now, attempts_max })
}

const RESERVED: &str = "reserved_for_second_factor";
