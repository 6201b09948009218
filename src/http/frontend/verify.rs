//! `/v1/verify`: the target of the links in e-mails
//! ([guide: E-mail links](crate::guide::contract_sign_ups#e-mail-links)). It is a navigation: the result is in the URL
//! that the browser is redirected to. Where there is no such URL, a person gets a page and a program an error.
//!
//! Mail scanners open links too. So HEAD never changes anything, and GET only for the sign-up's own client.

use hyper::Method;

use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::text;
use crate::domain::verification::{LinkOwner, LinkToken};
use crate::engine::{Followed, LinkOutcome};
use crate::http::call::Call;
use crate::http::pages::link;
use crate::http::request::audience::Audience;
use crate::http::request::form::Params;
use crate::http::request::identity::{ClientUpdate, Identity};
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::http::response::redirect;

pub(in crate::http) async fn open(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    if call.head.method == Method::HEAD {
        return Ok(link::nothing(&call.app.look()));
    }
    follow(call, call.head.query.single("token"), false).await
}

/// The button on the page: the person confirms.
pub(in crate::http) async fn confirm(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    follow(call, form.single("token"), true).await
}

async fn follow(
    call: &Call<'_>,
    token: Result<Option<&str>, Reason>,
    confirmed: bool,
) -> Result<ApiResponse, HttpError> {
    // A token that appears twice is ignored. Punctuation that follows a link in a text is often taken for a part of it.
    let token = text::token(token.ok().flatten().unwrap_or_default());
    let identity = call.presented().await?;
    let engine = call.engine();
    let followed = engine.follow_link(&identity.caller, token, confirmed, &call.context).await?;
    let answer = render(call, &identity, &followed, token)?;
    Ok(match &followed.client {
        Some(view) => call.with_credentials(&identity, answer, &ClientUpdate::Client(view)),
        None => answer,
    })
}

/// The way back to the application that asked for the link, with what it needs to complete it.
fn approved(followed: &Followed, token: &str, url: Option<&str>) -> Result<ApiResponse, HttpError> {
    let approval = followed.approval_token.as_ref().map(|approval| approval.expose().as_str());
    let flow = token.split('.').next().unwrap_or_default();
    let to = url.zip(approval).and_then(|(url, approval)| redirect::with_approval(url, flow, approval));
    let to = to.ok_or(ErrorCode::VerificationLinkTokenInvalid)?;
    Ok(ApiResponse::see_other(to.as_str()))
}

fn render(call: &Call<'_>, identity: &Identity, followed: &Followed, token: &str) -> Result<ApiResponse, HttpError> {
    let look = call.app.look();
    let url = followed.redirect_url.as_ref().map(RedirectUrl::as_str);
    let of = |code: ErrorCode| Some(Rejection::from(code));
    let (status, refusal, session) = match followed.outcome {
        LinkOutcome::Verified { session } => ("verified", None, session),
        // The page of the application shows the refusal, which is stored on the sign-up.
        LinkOutcome::Refused => ("verified", followed.refusal.clone(), None),
        LinkOutcome::Unconfirmed => {
            let is_of_profile = LinkToken::parse(token).is_some_and(|t| matches!(t.owner, LinkOwner::Address(..)));
            return Ok(link::question(&look, (token, is_of_profile), url));
        }
        LinkOutcome::Approved => return approved(followed, token, url),
        LinkOutcome::Expired => ("expired", of(ErrorCode::VerificationLinkTokenExpired), None),
        LinkOutcome::Failed => ("failed", of(ErrorCode::VerificationLinkTokenInvalid), None),
        LinkOutcome::Transferable => ("transferable", of(transferable(token)), None),
        LinkOutcome::ClientMismatch => ("client_mismatch", of(not_same_client(token)), None),
    };
    if let (Some(refusal), Audience::Program) = (&refusal, call.head.audience()) {
        return Err(refusal.clone().into());
    }
    let session = session.map(|id| id.to_string());
    match (url.and_then(|url| redirect::with_status(url, status, session.as_deref())), refusal) {
        (Some(url), _) if followed.by_owner => {
            let successor = |id: &str| identity.valid_dev_browser(id, call.engine());
            Ok(ApiResponse::see_other(redirect::with_valid_dev_browser(url, successor).as_str()))
        }
        (Some(url), _) => Ok(ApiResponse::see_other(redirect::without_dev_browser(url).as_str())),
        (None, Some(refusal)) => Err(refusal.into()),
        (None, None) if followed.awaits_approval => Ok(link::waiting(&look)),
        (None, None) => Ok(link::nowhere(&look)),
    }
}

fn transferable(token: &str) -> ErrorCode {
    let is_of_sign_in = LinkToken::parse(token).is_some_and(|token| matches!(token.owner, LinkOwner::SignIn(..)));
    if is_of_sign_in { ErrorCode::SignUpIfMissingTransfer } else { ErrorCode::FormIdentifierExists }
}

fn not_same_client(token: &str) -> ErrorCode {
    match LinkToken::parse(token).map(|token| token.owner) {
        Some(LinkOwner::SignIn(..)) => ErrorCode::SignInEmailLinkNotSameClient,
        Some(LinkOwner::Address(..)) => ErrorCode::VerificationLinkNotSameClient,
        Some(LinkOwner::SignUp(_)) | None => ErrorCode::SignUpEmailLinkNotSameClient,
    }
}
