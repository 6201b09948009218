//! The endpoints of a provider: from the settings, its discovery document (OpenID Connect Discovery 1.0, RFC 8414) or
//! its preset, in this order.

use serde_json::Value;
use url::Url;

use crate::domain::settings::OAuth;
use crate::outbound::Outbound;

use super::ProviderError;
use super::cache::{AGE_MAX, Documents};
use super::preset::{Place, Preset, Quirk};

/// The endpoints of a provider.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    /// The issuer of its ID tokens.
    pub(super) issuer: Option<String>,
    pub(super) authorization: Url,
    pub(super) token: Url,
    pub(super) userinfo: Option<Url>,
    pub(super) jwks: Option<Url>,
    /// Whether each authorization response carries the `iss` parameter (RFC 9207).
    pub(super) sends_iss: bool,
}

impl Endpoints {
    pub(super) async fn find(
        settings: &OAuth,
        preset: Option<&Preset>,
        documents: &Documents,
        outbound: &Outbound,
    ) -> Result<Self, ProviderError> {
        let place = preset.map(|preset| &preset.place);
        let published = match description_at(settings, place) {
            Some(url) => {
                let document = documents.get(&url, AGE_MAX, outbound).await?;
                let issuer = document.get("issuer").and_then(Value::as_str);
                let expected = settings.issuer.as_deref();
                if expected.is_some_and(|expected| issuer != Some(expected)) {
                    return Err(ProviderError::Invalid("its metadata name another issuer than `issuer`"));
                }
                Some(document)
            }
            None => None,
        };
        let of_preset = |choose: fn(&Place) -> Option<&'static str>| place.and_then(choose).map(str::to_owned);
        let said = |name: &str| {
            let document = published.as_deref()?;
            document.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let url = |text: Option<String>, name: &str| -> Result<Option<Url>, ProviderError> {
            let parsed = text.filter(|text| !text.is_empty()).map(|text| text.parse());
            parsed.transpose().map_err(|_| ProviderError::NotConfigured(format!("{name} is no URL")))
        };
        let required = |found: Option<Url>, name: &str| {
            found.ok_or_else(|| ProviderError::NotConfigured(format!("{name} is missing")))
        };
        let pick = |given: &Option<String>, name: &str, choose: fn(&Place) -> Option<&'static str>| {
            url(given.clone().or_else(|| said(name)).or_else(|| of_preset(choose)), name)
        };
        // The issuer of a preset is fixed: a changed discovery document must not replace it.
        let is_pinned = settings.discovery_endpoint.is_none() && !preset.is_some_and(|p| p.has(Quirk::TenantInIssuer));
        let pinned = of_preset(Place::issuer).filter(|_| is_pinned);
        let authorization = pick(&settings.authorization_endpoint, "authorization_endpoint", Place::authorization)?;
        let token = pick(&settings.token_endpoint, "token_endpoint", Place::token)?;
        Ok(Self {
            issuer: settings.issuer.clone().or(pinned).or_else(|| said("issuer")),
            authorization: required(authorization, "authorization_endpoint")?,
            token: required(token, "token_endpoint")?,
            userinfo: pick(&settings.userinfo_endpoint, "userinfo_endpoint", Place::userinfo)?,
            jwks: pick(&settings.jwks_uri, "jwks_uri", |_| None)?,
            sends_iss: published
                .as_deref()
                .and_then(|document| document.get("authorization_response_iss_parameter_supported"))
                .is_some_and(|supported| supported == &Value::Bool(true)),
        })
    }
}

/// The URL of the discovery document; `None` where the settings name all endpoints that are needed.
fn description_at(settings: &OAuth, place: Option<&Place>) -> Option<String> {
    let has_profile_source = settings.userinfo_endpoint.is_some() || settings.jwks_uri.is_some();
    if settings.authorization_endpoint.is_some() && settings.token_endpoint.is_some() && has_profile_source {
        return None;
    }
    if let Some(url) = &settings.discovery_endpoint {
        return Some(url.clone());
    }
    let issuer = settings.issuer.as_deref().or_else(|| place.and_then(Place::discovered))?;
    Some(format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
}
