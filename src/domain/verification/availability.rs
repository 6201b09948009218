//! Which strategies can be used: parsing their names, and what the instance has enabled. Both flows use this.

use crate::domain::field::Field;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::settings::Settings;

use super::Strategy;

/// Reads the name of a required strategy.
///
/// # Errors
/// `form_param_missing` without one, `form_param_value_invalid` for unknown words.
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "embedders give a `Strategy`"))]
pub fn parse_strategy(strategy: Option<&str>) -> Result<Strategy, Reason> {
    Strategy::asked_for(strategy)?.ok_or_else(|| ErrorCode::FormParamMissing.on("strategy"))
}

/// Whether the instance has enabled a strategy.
///
/// # Errors
/// `oauth_provider_not_enabled` for providers, `form_param_value_disabled` for all others.
pub fn check_enabled(strategy: &Strategy, settings: &Settings) -> Result<(), Reason> {
    let on = match strategy {
        Strategy::Password => settings.attributes.password.enabled,
        // The operator already approved an invitation; it only needs a field for its address.
        Strategy::Ticket => settings.enabled(&Field::EmailAddress),
        _ => strategy
            .field()
            .and_then(|field| settings.attribute(&field))
            .is_some_and(|attribute| attribute.enabled && attribute.verifications.contains(strategy)),
    };
    match strategy {
        // They name how an address was proved; callers can't request them.
        Strategy::FromOAuth(_) | Strategy::Admin => Err(ErrorCode::FormParamValueInvalid.on("strategy")),
        Strategy::OAuth(_) | Strategy::OAuthToken(_) | Strategy::GoogleOneTap => {
            let provider = strategy.provider();
            let social = provider.as_ref().and_then(|provider| settings.social.get(provider));
            match social.filter(|social| social.enabled) {
                Some(_) if provider.is_some_and(|provider| settings.oauth.contains_key(&provider)) => Ok(()),
                Some(_) => Err(ErrorCode::OAuthConfigMissing.into()),
                None => Err(ErrorCode::OAuthProviderNotEnabled.into()),
            }
        }
        _ if on && strategy.is_built() => Ok(()),
        _ => Err(ErrorCode::FormParamValueDisabled.on("strategy")),
    }
}
