//! The steps of one request: head, origin rule, route, body, answer. Every error becomes an answer, even a panic.

use std::any::Any;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use http_body_util::{Empty, Full};
use hyper::body::Body;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use tracing::Instrument;
use url::Host;

use crate::domain::redirect::is_loopback_host;

use super::HttpOptions;
use super::app::App;
use super::call::Call;
use super::endpoint::{Endpoint, PathId};
use super::frontend;
use super::pages::link;
use super::request::audience::Audience;
use super::request::head::{AuthMode, Relay, RequestHead};
use super::request_id::RequestId;
use super::response::api_response::ApiResponse;
use super::response::cors::{self, Realm, origin_of};
use super::response::error::{HttpError, TransportError};
use super::routing;

/// Answers a request from `peer`.
pub(super) async fn answer<B>(app: &App, request: Request<B>, peer: SocketAddr) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (parts, body) = request.into_parts();
    let mut asked = app.outcomes.asked(&parts, app.options.trusts(peer.ip()), app.engine.now(), routing::logged);
    let origin = origin_of(&parts.headers).map(str::to_owned);
    let audience = Audience::of(&parts.method, &parts.headers);
    let is_api = routing::is_of_the_api(parts.uri.path());
    let is_read = matches!(parts.method, Method::GET | Method::HEAD);
    let walk = pin!(call(app, parts, body, peer).instrument(asked.span()));
    let outcome = uninterrupted(walk).await.unwrap_or_else(|_| Err(panicked()));
    asked.note(&outcome);
    let mut answer = match audience {
        Audience::Person => readable(app, outcome, (is_read, is_api), &asked.id),
        Audience::Program | Audience::Unknown => outcome.unwrap_or_else(|error| error.into_answer(&asked.id)),
    };
    app.origins().grant(origin.as_deref(), answer.headers_mut());
    asked.id.put(answer.headers_mut());
    answer.into_response()
}

/// What a person sees, in one place so that no route can forget it: every error is a page, and so is all JSON of the
/// API. What operators and developers read as data stays data: keys, health, and the tools of a development instance.
fn readable(
    app: &App,
    outcome: Result<ApiResponse, HttpError>,
    (is_read, is_api): (bool, bool),
    id: &RequestId,
) -> ApiResponse {
    let look = app.look();
    match outcome {
        Err(error) => error.into_page(&look, is_read, id),
        Ok(answer) if !is_read && answer.is_json() => answer.shown_as(link::done(&look)),
        Ok(answer) if is_api && answer.is_json() => {
            let page = link::data(&look, answer.body());
            answer.shown_as(page)
        }
        Ok(answer) => answer,
    }
}

async fn call<B>(app: &App, parts: Parts, body: B, peer: SocketAddr) -> Result<ApiResponse, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let options = &app.options;
    let head = RequestHead::read(parts, peer, options, |key| app.engine.is_backend(key))?;
    // The check of a proxy tells in its own words what is wrong.
    if head.relay == Relay::Refused && head.path != frontend::proxy::HEALTH {
        return Err(TransportError::ProxyRequestInvalidSecretKey.into());
    }
    let found = routing::at(&head.path, options.development);
    let realm = routing::realm(&head, found, options.development);
    let asked = head.origin_input(realm);
    let origins = app.origins();
    origins.check(&asked).map_err(|fault| app.refused_origins.explain(fault, asked.origin))?;
    if realm == Realm::Dev && !is_for_a_developer(&head, options) {
        return Err(TransportError::HostInvalid.into());
    }
    if head.method == Method::OPTIONS {
        return Ok(cors::preflight(asked.native));
    }
    if realm == Realm::Backend {
        crate::http::backend::admit(app, &head)?;
    }
    let (endpoint, id) = routing::find(&head.method, &head.path, realm, found)?;
    let source = head.source(&origins);
    let call = Call::new(app, head, source);
    let work = pin!(routed(&call, (endpoint, id), body));
    uninterrupted(work).await.unwrap_or_else(|_| Err(panicked()))
}

/// Answers a request. If another call replaced the client's token during a read, the read is repeated: by the browser,
/// which has the new cookie by then, or without cookies once more here, where the presented token is valid again if a
/// new one is owed to its holder.
async fn routed<B>(call: &Call<'_>, (endpoint, id): (&Endpoint, PathId), body: B) -> Result<ApiResponse, HttpError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut answered = endpoint.answer(call, id, body).await;
    if is_replaced(&answered) && call.may_ask_again() {
        return Ok(call.ask_again().await);
    }
    if is_replaced(&answered) && call.is_read() && call.head.mode != AuthMode::Cookie {
        answered = endpoint.answer(call, id, Empty::new()).await;
    }
    match &mut answered {
        // Another answer brings a newer token than the one that was owed here.
        Err(error) if error.is_token_replaced() => {}
        Err(error) => call.hand_out(error.headers_mut()),
        Ok(answer) => call.hand_out(answer.headers_mut()),
    }
    answered
}

fn is_replaced(answered: &Result<ApiResponse, HttpError>) -> bool {
    answered.as_ref().is_err_and(HttpError::is_token_replaced)
}

/// Whether a request for the tools of development comes from whoever develops. What a proxy of a site passes on comes from
/// people who reach the site: such a proxy puts the engine's host in the place of their own, and names theirs beside it.
fn is_for_a_developer(head: &RequestHead, options: &HttpOptions) -> bool {
    !head.is_relayed()
        && is_at_home(head.own_host.as_deref(), options)
        && head.forwarded_hosts().all(|host| is_at_home(host.as_deref(), options))
}

/// Whether the request's own host is this machine or the instance's own: a page of another site whose name was made to
/// point here (DNS rebinding) must not use the tools of a development instance. Forwarding headers are no proof of it: where
/// this machine counts as a proxy, that page could set them too.
fn is_at_home(host: Option<&str>, options: &HttpOptions) -> bool {
    let Some(host) = host else { return false };
    if options.public_url.host_str() == Some(host) {
        return true;
    }
    Host::parse(host).is_ok_and(|host| is_loopback_host(&host))
}

/// Runs a future until it ends or panics. It stays where it is: taken by value, it would be in the caller's future three
/// times, and that is moved with each request.
async fn uninterrupted<F: Future>(mut future: Pin<&mut F>) -> Result<F::Output, Box<dyn Any + Send>> {
    poll_fn(|cx| {
        // Nothing of the future is used after a panic.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// A panic's message may contain the data it was about, so it is not repeated here; its location is logged.
fn panicked() -> HttpError {
    HttpError::internal("a panic")
}

#[cfg(test)]
mod navigations;

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn tools_are_for_this_machine_and_the_instances_own_name() {
        let url = Url::parse("http://vestibule.test:8080").expect("a URL");
        let options = HttpOptions::new(url, "pk_live_x", true);
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "[::1]", "vestibule.test"] {
            assert!(is_at_home(Some(host), &options), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "10.0.0.1", "", "[::2]", "a b"] {
            assert!(!is_at_home(Some(host), &options), "{host}");
        }
        assert!(!is_at_home(None, &options));
    }

    #[tokio::test]
    async fn a_panic_is_an_outcome() {
        let quiet = uninterrupted(pin!(async { 7 })).await;
        assert_eq!(quiet.ok(), Some(7));
        let loud: Result<(), _> = uninterrupted(pin!(async { panic!("number {}", 8) })).await;
        assert!(loud.is_err());
    }
}
