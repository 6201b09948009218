//! The Frontend API: the calls of browsers and applications, one file for each resource.

pub(super) mod captchas;
pub(super) mod client;
pub(super) mod environment;
pub(super) mod handshake;
mod inputs;
pub(super) mod magic_links;
pub(super) mod me;
pub(super) mod message_reports;
pub(super) mod npm;
pub(super) mod oauth_callback;
pub(super) mod proxy;
pub(super) mod second_factors;
pub(super) mod sessions;
pub(super) mod sign_ins;
pub(super) mod sign_ups;
pub(super) mod tickets;
pub(super) mod verify;
pub(super) mod waitlist;

use super::endpoint::{DELETE, Endpoint, PATCH, POST, PUT, ProviderPath, answer};
use crate::domain::id::{ExternalAccountId, IdentificationId, SessionId, SignInId, SignUpId};
use me::addresses::AddressKind::{Email, Phone};

/// The endpoints, path by path.
#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/v1/environment", answer!(|i| Ok(environment::show(i.call)))),
    Endpoint::form(PATCH, "/v1/environment", answer!(|i| Ok(environment::show(i.call)))),

    Endpoint::get("/v1/client", answer!(|i| client::show(i.call).await)),
    Endpoint::form(PUT, "/v1/client", answer!(|i| client::open(i.call).await)),
    Endpoint::form(POST, "/v1/client", answer!(|i| client::open(i.call).await)),
    Endpoint::form(DELETE, "/v1/client", answer!(|i| client::forget(i.call).await)),
    Endpoint::form(POST, "/v1/client/verify", answer!(|i| captchas::solve(i.call, i.form()).await)),

    Endpoint::get("/v1/client/handshake", answer!(|i| handshake::answer(i.call).await)).open(),
    Endpoint::get("/v1/client/touch", answer!(|i| client::touch(i.call).await)).open(),

    Endpoint::form(POST, "/v1/client/sign_ins", answer!(|i| sign_ins::create(i.call, i.form()).await)),
    Endpoint::get("/v1/client/sign_ins/{id}", answer!(|i| sign_ins::show(i.call, i.id()?).await)).of::<SignInId>(),
    Endpoint::form(POST, "/v1/client/sign_ins/{id}/prepare_first_factor", answer!(|i| sign_ins::prepare(i.call, i.id()?, i.form()).await)).of::<SignInId>(),
    Endpoint::form(POST, "/v1/client/sign_ins/{id}/attempt_first_factor", answer!(|i| sign_ins::attempt(i.call, i.id()?, i.form()).await)).of::<SignInId>(),
    Endpoint::form(POST, "/v1/client/sign_ins/{id}/reset_password", answer!(|i| sign_ins::reset_password(i.call, i.id()?, i.form()).await)).of::<SignInId>(),
    Endpoint::form(POST, "/v1/client/sign_ins/{id}/prepare_second_factor", answer!(|i| sign_ins::prepare_second(i.call, i.id()?, i.form()).await)).of::<SignInId>(),
    Endpoint::form(POST, "/v1/client/sign_ins/{id}/attempt_second_factor", answer!(|i| sign_ins::attempt_second(i.call, i.id()?, i.form()).await)).of::<SignInId>(),

    Endpoint::form(POST, "/v1/client/sign_ups", answer!(|i| sign_ups::create(i.call, i.form()).await)),
    Endpoint::get("/v1/client/sign_ups/{id}", answer!(|i| sign_ups::show(i.call, i.id()?).await)).of::<SignUpId>(),
    Endpoint::form(PATCH, "/v1/client/sign_ups/{id}", answer!(|i| sign_ups::update(i.call, i.id()?, i.form()).await)).of::<SignUpId>(),
    Endpoint::form(POST, "/v1/client/sign_ups/{id}/prepare_verification", answer!(|i| sign_ups::prepare(i.call, i.id()?, i.form()).await)).of::<SignUpId>(),
    Endpoint::form(POST, "/v1/client/sign_ups/{id}/attempt_verification", answer!(|i| sign_ups::attempt(i.call, i.id()?, i.form()).await)).of::<SignUpId>(),

    Endpoint::form(POST, "/v1/client/magic_links/complete", answer!(|i| magic_links::complete(i.call, i.form()).await)),

    Endpoint::get("/v1/oauth_callback", answer!(|i| oauth_callback::take(i.call).await)).open(),
    Endpoint::form(POST, "/v1/oauth_callback", answer!(|i| Ok(oauth_callback::repeat(i.call, i.form())))).open(),
    Endpoint::get("/v1/verify", answer!(|i| verify::open(i.call).await)).open(),
    Endpoint::form(POST, "/v1/verify", answer!(|i| verify::confirm(i.call, i.form()).await)).open(),
    Endpoint::get("/v1/tickets/accept", answer!(|i| tickets::accept(i.call).await)).open(),
    Endpoint::document(POST, "/v1/messages/callbacks/{provider}", answer!(|i| message_reports::report(i.call, i.id()?, i.document()).await)).of::<ProviderPath>().open().reading(message_reports::bytes_max),
    Endpoint::form(POST, "/v1/waitlist", answer!(|i| waitlist::join(i.call, i.form()).await)),

    Endpoint::form(DELETE, "/v1/client/sessions", answer!(|i| client::end_sessions(i.call).await)),
    Endpoint::get("/v1/client/sessions/{id}", answer!(|i| sessions::show(i.call, i.id()?).await)).of::<SessionId>(),
    Endpoint::form(POST, "/v1/client/sessions/{id}/touch", answer!(|i| sessions::touch(i.call, i.id()?).await)).of::<SessionId>(),
    Endpoint::form(POST, "/v1/client/sessions/{id}/tokens", answer!(|i| sessions::token(i.call, i.id()?).await)).of::<SessionId>(),
    Endpoint::form(POST, "/v1/client/sessions/{id}/end", answer!(|i| sessions::end(i.call, i.id()?, false).await)).of::<SessionId>(),
    Endpoint::form(POST, "/v1/client/sessions/{id}/remove", answer!(|i| sessions::end(i.call, i.id()?, true).await)).of::<SessionId>(),
    Endpoint::form(POST, "/v1/client/sessions/{id}/verify", answer!(|i| me::sessions::verify(i.call, i.id()?, i.form()).await)).of::<SessionId>(),
    Endpoint::form(POST, "/v1/client/sessions/{id}/verify/prepare_first_factor", answer!(|i| me::sessions::prepare(i.call, i.id()?, i.form(), false).await)).of::<SessionId>(),
    Endpoint::form(POST, "/v1/client/sessions/{id}/verify/attempt_first_factor", answer!(|i| me::sessions::attempt(i.call, i.id()?, i.form(), false).await)).of::<SessionId>(),
    Endpoint::form(POST, "/v1/client/sessions/{id}/verify/prepare_second_factor", answer!(|i| me::sessions::prepare(i.call, i.id()?, i.form(), true).await)).of::<SessionId>(),
    Endpoint::form(POST, "/v1/client/sessions/{id}/verify/attempt_second_factor", answer!(|i| me::sessions::attempt(i.call, i.id()?, i.form(), true).await)).of::<SessionId>(),

    Endpoint::get(proxy::HEALTH, answer!(|i| Ok(proxy::health(i.call)))).open(),
    Endpoint::get("/v1/me", answer!(|i| me::show(i.call).await)),
    Endpoint::form(PATCH, "/v1/me", answer!(|i| me::fields::update(i.call, i.form()).await)),
    Endpoint::form(DELETE, "/v1/me", answer!(|i| me::fields::delete(i.call).await)),
    Endpoint::form(PATCH, "/v1/me/metadata", answer!(|i| me::fields::merge_metadata(i.call, i.form()).await)),
    Endpoint::form(POST, "/v1/me/change_password", answer!(|i| me::fields::change_password(i.call, i.form()).await)),
    Endpoint::form(POST, "/v1/me/remove_password", answer!(|i| me::fields::remove_password(i.call, i.form()).await)),

    Endpoint::get("/v1/me/email_addresses", answer!(|i| me::addresses::list(i.call, Email).await)),
    Endpoint::form(POST, "/v1/me/email_addresses", answer!(|i| me::addresses::create(i.call, Email, i.form()).await)),
    Endpoint::get("/v1/me/email_addresses/", answer!(|i| me::addresses::list(i.call, Email).await)),
    Endpoint::form(POST, "/v1/me/email_addresses/", answer!(|i| me::addresses::create(i.call, Email, i.form()).await)),
    Endpoint::get("/v1/me/email_addresses/{id}", answer!(|i| me::addresses::show(i.call, Email, i.id()?).await)).of::<IdentificationId>(),
    Endpoint::form(DELETE, "/v1/me/email_addresses/{id}", answer!(|i| me::addresses::delete(i.call, Email, i.id()?).await)).of::<IdentificationId>(),
    Endpoint::form(POST, "/v1/me/email_addresses/{id}/prepare_verification", answer!(|i| me::addresses::prepare(i.call, Email, i.id()?, i.form()).await)).of::<IdentificationId>(),
    Endpoint::form(POST, "/v1/me/email_addresses/{id}/attempt_verification", answer!(|i| me::addresses::attempt(i.call, Email, i.id()?, i.form()).await)).of::<IdentificationId>(),

    Endpoint::get("/v1/me/phone_numbers", answer!(|i| me::addresses::list(i.call, Phone).await)),
    Endpoint::form(POST, "/v1/me/phone_numbers", answer!(|i| me::addresses::create(i.call, Phone, i.form()).await)),
    Endpoint::get("/v1/me/phone_numbers/", answer!(|i| me::addresses::list(i.call, Phone).await)),
    Endpoint::form(POST, "/v1/me/phone_numbers/", answer!(|i| me::addresses::create(i.call, Phone, i.form()).await)),
    Endpoint::get("/v1/me/phone_numbers/{id}", answer!(|i| me::addresses::show(i.call, Phone, i.id()?).await)).of::<IdentificationId>(),
    Endpoint::form(PATCH, "/v1/me/phone_numbers/{id}", answer!(|i| me::addresses::mark(i.call, i.id()?, i.form()).await)).of::<IdentificationId>(),
    Endpoint::form(DELETE, "/v1/me/phone_numbers/{id}", answer!(|i| me::addresses::delete(i.call, Phone, i.id()?).await)).of::<IdentificationId>(),
    Endpoint::form(POST, "/v1/me/phone_numbers/{id}/prepare_verification", answer!(|i| me::addresses::prepare(i.call, Phone, i.id()?, i.form()).await)).of::<IdentificationId>(),
    Endpoint::form(POST, "/v1/me/phone_numbers/{id}/attempt_verification", answer!(|i| me::addresses::attempt(i.call, Phone, i.id()?, i.form()).await)).of::<IdentificationId>(),

    Endpoint::form(POST, "/v1/me/external_accounts", answer!(|i| me::accounts::connect(i.call, i.form()).await)),
    Endpoint::form(DELETE, "/v1/me/external_accounts/{id}", answer!(|i| me::accounts::delete(i.call, i.id()?).await)).of::<ExternalAccountId>(),
    Endpoint::form(PATCH, "/v1/me/external_accounts/{id}/reauthorize", answer!(|i| me::accounts::reauthorize(i.call, i.id()?, i.form()).await)).of::<ExternalAccountId>(),
    Endpoint::form(POST, "/v1/me/passkeys", answer!(|i| me::passkeys::create(i.call).await)),
    Endpoint::form(PATCH, "/v1/me/passkeys/{id}", answer!(|i| me::passkeys::rename(i.call, i.id()?, i.form()).await)).of::<IdentificationId>(),
    Endpoint::form(DELETE, "/v1/me/passkeys/{id}", answer!(|i| me::passkeys::delete(i.call, i.id()?).await)).of::<IdentificationId>(),
    Endpoint::form(POST, "/v1/me/passkeys/{id}/attempt_verification", answer!(|i| me::passkeys::attempt(i.call, i.id()?, i.form()).await)).of::<IdentificationId>(),
    Endpoint::get("/v1/me/sessions", answer!(|i| me::sessions::list(i.call, false).await)),
    Endpoint::get("/v1/me/sessions/active", answer!(|i| me::sessions::list(i.call, true).await)),
    Endpoint::form(POST, "/v1/me/sessions/{id}/revoke", answer!(|i| me::sessions::revoke(i.call, i.id()?).await)).of::<SessionId>(),
    Endpoint::form(POST, "/v1/me/totp", answer!(|i| second_factors::add_totp(i.call).await)),
    Endpoint::form(DELETE, "/v1/me/totp", answer!(|i| second_factors::remove_totp(i.call).await)),
    Endpoint::form(POST, "/v1/me/totp/attempt_verification", answer!(|i| second_factors::verify_totp(i.call, i.form()).await)),
    Endpoint::form(POST, "/v1/me/backup_codes", answer!(|i| second_factors::new_backup_codes(i.call).await)),
    Endpoint::form(POST, "/v1/me/backup_codes/", answer!(|i| second_factors::new_backup_codes(i.call).await)),

    Endpoint::get("/npm/@clerk/{package}@{version}/dist/{file}", answer!(|i| npm::show(i.call).await)).of_files(npm::file).open().quiet(),
];
