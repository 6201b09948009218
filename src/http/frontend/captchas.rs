//! `/v1/client/verify`: a captcha that was solved between two steps
//! ([guide: Captchas](crate::guide::contract_sign_ups#captchas)). After `requires_captcha` clerk-js shows a captcha,
//! sends its token here and retries; its heart-beat also sends tokens that were not asked for.

use crate::domain::secret::Secret;
use crate::http::call::Call;
use crate::http::request::form::Params;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

pub(in crate::http) async fn solve(call: &Call<'_>, form: &Params) -> Result<ApiResponse, HttpError> {
    let hint = |name| form.hint(name).map(str::to_owned);
    let (token, error) = (hint("captcha_token").map(Secret::new), hint("captcha_error"));
    let identity = call.identify().await?;
    match call.engine().solve_captcha(&identity.caller, token, error, &call.context).await {
        Ok(Some(client)) => Ok(call.with_client(&identity, &client)),
        Ok(None) => Ok(call.anonymous(&identity)),
        Err(error) => Err(call.refuse(&identity, error).await),
    }
}
