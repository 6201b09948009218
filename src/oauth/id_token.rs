//! ID token validation: signature, issuer, audience and nonce (OpenID Connect Core 3.1.3.7).

use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;
use url::Url;

use crate::outbound::Outbound;

use super::ProviderError;
use super::cache::{AGE_MAX, Documents, RENEWED};
use super::preset::{Preset, Quirk};

/// What a valid token must contain.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    /// The `client_id` at the provider.
    pub(super) audience: &'a str,
    pub(super) nonce: Option<&'a str>,
    pub(super) preset: Option<&'a Preset>,
}

/// The claims of `token`, if it meets `expected` and a key of the key set at `jwks` signed it.
pub(super) async fn verify(
    token: &str,
    expected: &Expected<'_>,
    jwks: &Url,
    documents: &Documents,
    outbound: &Outbound,
) -> Result<Value, ProviderError> {
    if token.len() > TOKEN_MAX {
        return Err(ProviderError::Invalid("the ID token is too long"));
    }
    let header =
        jsonwebtoken::decode_header(token).map_err(|_| ProviderError::Invalid("the ID token can't be read"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(ProviderError::Invalid("the ID token is not signed with a public-key algorithm"));
    }
    let kid = header.kid.as_deref();
    let mut key = None;
    for age in [AGE_MAX, RENEWED] {
        let keys = keys(jwks, age, documents, outbound).await?;
        key = find(&keys, kid, header.alg);
        if key.is_some() {
            break;
        }
    }
    let key = key.ok_or(ProviderError::Invalid("the ID token's key is not among the provider's keys"))?;
    let claims = decode(token, &key, header.alg, expected.audience)?;
    check(&claims, expected)?;
    Ok(claims)
}

async fn keys(
    jwks: &Url,
    max_age: Duration,
    documents: &Documents,
    outbound: &Outbound,
) -> Result<JwkSet, ProviderError> {
    let document = documents.get(jwks.as_str(), max_age, outbound).await?;
    // Keys of an unknown type are skipped; the other keys still work.
    let keys = document.get("keys").and_then(Value::as_array).into_iter().flatten();
    let keys = keys.take(KEYS_MAX).filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok()).collect();
    Ok(JwkSet { keys })
}

fn find(keys: &JwkSet, kid: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
    let named = |key: &&Jwk| kid.is_none() || key.common.key_id.as_deref() == kid;
    let mut fitting = keys.keys.iter().filter(named).filter_map(|key| DecodingKey::from_jwk(key).ok());
    fitting.find(|key| key.family() == algorithm.family())
}

fn decode(token: &str, key: &DecodingKey, algorithm: Algorithm, audience: &str) -> Result<Value, ProviderError> {
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY_S;
    let decoded = jsonwebtoken::decode::<Value>(token, key, &validation);
    decoded.map(|decoded| decoded.claims).map_err(|error| {
        use jsonwebtoken::errors::ErrorKind;
        ProviderError::Invalid(match error.kind() {
            ErrorKind::ExpiredSignature => "the token has expired",
            ErrorKind::ImmatureSignature => "the token is not valid yet",
            ErrorKind::InvalidAudience => "the ID token is for another audience (`aud`)",
            ErrorKind::InvalidSignature => "the token's signature is wrong",
            ErrorKind::MissingRequiredClaim(_) => "the token lacks a claim",
            _ => "the token can't be read",
        })
    })
}

/// The checks that the JWT library does not make.
fn check(claims: &Value, expected: &Expected<'_>) -> Result<(), ProviderError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let has = |quirk| expected.preset.is_some_and(|preset| preset.has(quirk));
    let issuer = text("iss").unwrap_or_default();
    let wanted = if has(Quirk::TenantInIssuer) {
        let tenant = text("tid").filter(|tenant| tenant.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
        expected.issuer.replace("{tenantid}", tenant.unwrap_or_default())
    } else {
        expected.issuer.to_owned()
    };
    let bare = has(Quirk::BareIssuer) && wanted.strip_prefix("https://") == Some(issuer);
    if issuer != wanted && !bare {
        return Err(ProviderError::Invalid("the ID token is from another issuer (`iss`)"));
    }
    let audiences = claims.get("aud").and_then(Value::as_array).map_or(1, Vec::len);
    match text("azp") {
        Some(party) if party != expected.audience => {
            return Err(ProviderError::Invalid("the ID token was issued to another client (`azp`)"));
        }
        None if audiences > 1 => return Err(ProviderError::Invalid("the ID token has several audiences and no `azp`")),
        _ => {}
    }
    match (expected.nonce, text("nonce")) {
        (Some(wanted), Some(said)) if wanted == said => Ok(()),
        (Some(_), None) if has(Quirk::NoNonce) => Ok(()),
        (None, _) => Ok(()),
        _ => Err(ProviderError::Invalid("the ID token is for another request (`nonce`)")),
    }
}

/// Asymmetric algorithms only. With HMAC, an attacker could sign with the published key as the secret.
const ALGORITHMS: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Allowed clock difference, in seconds.
const LEEWAY_S: u64 = 60;
const TOKEN_MAX: usize = 64 * 1024;
const KEYS_MAX: usize = 64;
