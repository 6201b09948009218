//! `/v1/me/external_accounts…`: accounts at providers.

use serde_json::json;

use crate::domain::id::ExternalAccountId;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::verification::{AuthorizeParams, parse_strategy};
use crate::http::call::Call;
use crate::http::frontend::inputs;
use crate::http::request::form::Params;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::OwnAccount;
use crate::wire::backend::DeletedObject;

use super::{named_session, settle};

pub(in crate::http) async fn connect(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let strategy = parse_strategy(form.single("strategy")?)?;
    let authorize = authorize(call, form)?;
    let identity = call.identify().await?;
    let own_user = call.engine().own_user();
    let outcome = own_user.connect_account(&identity.caller, session, (&strategy, &authorize), &call.context).await;
    match outcome {
        Ok((id, user, client)) => {
            Ok(call.written(&identity, &json!(OwnAccount { user: &user, id, now: call.engine().now() }), &client, true))
        }
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

pub(in crate::http) async fn reauthorize(
    call: &Call<'_>,
    id: ExternalAccountId,
    form: &Params,
) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let authorize = authorize(call, form)?;
    let identity = call.identify().await?;
    let own_user = call.engine().own_user();
    match own_user.reauthorize_account(&identity.caller, session, (id, &authorize), &call.context).await {
        Ok((user, client)) => {
            Ok(call.written(&identity, &json!(OwnAccount { user: &user, id, now: call.engine().now() }), &client, true))
        }
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

pub(in crate::http) async fn delete(call: &Call<'_>, id: ExternalAccountId) -> Result<ApiResponse, HttpError> {
    let session = named_session(call)?;
    let identity = call.identify().await?;
    let outcome = call.engine().own_user().remove_account(&identity.caller, session, id, &call.context).await;
    settle(call, &identity, outcome, |_| DeletedObject::new("external_account", id)).await
}

/// The page to go to afterwards, hints for the provider's page, and scopes to ask for beside those of the settings.
fn authorize(call: &Call<'_>, form: &Params) -> Result<AuthorizeParams, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let mut authorize = inputs::hints(&mut reader);
    authorize.additional_scopes = reader.all("additional_scope");
    let urls = inputs::urls(&mut reader);
    inputs::allow(&mut authorize, urls, |param, url| inputs::redirect(call, param, url), &mut reasons);
    let scopes = &authorize.additional_scopes;
    if scopes.len() > SCOPES_MAX || !scopes.iter().all(|scope| is_scope(scope)) {
        reasons.push(ErrorCode::FormParamValueInvalid.on("additional_scope"));
    }
    Rejection::collect(reasons)?;
    Ok(authorize)
}

/// Whether a text is one scope (RFC 6749, 3.3). A comma separates scopes at some providers, so none has one.
fn is_scope(text: &str) -> bool {
    let is_letter = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e) && byte != b',';
    text.len() <= SCOPE_LENGTH_MAX && text.bytes().all(is_letter)
}

/// How many scopes one request may ask for beside those of the settings.
const SCOPES_MAX: usize = 32;
/// The longest scope, in bytes.
const SCOPE_LENGTH_MAX: usize = 256;
