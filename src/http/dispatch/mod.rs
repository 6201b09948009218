//! From a route to the call that answers it. The calls are in the folder of their audience, a file for each resource: each
//! reads parameters, asks the engine and renders the result.

use bytes::Bytes;
use hyper::Method;
use hyper::body::Body;

use super::call::Call;
use super::request::body;
use super::request::form::Params;
use super::response::api_response::ApiResponse;
use super::response::error::HttpError;
use super::routing::Route;

/// Answers a request to `route`.
pub(super) async fn answer<B>(call: &Call<'_>, route: Route, body: B) -> Result<ApiResponse, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, options) = (&call.head, &call.app.options);
    match route {
        Route::SettingsReplace => {
            let document = body::read(&head.headers, body, options).await?;
            return super::dev::tools::replace_settings(call, &document);
        }
        Route::ClockAdvance => {
            let document = body::read(&head.headers, body, options).await?;
            return super::dev::tools::advance_clock(call, &document).await;
        }
        Route::Backend(route) => return super::backend::answer(call, route, body).await,
        _ => {}
    }
    // Also where no parameter is read: a body that is no form is refused everywhere alike.
    let form = match head.method {
        Method::GET | Method::HEAD => Params::default(),
        _ => body::form(&head.headers, body, options).await?,
    };
    match route {
        Route::Environment => Ok(super::frontend::environment::show(call)),
        Route::ClientShow => super::frontend::client::show(call).await,
        Route::ClientOpen => super::frontend::client::open(call).await,
        Route::ClientDrop => super::frontend::client::forget(call).await,
        Route::CaptchaSolve => super::frontend::captchas::solve(call, &form).await,
        Route::OAuthCallback => super::frontend::oauth_callback::take(call).await,
        Route::OAuthCallbackRepeat => Ok(super::frontend::oauth_callback::repeat(&form)),
        Route::SignInCreate => super::frontend::sign_ins::create(call, &form).await,
        Route::SignInShow(id) => super::frontend::sign_ins::show(call, id).await,
        Route::SignInPrepare(id) => super::frontend::sign_ins::prepare(call, id, &form).await,
        Route::SignInAttempt(id) => super::frontend::sign_ins::attempt(call, id, &form).await,
        Route::SignUpCreate => super::frontend::sign_ups::create(call, &form).await,
        Route::SignUpShow(id) => super::frontend::sign_ups::show(call, id).await,
        Route::SignUpUpdate(id) => super::frontend::sign_ups::update(call, id, &form).await,
        Route::SignUpPrepare(id) => super::frontend::sign_ups::prepare(call, id, &form).await,
        Route::SignUpAttempt(id) => super::frontend::sign_ups::attempt(call, id, &form).await,
        Route::Verify => super::frontend::verify::open(call).await,
        Route::VerifyConfirmed => super::frontend::verify::confirm(call, &form).await,
        Route::TicketAccept => super::frontend::tickets::accept(call).await,
        Route::WaitlistJoin => super::frontend::waitlist::join(call, &form).await,
        Route::SessionsEnd => super::frontend::client::end_sessions(call).await,
        Route::SessionShow(id) => super::frontend::sessions::show(call, id).await,
        Route::SessionTouch(id) => super::frontend::sessions::touch(call, id).await,
        Route::SessionToken(id) => super::frontend::sessions::token(call, id).await,
        Route::SessionEnd(id) => super::frontend::sessions::end(call, id, false).await,
        Route::SessionRemove(id) => super::frontend::sessions::end(call, id, true).await,
        Route::Me => super::frontend::me::show(call).await,
        Route::DevBrowser => super::dev::dev_browser::open(call).await,
        Route::Jwks => Ok(super::ops::jwks::show(call)),
        Route::Live => Ok(super::ops::health::live()),
        Route::Ready => super::ops::health::ready(call),
        Route::Outbox => super::dev::tools::outbox(call),
        Route::SettingsShow => Ok(super::dev::tools::settings(call)),
        Route::ClockShow => Ok(super::dev::tools::clock(call)),
        Route::Page(page) => Ok(page.show(call.engine().branding(), call.app.mount.prefix())),
        Route::SettingsReplace | Route::ClockAdvance | Route::Backend(_) => Err(HttpError::internal("read above")),
    }
}
