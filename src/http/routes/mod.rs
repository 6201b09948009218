//! The calls, one file per resource: each reads parameters, asks the engine and renders what came of it.

pub(super) mod backend;
mod captchas;
mod client;
mod dev;
mod dev_browser;
mod environment;
mod health;
mod jwks;
mod me;
mod oauth_callback;
pub(super) mod pages;
mod sessions;
mod sign_ins;
mod sign_ups;
mod tickets;
mod verify;
mod waitlist;

use bytes::Bytes;
use hyper::Method;
use hyper::body::Body;

use super::call::Call;
use super::request::body;
use super::request::form::Params;
use super::response::api_response::ApiResponse;
use super::response::error::HttpError;
use super::router::Route;

/// Answers a request to `route`.
pub(super) async fn answer<B>(call: &Call<'_>, route: Route, body: B) -> Result<ApiResponse, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, options) = (&call.head, &call.app.options);
    match route {
        Route::SettingsReplace => {
            let document = body::read(&head.headers, body, options).await?;
            return dev::replace_settings(call, &document);
        }
        Route::ClockAdvance => {
            let document = body::read(&head.headers, body, options).await?;
            return dev::advance_clock(call, &document).await;
        }
        Route::Backend(route) => return backend::answer(call, route, body).await,
        _ => {}
    }
    // Also where no parameter is read: a body that is no form is refused everywhere alike.
    let form = match head.method {
        Method::GET | Method::HEAD => Params::default(),
        _ => body::form(&head.headers, body, options).await?,
    };
    match route {
        Route::Environment => Ok(environment::show(call)),
        Route::ClientShow => client::show(call).await,
        Route::ClientOpen => client::open(call).await,
        Route::ClientDrop => client::forget(call).await,
        Route::CaptchaSolve => captchas::solve(call, &form).await,
        Route::OAuthCallback => oauth_callback::take(call).await,
        Route::OAuthCallbackRepeat => Ok(oauth_callback::repeat(&form)),
        Route::SignInCreate => sign_ins::create(call, &form).await,
        Route::SignInShow(id) => sign_ins::show(call, id).await,
        Route::SignInPrepare(id) => sign_ins::prepare(call, id, &form).await,
        Route::SignInAttempt(id) => sign_ins::attempt(call, id, &form).await,
        Route::SignUpCreate => sign_ups::create(call, &form).await,
        Route::SignUpShow(id) => sign_ups::show(call, id).await,
        Route::SignUpUpdate(id) => sign_ups::update(call, id, &form).await,
        Route::SignUpPrepare(id) => sign_ups::prepare(call, id, &form).await,
        Route::SignUpAttempt(id) => sign_ups::attempt(call, id, &form).await,
        Route::Verify => verify::open(call).await,
        Route::VerifyConfirmed => verify::confirm(call, &form).await,
        Route::TicketAccept => tickets::accept(call).await,
        Route::WaitlistJoin => waitlist::join(call, &form).await,
        Route::SessionsEnd => client::end_sessions(call).await,
        Route::SessionShow(id) => sessions::show(call, id).await,
        Route::SessionTouch(id) => sessions::touch(call, id).await,
        Route::SessionToken(id) => sessions::token(call, id).await,
        Route::SessionEnd(id) => sessions::end(call, id, false).await,
        Route::SessionRemove(id) => sessions::end(call, id, true).await,
        Route::Me => me::show(call).await,
        Route::DevBrowser => dev_browser::open(call).await,
        Route::Jwks => Ok(jwks::show(call)),
        Route::Live => Ok(health::live()),
        Route::Ready => health::ready(call),
        Route::Outbox => dev::outbox(call),
        Route::SettingsShow => Ok(dev::settings(call)),
        Route::ClockShow => Ok(dev::clock(call)),
        Route::Page(page) => Ok(page.show(call.engine().branding())),
        Route::SettingsReplace | Route::ClockAdvance | Route::Backend(_) => Err(HttpError::internal("read above")),
    }
}
