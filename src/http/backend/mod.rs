//! The calls of the application's backend: authenticated by the secret key, in JSON, without clients, cookies or pages.

mod addresses;
mod clients;
mod instance;
mod invitations;
mod listed;
mod messages;
mod proxy_checks;
mod sessions;
mod sign_in_tokens;
mod sign_ups;
mod users;
mod waitlist_entries;
#[cfg(feature = "webhooks")]
mod webhooks;

use hyper::header::{AUTHORIZATION, IF_MATCH};
use serde::Serialize;
use serde_json::json;

use super::endpoint::{
    ChannelPath, DELETE, Endpoint, PATCH, POST, PUT, UserAccountPath, UserPasskeyPath, UserProviderPath, answer,
};
#[cfg(feature = "webhooks")]
use crate::domain::id::WebhookEndpointId;
use crate::domain::id::{
    ClientId, IdentificationId, InvitationId, ListedIdentifierId, MessageId, RedirectUrlId, SessionId, SignInTokenId,
    SignUpId, UserId, WaitlistEntryId,
};
use crate::domain::identifier::{EmailAddress, PhoneNumber};
use crate::domain::listed::List;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::user::{SecondFactorChange, UserChange};
use crate::engine::{EngineError, ListParams, Page};
use crate::http::app::App;
use crate::http::call::Call;
use crate::http::request::form::{Params, Reader};
use crate::http::request::head::RequestHead;
use crate::http::request::json::Json;
use crate::http::response::api_response::{ApiResponse, etag};
use crate::http::response::error::{HttpError, TransportError};

/// The endpoints, path by path.
#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::backend_get("/v1/invitations", answer!(|i| invitations::list(i.call).await)),
    Endpoint::backend(POST, "/v1/invitations", answer!(|i| invitations::create(i.call, only(i.objects())?).await)),
    Endpoint::backend(POST, "/v1/invitations/bulk", answer!(|i| invitations::create_bulk(i.call, i.objects()).await)),
    Endpoint::backend(DELETE, "/v1/invitations/{id}", answer!(|i| invitations::delete(i.call, i.id()?).await)).of::<InvitationId>(),
    Endpoint::backend(POST, "/v1/invitations/{id}/revoke", answer!(|i| invitations::revoke(i.call, i.id()?).await)).of::<InvitationId>(),

    Endpoint::backend_get("/v1/waitlist_entries", answer!(|i| waitlist_entries::list(i.call).await)),
    Endpoint::backend(POST, "/v1/waitlist_entries", answer!(|i| waitlist_entries::create(i.call, only(i.objects())?).await)),
    Endpoint::backend(POST, "/v1/waitlist_entries/bulk", answer!(|i| waitlist_entries::create_bulk(i.call, i.objects()).await)),
    Endpoint::backend(DELETE, "/v1/waitlist_entries/{id}", answer!(|i| waitlist_entries::delete(i.call, i.id()?).await)).of::<WaitlistEntryId>(),
    Endpoint::backend(POST, "/v1/waitlist_entries/{id}/invite", answer!(|i| waitlist_entries::invite(i.call, i.id()?, only(i.objects())?).await)).of::<WaitlistEntryId>(),
    Endpoint::backend(POST, "/v1/waitlist_entries/{id}/reject", answer!(|i| waitlist_entries::reject(i.call, i.id()?).await)).of::<WaitlistEntryId>(),

    Endpoint::backend_get("/v1/users", answer!(|i| users::list(i.call).await)),
    Endpoint::backend(POST, "/v1/users", answer!(|i| users::create(i.call, only(i.objects())?).await)),
    Endpoint::backend_get("/v1/users/count", answer!(|i| users::count(i.call).await)),
    Endpoint::backend(POST, "/v1/users/ban", answer!(|i| users::change_all(i.call, only(i.objects())?, &UserChange::Ban).await)),
    Endpoint::backend(POST, "/v1/users/unban", answer!(|i| users::change_all(i.call, only(i.objects())?, &UserChange::Unban).await)),
    Endpoint::backend_get("/v1/users/{id}", answer!(|i| users::show(i.call, i.id()?).await)).of::<UserId>(),
    Endpoint::backend(PATCH, "/v1/users/{id}", answer!(|i| users::update(i.call, i.id()?, only(i.objects())?).await)).of::<UserId>(),
    Endpoint::backend(DELETE, "/v1/users/{id}", answer!(|i| users::delete(i.call, i.id()?).await)).of::<UserId>(),
    Endpoint::backend(PATCH, "/v1/users/{id}/metadata", answer!(|i| users::merge_metadata(i.call, i.id()?, only(i.objects())?).await)).of::<UserId>(),
    Endpoint::backend(PUT, "/v1/users/{id}/metadata", answer!(|i| users::replace_metadata(i.call, i.id()?, only(i.objects())?).await)).of::<UserId>(),
    Endpoint::backend(POST, "/v1/users/{id}/ban", answer!(|i| users::ban(i.call, i.id()?).await)).of::<UserId>(),
    Endpoint::backend(POST, "/v1/users/{id}/unban", answer!(|i| users::unban(i.call, i.id()?).await)).of::<UserId>(),
    Endpoint::backend(POST, "/v1/users/{id}/lock", answer!(|i| users::lock(i.call, i.id()?).await)).of::<UserId>(),
    Endpoint::backend(POST, "/v1/users/{id}/unlock", answer!(|i| users::unlock(i.call, i.id()?).await)).of::<UserId>(),

    Endpoint::backend(POST, "/v1/users/{id}/verify_password", answer!(|i| users::password::verify(i.call, i.id()?, only(i.objects())?).await)).of::<UserId>(),
    Endpoint::backend(POST, "/v1/users/{id}/remove_password", answer!(|i| users::password::remove(i.call, i.id()?, only(i.objects())?).await)).of::<UserId>(),
    Endpoint::backend(POST, "/v1/users/{id}/password/set_compromised", answer!(|i| users::password::mark(i.call, i.id()?, only(i.objects())?, true).await)).of::<UserId>(),
    Endpoint::backend(POST, "/v1/users/{id}/password/unset_compromised", answer!(|i| users::password::mark(i.call, i.id()?, only(i.objects())?, false).await)).of::<UserId>(),
    Endpoint::backend(DELETE, "/v1/users/{id}/mfa", answer!(|i| users::second_factors::remove(i.call, i.id()?, SecondFactorChange::RemoveAll).await)).of::<UserId>(),
    Endpoint::backend(DELETE, "/v1/users/{id}/totp", answer!(|i| users::second_factors::remove(i.call, i.id()?, SecondFactorChange::RemoveApp).await)).of::<UserId>(),
    Endpoint::backend(DELETE, "/v1/users/{id}/backup_code", answer!(|i| users::second_factors::remove(i.call, i.id()?, SecondFactorChange::RemoveBackupCodes).await)).of::<UserId>(),
    Endpoint::backend(POST, "/v1/users/{id}/verify_totp", answer!(|i| users::second_factors::verify(i.call, i.id()?, only(i.objects())?).await)).of::<UserId>(),
    Endpoint::backend(PUT, "/v1/users/{id}/email_address", answer!(|i| users::replace_email_addresses(i.call, i.id()?, only(i.objects())?).await)).of::<UserId>(),
    Endpoint::backend(PUT, "/v1/users/{id}/phone_number", answer!(|i| users::replace_phone_numbers(i.call, i.id()?, only(i.objects())?).await)).of::<UserId>(),
    Endpoint::backend(DELETE, "/v1/users/{id}/external_accounts/{account_id}", answer!(|i| users::delete_account(i.call, i.id()?).await)).of::<UserAccountPath>(),
    Endpoint::backend(DELETE, "/v1/users/{id}/passkeys/{passkey_id}", answer!(|i| users::delete_passkey(i.call, i.id()?).await)).of::<UserPasskeyPath>(),

    Endpoint::backend_get("/v1/users/{id}/oauth_access_tokens/{provider}", answer!(|i| users::access_tokens(i.call, i.id()?).await)).of::<UserProviderPath>(),
    Endpoint::backend_get("/v1/users/{id}/organization_memberships", answer!(|i| users::organizations(i.call, i.id()?).await)).of::<UserId>(),
    Endpoint::backend_get("/v1/users/{id}/organization_invitations", answer!(|i| users::organizations(i.call, i.id()?).await)).of::<UserId>(),

    Endpoint::backend(POST, "/v1/email_addresses", answer!(|i| addresses::create::<EmailAddress>(i.call, only(i.objects())?).await)),
    Endpoint::backend_get("/v1/email_addresses/{id}", answer!(|i| addresses::show::<EmailAddress>(i.call, i.id()?).await)).of::<IdentificationId>(),
    Endpoint::backend(PATCH, "/v1/email_addresses/{id}", answer!(|i| addresses::update::<EmailAddress>(i.call, i.id()?, only(i.objects())?).await)).of::<IdentificationId>(),
    Endpoint::backend(DELETE, "/v1/email_addresses/{id}", answer!(|i| addresses::delete::<EmailAddress>(i.call, i.id()?).await)).of::<IdentificationId>(),
    Endpoint::backend(POST, "/v1/email_addresses/{id}/prepare_verification", answer!(|i| addresses::prepare::<EmailAddress>(i.call, i.id()?, only(i.objects())?).await)).of::<IdentificationId>(),
    Endpoint::backend(POST, "/v1/email_addresses/{id}/attempt_verification", answer!(|i| addresses::attempt::<EmailAddress>(i.call, i.id()?, only(i.objects())?).await)).of::<IdentificationId>(),
    Endpoint::backend(POST, "/v1/phone_numbers", answer!(|i| addresses::create::<PhoneNumber>(i.call, only(i.objects())?).await)),
    Endpoint::backend_get("/v1/phone_numbers/{id}", answer!(|i| addresses::show::<PhoneNumber>(i.call, i.id()?).await)).of::<IdentificationId>(),
    Endpoint::backend(PATCH, "/v1/phone_numbers/{id}", answer!(|i| addresses::update::<PhoneNumber>(i.call, i.id()?, only(i.objects())?).await)).of::<IdentificationId>(),
    Endpoint::backend(DELETE, "/v1/phone_numbers/{id}", answer!(|i| addresses::delete::<PhoneNumber>(i.call, i.id()?).await)).of::<IdentificationId>(),
    Endpoint::backend(POST, "/v1/phone_numbers/{id}/prepare_verification", answer!(|i| addresses::prepare::<PhoneNumber>(i.call, i.id()?, only(i.objects())?).await)).of::<IdentificationId>(),
    Endpoint::backend(POST, "/v1/phone_numbers/{id}/attempt_verification", answer!(|i| addresses::attempt::<PhoneNumber>(i.call, i.id()?, only(i.objects())?).await)).of::<IdentificationId>(),

    Endpoint::backend_get("/v1/sessions", answer!(|i| sessions::list(i.call).await)),
    Endpoint::backend(POST, "/v1/sessions", answer!(|i| sessions::create(i.call, only(i.objects())?).await)),
    Endpoint::backend_get("/v1/sessions/{id}", answer!(|i| sessions::show(i.call, i.id()?).await)).of::<SessionId>(),
    Endpoint::backend(POST, "/v1/sessions/{id}/revoke", answer!(|i| sessions::revoke(i.call, i.id()?).await)).of::<SessionId>(),
    Endpoint::backend(POST, "/v1/sessions/{id}/tokens", answer!(|i| sessions::create_token(i.call, i.id()?, only(i.objects())?).await)).of::<SessionId>(),

    Endpoint::backend(POST, "/v1/sessions/{id}/verify", answer!(|i| sessions::verify(i.call, i.id()?, only(i.objects())?).await)).of::<SessionId>(),

    Endpoint::backend_get("/v1/clients", answer!(|i| clients::list(i.call).await)),
    Endpoint::backend(POST, "/v1/clients/verify", answer!(|i| clients::verify(i.call, only(i.objects())?).await)),
    Endpoint::backend_get("/v1/clients/handshake_payload", answer!(|i| clients::handshake_payload(i.call).await)),
    Endpoint::backend_get("/v1/clients/{id}", answer!(|i| clients::show(i.call, i.id()?).await)).of::<ClientId>(),

    Endpoint::backend(POST, "/v1/proxy_checks", answer!(|i| proxy_checks::check(i.call, only(i.objects())?))),
    Endpoint::backend(POST, "/v1/sign_in_tokens", answer!(|i| sign_in_tokens::create(i.call, only(i.objects())?).await)),
    Endpoint::backend(POST, "/v1/sign_in_tokens/{id}/revoke", answer!(|i| sign_in_tokens::revoke(i.call, i.id()?).await)).of::<SignInTokenId>(),
    #[cfg(feature = "webhooks")]
    Endpoint::backend_get("/v1/webhooks/endpoints", answer!(|i| webhooks::list(i.call).await)),
    #[cfg(feature = "webhooks")]
    Endpoint::backend(POST, "/v1/webhooks/endpoints", answer!(|i| webhooks::create(i.call, only(i.objects())?).await)),
    #[cfg(feature = "webhooks")]
    Endpoint::backend_get("/v1/webhooks/endpoints/{id}", answer!(|i| webhooks::show(i.call, i.id()?).await)).of::<WebhookEndpointId>(),
    #[cfg(feature = "webhooks")]
    Endpoint::backend(PATCH, "/v1/webhooks/endpoints/{id}", answer!(|i| webhooks::update(i.call, i.id()?, only(i.objects())?).await)).of::<WebhookEndpointId>(),
    #[cfg(feature = "webhooks")]
    Endpoint::backend(DELETE, "/v1/webhooks/endpoints/{id}", answer!(|i| webhooks::delete(i.call, i.id()?).await)).of::<WebhookEndpointId>(),
    #[cfg(feature = "webhooks")]
    Endpoint::backend(POST, "/v1/webhooks/endpoints/{id}/enable", answer!(|i| webhooks::enable(i.call, i.id()?).await)).of::<WebhookEndpointId>(),
    #[cfg(feature = "webhooks")]
    Endpoint::backend(POST, "/v1/webhooks/endpoints/{id}/disable", answer!(|i| webhooks::disable(i.call, i.id()?).await)).of::<WebhookEndpointId>(),
    #[cfg(feature = "webhooks")]
    Endpoint::backend_get("/v1/webhooks/endpoints/{id}/secret", answer!(|i| webhooks::secret(i.call, i.id()?).await)).of::<WebhookEndpointId>(),
    #[cfg(feature = "webhooks")]
    Endpoint::backend(POST, "/v1/webhooks/endpoints/{id}/rotate_secret", answer!(|i| webhooks::rotate(i.call, i.id()?).await)).of::<WebhookEndpointId>(),
    #[cfg(feature = "webhooks")]
    Endpoint::backend_get("/v1/webhooks/endpoints/{id}/attempts", answer!(|i| webhooks::attempts(i.call, i.id()?).await)).of::<WebhookEndpointId>(),
    #[cfg(feature = "webhooks")]
    Endpoint::backend(POST, "/v1/webhooks/endpoints/{id}/replay", answer!(|i| webhooks::replay(i.call, i.id()?, only(i.objects())?).await)).of::<WebhookEndpointId>(),
    #[cfg(feature = "webhooks")]
    Endpoint::backend(POST, "/v1/webhooks/endpoints/{id}/test", answer!(|i| webhooks::test(i.call, i.id()?).await)).of::<WebhookEndpointId>(),
    Endpoint::backend_get("/v1/messages", answer!(|i| messages::list(i.call).await)),
    Endpoint::backend_get("/v1/messages/channels", answer!(|i| messages::channels(i.call).await)),
    Endpoint::backend(POST, "/v1/messages/channels/{channel}/pause", answer!(|i| messages::pause(i.call, i.id()?).await)).of::<ChannelPath>(),
    Endpoint::backend(POST, "/v1/messages/channels/{channel}/resume", answer!(|i| messages::resume(i.call, i.id()?).await)).of::<ChannelPath>(),
    Endpoint::backend_get("/v1/messages/{id}", answer!(|i| messages::show(i.call, i.id()?).await)).of::<MessageId>(),
    Endpoint::backend(POST, "/v1/messages/{id}/send_again", answer!(|i| messages::send_again(i.call, i.id()?).await)).of::<MessageId>(),
    Endpoint::backend_get("/v1/instance", answer!(|i| instance::show(i.call).await)),
    Endpoint::backend(PATCH, "/v1/instance", answer!(|i| instance::update(i.call, only(i.objects())?).await)),
    Endpoint::backend_get("/v1/instance/restrictions", answer!(|i| instance::show_restrictions(i.call).await)),
    Endpoint::backend(PATCH, "/v1/instance/restrictions", answer!(|i| instance::update_restrictions(i.call, only(i.objects())?).await)),
    Endpoint::backend_get("/v1/instance/overrides", answer!(|i| instance::show_overrides(i.call).await)),
    Endpoint::backend(DELETE, "/v1/instance/overrides", answer!(|i| instance::drop_overrides(i.call).await)),

    Endpoint::backend_get("/v1/allowlist_identifiers", answer!(|i| listed::list(i.call, List::Allow).await)),
    Endpoint::backend(POST, "/v1/allowlist_identifiers", answer!(|i| listed::create(i.call, List::Allow, only(i.objects())?).await)),
    Endpoint::backend(DELETE, "/v1/allowlist_identifiers/{id}", answer!(|i| listed::delete(i.call, List::Allow, i.id()?).await)).of::<ListedIdentifierId>(),
    Endpoint::backend_get("/v1/blocklist_identifiers", answer!(|i| listed::list(i.call, List::Block).await)),
    Endpoint::backend(POST, "/v1/blocklist_identifiers", answer!(|i| listed::create(i.call, List::Block, only(i.objects())?).await)),
    Endpoint::backend(DELETE, "/v1/blocklist_identifiers/{id}", answer!(|i| listed::delete(i.call, List::Block, i.id()?).await)).of::<ListedIdentifierId>(),

    Endpoint::backend_get("/v1/redirect_urls", answer!(|i| listed::redirect_urls(i.call).await)),
    Endpoint::backend(POST, "/v1/redirect_urls", answer!(|i| listed::create_redirect_url(i.call, only(i.objects())?).await)),
    Endpoint::backend_get("/v1/redirect_urls/{id}", answer!(|i| listed::show_redirect_url(i.call, i.id()?).await)).of::<RedirectUrlId>(),
    Endpoint::backend(DELETE, "/v1/redirect_urls/{id}", answer!(|i| listed::delete_redirect_url(i.call, i.id()?).await)).of::<RedirectUrlId>(),

    Endpoint::backend(POST, "/v1/testing_tokens", answer!(|i| Ok(testing_token(i.call)))),
    Endpoint::backend_get("/v1/sign_ups", answer!(|i| sign_ups::list(i.call).await)),
    Endpoint::backend_get("/v1/sign_ups/{id}", answer!(|i| sign_ups::show(i.call, i.id()?).await)).of::<SignUpId>(),
    Endpoint::backend(PATCH, "/v1/sign_ups/{id}", answer!(|i| sign_ups::update(i.call, i.id()?, only(i.objects())?).await)).of::<SignUpId>(),
    Endpoint::backend(POST, "/v1/sign_ups/{id}/approve", answer!(|i| sign_ups::approve(i.call, i.id()?).await)).of::<SignUpId>(),
    Endpoint::backend(POST, "/v1/sign_ups/{id}/refuse", answer!(|i| sign_ups::refuse(i.call, i.id()?, only(i.objects())?).await)).of::<SignUpId>(),
];

/// Admits only the backend. Other callers learn nothing, not even whether the path exists.
///
/// # Errors
/// 401 without a key, with something else in `Authorization`, or with a wrong key
/// ([guide: The secret key](crate::guide::contract_backend#the-secret-key)).
pub(super) fn admit(app: &App, head: &RequestHead) -> Result<(), HttpError> {
    if !head.headers.contains_key(AUTHORIZATION) {
        return Err(EngineError::NoClient.into());
    }
    let key = head.bearer().ok_or(TransportError::AuthorizationHeaderFormatInvalid)?;
    if app.engine.is_backend(key) { Ok(()) } else { Err(TransportError::ClerkKeyInvalid.into()) }
}

/// A testing token, in Clerk's shape: its expiry is in seconds.
fn testing_token(call: &Call<'_>) -> ApiResponse {
    let (token, expire_at) = call.engine().create_testing_token();
    let (token, expires_at) = (token.expose(), expire_at.as_secs());
    ApiResponse::json(&json!({ "object": "testing_token", "token": token, "expires_at": expires_at }))
}

/// The object of a body that must hold exactly one.
fn only(given: &[Json]) -> Result<&Json, HttpError> {
    match given {
        [one] => Ok(one),
        _ => Err(HttpError::document("", "The body must be one JSON object.")),
    }
}

/// The objects of a body that may hold several.
fn several(given: &[Json]) -> Result<&[Json], HttpError> {
    if given.is_empty() || given.len() > BULK_MAX {
        return Err(HttpError::document("", &format!("The body must be a list of 1 to {BULK_MAX} objects.")));
    }
    Ok(given)
}

/// The part of a list that the query asks for.
fn listing(query: &Params) -> Result<ListParams, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = query.reader(&mut reasons);
    let (status, words, order_by) = (reader.take("status"), reader.take("query"), reader.take("order_by"));
    let (limit, offset) = page(&mut reader);
    Rejection::collect(reasons).map(|()| ListParams { status, query: words, order_by, limit, offset })
}

/// The page that a query asks for: `limit` and `offset`.
fn page(reader: &mut Reader<'_>) -> (Option<usize>, usize) {
    (reader.number_in("limit", 1..=LIMIT_MAX), reader.number("offset").unwrap_or(0))
}

/// The bare list, unless the query asks for the total count too.
fn paged<T: Serialize>(query: &Params, found: &Page<T>) -> Result<ApiResponse, HttpError> {
    let with_total = query.single("paginated")?.is_some_and(|text| text == "true");
    Ok(if with_total { ApiResponse::json(found) } else { ApiResponse::json(&found.items) })
}

/// The entity tags that `If-Match` names (RFC 9110, 13.1.1).
fn if_match<'a>(call: &'a Call<'_>) -> Vec<&'a str> {
    let headers = call.head.headers.get_all(IF_MATCH);
    let lists = headers.iter().map(|value| value.to_str().unwrap_or_default());
    lists.flat_map(|list| list.split(',')).map(str::trim).collect()
}

/// The version that a write must find, from the tags that its request names and the version that there is; none where
/// each is right.
///
/// # Errors
/// 412 where it is none of the named ones.
fn named_version(tags: &[&str], version: u64) -> Result<Option<u64>, HttpError> {
    if tags.contains(&"*") {
        return Ok(None);
    }
    if tags.contains(&&*etag(version)) { Ok(Some(version)) } else { Err(HttpError::precondition_failed()) }
}

/// The outcome of a write that expected `version`: where there is another one since, the precondition has failed.
fn written<T>(version: Option<u64>, outcome: Result<T, EngineError>) -> Result<T, HttpError> {
    outcome.map_err(|error| {
        let has_changed =
            matches!(&error, EngineError::Rejected(rejection) if rejection.is(ErrorCode::ResourceConflict));
        if version.is_some() && has_changed { HttpError::precondition_failed() } else { error.into() }
    })
}

/// A page of a list that is always empty.
const fn nothing() -> Page<()> {
    Page { items: Vec::new(), total: 0 }
}

/// The user whom a body names in `user_id`. A malformed id is as unknown as any other.
fn user_of(given: Option<String>, reasons: &mut Vec<Reason>) -> Option<UserId> {
    const PARAM: &str = "user_id";
    let id = given.ok_or_else(|| ErrorCode::FormParamMissing.on(PARAM));
    let id = id.and_then(|id| id.parse().map_err(|_| ErrorCode::ResourceNotFound.on(PARAM)));
    id.map_err(|reason| reasons.push(reason)).ok()
}

/// The answer about a deleted object.
fn deleted(object: &str, id: impl ToString) -> ApiResponse {
    ApiResponse::json(&json!({ "object": object, "id": id.to_string(), "deleted": true }))
}

/// How many objects one call may create; the same limit as Clerk's.
const BULK_MAX: usize = 10;
/// How many objects a page has at most; the same limit as Clerk's.
const LIMIT_MAX: usize = 500;
