//! The engine as a service in a server of another's: below a path, behind proxies, with bodies of other kinds.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes};
use hyper::{Request, Response, Version};
use tower_service::Service;
use vestibule::config::sample_settings;
use vestibule::delivery::Capture;
use vestibule::domain::settings::source_limits::{Budget, SourceLimits};
use vestibule::domain::time::Span;
use vestibule::engine::{Engine, EngineBuilder};
use vestibule::http::{HttpOptions, HttpService, PeerAddress};

/// The link that leaves by e-mail comes back through the path, and the browser is sent on to the application's page.
#[tokio::test]
async fn below_a_path_of_axum_a_person_signs_up_by_link() {
    let mail = Arc::new(Capture::new());
    let builder = Engine::builder().settings(sample_settings("email_link").expect("a sample")).email(mail.clone());
    let service = service(builder, options()).await;
    let mut browser = Browser { server: Router::new().nest_service("/__clerk", service), cookies: BTreeMap::new() };

    let begun = browser.post("/__clerk/v1/client/sign_ups", "email_address=ada%40example.com").await;
    let id = begun.json()["response"]["id"].as_str().expect("an id").to_owned();
    let cookies = begun.set_cookies.join("\n");
    assert!(cookies.contains("__client=") && cookies.lines().all(|line| line.contains("; Path=/;")), "{cookies}");
    let form = "strategy=email_link&redirect_url=https%3A%2F%2Facme.example%2Fwelcome";
    let sent = browser.post(&format!("/__clerk/v1/client/sign_ups/{id}/prepare_verification"), form).await;
    assert_eq!(sent.status, 200, "{}", sent.body);

    let link = newest_link(&mail, "ada@example.com").await;
    let path = link.strip_prefix("https://acme.example").expect("a link to the instance").to_owned();
    assert!(path.starts_with("/__clerk/v1/verify?"), "{path}");
    let followed = browser.get(&path).await;
    assert_eq!(followed.status, 303, "{}", followed.body);
    assert!(followed.location.starts_with("https://acme.example/welcome?__clerk_status=verified"), "{followed:?}");
    let client = browser.get("/__clerk/v1/client").await.json();
    assert_eq!(client["response"]["sessions"][0]["status"], "active", "{client}");
}

#[tokio::test]
async fn a_server_that_leaves_the_path_on_and_one_that_takes_it_off_are_answered_alike() {
    let service = service(builder(), options()).await;
    let asked = |path: &'static str| get(path).body(Full::<Bytes>::default()).expect("a request");
    for path in ["/v1/environment", "/v1/client", "/health/live", "/v1/nowhere", "/"] {
        let below: &'static str = format!("/__clerk{path}").leak();
        let [off, on] = [send(&service, asked(path)).await, send(&service, asked(below)).await];
        assert_eq!((off.status, shape(&off)), (on.status, shape(&on)), "{path}");
    }
    let strange = send(&service, asked("/__clerks/v1/environment")).await;
    assert_eq!(strange.status, 404);
}

#[tokio::test]
async fn the_pages_of_a_development_instance_load_what_they_need_from_below_the_path() {
    let options = HttpOptions::new(options().public_url, KEY, true);
    let service = service(builder(), options).await;
    let mut seen = 0;
    for page in ["/", "/dev/mailbox"] {
        let page = send(&service, get(page).body(Full::<Bytes>::default()).expect("a request")).await;
        let attributes = page.body.split("=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for path in attributes.filter(|value| value.starts_with('/')).map(str::to_owned) {
            let loaded = get(&path).body(Full::<Bytes>::default()).expect("a request");
            assert!(path.starts_with("/__clerk/") && send(&service, loaded).await.status == 200, "{path}");
            seen += 1;
        }
    }
    assert!(seen >= 8, "icons, styles, scripts and links: {seen}");
}

#[tokio::test]
async fn limits_by_source_count_by_the_peer_that_the_server_names() {
    let service = limited(options()).await;
    let ada = SocketAddr::from(([192, 0, 2, 1], 4000));
    let eve = SocketAddr::from(([198, 51, 100, 1], 4000));
    let statuses = [
        send(&service, create(Some(ada), None)).await.status,
        send(&service, create(Some(ada), None)).await.status,
        send(&service, create(Some(eve), None)).await.status,
    ];
    assert_eq!(statuses, [200, 429, 200]);
}

#[tokio::test]
async fn requests_without_a_peer_are_one_source_unless_the_options_name_their_proxy() {
    let nobodys = limited(options()).await;
    let statuses = [
        send(&nobodys, create(None, Some("192.0.2.1"))).await.status,
        send(&nobodys, create(None, Some("192.0.2.2"))).await.status,
    ];
    assert_eq!(statuses, [200, 429], "a forwarding header is not believed");

    let mut options = options();
    let proxy = SocketAddr::from(([127, 0, 0, 1], 0));
    options.default_peer = Some(proxy);
    options.trusted_proxies = vec![proxy.ip().into()];
    let proxied = limited(options).await;
    let statuses = [
        send(&proxied, create(None, Some("192.0.2.1"))).await.status,
        send(&proxied, create(None, Some("192.0.2.2"))).await.status,
        send(&proxied, create(None, Some("192.0.2.2"))).await.status,
    ];
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn bodies_of_any_kind_are_read_within_the_limit() {
    let service = service(builder(), options()).await;
    let post = |body: Vec<u8>| {
        let request = Request::post("/v1/client/sign_ups").header("host", "acme.example");
        let request = request.header("origin", "https://acme.example").header("content-type", FORM);
        request.body(Full::new(Cursor::new(body))).expect("a request")
    };
    let begun = send(&service, post(b"email_address=ada%40example.com".to_vec())).await;
    assert_eq!(begun.json()["response"]["email_address"], "ada@example.com", "{}", begun.body);
    let large = send(&service, post(vec![b'a'; 64 * 1024 + 1])).await;
    assert_eq!(large.status, 413, "{}", large.body);
}

/// HTTP/2 names the host in the target of the request.
#[tokio::test]
async fn a_request_of_http_2_needs_no_host_line() {
    let service = service(builder(), options()).await;
    let request = Request::get("https://acme.example/__clerk/v1/environment").version(Version::HTTP_2);
    let answer = send(&service, request.body(Full::<Bytes>::default()).expect("a request")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// The result of a request.
#[derive(Debug)]
struct Answer {
    status: u16,
    location: String,
    set_cookies: Vec<String>,
    body: String,
}

impl Answer {
    async fn of<B>(response: Response<B>) -> Self
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Debug,
    {
        let (parts, body) = response.into_parts();
        let values = |name: &str| {
            let values = parts.headers.get_all(name).iter();
            values.map(|value| value.to_str().expect("text").to_owned()).collect::<Vec<_>>()
        };
        Self {
            status: parts.status.as_u16(),
            location: values("location").pop().unwrap_or_default(),
            set_cookies: values("set-cookie"),
            body: String::from_utf8(body.collect().await.expect("a body").to_bytes().to_vec()).expect("text"),
        }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A browser on the application's page.
struct Browser {
    server: Router,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    async fn get(&mut self, path: &str) -> Answer {
        self.send(get(path).body(axum::body::Body::empty()).expect("a request")).await
    }

    async fn post(&mut self, path: &str, form: &'static str) -> Answer {
        let request = Request::post(path).header("host", "acme.example").header("origin", "https://acme.example");
        self.send(request.header("content-type", FORM).body(axum::body::Body::from(form)).expect("a request")).await
    }

    async fn send(&mut self, mut request: Request<axum::body::Body>) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.headers_mut().insert("cookie", cookies.join("; ").parse().expect("a line"));
        let Ok(response) = self.server.call(request).await;
        let answer = Answer::of(response).await;
        for line in &answer.set_cookies {
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

async fn send<B>(service: &HttpService, request: Request<B>) -> Answer
where
    B: Body + Send + 'static,
    B::Data: Send,
{
    let Ok(response) = service.clone().call(request).await;
    Answer::of(response).await
}

/// An answer without what is different each time.
fn shape(answer: &Answer) -> String {
    let id = answer.body.split("\"clerk_trace_id\":\"").nth(1).and_then(|rest| rest.split('"').next());
    id.map_or_else(|| answer.body.clone(), |id| answer.body.replace(id, "…"))
}

async fn newest_link(mail: &Capture, to: &str) -> String {
    loop {
        if let Some(link) = mail.to(to).last().and_then(|message| message.link.clone()) {
            return link.into_inner();
        }
        tokio::task::yield_now().await;
    }
}

fn get(path: &str) -> hyper::http::request::Builder {
    Request::get(path).header("host", "acme.example").header("sec-fetch-site", "same-origin")
}

/// The beginning of a sign-up, from a peer or through proxies.
fn create(peer: Option<SocketAddr>, forwarded_for: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = Request::post("/v1/client/sign_ups").header("host", "acme.example");
    request = request.header("origin", "https://acme.example").header("content-type", FORM);
    if let Some(address) = forwarded_for {
        request = request.header("x-forwarded-for", address);
    }
    if let Some(peer) = peer {
        request = request.extension(PeerAddress(peer));
    }
    request.body(Full::default()).expect("a request")
}

/// A service that lets each source begin one sign-up in half a minute.
async fn limited(options: HttpOptions) -> HttpService {
    let limits = SourceLimits { creates: Budget::new(1, 100, Span::from_secs(30)), ..SourceLimits::default() };
    service(builder().source_limits(Some(limits)), options).await
}

async fn service(builder: EngineBuilder, options: HttpOptions) -> HttpService {
    let builder = builder.publishable_key(KEY.into()).public_url(options.public_url.clone());
    builder.build().await.expect("an engine").http_service(options)
}

fn builder() -> EngineBuilder {
    Engine::builder().settings(sample_settings("email_code").expect("a sample"))
}

fn options() -> HttpOptions {
    HttpOptions::new("https://acme.example/__clerk".parse().expect("a URL"), KEY, false)
}

const FORM: &str = "application/x-www-form-urlencoded";
/// `pk_live_` and the base64 of `acme.example$`.
const KEY: &str = "pk_live_YWNtZS5leGFtcGxlJA";
