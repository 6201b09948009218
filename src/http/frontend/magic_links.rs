//! `POST /v1/client/magic_links/complete`: an application completes a link that was opened in any browser
//! ([guide: Links for applications](crate::guide::contract_sign_ups#links-for-applications)).

use serde_json::json;

use crate::domain::id::SignInId;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::engine::ApprovedLink;
use crate::http::call::Call;
use crate::http::request::form::Params;
use crate::http::request::identity::Identity;
use crate::http::response::api_response::{ApiResponse, Wrapped};
use crate::http::response::error::HttpError;

pub(in crate::http) async fn complete(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let asked = read(form);
    // The verifier says who calls, whatever has become of the token.
    let identity = call.presented().await?;
    let outcome = match asked {
        Ok(asked) if asked.flow_id.parse::<SignInId>().is_ok() => return exchange(call, &identity, &asked).await,
        Ok(asked) => call.engine().sign_ups().complete_link(&identity.caller, &asked, &call.context).await,
        Err(rejection) => Err(rejection.into()),
    };
    match outcome {
        Ok((sign_up, client)) => Ok(call.with_sign_up(&identity, &sign_up, &client)),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}

/// A link of a sign-in: the application gets a ticket, with which it goes on.
async fn exchange(call: &Call<'_>, identity: &Identity, asked: &ApprovedLink) -> Result<ApiResponse, HttpError> {
    let ticket = match call.engine().sign_ins().exchange_link(asked, &call.context).await {
        Ok(ticket) => ticket,
        Err(error) => return Err(call.refuse(identity, error).await),
    };
    let response = json!({"flow_id": asked.flow_id, "ticket": ticket.expose()});
    // The ticket is the answer; the client beside it is only told.
    let client = call.engine().client_view(&identity.caller, &call.context).await.unwrap_or_default();
    Ok(match client {
        Some(client) => call.wrapped(identity, &response, &client),
        None => ApiResponse::json(&Wrapped { response, client: () }),
    })
}

fn read(form: &Params) -> Result<ApprovedLink, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let given = NAMES.map(|name| reader.take(name));
    let missing = NAMES.iter().zip(&given).filter(|(_, value)| value.is_none());
    reasons.extend(missing.map(|(name, _)| ErrorCode::FormParamMissing.on(*name)));
    Rejection::collect(reasons)?;
    let [flow_id, approval_token, code_verifier] = given.map(Option::unwrap_or_default);
    Ok(ApprovedLink { flow_id, approval_token: Secret::new(approval_token), code_verifier: Secret::new(code_verifier) })
}

const NAMES: [&str; 3] = ["flow_id", "approval_token", "code_verifier"];
