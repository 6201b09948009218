//! `/v1/client/sign_ins…`. The engine validates the parameters and decides which of them the instance has.

use crate::domain::id::SignInId;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::secret::Secret;
use crate::engine::{ClientView, EngineError, RawFirstFactor, RawProof, RawSignIn, SignInView};
use crate::http::call::Call;
use crate::http::request::form::Params;
use crate::http::request::identity::{ClientUpdate, Identity};
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::sign_ups::{COMPLETE_REDIRECT, REDIRECT, allowed, redirect};

pub(in crate::http) async fn create(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let given = creation(call, form);
    let has_password = given.as_ref().is_ok_and(|given| given.password.is_some());
    let identity = call.identify_writer(has_password).await?;
    let outcome = match &given {
        Ok(given) => call.engine().create_sign_in(&identity.caller, given, &call.context).await,
        Err(rejection) => Err(rejection.clone().into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn show(call: &Call<'_>, id: SignInId) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let outcome = call.engine().sign_in(&identity.caller, id, &call.context).await;
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn prepare(call: &Call<'_>, id: SignInId, form: &Params) -> Result<ApiResponse, HttpError> {
    let given = preparation(form);
    let identity = call.identify().await?;
    let outcome = match &given {
        Ok(given) => call.engine().prepare_first_factor(&identity.caller, id, given, &call.context).await,
        Err(rejection) => Err(rejection.clone().into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn attempt(call: &Call<'_>, id: SignInId, form: &Params) -> Result<ApiResponse, HttpError> {
    let given = proof(form);
    // A client that lost the completing answer has only the token that it replaced.
    let identity = call.presented().await?;
    let outcome = match &given {
        Ok(given) => call.engine().attempt_first_factor(&identity.caller, id, given, &call.context).await,
        Err(rejection) => Err(rejection.clone().into()),
    };
    settle(call, &identity, outcome).await
}

async fn settle(
    call: &Call<'_>,
    identity: &Identity,
    outcome: Result<(SignInView, ClientView), EngineError>,
) -> Result<ApiResponse, HttpError> {
    match outcome {
        Ok((sign_in, client)) => {
            let mut answer = call.wrapped(identity, &sign_in, &client);
            if sign_in.value.external.as_deref().is_some_and(|account| account.authorize_url.is_some()) {
                identity.write_navigation_credentials(&ClientUpdate::Client(&client), &call.head, answer.headers_mut());
            }
            Ok(answer)
        }
        Err(error) => Err(call.refuse(identity, error).await),
    }
}

fn creation(call: &Call<'_>, form: &Params) -> Result<RawSignIn, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let given = RawSignIn {
        identifier: reader.take("identifier"),
        password: reader.take("password").map(Secret::new),
        strategy: reader.take("strategy"),
        channel: reader.hint("channel"),
        transfer: reader.take("transfer"),
        redirect_url: None,
        action_complete_redirect_url: None,
        oidc_prompt: reader.hint("oidc_prompt"),
        oidc_login_hint: reader.hint("oidc_login_hint"),
        sign_up_if_missing: reader.hint("sign_up_if_missing"),
        captcha_token: reader.hint("captcha_token").map(Secret::new),
        captcha_error: reader.hint("captcha_error"),
    };
    let (url, complete_url) = (reader.take(REDIRECT), reader.take(COMPLETE_REDIRECT));
    let redirect = |param: &str, url: &str| redirect(call, param, url);
    let redirect_url = allowed(REDIRECT, url, redirect, &mut reasons);
    let action_complete_redirect_url = allowed(COMPLETE_REDIRECT, complete_url, redirect, &mut reasons);
    Rejection::collect(reasons).map(|()| RawSignIn { redirect_url, action_complete_redirect_url, ..given })
}

fn preparation(form: &Params) -> Result<RawFirstFactor, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let given = RawFirstFactor {
        strategy: reader.take("strategy"),
        email_address_id: reader.take("email_address_id"),
        phone_number_id: reader.take("phone_number_id"),
        channel: reader.hint("channel"),
    };
    Rejection::collect(reasons).map(|()| given)
}

fn proof(form: &Params) -> Result<RawProof, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let given = RawProof {
        strategy: reader.take("strategy"),
        code: reader.take("code"),
        password: reader.take("password").map(Secret::new),
    };
    Rejection::collect(reasons).map(|()| given)
}
