//! `/v1/messages…`

use std::fmt::Display;
use std::str::FromStr;

use crate::delivery::Channel;
use crate::domain::id::MessageId;
use crate::domain::message::{MessageStatus, Origin, Template};
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::engine::MessageFilter;
use crate::http::call::Call;
use crate::http::endpoint::ChannelPath;
use crate::http::response::api_response::ApiResponse;
use crate::http::response::error::HttpError;

use super::LIMIT_MAX;

pub(super) async fn list(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let mut reasons = Vec::new();
    let mut reader = call.head.query.reader(&mut reasons);
    let limit = reader.number_in("limit", 1..=LIMIT_MAX).unwrap_or(LIMIT);
    let names = ["channel", "status", "template", "origin", "before"];
    let [channel, status, template, origin, before] = names.map(|name| reader.take(name));
    let filter = MessageFilter {
        channel: among(&[Channel::Email, Channel::Sms], channel, "channel", |c| c.as_str(), &mut reasons),
        status: among(&MessageStatus::ALL, status, "status", |status| status.as_str(), &mut reasons),
        template: among(&Template::ALL, template, "template", |template| template.as_str(), &mut reasons),
        origin: parsed::<Origin>(origin, "origin", &mut reasons),
        before: parsed::<MessageId>(before, "before", &mut reasons),
    };
    Rejection::collect(reasons)?;
    Ok(ApiResponse::json(&call.engine().messages().list(&filter, limit).await?))
}

pub(super) async fn show(call: &Call<'_>, id: MessageId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().messages().get(id).await?))
}

pub(super) async fn send_again(call: &Call<'_>, id: MessageId) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().messages().send_again(id).await?))
}

pub(super) async fn channels(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().messages().channels().await?))
}

pub(super) async fn pause(call: &Call<'_>, ChannelPath(channel): ChannelPath) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().messages().pause(channel).await?))
}

pub(super) async fn resume(call: &Call<'_>, ChannelPath(channel): ChannelPath) -> Result<ApiResponse, HttpError> {
    Ok(ApiResponse::json(&call.engine().messages().resume(channel).await?))
}

/// The value with this name.
fn among<T: Copy>(
    all: &[T],
    given: Option<String>,
    param: &str,
    name: impl Fn(T) -> &'static str,
    reasons: &mut Vec<Reason>,
) -> Option<T> {
    let given = given?;
    let found = all.iter().copied().find(|value| name(*value) == given);
    if found.is_none() {
        reasons.push(ErrorCode::FormParamValueInvalid.on(param));
    }
    found
}

/// The id in a text.
fn parsed<T: FromStr<Err: Display>>(given: Option<String>, param: &str, reasons: &mut Vec<Reason>) -> Option<T> {
    match given?.parse() {
        Ok(id) => Some(id),
        Err(_) => {
            reasons.push(ErrorCode::FormParamFormatInvalid.on(param));
            None
        }
    }
}

/// How many messages a page has when nothing is said.
const LIMIT: usize = 50;
