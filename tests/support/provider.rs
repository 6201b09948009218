//! A test OpenID provider that can also misbehave.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use url::Url;

/// A provider on this machine; its thread ends with the test process.
pub(crate) struct Provider {
    pub(crate) port: u16,
    shared: Arc<Mutex<Shared>>,
}

/// State of the provider, and how it misbehaves.
struct Shared {
    issuer: String,
    key: EcdsaKeyPair,
    kid: String,
    codes: HashMap<String, Grant>,
    granted: u32,
    seen: Vec<Seen>,
    person: Map<String, Value>,
    behaviour: Behaviour,
}

#[derive(Clone)]
struct Grant {
    nonce: Option<String>,
    /// The PKCE challenge; without one a verifier is refused, as some real providers do.
    challenge: Option<String>,
    redirect_uri: String,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
}

/// How it misbehaves; by default it does not.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// Claims that replace those of the ID token; null removes one.
    pub(crate) claims: Map<String, Value>,
    /// Entries that replace those of the discovery document; null removes one.
    pub(crate) discovery: Map<String, Value>,
    /// Claims that replace those of `userinfo`.
    pub(crate) userinfo: Map<String, Value>,
    pub(crate) sign: Sign,
    /// OddAnswer answers by path.
    pub(crate) answer: HashMap<&'static str, OddAnswer>,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Sign {
    #[default]
    Right,
    /// With an unpublished key under the id of the published one.
    Forged,
    /// Unsigned.
    Nothing,
    /// With an HMAC whose secret is the published key.
    Mac,
    /// With a key that is published only after the first request for keys.
    Renewed,
    /// No ID token is sent.
    Missing,
}

/// An odd answer.
#[derive(Clone)]
pub(crate) enum OddAnswer {
    /// No answer.
    Hang,
    /// A body of 10 MiB.
    Flood,
    /// Status, content type and body.
    Say(u16, &'static str, &'static str),
    /// A redirect to this URL.
    Redirect(String),
}

impl Provider {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Mutex::new(Shared {
            issuer: format!("http://127.0.0.1:{port}"),
            key: key(),
            kid: "first".into(),
            codes: HashMap::new(),
            granted: 0,
            seen: Vec::new(),
            person: Map::new(),
            behaviour: Behaviour::default(),
        }));
        let provider = Self { port, shared: shared.clone() };
        provider.person(json!({
            "sub": "person-1", "email": "ada@example.com", "email_verified": true, "given_name": "Ada",
            "family_name": "Lovelace", "preferred_username": "ada_l",
        }));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = shared.clone();
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        provider
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sets the claims of the person signed in at the provider.
    pub(crate) fn person(&self, claims: Value) {
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        self.shared.lock().expect("no panic").person = claims;
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.shared.lock().expect("no panic").behaviour = behaviour;
    }

    /// The requests since the last call.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.lock().expect("no panic").seen)
    }

    /// The person allows access: returns the authorization code and the state parameter.
    pub(crate) fn allow(&self, page: &str) -> (String, String) {
        let page = Url::parse(page).expect("a URL");
        assert_eq!(page.path(), "/authorize", "{page}");
        let ask: HashMap<String, String> = page.query_pairs().into_owned().collect();
        assert_eq!(ask["response_type"], "code");
        let challenge = ask.get("code_challenge").cloned();
        assert_eq!(ask.get("code_challenge_method").map(String::as_str), challenge.as_ref().map(|_| "S256"));
        assert_eq!(ask["client_id"], CLIENT_ID);
        let mut shared = self.shared.lock().expect("no panic");
        shared.granted += 1;
        let code = format!("code-{}", shared.granted);
        let grant = Grant { nonce: ask.get("nonce").cloned(), challenge, redirect_uri: ask["redirect_uri"].clone() };
        shared.codes.insert(code.clone(), grant);
        (code, ask["state"].clone())
    }

    /// An ID token with this nonce.
    pub(crate) fn id_token(&self, nonce: Option<&str>) -> String {
        self.shared.lock().expect("no panic").id_token(nonce)
    }
}

impl Shared {
    #[expect(clippy::disallowed_methods, reason = "tokens are checked against the wall clock")]
    fn id_token(&mut self, nonce: Option<&str>) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut claims = self.person.clone();
        claims.extend([
            ("iss".into(), json!(self.issuer)),
            ("aud".into(), json!(CLIENT_ID)),
            ("iat".into(), json!(now)),
            ("exp".into(), json!(now + 300)),
            ("nonce".into(), json!(nonce)),
        ]);
        apply(&mut claims, &self.behaviour.claims);
        let sign = self.behaviour.sign;
        if sign == Sign::Renewed && self.kid == "first" {
            (self.key, self.kid) = (key(), "second".into());
        }
        let algorithm = match sign {
            Sign::Nothing => "none",
            Sign::Mac => "HS256",
            _ => "ES256",
        };
        let header = json!({"alg": algorithm, "typ": "JWT", "kid": self.kid});
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(&Value::Object(claims)));
        let signature = match sign {
            Sign::Nothing => Vec::new(),
            Sign::Mac => {
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, self.key.public_key().as_ref());
                aws_lc_rs::hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            sign => {
                let forged = (sign == Sign::Forged).then(key);
                let key = forged.as_ref().unwrap_or(&self.key);
                key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature").as_ref().to_vec()
            }
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn answer(&mut self, path: &str, head: &str, body: &str) -> (u16, String) {
        match path {
            "/.well-known/openid-configuration" => {
                let at = |path: &str| json!(format!("{}{path}", self.issuer));
                let Value::Object(mut document) = json!({
                    "issuer": self.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
                    "userinfo_endpoint": at("/userinfo"), "jwks_uri": at("/jwks"),
                }) else {
                    unreachable!("an object")
                };
                apply(&mut document, &self.behaviour.discovery);
                (200, Value::Object(document).to_string())
            }
            "/jwks" => {
                let public = self.key.public_key().as_ref().to_vec();
                let half = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
                let (x, y) = (half(&public[1..33]), half(&public[33..]));
                let odd = json!({"kty": "of tomorrow", "kid": "odd"});
                let key = json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid, "x": x, "y": y});
                (200, json!({"keys": [odd, key]}).to_string())
            }
            "/token" => self.exchange(head, body),
            "/userinfo" if head.contains("Bearer access-token") => {
                let mut person = self.person.clone();
                apply(&mut person, &self.behaviour.userinfo);
                (200, Value::Object(person).to_string())
            }
            _ => (404, "{}".into()),
        }
    }

    fn exchange(&mut self, head: &str, body: &str) -> (u16, String) {
        let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let refused = |why: &str| (400, json!({"error": "invalid_grant", "error_description": why}).to_string());
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
        if !head.contains(&format!("Basic {credentials}"))
            && form.get("client_secret").is_none_or(|s| s != CLIENT_SECRET)
        {
            return (401, json!({"error": "invalid_client"}).to_string());
        }
        // A code works once.
        let Some(grant) = form.get("code").and_then(|code| self.codes.remove(code)) else {
            return refused("no such code");
        };
        let verifier = form.get("code_verifier").map(String::as_str);
        let challenge = verifier.map(|verifier| URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())));
        if challenge != grant.challenge || verifier.is_some_and(|verifier| verifier.len() < 43) {
            return refused("not the verifier");
        }
        if form.get("redirect_uri") != Some(&grant.redirect_uri) {
            return refused("not the redirect_uri");
        }
        let mut tokens = json!({"access_token": "access-token", "token_type": "Bearer", "expires_in": 300});
        if self.behaviour.sign != Sign::Missing {
            tokens["id_token"] = json!(self.id_token(grant.nonce.as_deref()));
        }
        (200, tokens.to_string())
    }
}

fn serve(mut stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            let length = fields.rfind(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            bytes.drain(..end + 4);
            break (head.clone(), length.and_then(|(_, n)| n.parse::<usize>().ok()).unwrap_or(0));
        }
        if read == 0 {
            return Ok(());
        }
    };
    while bytes.len() < length {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer)? {
            0 => break,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
    let target = head.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let body = String::from_utf8_lossy(&bytes).into_owned();
    let odd = {
        let mut shared = shared.lock().expect("no panic");
        shared.seen.push(Seen { path: path.clone() });
        shared.behaviour.answer.get(path.as_str()).cloned()
    };
    let say = |status: u16, kind: &str, more: &str, body: &str| {
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{more}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let text = match odd {
        Some(OddAnswer::Hang) => {
            std::thread::sleep(Duration::from_secs(5));
            return Ok(());
        }
        Some(OddAnswer::Flood) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n[")?;
            for _ in 0..160 {
                stream.write_all(&[b' '; 65536])?;
            }
            return stream.write_all(b"]");
        }
        Some(OddAnswer::Say(status, kind, body)) => say(status, kind, "", body),
        Some(OddAnswer::Redirect(to)) => say(302, "text/plain", &format!("location: {to}\r\n"), ""),
        None => {
            let (status, body) = shared.lock().expect("no panic").answer(&path, &head, &body);
            say(status, "application/json", "", &body)
        }
    };
    stream.write_all(text.as_bytes())
}

fn apply(claims: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        if value.is_null() {
            claims.remove(name);
        } else {
            claims.insert(name.clone(), value.clone());
        }
    }
}

fn key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")
}

pub(crate) const CLIENT_ID: &str = "vestibule-at-fake";
pub(crate) const CLIENT_SECRET: &str = "s3cret";
