//! `/v1/instance…`

use serde::Serialize;

use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::settings::overrides::{Overrides, PreferredStrategy};
use crate::engine::OverridesView;
use crate::http::call::Call;
use crate::http::environment::is_of_development;
use crate::http::request::json::Json;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;
use crate::wire::instance::{InstanceResource, RestrictionsResource};

use super::{if_match, named_version, written};

pub(super) async fn show(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let view = call.engine().instance().overrides().await?;
    let in_force = view.in_force();
    let shown = InstanceResource::new(call.engine().instance_id(), call.app.options.development, &in_force);
    Ok(answer(&view, &shown))
}

/// 204, as Clerk answers.
pub(super) async fn update(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    let changed = change(call, &settings(call, given)?).await?;
    Ok(ApiResponse::empty().in_version(changed.version))
}

pub(super) async fn show_restrictions(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let view = call.engine().instance().overrides().await?;
    Ok(answer(&view, &RestrictionsResource::from(&view)))
}

pub(super) async fn update_restrictions(call: &Call<'_>, given: &Json) -> Result<ApiResponse, HttpError> {
    let changed = change(call, &restrictions(given)?).await?;
    Ok(answer(&changed, &RestrictionsResource::from(&changed)))
}

pub(super) async fn show_overrides(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let view = call.engine().instance().overrides().await?;
    Ok(answer(&view, &view))
}

pub(super) async fn drop_overrides(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let version = expected_version(call).await?;
    let view = written(version, call.engine().instance().drop_overrides(version).await)?;
    Ok(answer(&view, &view))
}

async fn change(call: &Call<'_>, change: &Overrides) -> Result<OverridesView, HttpError> {
    let version = expected_version(call).await?;
    written(version, call.engine().instance().change(change, version).await)
}

fn answer(view: &OverridesView, shown: &impl Serialize) -> ApiResponse {
    ApiResponse::json(shown).in_version(view.version)
}

/// The version that the overrides must have, if the request names some.
async fn expected_version(call: &Call<'_>) -> Result<Option<u64>, HttpError> {
    let tags = if_match(call);
    if tags.is_empty() {
        return Ok(None);
    }
    named_version(&tags, call.engine().instance().overrides().await?.version)
}

fn restrictions(given: &Json) -> Result<Overrides, Rejection> {
    let mut reasons = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let change = Overrides {
        allowlist: reader.flag("allowlist"),
        blocklist: reader.flag("blocklist"),
        allowlist_blocklist_disabled_on_sign_in: reader.flag("allowlist_blocklist_disabled_on_sign_in"),
        block_email_subaddresses: reader.flag("block_email_subaddresses"),
        block_disposable_email_domains: reader.flag("block_disposable_email_domains"),
        ignore_dots_for_gmail_addresses: reader.flag("ignore_dots_for_gmail_addresses"),
        ..Overrides::default()
    };
    Rejection::collect(reasons)?;
    Ok(change)
}

/// The changed settings. Those that the configuration or the keys decide are taken only as they are.
fn settings(call: &Call<'_>, given: &Json) -> Result<Overrides, Rejection> {
    const PREFERRED: &str = "preferred_sign_in_strategy_when_password_required";
    let (engine, options) = (call.engine(), &call.app.options);
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = given.reader(&mut reasons);
    let test_mode = match engine.policy().test_mode_settable {
        true => reader.flag("test_mode"),
        false => {
            reader.fixed_flag("test_mode", engine.is_in_test_mode());
            None
        }
    };
    reader.fixed_flag("enhanced_email_deliverability", false);
    reader.fixed_flag("url_based_session_syncing", is_of_development(&options.publishable_key));
    let support_email = reader.word("support_email");
    reader.fixed_word("clerk_js_version", "");
    reader.fixed_word("development_origin", "");
    let (hibp, allowed_origins) = (reader.flag("hibp"), reader.list("allowed_origins"));
    let preferred = reader
        .word(PREFERRED)
        .map(|text| PreferredStrategy::read(&text).ok_or_else(|| ErrorCode::FormParamValueInvalid.on(PREFERRED)));
    let preferred_sign_in_strategy = preferred.and_then(|read| read.map_err(|reason| reasons.push(reason)).ok());
    Rejection::collect(reasons)?;
    Ok(Overrides {
        hibp,
        allowed_origins,
        preferred_sign_in_strategy,
        support_email,
        test_mode,
        ..Overrides::default()
    })
}
