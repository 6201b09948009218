//! `/v1/client/sign_ups…` ([guide: Sign-up calls](crate::guide::contract_sign_ups#sign-up-calls)). The engine validates
//! the parameters and decides which of them the instance has.

use crate::domain::id::SignUpId;
use crate::domain::metadata::Metadata;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_up::SignUpPatch;
use crate::domain::text::is_true;
use crate::domain::verification::{Strategy, parse_strategy};
use crate::engine::input::{Asked, Given};
use crate::engine::{AttemptVerification, ClientView, EngineError, PrepareVerification, SignUpView};
use crate::http::call::Call;
use crate::http::request::form::{Params, Reader};
use crate::http::request::identity::Identity;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::inputs;

pub(in crate::http) async fn create(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let given = input(call, form, Write::Begin);
    let identity = call.identify_writer().await?;
    let given = match given {
        Ok(given) => given,
        Err(rejection) => return Err(refuse(call, &identity, rejection.into()).await),
    };
    let engine = call.engine();
    let caller = engine.or_opened(&identity.caller);
    let outcome = engine.create_given_sign_up(&caller, given, &call.context).await;
    // If the refused call stored something for a new client, the error answer must bring the client's token. Otherwise
    // no client is created.
    let is_opened = outcome.is_err() && engine.is_stored(&caller).await.unwrap_or_default();
    let identity = if is_opened { Identity::from_caller(caller, engine) } else { identity };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn show(call: &Call<'_>, id: SignUpId) -> Result<ApiResponse, HttpError> {
    let identity = call.identify().await?;
    let engine = call.engine();
    if let Some(native_handoff) = call.head.query.single("rotating_token_nonce")?.filter(|text| !text.is_empty()) {
        let outcome = engine.claim_return(&identity.caller, id, native_handoff, &call.context).await;
        return settle(call, &identity, outcome).await;
    }
    let (sign_up, mut client) = match engine.sign_up_and_client(&identity.caller, id, &call.context).await {
        Ok(shown) => shown,
        Err(error) => return Err(refuse(call, &identity, error).await),
    };
    if sign_up.value.was_completed_elsewhere() {
        // The waiting tab replaces its client by this one, and with it the sign-up that its page shows.
        client.sign_up.get_or_insert_with(|| sign_up.clone());
    }
    Ok(call.with_sign_up(&identity, &sign_up, &client))
}

pub(in crate::http) async fn update(call: &Call<'_>, id: SignUpId, form: &Params) -> Result<ApiResponse, HttpError> {
    let given = input(call, form, Write::Change);
    let identity = call.identify_writer().await?;
    let outcome = match given {
        Ok(given) => call.engine().update_given_sign_up(&identity.caller, id, given, &call.context).await,
        Err(rejection) => Err(rejection.into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn prepare(call: &Call<'_>, id: SignUpId, form: &Params) -> Result<ApiResponse, HttpError> {
    let asked = preparation(call, form);
    let identity = call.identify_writer().await?;
    let outcome = match asked {
        Ok(asked) => call.engine().prepare_asked(&identity.caller, id, asked, &call.context).await,
        Err(rejection) => Err(rejection.into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn attempt(call: &Call<'_>, id: SignUpId, form: &Params) -> Result<ApiResponse, HttpError> {
    let asked = answer(form);
    // A client that lost the completing answer has only the token that it replaced.
    let identity = call.presented().await?;
    let outcome = match asked {
        Ok(asked) => call.engine().attempt_asked(&identity.caller, id, asked, &call.context).await,
        Err(rejection) => Err(rejection.into()),
    };
    settle(call, &identity, outcome).await
}

async fn settle(
    call: &Call<'_>,
    identity: &Identity,
    outcome: Result<(SignUpView, ClientView), EngineError>,
) -> Result<ApiResponse, HttpError> {
    match outcome {
        Ok((sign_up, client)) => {
            let is_left = sign_up.value.awaits_link() || sign_up.value.awaits_provider();
            let answer = call.with_sign_up(identity, &sign_up, &client);
            Ok(if is_left { call.left(identity, answer, &client) } else { answer })
        }
        Err(error) => Err(refuse(call, identity, error).await),
    }
}

/// For a caller without a client every sign-up is unknown.
async fn refuse(call: &Call<'_>, identity: &Identity, error: EngineError) -> HttpError {
    let error = match error {
        EngineError::NoClient => EngineError::NotFound,
        error => error,
    };
    call.refuse(identity, error).await
}

/// The kind of write that the fields belong to.
#[derive(Clone, Copy)]
enum Write {
    /// A new sign-up: it has no values to remove.
    Begin,
    /// An existing sign-up: an empty field removes its value ([guide: Update](crate::guide::contract_sign_ups#update)).
    Change,
}

fn input(call: &Call<'_>, form: &Params, write: Write) -> Result<Given<SignUpPatch>, Rejection> {
    read_input(form, write, |param, url| inputs::redirect(call, param, url))
}

/// The input of a create or an update. The faults of values that have a type are in it, because they are reported
/// together with those that the engine finds; every other fault of the form is an error at once.
fn read_input(
    form: &Params,
    write: Write,
    redirect: impl Fn(&str, &str) -> Result<RedirectUrl, Reason>,
) -> Result<Given<SignUpPatch>, Rejection> {
    let (mut reasons, mut faults): (Vec<Reason>, Vec<Reason>) = (inputs::no_completion(form).collect(), Vec::new());
    let mut reader = form.reader(&mut reasons);
    let field = |reader: &mut Reader<'_>, name: &str| match write {
        Write::Begin => reader.take(name),
        Write::Change => reader.take_or_clear(name),
    };
    let urls = inputs::urls(&mut reader);
    let mut typed = SignUpPatch {
        email_address: field(&mut reader, "email_address").into(),
        phone_number: field(&mut reader, "phone_number").into(),
        email_address_or_phone_number: reader.take("email_address_or_phone_number"),
        username: field(&mut reader, "username").into(),
        password: field(&mut reader, "password").map(Secret::new).into(),
        first_name: field(&mut reader, "first_name").into(),
        last_name: field(&mut reader, "last_name").into(),
        web3_wallet: reader.take("web3_wallet"),
        ..SignUpPatch::default()
    };
    let metadata = field(&mut reader, "unsafe_metadata");
    let legal_accepted = field(&mut reader, "legal_accepted");
    typed.locale = match write {
        Write::Begin => reader.hint("locale"),
        Write::Change => reader.hint_or_clear("locale"),
    }
    .into();
    let strategy = reader.take("strategy");
    typed.channel = inputs::channel(&mut reader);
    typed.authorize = inputs::hints(&mut reader);
    typed.ticket = reader.take("ticket");
    let transfer = reader.take("transfer");
    typed.token = reader.take("token").map(Secret::new);
    typed.captcha_token = reader.hint("captcha_token").map(Secret::new);
    typed.captcha_error = reader.hint("captcha_error");
    inputs::allow(&mut typed.authorize, urls, redirect, &mut reasons);
    Rejection::collect(reasons)?;

    let metadata = metadata.map(|text| Metadata::parse("unsafe_metadata", &text)).transpose();
    typed.unsafe_metadata = metadata.unwrap_or_else(|fault| noted(fault, &mut faults));
    let is_accepted = inputs::word("legal_accepted", legal_accepted).and_then(|text| flag("legal_accepted", text));
    typed.legal_accepted = is_accepted.unwrap_or_else(|fault| noted(fault, &mut faults));
    let strategy = inputs::word("strategy", strategy).and_then(|text| Strategy::asked_for(text.as_deref()));
    typed.strategy = strategy.unwrap_or_else(|fault| noted(fault, &mut faults));
    let transfer = inputs::word("transfer", transfer).unwrap_or_else(|fault| noted(fault, &mut faults));
    typed.transfer = transfer.is_some_and(|text| is_true(&text));
    Ok(Given { input: typed, faults })
}

fn preparation(call: &Call<'_>, form: &Params) -> Result<Asked<PrepareVerification>, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let strategy = reader.take("strategy");
    let channel = inputs::channel(&mut reader);
    let mut authorize = inputs::hints(&mut reader);
    let urls = inputs::urls(&mut reader);
    let completion = inputs::completion(&mut reader);
    inputs::allow(&mut authorize, urls, |param, url| inputs::redirect(call, param, url), &mut reasons);
    let code_challenge = inputs::own_place(call, completion, &mut authorize, &mut reasons);
    Rejection::collect(reasons)?;
    Ok(parse_strategy(strategy.as_deref()).map(|strategy| PrepareVerification {
        strategy,
        channel,
        authorize,
        code_challenge,
    }))
}

fn answer(form: &Params) -> Result<Asked<AttemptVerification>, Rejection> {
    let mut reasons = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let (strategy, code) = (reader.take("strategy"), reader.take("code"));
    Rejection::collect(reasons)?;
    Ok(parse_strategy(strategy.as_deref()).map(|strategy| AttemptVerification { strategy, code }))
}

/// Whether the person consents.
fn flag(param: &str, text: Option<String>) -> Result<Option<bool>, Reason> {
    match text.as_deref() {
        None => Ok(None),
        // A check box without a value sends "on" (HTML).
        Some("true" | "1" | "on" | "yes") => Ok(Some(true)),
        Some("false" | "0" | "off" | "no" | "") => Ok(Some(false)),
        Some(_) => Err(ErrorCode::FormParamTypeInvalid.on(param)),
    }
}

fn noted<T>(fault: Reason, faults: &mut Vec<Reason>) -> Option<T> {
    faults.push(fault);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sign_up::Patch;

    #[test]
    fn fields_come_as_they_were_sent() {
        let form = b"email_address=Ada%40Example.com&password=+p+&timezone=UTC&created_user_id=x&last_name=";
        let read = read(form).expect("fields");
        assert_eq!(read.email_address.text(), Some("Ada@Example.com"));
        assert_eq!(read.password.text(), Some(" p "));
        assert_eq!(read.last_name.text(), Some(""));
        assert_eq!(read.first_name, Patch::Keep);
    }

    #[test]
    fn an_empty_parameter_is_no_parameter_and_an_empty_field_takes_away_only_where_something_is() {
        let names = [
            "email_address",
            "phone_number",
            "email_address_or_phone_number",
            "username",
            "password",
            "first_name",
            "last_name",
            "web3_wallet",
            "unsafe_metadata",
            "legal_accepted",
            "locale",
            "strategy",
            "channel",
            "redirect_url",
            "action_complete_redirect_url",
            "oidc_prompt",
            "oidc_login_hint",
            "ticket",
            "transfer",
            "token",
            "captcha_token",
            "captcha_error",
        ];
        let form = names.map(|name| format!("{name}=")).join("&");
        let shown = |write| format!("{:?}", fields_of(form.as_bytes(), write).expect("fields"));
        assert_eq!(shown(Write::Begin), format!("{:?}", SignUpPatch::default()));
        let changed = shown(Write::Change);
        let cleared = changed.matches("Set(").count() + changed.matches("Some(").count();
        assert_eq!(cleared, 9, "what a person gives, and nothing that says how");
    }

    #[test]
    fn everything_wrong_with_the_form_is_reported_at_once() {
        let form = b"username=a&username=b&first_name=%C3%28&timezone=a&timezone=b&redirect_url=//evil";
        let rejection = read(form).expect_err("three faults");
        assert_eq!(
            rejection.reasons(),
            [
                ErrorCode::FormParamDuplicate.on("username"),
                ErrorCode::FormParamValueInvalid.on("first_name"),
                ErrorCode::InvalidRedirectUrl.on("redirect_url"),
            ]
        );
    }

    #[test]
    fn faults_of_typed_values_are_left_to_the_engine_to_report_with_the_others() {
        let long = "x".repeat(300);
        let form = format!("strategy=x&legal_accepted=maybe&transfer={long}&unsafe_metadata=[1]");
        let given = given_of(form.as_bytes(), Write::Change).expect("an input");
        assert_eq!(
            given.faults,
            [
                ErrorCode::FormParamValueInvalid.on("unsafe_metadata"),
                ErrorCode::FormParamTypeInvalid.on("legal_accepted"),
                ErrorCode::FormParamValueInvalid.on("strategy"),
                ErrorCode::FormParamMaxLengthExceeded.on("transfer").with(256),
            ]
        );
        assert_eq!(given.input, SignUpPatch::default());
    }

    #[test]
    fn consent_is_whatever_a_check_box_or_a_program_says() {
        for (text, meaning) in [
            ("true", Ok(Some(true))),
            ("1", Ok(Some(true))),
            ("on", Ok(Some(true))),
            ("yes", Ok(Some(true))),
            ("false", Ok(Some(false))),
            ("off", Ok(Some(false))),
            ("", Ok(Some(false))),
            ("maybe", Err(ErrorCode::FormParamTypeInvalid.on("legal_accepted"))),
        ] {
            assert_eq!(flag("legal_accepted", Some(text.to_owned())), meaning, "{text}");
        }
    }

    fn read(form: &[u8]) -> Result<SignUpPatch, Rejection> {
        fields_of(form, Write::Change)
    }

    fn fields_of(form: &[u8], write: Write) -> Result<SignUpPatch, Rejection> {
        given_of(form, write).map(|given| given.input)
    }

    fn given_of(form: &[u8], write: Write) -> Result<Given<SignUpPatch>, Rejection> {
        let refuse = |_: &str, _: &str| Err(ErrorCode::InvalidRedirectUrl.on("redirect_url"));
        read_input(&Params::decode(form, 100).expect("few enough"), write, refuse)
    }
}
