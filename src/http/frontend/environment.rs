//! `GET /v1/environment`, and `PATCH`, by which development instances are "touched"
//! ([guide: The environment](crate::guide::contract#the-environment)). Unwrapped.

use crate::http::call::Call;
use crate::http::environment::{Instance, environment};
use crate::http::response::api_response::ApiResponse;

pub(in crate::http) fn show(call: &Call<'_>) -> ApiResponse {
    let shown = with_instance(call, environment);
    // New settings take effect at once, so caches must revalidate before each use.
    ApiResponse::json(&shown).kept("no-cache")
}

/// Calls `read` with the instance as browsers see it.
pub(in crate::http) fn with_instance<T>(call: &Call<'_>, read: impl FnOnce(&Instance<'_>) -> T) -> T {
    let (engine, options) = (call.engine(), &call.app.options);
    read(&Instance {
        settings: &engine.shown_settings(),
        branding: &engine.branding_in_force(),
        captcha: engine.captcha(),
        policy: engine.policy(),
        publishable_key: &options.publishable_key,
        development: options.development,
        preferred: engine.preferred_sign_in_strategy(),
    })
}
