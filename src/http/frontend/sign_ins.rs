//! `/v1/client/sign_ins…`. The engine validates the parameters and decides which of them the instance has.

use crate::domain::id::SignInId;
use crate::domain::identifier::IdentifierKind;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_in::Prepare;
use crate::domain::text::{self, is_true};
use crate::domain::verification::{AuthorizeParams, Strategy, parse_strategy};
use crate::engine::input::{Asked, Given};
use crate::engine::{
    AttemptFirstFactor, AttemptSecondFactor, ClientView, EngineError, NewSignIn, ResetPassword, SignInView,
};
use crate::http::call::Call;
use crate::http::request::form::Params;
use crate::http::request::identity::Identity;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::inputs;

pub(in crate::http) async fn create(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let given = creation(call, form);
    let identity = call.identify_writer().await?;
    let outcome = match given {
        Ok(given) => call.engine().create_given_sign_in(&identity.caller, given, &call.context).await,
        Err(rejection) => Err(rejection.into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn show(call: &Call<'_>, id: SignInId) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let claimed = call.head.query.single("rotating_token_nonce")?.filter(|text| !text.is_empty());
    let outcome = match claimed {
        Some(native_handoff) => {
            call.engine().sign_ins().claim_return(&identity.caller, id, native_handoff, &call.context).await
        }
        None => call.engine().sign_in(&identity.caller, id, &call.context).await,
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn prepare(call: &Call<'_>, id: SignInId, form: &Params) -> Result<ApiResponse, HttpError> {
    let given = preparation(call, form, true);
    let identity = call.identify_writer().await?;
    let outcome = match given {
        Ok(given) => call.engine().prepare_asked_factor(&identity.caller, id, given, &call.context).await,
        Err(rejection) => Err(rejection.into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn attempt(call: &Call<'_>, id: SignInId, form: &Params) -> Result<ApiResponse, HttpError> {
    let given = proof(form);
    // A client that lost the completing answer has only the token that it replaced.
    let identity = call.presented().await?;
    let outcome = match given {
        Ok(given) => call.engine().attempt_asked_factor(&identity.caller, id, given, &call.context).await,
        Err(rejection) => Err(rejection.into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn reset_password(
    call: &Call<'_>,
    id: SignInId,
    form: &Params,
) -> Result<ApiResponse, HttpError> {
    let given = new_password(form);
    // A client that lost the completing answer has only the token that it replaced.
    let identity = call.presented().await?;
    let outcome = match given {
        Ok(given) => call.engine().reset_asked_password(&identity.caller, id, given, &call.context).await,
        Err(rejection) => Err(rejection.into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn prepare_second(
    call: &Call<'_>,
    id: SignInId,
    form: &Params,
) -> Result<ApiResponse, HttpError> {
    let given = preparation(call, form, false);
    let identity = call.identify().await?;
    let outcome = match given {
        Ok(given) => call.engine().prepare_asked_second_factor(&identity.caller, id, given, &call.context).await,
        Err(rejection) => Err(rejection.into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn attempt_second(
    call: &Call<'_>,
    id: SignInId,
    form: &Params,
) -> Result<ApiResponse, HttpError> {
    let given = second_proof(form);
    let identity = call.presented().await?;
    let outcome = match given {
        Ok(given) => call.engine().attempt_asked_second_factor(&identity.caller, id, given, &call.context).await,
        Err(rejection) => Err(rejection.into()),
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
            let is_left = sign_in.value.external.as_deref().is_some_and(|account| account.authorize_url.is_some());
            let is_left = is_left || sign_in.value.awaits_link();
            Ok(call.written(identity, &sign_in, &client, is_left))
        }
        Err(error) => Err(call.refuse(identity, error).await),
    }
}

/// The input of a create. The fault of the strategy is in it, because the engine reports it after others.
fn creation(call: &Call<'_>, form: &Params) -> Result<Given<NewSignIn>, Rejection> {
    let mut reasons: Vec<Reason> = inputs::no_completion(form).collect();
    let mut reader = form.reader(&mut reasons);
    let (identifier, password) = (reader.take("identifier"), reader.take("password").map(Secret::new));
    let ticket = reader.take("ticket").map(|ticket| Secret::new(text::token(&ticket).to_owned()));
    let strategy = reader.take("strategy");
    let channel = inputs::channel(&mut reader);
    let transfer = reader.take("transfer").is_some_and(|text| is_true(&text));
    let mut authorize = inputs::hints(&mut reader);
    let sign_up_if_missing = reader.hint("sign_up_if_missing").is_some_and(|text| is_true(&text));
    let captcha_token = reader.hint("captcha_token").map(Secret::new);
    let captcha_error = reader.hint("captcha_error");
    let urls = inputs::urls(&mut reader);
    inputs::allow(&mut authorize, urls, |param, url| inputs::redirect(call, param, url), &mut reasons);
    Rejection::collect(reasons)?;
    let (strategy, faults) = match Strategy::asked_for(strategy.as_deref()) {
        Ok(strategy) => (strategy, Vec::new()),
        Err(fault) => (None, vec![fault]),
    };
    let input = NewSignIn {
        identifier,
        password,
        ticket,
        strategy,
        channel,
        transfer,
        authorize,
        sign_up_if_missing,
        captcha_token,
        captcha_error,
    };
    Ok(Given { input, faults })
}

/// `has_links` where one of the strategies sends a link.
fn preparation(call: &Call<'_>, form: &Params, has_links: bool) -> Result<Asked<Prepare>, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let strategy = reader.take("strategy");
    let (email_id, phone_id) = (reader.take(EMAIL_ID), reader.take(PHONE_ID));
    let channel = inputs::channel(&mut reader);
    let mut authorize = AuthorizeParams::default();
    let urls = inputs::urls(&mut reader);
    let completion = has_links.then(|| inputs::completion(&mut reader));
    inputs::allow(&mut authorize, urls, |param, url| inputs::redirect(call, param, url), &mut reasons);
    let challenge = completion.and_then(|given| inputs::own_place(call, given, &mut authorize, &mut reasons));
    Rejection::collect(reasons)?;
    let read = |strategy: Strategy| {
        let is_phone = strategy.sends_to() == Some(IdentifierKind::PhoneNumber);
        let (param, id) = if is_phone { (PHONE_ID, phone_id) } else { (EMAIL_ID, email_id) };
        let id = id.map(|text| text.parse().map_err(|_| ErrorCode::FormParamValueInvalid.on(param))).transpose();
        id.map(|address_id| Prepare {
            address_id,
            channel,
            redirect_url: authorize.redirect_url,
            challenge,
            ..Prepare::new(strategy)
        })
    };
    Ok(parse_strategy(strategy.as_deref()).and_then(read))
}

fn proof(form: &Params) -> Result<Asked<AttemptFirstFactor>, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let strategy = reader.take("strategy");
    let (code, password) = (reader.take("code"), reader.take("password").map(Secret::new));
    let public_key_credential = reader.take("public_key_credential");
    Rejection::collect(reasons)?;
    let attempt = |strategy| AttemptFirstFactor { strategy, code, password, public_key_credential };
    Ok(parse_strategy(strategy.as_deref()).map(attempt))
}

fn new_password(form: &Params) -> Result<Asked<ResetPassword>, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let password = Secret::new(reader.take("password").unwrap_or_default());
    let sign_out_of_other_sessions = reader.take("sign_out_of_other_sessions").is_some_and(|text| is_true(&text));
    Rejection::collect(reasons)?;
    Ok(Ok(ResetPassword { password, sign_out_of_other_sessions }))
}

fn second_proof(form: &Params) -> Result<Asked<AttemptSecondFactor>, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let (strategy, code) = (reader.take("strategy"), reader.take("code"));
    Rejection::collect(reasons)?;
    Ok(parse_strategy(strategy.as_deref()).map(|strategy| AttemptSecondFactor { strategy, code }))
}

const EMAIL_ID: &str = "email_address_id";
const PHONE_ID: &str = "phone_number_id";
