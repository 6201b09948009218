//! The engine inside an axum application: its own pages, and below `/__clerk` everything that browsers need to sign up.
//! Run it with `cargo run --example axum` and open <http://localhost:3000>; `PORT` names another port. Nothing is
//! loaded from other sites, and messages are shown at `/__clerk/dev/mailbox`.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::middleware::map_request;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;
use vestibule::Engine;
use vestibule::messages::Capture;
use vestibule::server::{App, HttpOptions, HttpService, PeerAddress};
use vestibule::settings::{Branding, sample_settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").ok().map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("open http://localhost:{}", listener.local_addr()?.port());
    serve(listener, Arc::new(Capture::new()), async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("Ctrl-C can't be heard: {error}");
        }
    })
    .await
}

/// Serves until `stop`, then ends the engine: what was answered is stored by then.
async fn serve(
    listener: TcpListener,
    mail: Arc<Capture>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error>> {
    // What browsers see. The path is the one that the service is mounted below.
    let public_url = format!("http://localhost:{}/__clerk", listener.local_addr()?.port());
    let options = HttpOptions::new(public_url.parse()?, PUBLISHABLE_KEY, true);
    let engine = Engine::builder()
        .settings(sample_settings("email_code")?)
        .branding(Branding { name: "Acme".into(), ..Branding::default() })
        .publishable_key(PUBLISHABLE_KEY.into())
        .public_url(options.public_url.clone())
        .email(mail.clone())
        .build()
        .await?;
    // In production there is no mailbox to show, and `engine.http_service(options)` is all it takes.
    let service = HttpService::new(Arc::new(App::new(engine.clone(), options, Some(mail))));
    let application = router(engine.clone(), service).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, application).with_graceful_shutdown(stop).await?;
    engine.shutdown().await;
    Ok(())
}

/// The routes of the application, and those of the engine beside them.
fn router(engine: Engine, service: HttpService) -> Router {
    Router::new()
        .route("/", get(home))
        .with_state(engine)
        .nest_service("/__clerk", service)
        // axum knows the peer under a name of its own. Behind a proxy, name that in `HttpOptions::trusted_proxies`.
        .layer(map_request(|ConnectInfo(peer): ConnectInfo<SocketAddr>, mut request: Request| async move {
            request.extensions_mut().insert(PeerAddress(peer));
            request
        }))
}

/// A page of the application that knows who reads it: the engine is asked in process.
async fn home(State(engine): State<Engine>, headers: HeaderMap) -> Html<String> {
    let name = signed_in(&engine, &headers).await;
    let greeting = name.map_or_else(
        || "<p><a href=\"/__clerk/\">Sign up</a></p>".to_owned(),
        |name| format!("<p id=\"name\">You are {}.</p>", escaped(&name)),
    );
    Html(format!("<!doctype html><meta charset=\"utf-8\"><title>Acme</title><h1>Acme</h1>{greeting}"))
}

/// The e-mail address of the person whose browser sent these headers, if there is a session.
async fn signed_in(engine: &Engine, headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let token = cookies.flat_map(|line| line.split("; ")).find_map(|cookie| cookie.strip_prefix("__client="))?;
    let caller = engine.identify(Some(token)).await.ok()?;
    let user = engine.users().current(&caller, None).await.ok()?;
    user.public_identifier().map(str::to_owned)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// `pk_live_` and the base64 of `clerk.localhost$`: what browsers are configured with.
const PUBLISHABLE_KEY: &str = "pk_live_Y2xlcmsubG9jYWxob3N0JA";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http_body_util::{BodyExt as _, Full};
    use hyper_util::client::legacy::Client;
    use hyper_util::client::legacy::connect::HttpConnector;
    use hyper_util::rt::TokioExecutor;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn somebody_signs_up_below_a_path_and_the_application_knows_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mail = Arc::new(Capture::new());
        let mut browser = Browser::of(listener.local_addr().expect("an address").port());
        let (stop, stopped) = oneshot::channel::<()>();
        let signing_up = async {
            assert!(browser.get("/").await.contains("href=\"/__clerk/\""), "nobody is signed in");
            let page = browser.get("/__clerk/").await;
            assert!(page.contains("src=\"/__clerk/dev/pages/app.js\""), "{page}");
            let script = browser.get("/__clerk/dev/pages/app.js").await;
            assert!(script.contains("import"), "{script}");

            let sign_ups = "/__clerk/v1/client/sign_ups";
            let begun = browser.post(sign_ups, "email_address=ada%40example.com").await;
            let id = begun.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id").to_owned();
            let sent = browser.post(&format!("{sign_ups}/{id}/prepare_verification"), "strategy=email_code").await;
            assert!(sent.contains("\"unverified\""), "{sent}");
            let message = mail.next_to("ada@example.com").await;
            let code = message.code.clone().expect("a code").into_inner();
            let attempt = format!("strategy=email_code&code={code}");
            let done = browser.post(&format!("{sign_ups}/{id}/attempt_verification"), &attempt).await;
            assert!(done.contains("\"status\":\"complete\""), "{done}");

            let home = browser.get("/").await;
            assert!(home.contains("You are ada@example.com."), "{home}");
            stop.send(()).expect("a server that waits");
        };
        let serving = serve(listener, mail.clone(), async { stopped.await.expect("a word") });
        let (served, ()) = tokio::join!(serving, signing_up);
        served.expect("an end");
    }

    /// A browser without a window: it keeps cookies and says which page calls.
    struct Browser {
        origin: String,
        client: Client<HttpConnector, Full<axum::body::Bytes>>,
        cookies: BTreeMap<String, String>,
    }

    impl Browser {
        fn of(port: u16) -> Self {
            let client = Client::builder(TokioExecutor::new()).build_http();
            // The listener has the one address only, whatever `localhost` is on this machine.
            Self { origin: format!("http://127.0.0.1:{port}"), client, cookies: BTreeMap::new() }
        }

        async fn get(&mut self, path: &str) -> String {
            self.send("GET", path, String::new()).await
        }

        async fn post(&mut self, path: &str, form: &str) -> String {
            self.send("POST", path, form.to_owned()).await
        }

        async fn send(&mut self, method: &str, path: &str, form: String) -> String {
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = axum::http::Request::builder()
                .method(method)
                .uri(format!("{}{path}", self.origin))
                .header("origin", &self.origin)
                .header("content-type", "application/x-www-form-urlencoded")
                .header("cookie", cookies.join("; "))
                .body(Full::from(form))
                .expect("a request");
            let response = self.client.request(request).await.expect("a response");
            assert_eq!(response.status(), 200, "{method} {path}");
            for line in response.headers().get_all("set-cookie") {
                let line = line.to_str().expect("text");
                let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            String::from_utf8(body.to_vec()).expect("text")
        }
    }
}
