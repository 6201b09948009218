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

use super::body;
use super::error::HttpError;
use super::exchange::Exchange;
use super::params::Params;
use super::response::Answer;
use super::router::Route;

/// Answers a request to `route`.
pub(super) async fn answer<B>(exchange: &Exchange<'_>, route: Route, body: B) -> Result<Answer, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, options) = (&exchange.head, &exchange.app.options);
    match route {
        Route::SettingsReplace => {
            let document = body::read(&head.headers, body, options).await?;
            return dev::replace_settings(exchange, &document);
        }
        Route::ClockAdvance => {
            let document = body::read(&head.headers, body, options).await?;
            return dev::advance_clock(exchange, &document).await;
        }
        Route::Backend(route) => return backend::answer(exchange, route, body).await,
        _ => {}
    }
    // Also where no parameter is read: a body that is no form is refused everywhere alike.
    let form = match head.method {
        Method::GET | Method::HEAD => Params::default(),
        _ => body::form(&head.headers, body, options).await?,
    };
    match route {
        Route::Environment => Ok(environment::show(exchange)),
        Route::ClientShow => client::show(exchange).await,
        Route::ClientOpen => client::open(exchange).await,
        Route::ClientDrop => client::forget(exchange).await,
        Route::CaptchaSolve => captchas::solve(exchange, &form).await,
        Route::OAuthCallback => oauth_callback::take(exchange).await,
        Route::OAuthCallbackRepeat => Ok(oauth_callback::repeat(&form)),
        Route::SignInCreate => sign_ins::create(exchange, &form).await,
        Route::SignInShow(id) => sign_ins::show(exchange, id).await,
        Route::SignInPrepare(id) => sign_ins::prepare(exchange, id, &form).await,
        Route::SignInAttempt(id) => sign_ins::attempt(exchange, id, &form).await,
        Route::SignUpCreate => sign_ups::create(exchange, &form).await,
        Route::SignUpShow(id) => sign_ups::show(exchange, id).await,
        Route::SignUpUpdate(id) => sign_ups::update(exchange, id, &form).await,
        Route::SignUpPrepare(id) => sign_ups::prepare(exchange, id, &form).await,
        Route::SignUpAttempt(id) => sign_ups::attempt(exchange, id, &form).await,
        Route::Verify => verify::open(exchange).await,
        Route::VerifyConfirmed => verify::confirm(exchange, &form).await,
        Route::TicketAccept => tickets::accept(exchange).await,
        Route::WaitlistJoin => waitlist::join(exchange, &form).await,
        Route::SessionsEnd => client::end_sessions(exchange).await,
        Route::SessionShow(id) => sessions::show(exchange, id).await,
        Route::SessionTouch(id) => sessions::touch(exchange, id).await,
        Route::SessionToken(id) => sessions::token(exchange, id).await,
        Route::SessionEnd(id) => sessions::end(exchange, id, false).await,
        Route::SessionRemove(id) => sessions::end(exchange, id, true).await,
        Route::Me => me::show(exchange).await,
        Route::DevBrowser => dev_browser::open(exchange).await,
        Route::Jwks => Ok(jwks::show(exchange)),
        Route::Live => Ok(health::live()),
        Route::Ready => health::ready(exchange),
        Route::Outbox => dev::outbox(exchange),
        Route::SettingsShow => Ok(dev::settings(exchange)),
        Route::ClockShow => Ok(dev::clock(exchange)),
        Route::Page(page) => Ok(page.show(exchange.engine().branding())),
        Route::SettingsReplace | Route::ClockAdvance | Route::Backend(_) => Err(HttpError::internal("read above")),
    }
}
