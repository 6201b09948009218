//! `/v1/client/sign_ups…` ([guide: Sign-up calls](crate::guide::contract_sign_ups#sign-up-calls)). The engine validates
//! the parameters and decides which of them the instance has.

use crate::domain::id::SignUpId;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_up::RawFields;
use crate::engine::{ClientView, EngineError, RawPrepare, SignUpView};
use crate::http::call::Call;
use crate::http::request::form::{Params, Reader};
use crate::http::request::identity::{ClientUpdate, Identity};
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::http::wire::SignUpResource;

pub(in crate::http) async fn create(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let fields = fields(call, form, Write::Begin);
    let has_password = fields.as_ref().is_ok_and(|fields| fields.password.is_some());
    let identity = call.identify_writer(has_password).await?;
    let fields = match fields {
        Ok(fields) => fields,
        Err(rejection) => return Err(refuse(call, &identity, rejection.into()).await),
    };
    let engine = call.engine();
    let caller = engine.or_opened(&identity.caller);
    let outcome = engine.create_sign_up(&caller, &fields, &call.context).await;
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
    Ok(call.wrapped(&identity, &SignUpResource::from(&sign_up), &client))
}

pub(in crate::http) async fn update(call: &Call<'_>, id: SignUpId, form: &Params) -> Result<ApiResponse, HttpError> {
    let fields = fields(call, form, Write::Change);
    let has_password = fields.as_ref().is_ok_and(|fields| fields.password.is_some());
    let identity = call.identify_writer(has_password).await?;
    let outcome = match &fields {
        Ok(fields) => {
            let engine = call.engine();
            engine.update_sign_up(&identity.caller, id, fields, &call.context).await
        }
        Err(rejection) => Err(rejection.clone().into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn prepare(call: &Call<'_>, id: SignUpId, form: &Params) -> Result<ApiResponse, HttpError> {
    let given = wishes(call, form);
    let identity = call.identify().await?;
    let outcome = match &given {
        Ok(given) => call.engine().prepare(&identity.caller, id, given, &call.context).await,
        Err(rejection) => Err(rejection.clone().into()),
    };
    settle(call, &identity, outcome).await
}

pub(in crate::http) async fn attempt(call: &Call<'_>, id: SignUpId, form: &Params) -> Result<ApiResponse, HttpError> {
    let given = pair(form, "strategy", "code");
    // A client that lost the completing answer has only the token that it replaced.
    let identity = call.presented().await?;
    let outcome = match &given {
        Ok((strategy, code)) => {
            let (strategy, code) = (strategy.as_deref(), code.as_deref());
            let engine = call.engine();
            let context = &call.context;
            engine.attempt_verification(&identity.caller, id, strategy, code, context).await
        }
        Err(rejection) => Err(rejection.clone().into()),
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
            let shown = SignUpResource::from(&sign_up);
            let mut answer = call.wrapped(identity, &shown, &client);
            if sign_up.value.awaits_link() || sign_up.value.awaits_provider() {
                identity.write_navigation_credentials(&ClientUpdate::Client(&client), &call.head, answer.headers_mut());
            }
            Ok(answer)
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

fn fields(call: &Call<'_>, form: &Params, write: Write) -> Result<RawFields, Rejection> {
    read_fields(form, write, |param, url| redirect(call, param, url))
}

fn read_fields(
    form: &Params,
    write: Write,
    redirect: impl Fn(&str, &str) -> Result<RedirectUrl, Reason>,
) -> Result<RawFields, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let field = |reader: &mut Reader<'_>, name: &str| match write {
        Write::Begin => reader.take(name),
        Write::Change => reader.take_or_clear(name),
    };
    let (url, complete_url) = (reader.take(REDIRECT), reader.take(COMPLETE_REDIRECT));
    let fields = RawFields {
        email_address: field(&mut reader, "email_address"),
        phone_number: field(&mut reader, "phone_number"),
        email_address_or_phone_number: reader.take("email_address_or_phone_number"),
        username: field(&mut reader, "username"),
        password: field(&mut reader, "password").map(Secret::new),
        first_name: field(&mut reader, "first_name"),
        last_name: field(&mut reader, "last_name"),
        web3_wallet: reader.take("web3_wallet"),
        unsafe_metadata: field(&mut reader, "unsafe_metadata"),
        legal_accepted: field(&mut reader, "legal_accepted"),
        locale: match write {
            Write::Begin => reader.hint("locale"),
            Write::Change => reader.hint_or_clear("locale"),
        },
        strategy: reader.take("strategy"),
        channel: reader.hint("channel"),
        redirect_url: None,
        action_complete_redirect_url: None,
        oidc_prompt: reader.hint("oidc_prompt"),
        oidc_login_hint: reader.hint("oidc_login_hint"),
        ticket: reader.take("ticket"),
        transfer: reader.take("transfer"),
        token: reader.take("token").map(Secret::new),
        captcha_token: reader.hint("captcha_token").map(Secret::new),
        captcha_error: reader.hint("captcha_error"),
    };
    let redirect_url = allowed(REDIRECT, url, &redirect, &mut reasons);
    let action_complete_redirect_url = allowed(COMPLETE_REDIRECT, complete_url, &redirect, &mut reasons);
    Rejection::collect(reasons).map(|()| RawFields { redirect_url, action_complete_redirect_url, ..fields })
}

fn wishes(call: &Call<'_>, form: &Params) -> Result<RawPrepare, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let wishes = RawPrepare {
        strategy: reader.take("strategy"),
        channel: reader.hint("channel"),
        redirect_url: None,
        action_complete_redirect_url: None,
        oidc_prompt: reader.hint("oidc_prompt"),
        oidc_login_hint: reader.hint("oidc_login_hint"),
    };
    let (url, complete_url) = (reader.take(REDIRECT), reader.take(COMPLETE_REDIRECT));
    let redirect = |param: &str, url: &str| redirect(call, param, url);
    let redirect_url = allowed(REDIRECT, url, redirect, &mut reasons);
    let action_complete_redirect_url = allowed(COMPLETE_REDIRECT, complete_url, redirect, &mut reasons);
    Rejection::collect(reasons).map(|()| RawPrepare { redirect_url, action_complete_redirect_url, ..wishes })
}

/// A redirect URL that the instance allows. An empty one counts as absent.
pub(in crate::http) fn allowed(
    param: &str,
    url: Option<String>,
    redirect: impl Fn(&str, &str) -> Result<RedirectUrl, Reason>,
    reasons: &mut Vec<Reason>,
) -> Option<RedirectUrl> {
    let checked = url.filter(|url| !url.is_empty()).map(|url| redirect(param, &url))?;
    checked.map_err(|reason| reasons.push(reason)).ok()
}

pub(in crate::http) fn redirect(call: &Call<'_>, param: &str, url: &str) -> Result<RedirectUrl, Reason> {
    call.engine().redirects().check(param, url, call.context.origin.as_deref())
}

fn pair(form: &Params, first: &str, second: &str) -> Result<(Option<String>, Option<String>), Rejection> {
    let mut reasons = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let values = (reader.take(first), reader.take(second));
    Rejection::collect(reasons).map(|()| values)
}

pub(in crate::http) const REDIRECT: &str = "redirect_url";
pub(in crate::http) const COMPLETE_REDIRECT: &str = "action_complete_redirect_url";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rejection::ErrorCode;

    #[test]
    fn fields_come_as_they_were_sent() {
        let form = b"email_address=Ada%40Example.com&password=+p+&timezone=UTC&created_user_id=x&last_name=";
        let read = read(form).expect("fields");
        assert_eq!(read.email_address.as_deref(), Some("Ada@Example.com"));
        assert_eq!(read.password.map(Secret::into_inner).as_deref(), Some(" p "));
        assert_eq!(read.last_name.as_deref(), Some(""));
        assert_eq!(read.first_name, None);
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
        assert_eq!(shown(Write::Begin), format!("{:?}", RawFields::default()));
        let cleared = shown(Write::Change).matches("Some(").count();
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

    fn read(form: &[u8]) -> Result<RawFields, Rejection> {
        fields_of(form, Write::Change)
    }

    fn fields_of(form: &[u8], write: Write) -> Result<RawFields, Rejection> {
        let refuse = |_: &str, _: &str| Err(ErrorCode::InvalidRedirectUrl.on("redirect_url"));
        read_fields(&Params::decode(form, 100).expect("few enough"), write, refuse)
    }
}
