//! The authorization code flow: builds the authorization request, exchanges the code and reads the profile.

use std::pin::Pin;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::domain::settings::OAuth;
use crate::domain::verification::Profile;
use crate::outbound::{Outbound, OutboundError};

use super::cache::Documents;
use super::endpoints::Endpoints;
use super::id_token::{self, Expected};
use super::preset::{Claims, Preset, Quirk, STANDARD, preset};
use super::profile::profile;
use super::subject;
use super::{AuthorizeParams, Callback, ProviderError};

/// Client of all providers. Clones share the cache of published documents.
#[derive(Clone, Debug, Default)]
pub struct Providers {
    outbound: Outbound,
    documents: Documents,
}

/// The field that OpenID Connect adds to a token response.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct IdTokenField {
    #[serde(default)]
    id_token: Option<String>,
}

impl ExtraTokenFields for IdTokenField {}

type Tokens = StandardTokenResponse<IdTokenField, BasicTokenType>;
type OAuthClient = Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl Providers {
    /// A client that sends its requests through `outbound`.
    pub fn new(outbound: Outbound) -> Self {
        Self { outbound, documents: Documents::default() }
    }

    /// The URL of the authorization request. PKCE is S256, except for providers that refuse PKCE (`Quirk::NoPkce`).
    ///
    /// # Errors
    /// Where a setting is missing, or the provider's endpoints can't be found.
    pub async fn authorize_url(
        &self,
        strategy: &str,
        settings: &OAuth,
        params: &AuthorizeParams<'_>,
    ) -> Result<Url, ProviderError> {
        let preset = preset(strategy);
        let endpoints = self.endpoints(settings, preset).await?;
        let client = client(settings, preset, &endpoints, params.redirect_uri)?;
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(params.pkce_verifier.to_owned()));
        let separator = if has(preset, Quirk::ClientKey) { "," } else { " " };
        let mut scopes = scopes(settings, preset);
        for scope in params.additional_scopes {
            if !scopes.iter().any(|known| known.split([' ', ',']).any(|known| known == scope)) {
                scopes.push(scope.clone());
            }
        }
        let scopes = scopes.join(separator);
        let mut request =
            client.authorize_url(|| CsrfToken::new(params.state.to_owned())).add_extra_param("nonce", params.nonce);
        if !has(preset, Quirk::NoPkce) {
            request = request.set_pkce_challenge(challenge);
        }
        if !scopes.is_empty() {
            request = request.add_scope(Scope::new(scopes));
        }
        if has(preset, Quirk::ClientKey) {
            request = request.add_extra_param("client_key", settings.client_id.clone());
        }
        let of_preset = preset.map(|preset| preset.parameters).unwrap_or_default();
        for (name, value) in of_preset.iter().filter(|(name, _)| *name != "prompt" || params.prompt.is_none()) {
            request = request.add_extra_param(*name, *value);
        }
        for (name, value) in [("prompt", params.prompt), ("login_hint", params.login_hint)] {
            if let Some(value) = value.filter(|value| !value.is_empty() && value.len() <= HINT_MAX) {
                request = request.add_extra_param(name, value);
            }
        }
        Ok(request.url().0)
    }

    /// Exchanges the authorization code and returns the person's profile.
    ///
    /// # Errors
    /// Where the code is not accepted, the profile can't be fetched, or an answer fails a check.
    pub async fn exchange(
        &self,
        strategy: &str,
        settings: &OAuth,
        callback: &Callback<'_>,
    ) -> Result<Profile, ProviderError> {
        with_deadline(self.run_exchange(strategy, settings, callback)).await
    }

    async fn run_exchange(
        &self,
        strategy: &str,
        settings: &OAuth,
        callback: &Callback<'_>,
    ) -> Result<Profile, ProviderError> {
        let preset = preset(strategy);
        let endpoints = self.endpoints(settings, preset).await?;
        check_issuer(callback.iss, &endpoints)?;
        let tokens = self.tokens(settings, preset, &endpoints, callback).await?;
        let granted = tokens.scopes().map(|scopes| scopes.iter().map(|s| s.as_str().to_owned()).collect());
        let granted: Vec<String> = granted.unwrap_or_else(|| scopes(settings, preset));
        let claims = preset.map_or(STANDARD, |preset| preset.claims);
        let access_token = tokens.access_token().secret();
        let signed = match (&endpoints.jwks, &endpoints.issuer, &tokens.extra_fields().id_token) {
            (Some(jwks), Some(issuer), Some(token)) => {
                let nonce = Some(callback.nonce);
                let expected = Expected { issuer, audience: &settings.client_id, nonce, preset };
                Some(id_token::verify(token, &expected, jwks, &self.documents, &self.outbound).await?)
            }
            (Some(_), Some(_), None) if is_open_id(&granted) => {
                return Err(ProviderError::Invalid("there is no ID token"));
            }
            _ => None,
        };
        let said = match (signed, &endpoints.userinfo) {
            (Some(signed), Some(url)) if lacks_address(&signed, &claims) => {
                let more = self.userinfo(url, access_token, preset).await?;
                if subject::subject(&more, claims.subject) != subject::subject(&signed, claims.subject) {
                    return Err(ProviderError::Invalid("the ID token and the profile are of two different persons"));
                }
                merge(more, signed)
            }
            (Some(signed), _) => signed,
            (None, Some(url)) => self.userinfo(url, access_token, preset).await?,
            (None, None) => return Err(ProviderError::NotConfigured("userinfo_endpoint is missing".into())),
        };
        profile(&said, &claims, granted)
    }

    /// The profile in an ID token that an application got by itself. Its audience must be this instance's `client_id`.
    ///
    /// # Errors
    /// Where the provider issues no ID tokens, or this one is not valid.
    pub async fn verify_token(
        &self,
        strategy: &str,
        settings: &OAuth,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<Profile, ProviderError> {
        with_deadline(self.run_verify(strategy, settings, token, nonce)).await
    }

    async fn run_verify(
        &self,
        strategy: &str,
        settings: &OAuth,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<Profile, ProviderError> {
        let preset = preset(strategy);
        let endpoints = self.endpoints(settings, preset).await?;
        let (Some(jwks), Some(issuer)) = (&endpoints.jwks, &endpoints.issuer) else {
            return Err(ProviderError::NotConfigured("this provider issues no ID tokens".into()));
        };
        let expected = Expected { issuer, audience: &settings.client_id, nonce, preset };
        let claims = id_token::verify(token, &expected, jwks, &self.documents, &self.outbound).await?;
        profile(&claims, &preset.map_or(STANDARD, |preset| preset.claims), Vec::new())
    }

    async fn endpoints(&self, settings: &OAuth, preset: Option<&Preset>) -> Result<Endpoints, ProviderError> {
        if settings.client_id.is_empty() {
            return Err(ProviderError::NotConfigured("client_id is missing".into()));
        }
        Endpoints::find(settings, preset, &self.documents, &self.outbound).await
    }

    async fn tokens(
        &self,
        settings: &OAuth,
        preset: Option<&'static Preset>,
        endpoints: &Endpoints,
        callback: &Callback<'_>,
    ) -> Result<Tokens, ProviderError> {
        let client = client(settings, preset, endpoints, callback.redirect_uri)?;
        let sender = Sender { outbound: &self.outbound, client_id: &settings.client_id, preset };
        let mut request = client.exchange_code(AuthorizationCode::new(callback.code.to_owned()));
        if !has(preset, Quirk::NoPkce) {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(callback.pkce_verifier.to_owned()));
        }
        request.request_async(&sender).await.map_err(|error| match error {
            RequestTokenError::Request(error) => ProviderError::fetching(&error, ProviderError::TokenExchange),
            RequestTokenError::ServerResponse(said) => {
                // Only the error code, which RFC 6749 5.2 limits to a few ASCII words; free text could hold secrets.
                let word: String = said.error().to_string().chars().filter(char::is_ascii_graphic).take(64).collect();
                ProviderError::TokenExchange(word)
            }
            _ => ProviderError::TokenExchange("the answer can't be read".into()),
        })
    }

    async fn userinfo(&self, url: &Url, access_token: &str, preset: Option<&Preset>) -> Result<Value, ProviderError> {
        let query = preset.into_iter().flat_map(|preset| preset.quirks).find_map(|quirk| match quirk {
            Quirk::GraphQl(query) => Some(*query),
            _ => None,
        });
        let mut said = self.resource(url.as_str(), access_token, query, preset).await?;
        let addresses = preset.into_iter().flat_map(|preset| preset.quirks).find_map(|quirk| match quirk {
            Quirk::AddressesAt(url) => Some(*url),
            _ => None,
        });
        if let Some(url) = addresses {
            // Without the scope for it the list is refused. The person can still enter an address.
            let list = self.resource(url, access_token, None, preset).await.unwrap_or_default();
            let primary = list.as_array().into_iter().flatten().find(|entry| entry["primary"] == json!(true));
            if let (Some(primary), Some(object)) = (primary, said.as_object_mut()) {
                object.insert("primary_email".into(), primary.clone());
            }
        }
        Ok(said)
    }

    async fn resource(
        &self,
        url: &str,
        access_token: &str,
        graph_query: Option<&str>,
        preset: Option<&Preset>,
    ) -> Result<Value, ProviderError> {
        let refused = |why: &str| ProviderError::FetchUser(why.to_owned());
        let (method, body) = match graph_query {
            Some(query) => (Method::POST, json!({ "query": query }).to_string().into_bytes()),
            None => (Method::GET, Vec::new()),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, format!("Bearer {access_token}"))
            .body(body)
            .map_err(|_| refused("the access token can't be sent in a header"))?;
        if graph_query.is_some() {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        add_header(preset, request.headers_mut());
        let answer = self.outbound.send(request).await;
        let answer = answer.map_err(|error| ProviderError::fetching(&error, ProviderError::FetchUser))?;
        if answer.status() != StatusCode::OK {
            return Err(refused(&format!("status {}", answer.status().as_u16())));
        }
        let claims = preset.map_or(STANDARD, |preset| preset.claims);
        subject::read(answer.body(), claims.subject).map_err(|_| refused("it is not JSON"))
    }
}

/// One timeout for all requests together, since each has only its own and the person waits for all.
async fn with_deadline<T>(work: impl Future<Output = Result<T, ProviderError>>) -> Result<T, ProviderError> {
    tokio::time::timeout(DEADLINE, work).await.unwrap_or(Err(ProviderError::Timeout))
}

/// Sends token requests in the form that the provider expects.
struct Sender<'a> {
    outbound: &'a Outbound,
    client_id: &'a str,
    preset: Option<&'static Preset>,
}

impl<'c> AsyncHttpClient<'c> for Sender<'_> {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, mut request: HttpRequest) -> Self::Future {
        if has(self.preset, Quirk::ClientKey) {
            request.body_mut().extend_from_slice(b"&client_key=");
            let id = form_urlencoded::byte_serialize(self.client_id.as_bytes()).collect::<String>();
            request.body_mut().extend_from_slice(id.as_bytes());
        }
        if has(self.preset, Quirk::JsonTokenRequest) {
            let pairs = form_urlencoded::parse(request.body()).into_owned();
            let object: serde_json::Map<String, Value> = pairs.map(|(name, value)| (name, json!(value))).collect();
            *request.body_mut() = Value::Object(object).to_string().into_bytes();
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        add_header(self.preset, request.headers_mut());
        Box::pin(async { Ok(with_scope_as_text(self.outbound.send(request).await?)) })
    }
}

/// In RFC 6749 5.1 `scope` is one text; some providers send a list.
fn with_scope_as_text(answer: HttpResponse) -> HttpResponse {
    let scopes = |body: &Value| {
        let list = body["scope"].as_array()?.iter().map(|scope| scope.as_str()).collect::<Option<Vec<_>>>()?;
        Some(list.join(" "))
    };
    let parsed: Option<Value> = serde_json::from_slice(answer.body()).ok();
    match parsed.map(|body| (scopes(&body), body)) {
        Some((Some(text), mut body)) => {
            body["scope"] = json!(text);
            answer.map(|_| body.to_string().into_bytes())
        }
        _ => answer,
    }
}

fn client(
    settings: &OAuth,
    preset: Option<&Preset>,
    endpoints: &Endpoints,
    redirect_uri: &Url,
) -> Result<OAuthClient, ProviderError> {
    let method = settings.token_endpoint_auth_method.as_str();
    let in_body = method == "client_secret_post" || has(preset, Quirk::CredentialsInBody);
    let secret = settings.client_secret.expose();
    let client = Client::new(ClientId::new(settings.client_id.clone()))
        .set_auth_type(if in_body { AuthType::RequestBody } else { AuthType::BasicAuth })
        .set_auth_uri(AuthUrl::from_url(endpoints.authorization.clone()))
        .set_token_uri(TokenUrl::from_url(endpoints.token.clone()))
        .set_redirect_uri(RedirectUrl::from_url(redirect_uri.clone()));
    Ok(match (method, secret.is_empty()) {
        ("none", _) => client,
        (_, true) => return Err(ProviderError::NotConfigured("client_secret is missing".into())),
        (_, false) => client.set_client_secret(ClientSecret::new(secret.clone())),
    })
}

/// Checks the `iss` parameter against the issuer. It is required where the provider says that it always sends it (RFC
/// 9207 2.4).
fn check_issuer(iss: Option<&str>, endpoints: &Endpoints) -> Result<(), ProviderError> {
    match (iss, endpoints.issuer.as_deref()) {
        (Some(said), Some(known)) if said != known => Err(ProviderError::Invalid("`iss` names another provider")),
        (None, _) if endpoints.sends_iss => Err(ProviderError::Invalid("`iss` is missing")),
        _ => Ok(()),
    }
}

fn scopes(settings: &OAuth, preset: Option<&Preset>) -> Vec<String> {
    if !settings.scopes.is_empty() {
        return settings.scopes.clone();
    }
    let default: &[&str] = preset.map_or(&["openid", "email", "profile"], |preset| preset.scopes);
    default.iter().map(|scope| (*scope).to_owned()).collect()
}

fn is_open_id(scopes: &[String]) -> bool {
    scopes.iter().flat_map(|scopes| scopes.split([' ', ','])).any(|scope| scope == "openid")
}

fn lacks_address(signed: &Value, claims: &Claims) -> bool {
    claims.email.is_empty() || signed.pointer(claims.email).is_none()
}

/// Merges both objects; signed values win.
fn merge(more: Value, signed: Value) -> Value {
    match (more, signed) {
        (Value::Object(mut all), Value::Object(signed)) => {
            all.extend(signed);
            Value::Object(all)
        }
        (_, signed) => signed,
    }
}

fn has(preset: Option<&Preset>, quirk: Quirk) -> bool {
    preset.is_some_and(|preset| preset.has(quirk))
}

fn add_header(preset: Option<&Preset>, headers: &mut http::HeaderMap) {
    for quirk in preset.into_iter().flat_map(|preset| preset.quirks) {
        if let Quirk::Header(name, value) = quirk {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
}

const HINT_MAX: usize = 320;
/// Timeout for all requests of one exchange together.
const DEADLINE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_that_each_keep_their_deadline_are_given_up_together() {
        let slow = async {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_secs(9)).await;
            }
            Ok(())
        };
        assert_eq!(with_deadline(slow).await, Err(ProviderError::Timeout));
    }

    #[test]
    fn scopes_in_a_list_are_read_as_the_text_they_stand_for() {
        for (said, read) in [
            (
                r#"{"scope":["openid","email"],"token_type":"bearer"}"#,
                r#"{"scope":"openid email","token_type":"bearer"}"#,
            ),
            (r#"{"scope":"openid  email"}"#, r#"{"scope":"openid  email"}"#),
            (r#"{"scope":[1]}"#, r#"{"scope":[1]}"#),
            ("not JSON", "not JSON"),
        ] {
            let answer = with_scope_as_text(HttpResponse::new(said.as_bytes().to_vec()));
            assert_eq!(String::from_utf8_lossy(answer.body()), read);
        }
    }
}
