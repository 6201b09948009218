//! Where a provider is: from the settings, its preset, or what it publishes about itself (OpenID Connect Discovery
//! 1.0, RFC 8414). What the settings say wins.

use serde_json::Value;
use url::Url;

use crate::domain::settings::OAuth;
use crate::outbound::Outbound;

use super::ProviderError;
use super::cache::{AGE_MAX, Documents};
use super::preset::{Place, Preset, Quirk};

/// Where a provider is.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    /// Who signs its ID tokens.
    pub(super) issuer: Option<String>,
    pub(super) authorization: Url,
    pub(super) token: Url,
    pub(super) userinfo: Option<Url>,
    pub(super) jwks: Option<Url>,
    /// Whether it always names itself when it sends the person back (RFC 9207).
    pub(super) names_itself: bool,
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
                    return Err(ProviderError::Invalid("it publishes another issuer than configured"));
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
        // What a known provider signs with stays, even while its description says something new.
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
            names_itself: published
                .as_deref()
                .and_then(|document| document.get("authorization_response_iss_parameter_supported"))
                .is_some_and(|supported| supported == &Value::Bool(true)),
        })
    }
}

/// Where the provider describes itself, if its endpoints are not known without that.
fn description_at(settings: &OAuth, place: Option<&Place>) -> Option<String> {
    let told = settings.userinfo_endpoint.is_some() || settings.jwks_uri.is_some();
    if settings.authorization_endpoint.is_some() && settings.token_endpoint.is_some() && told {
        return None;
    }
    if let Some(url) = &settings.discovery_endpoint {
        return Some(url.clone());
    }
    let issuer = settings.issuer.as_deref().or_else(|| place.and_then(Place::discovered))?;
    Some(format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
}
