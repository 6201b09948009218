//! What each route takes and answers, for the OpenAPI document: a row for each row of the route tables. A parameter that a
//! handler reads and that is not named here stops the call in debug builds, so that tests find it.
//!
//! A list of parameters is their names with blanks between them. Behind an exclamation mark a parameter of the query is
//! required. Behind a colon is the type, where it is not a text: `bool`, `int`, `ms` (a time in milliseconds), `time` (RFC
//! 3339), `object`, `json` (an object as text) or `list` (of texts). An answer is a schema by name, as in `tests/schemas`, or
//! one of the words below.

/// What a route takes and answers.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Operation {
    pub(in crate::http) method: &'static str,
    pub(in crate::http) path: &'static str,
    /// What it does, in one sentence.
    pub(in crate::http) summary: &'static str,
    /// The parameters of the query, beside those that every call of the Frontend API takes.
    pub(in crate::http) query: &'static str,
    /// The parameters of the body.
    pub(in crate::http) body: &'static str,
    /// The body of the answer.
    pub(in crate::http) answer: &'static str,
}

/// The answer is a page, or leads to one.
pub(in crate::http) const PAGE: &str = "page";
/// The answer is another page: it has a `Location`, and no body of its own.
pub(in crate::http) const REDIRECT: &str = "redirect";
/// The answer is a file.
pub(in crate::http) const FILE: &str = "file";
/// The answer has no body: 204.
pub(in crate::http) const NOTHING: &str = "nothing";

/// The parameters of the query that every call of the Frontend API takes
/// ([guide: Parameters](crate::guide::contract#parameters)).
pub(in crate::http) const OF_ALL: &str =
    "_method _is_native __clerk_db_jwt __clerk_testing_token _clerk_session_id _vestibule_again";

impl Operation {
    const fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    const fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }
}

const fn op(method: &'static str, path: &'static str, summary: &'static str, answer: &'static str) -> Operation {
    Operation { method, path, summary, query: "", body: "", answer }
}

/// The row of a route.
pub(in crate::http) fn of(method: &str, path: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.path == path && operation.method == method)
}

/// The names and types of a list of parameters.
pub(in crate::http) fn parameters(list: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    list.split_whitespace()
        .map(|parameter| parameter.split_once(':').unwrap_or((parameter, "text")))
        .map(|(name, kind)| (name.trim_end_matches('!'), kind))
}

/// Whether the call is refused without this parameter of the query.
pub(in crate::http) fn is_required(list: &str, name: &str) -> bool {
    let mut names = list.split_whitespace().map(|parameter| parameter.split(':').next().unwrap_or_default());
    names.any(|known| known.strip_suffix('!') == Some(name))
}

const SIGN_UP: &str = "email_address phone_number email_address_or_phone_number username password first_name last_name web3_wallet \
     unsafe_metadata:json legal_accepted:bool locale strategy channel oidc_prompt oidc_login_hint ticket transfer:bool token captcha_token \
     captcha_error redirect_url action_complete_redirect_url";
const PAGED: &str = "limit:int offset:int";
const LISTED: &str = "status query order_by limit:int offset:int paginated:bool";
const FOUND_USERS: &str = "email_address:list phone_number:list username:list external_id:list user_id:list web3_wallet:list \
     organization_id:list query email_address_query phone_number_query username_query name_query banned:bool created_at_before:ms \
     created_at_after:ms last_active_at_before:ms last_active_at_after:ms last_active_at_since:ms last_sign_in_at_before:ms \
     last_sign_in_at_after:ms provider provider_user_id:list";
const LISTED_USERS: &str = "email_address:list phone_number:list username:list external_id:list user_id:list web3_wallet:list \
     organization_id:list query email_address_query phone_number_query username_query name_query banned:bool created_at_before:ms \
     created_at_after:ms last_active_at_before:ms last_active_at_after:ms last_active_at_since:ms last_sign_in_at_before:ms \
     last_sign_in_at_after:ms provider provider_user_id:list order_by limit:int offset:int starting_after";
const METADATA: &str = "public_metadata:object private_metadata:object unsafe_metadata:object";
const INVITATION: &str =
    "email_address public_metadata:object redirect_url notify:bool ignore_existing:bool expires_in_days:int";

/// All operations, in the order of the route tables.
#[rustfmt::skip]
pub(in crate::http) const OPERATIONS: &[Operation] = &[
    op("GET", "/v1/environment", "Shows the settings in force", "environment"),
    op("PATCH", "/v1/environment", "Shows the settings in force", "environment"),
    op("GET", "/v1/client", "Shows the client", "wrapped_client"),
    op("PUT", "/v1/client", "Makes a client where there is none", "wrapped_client"),
    op("POST", "/v1/client", "Makes a client where there is none", "wrapped_client"),
    op("DELETE", "/v1/client", "Ends all sessions and forgets the client", "wrapped_client"),
    op("GET", "/v1/client/handshake", "Tells the server of a page who is signed in", REDIRECT).query("redirect_url! suffixed_cookies:bool format __clerk_hs_reason __session"),
    op("GET", "/v1/client/touch", "Renews the cookie of the client", REDIRECT).query("redirect_url!"),
    op("POST", "/v1/client/verify", "Solves a captcha", "wrapped_client").body("captcha_token captcha_error"),
    op("POST", "/v1/client/sign_ins", "Begins a sign-in", "wrapped_sign_in").body("identifier password ticket strategy channel transfer:bool oidc_prompt oidc_login_hint sign_up_if_missing:bool captcha_token captcha_error redirect_url action_complete_redirect_url"),
    op("GET", "/v1/client/sign_ins/{id}", "Shows a sign-in", "wrapped_sign_in").query("rotating_token_nonce"),
    op("POST", "/v1/client/sign_ins/{id}/prepare_first_factor", "Sends a code or a link for a sign-in", "wrapped_sign_in").body("strategy email_address_id phone_number_id channel oidc_prompt oidc_login_hint redirect_url action_complete_redirect_url redirect_uri code_challenge code_challenge_method"),
    op("POST", "/v1/client/sign_ins/{id}/attempt_first_factor", "Proves who signs in", "wrapped_sign_in").body("strategy code password public_key_credential:json"),
    op("POST", "/v1/client/sign_ins/{id}/reset_password", "Sets a new password in a sign-in", "wrapped_sign_in").body("password sign_out_of_other_sessions:bool"),
    op("POST", "/v1/client/sign_ins/{id}/prepare_second_factor", "Sends a code as the second factor", "wrapped_sign_in").body("strategy email_address_id phone_number_id channel redirect_url action_complete_redirect_url"),
    op("POST", "/v1/client/sign_ins/{id}/attempt_second_factor", "Proves a second factor", "wrapped_sign_in").body("strategy code"),
    op("POST", "/v1/client/sign_ups", "Begins a sign-up", "wrapped_sign_up").body(SIGN_UP),
    op("GET", "/v1/client/sign_ups/{id}", "Shows a sign-up", "wrapped_sign_up").query("rotating_token_nonce"),
    op("PATCH", "/v1/client/sign_ups/{id}", "Changes a sign-up", "wrapped_sign_up").body(SIGN_UP),
    op("POST", "/v1/client/sign_ups/{id}/prepare_verification", "Sends a code or a link for a sign-up", "wrapped_sign_up").body("strategy channel oidc_prompt oidc_login_hint redirect_url action_complete_redirect_url redirect_uri code_challenge code_challenge_method"),
    op("POST", "/v1/client/sign_ups/{id}/attempt_verification", "Verifies an address by its code", "wrapped_sign_up").body("strategy code"),
    op("POST", "/v1/client/magic_links/complete", "Completes a link for the application that asked for it", "wrapped_sign_up | wrapped_link_ticket").body("flow_id approval_token code_verifier"),
    op("GET", "/v1/oauth_callback", "Takes a person back from a provider", PAGE).query("state code error error_reason error_subcode iss"),
    op("POST", "/v1/oauth_callback", "Takes a person back from a provider that posts", PAGE).body("state code error error_reason error_subcode iss"),
    op("GET", "/v1/verify", "Follows a link of an e-mail", PAGE).query("token"),
    op("POST", "/v1/verify", "Confirms a link of an e-mail", PAGE).body("token"),
    op("GET", "/v1/tickets/accept", "Follows the link of an invitation", PAGE).query("ticket"),
    op("POST", "/v1/messages/callbacks/{provider}", "Takes the report of a provider of messages", "message_reports"),
    op("POST", "/v1/waitlist", "Joins the waiting list", "wrapped_waitlist").body("email_address"),
    op("DELETE", "/v1/client/sessions", "Ends all sessions", "wrapped_client"),
    op("GET", "/v1/client/sessions/{id}", "Shows a session", "wrapped_session"),
    op("POST", "/v1/client/sessions/{id}/touch", "Says that a session is used", "wrapped_session"),
    op("POST", "/v1/client/sessions/{id}/tokens", "Makes a session token", "token"),
    op("POST", "/v1/client/sessions/{id}/end", "Ends a session", "wrapped_session"),
    op("POST", "/v1/client/sessions/{id}/remove", "Ends and removes a session", "wrapped_session"),
    op("POST", "/v1/client/sessions/{id}/verify", "Begins a re-verification", "wrapped_reverification").body("level"),
    op("POST", "/v1/client/sessions/{id}/verify/prepare_first_factor", "Sends a code for a re-verification", "wrapped_reverification").body("strategy email_address_id phone_number_id"),
    op("POST", "/v1/client/sessions/{id}/verify/attempt_first_factor", "Proves a first factor again", "wrapped_reverification").body("strategy code password public_key_credential:json"),
    op("POST", "/v1/client/sessions/{id}/verify/prepare_second_factor", "Sends a code for a re-verification", "wrapped_reverification").body("strategy email_address_id phone_number_id"),
    op("POST", "/v1/client/sessions/{id}/verify/attempt_second_factor", "Proves a second factor again", "wrapped_reverification").body("strategy code password public_key_credential:json"),
    op("GET", "/v1/proxy-health", "Says whether the proxy of an application is set up well", "proxy_health").query("domain_id"),
    op("GET", "/v1/me", "Shows the user who is signed in", "wrapped_user").query("rotating_token_nonce"),
    op("PATCH", "/v1/me", "Changes the own user", "wrapped_user").body("username first_name last_name primary_email_address_id primary_phone_number_id primary_web3_wallet_id unsafe_metadata:json public_metadata:json private_metadata:json password"),
    op("DELETE", "/v1/me", "Deletes the own user", "wrapped_deleted"),
    op("PATCH", "/v1/me/metadata", "Merges into the metadata of the own user", "wrapped_user").body("unsafe_metadata:json"),
    op("POST", "/v1/me/change_password", "Sets the own password", "wrapped_user").body("current_password new_password sign_out_of_other_sessions:bool"),
    op("POST", "/v1/me/remove_password", "Removes the own password", "wrapped_user").body("current_password"),
    op("GET", "/v1/me/email_addresses", "Lists the own addresses", "[email_address]"),
    op("POST", "/v1/me/email_addresses", "Adds an address to the own user", "wrapped_email_address").body("email_address"),
    op("GET", "/v1/me/email_addresses/", "Lists the own addresses", "[email_address]"),
    op("POST", "/v1/me/email_addresses/", "Adds an address to the own user", "wrapped_email_address").body("email_address"),
    op("GET", "/v1/me/email_addresses/{id}", "Shows an own address", "wrapped_email_address"),
    op("DELETE", "/v1/me/email_addresses/{id}", "Removes an own address", "wrapped_deleted"),
    op("POST", "/v1/me/email_addresses/{id}/prepare_verification", "Sends a code or a link to an own address", "wrapped_email_address").body("strategy redirect_url"),
    op("POST", "/v1/me/email_addresses/{id}/attempt_verification", "Verifies an own address by its code", "wrapped_email_address").body("code"),
    op("GET", "/v1/me/phone_numbers", "Lists the own numbers", "[phone_number]"),
    op("POST", "/v1/me/phone_numbers", "Adds a number to the own user", "wrapped_phone_number").body("phone_number reserved_for_second_factor:bool"),
    op("GET", "/v1/me/phone_numbers/", "Lists the own numbers", "[phone_number]"),
    op("POST", "/v1/me/phone_numbers/", "Adds a number to the own user", "wrapped_phone_number").body("phone_number reserved_for_second_factor:bool"),
    op("GET", "/v1/me/phone_numbers/{id}", "Shows an own number", "wrapped_phone_number"),
    op("PATCH", "/v1/me/phone_numbers/{id}", "Makes an own number a second factor", "wrapped_phone_number").body("reserved_for_second_factor:bool default_second_factor:bool"),
    op("DELETE", "/v1/me/phone_numbers/{id}", "Removes an own number", "wrapped_deleted"),
    op("POST", "/v1/me/phone_numbers/{id}/prepare_verification", "Sends a code to an own number", "wrapped_phone_number").body("strategy"),
    op("POST", "/v1/me/phone_numbers/{id}/attempt_verification", "Verifies an own number by its code", "wrapped_phone_number").body("code"),
    op("POST", "/v1/me/external_accounts", "Begins to connect an account at a provider", "wrapped_external_account").body("strategy redirect_url action_complete_redirect_url oidc_prompt oidc_login_hint additional_scope:list"),
    op("DELETE", "/v1/me/external_accounts/{id}", "Disconnects an account at a provider", "wrapped_deleted"),
    op("PATCH", "/v1/me/external_accounts/{id}/reauthorize", "Asks the provider again", "wrapped_external_account").body("redirect_url action_complete_redirect_url oidc_prompt oidc_login_hint additional_scope:list"),
    op("POST", "/v1/me/passkeys", "Begins to add a passkey", "wrapped_passkey"),
    op("PATCH", "/v1/me/passkeys/{id}", "Names a passkey", "wrapped_passkey").body("name"),
    op("DELETE", "/v1/me/passkeys/{id}", "Removes a passkey", "wrapped_deleted"),
    op("POST", "/v1/me/passkeys/{id}/attempt_verification", "Adds a passkey by the answer of the browser", "wrapped_passkey").body("strategy public_key_credential:json"),
    op("GET", "/v1/me/sessions", "Lists the own sessions", "[device_session]"),
    op("GET", "/v1/me/sessions/active", "Lists the own sessions that are in use", "[device_session]"),
    op("POST", "/v1/me/sessions/{id}/revoke", "Revokes an own session", "wrapped_session"),
    op("POST", "/v1/me/totp", "Begins to add an authenticator app", "wrapped_totp"),
    op("DELETE", "/v1/me/totp", "Removes the authenticator app", "wrapped_deleted"),
    op("POST", "/v1/me/totp/attempt_verification", "Proves the authenticator app", "wrapped_totp").body("code"),
    op("POST", "/v1/me/backup_codes", "Makes new backup codes", "wrapped_backup_codes"),
    op("POST", "/v1/me/backup_codes/", "Makes new backup codes", "wrapped_backup_codes"),
    op("GET", "/npm/@clerk/{package}@{version}/dist/{file}", "Loads a file of Clerk's browser packages", FILE),

    op("GET", "/v1/jwks", "Shows the public keys of session tokens", "jwks"),
    op("GET", "/.well-known/jwks.json", "Shows the public keys of session tokens", "jwks"),
    op("GET", "/health/live", "Says that the process answers", "live"),
    op("GET", "/health/ready", "Says whether the instance can do its work", "ready"),
    op("GET", "/openapi.json", "Shows this document", "object"),

    op("GET", "/v1/invitations", "Lists invitations", "[invitation] | invitation_page").query(LISTED),
    op("POST", "/v1/invitations", "Invites an address", "invitation").body(INVITATION),
    op("POST", "/v1/invitations/bulk", "Invites up to ten addresses", "[invitation]").body(INVITATION),
    op("DELETE", "/v1/invitations/{id}", "Deletes an invitation", "deleted"),
    op("POST", "/v1/invitations/{id}/revoke", "Revokes an invitation", "invitation"),
    op("GET", "/v1/waitlist_entries", "Lists the waiting list", "waitlist_page").query(LISTED),
    op("POST", "/v1/waitlist_entries", "Puts an address on the waiting list", "waitlist_entry").body("email_address"),
    op("POST", "/v1/waitlist_entries/bulk", "Puts up to ten addresses on the waiting list", "[waitlist_entry]").body("email_address"),
    op("DELETE", "/v1/waitlist_entries/{id}", "Deletes an entry of the waiting list", "deleted"),
    op("POST", "/v1/waitlist_entries/{id}/invite", "Invites who waits", "waitlist_entry").body("ignore_existing:bool"),
    op("POST", "/v1/waitlist_entries/{id}/reject", "Rejects who waits", "waitlist_entry"),

    op("GET", "/v1/users", "Lists users", "[backend_user]").query(LISTED_USERS),
    op("POST", "/v1/users", "Makes a user", "backend_user").body("external_id first_name last_name locale username email_address:list email_address_identification_status:list phone_number:list phone_number_identification_status:list password password_digest password_hasher skip_password_checks:bool skip_password_requirement:bool skip_legal_checks:bool skip_user_requirement:bool public_metadata:object private_metadata:object unsafe_metadata:object delete_self_enabled:bool create_organization_enabled:bool create_organizations_limit:int bypass_client_trust:bool banned:bool locked:bool totp_secret backup_codes:list legal_accepted_at:time created_at:time"),
    op("GET", "/v1/users/count", "Counts users", "total_count").query(FOUND_USERS),
    op("POST", "/v1/users/ban", "Bans up to a hundred users", "[backend_user]").body("user_ids:list"),
    op("POST", "/v1/users/unban", "Ends bans of up to a hundred users", "[backend_user]").body("user_ids:list"),
    op("GET", "/v1/users/{id}", "Shows a user", "backend_user"),
    op("PATCH", "/v1/users/{id}", "Changes a user", "backend_user").body("external_id username first_name last_name locale password password_digest password_hasher skip_password_checks:bool sign_out_of_other_sessions:bool primary_email_address_id primary_phone_number_id delete_self_enabled:bool create_organization_enabled:bool create_organizations_limit:int bypass_client_trust:bool legal_accepted_at:time created_at:time public_metadata:object private_metadata:object unsafe_metadata:object"),
    op("DELETE", "/v1/users/{id}", "Deletes a user", "deleted"),
    op("PATCH", "/v1/users/{id}/metadata", "Merges metadata into that of a user", "backend_user").body(METADATA),
    op("PUT", "/v1/users/{id}/metadata", "Replaces metadata of a user", "backend_user").body(METADATA),
    op("POST", "/v1/users/{id}/ban", "Bans a user", "backend_user"),
    op("POST", "/v1/users/{id}/unban", "Ends the ban of a user", "backend_user"),
    op("POST", "/v1/users/{id}/lock", "Locks a user", "backend_user"),
    op("POST", "/v1/users/{id}/unlock", "Unlocks a user", "backend_user"),
    op("POST", "/v1/users/{id}/verify_password", "Compares the password of a user", "verified").body("password"),
    op("POST", "/v1/users/{id}/remove_password", "Removes the password of a user", "backend_user").body("sign_out_of_other_sessions:bool"),
    op("POST", "/v1/users/{id}/password/set_compromised", "Says that the password of a user is known to others", "backend_user").body("revoke_all_sessions:bool"),
    op("POST", "/v1/users/{id}/password/unset_compromised", "Takes that back", "backend_user").body("revoke_all_sessions:bool"),
    op("PUT", "/v1/users/{id}/email_address", "Replaces the addresses of a user", "backend_user").body("email_address identification_status"),
    op("PUT", "/v1/users/{id}/phone_number", "Replaces the numbers of a user", "backend_user").body("phone_number identification_status"),
    op("DELETE", "/v1/users/{id}/external_accounts/{account_id}", "Removes an account at a provider", "deleted"),
    op("DELETE", "/v1/users/{id}/passkeys/{passkey_id}", "Removes a passkey of a user", "deleted"),
    op("DELETE", "/v1/users/{id}/mfa", "Removes all second factors of a user", "user_id"),
    op("DELETE", "/v1/users/{id}/totp", "Removes the authenticator app of a user", "user_id"),
    op("DELETE", "/v1/users/{id}/backup_code", "Removes the backup codes of a user", "user_id"),
    op("POST", "/v1/users/{id}/verify_totp", "Checks a code of a user's authenticator app", "verified_code").body("code"),
    op("GET", "/v1/users/{id}/oauth_access_tokens/{provider}", "Lists access tokens, of which there are none", "[object] | object").query("paginated:bool"),
    op("GET", "/v1/users/{id}/organization_memberships", "Lists memberships, of which there are none", "object").query(PAGED),
    op("GET", "/v1/users/{id}/organization_invitations", "Lists invitations of organizations, of which there are none", "object").query(PAGED),
    op("POST", "/v1/email_addresses", "Adds an address to a user", "email_address").body("user_id email_address verified:bool primary:bool"),
    op("GET", "/v1/email_addresses/{id}", "Shows an address", "email_address"),
    op("PATCH", "/v1/email_addresses/{id}", "Changes an address", "email_address").body("verified:bool primary:bool"),
    op("DELETE", "/v1/email_addresses/{id}", "Removes an address", "deleted"),
    op("POST", "/v1/email_addresses/{id}/prepare_verification", "Sends a code to an address", "backend_verification").body("strategy"),
    op("POST", "/v1/email_addresses/{id}/attempt_verification", "Verifies an address by its code", "backend_verification").body("verification_id code"),
    op("POST", "/v1/phone_numbers", "Adds a number to a user", "phone_number").body("user_id phone_number verified:bool primary:bool"),
    op("GET", "/v1/phone_numbers/{id}", "Shows a number", "phone_number"),
    op("PATCH", "/v1/phone_numbers/{id}", "Changes a number", "phone_number").body("verified:bool primary:bool"),
    op("DELETE", "/v1/phone_numbers/{id}", "Removes a number", "deleted"),
    op("POST", "/v1/phone_numbers/{id}/prepare_verification", "Sends a code to a number", "backend_verification").body("strategy"),
    op("POST", "/v1/phone_numbers/{id}/attempt_verification", "Verifies a number by its code", "backend_verification").body("verification_id code"),
    op("GET", "/v1/sessions", "Lists sessions", "[backend_session] | backend_session_page").query("user_id client_id status limit:int offset:int paginated:bool"),
    op("POST", "/v1/sessions", "Makes a session, in development", "backend_session").body("user_id"),
    op("GET", "/v1/sessions/{id}", "Shows a session", "backend_session"),
    op("POST", "/v1/sessions/{id}/revoke", "Revokes a session", "backend_session"),
    op("POST", "/v1/sessions/{id}/tokens", "Makes a session token", "token").body("expires_in_seconds:int"),
    op("POST", "/v1/sessions/{id}/verify", "Verifies the token of a session", "backend_session").body("token"),
    op("GET", "/v1/clients", "Lists clients", "[backend_client] | backend_client_page").query("limit:int offset:int paginated:bool"),
    op("POST", "/v1/clients/verify", "Finds the client of a token", "backend_client").body("token"),
    op("GET", "/v1/clients/handshake_payload", "Fetches the cookies of a handshake, once", "handshake_payload").query("nonce"),
    op("GET", "/v1/clients/{id}", "Shows a client", "backend_client"),
    op("POST", "/v1/sign_in_tokens", "Makes a token that signs a user in", "sign_in_token").body("user_id expires_in_seconds:int"),
    op("POST", "/v1/sign_in_tokens/{id}/revoke", "Revokes such a token", "sign_in_token"),
    op("GET", "/v1/webhooks/endpoints", "Lists endpoints of webhooks", "webhook_endpoint_page"),
    op("POST", "/v1/webhooks/endpoints", "Adds an endpoint", "webhook_endpoint").body("url events:list description secret"),
    op("GET", "/v1/webhooks/endpoints/{id}", "Shows an endpoint", "webhook_endpoint"),
    op("PATCH", "/v1/webhooks/endpoints/{id}", "Changes an endpoint", "webhook_endpoint").body("url events:list description"),
    op("DELETE", "/v1/webhooks/endpoints/{id}", "Deletes an endpoint", "deleted"),
    op("POST", "/v1/webhooks/endpoints/{id}/enable", "Switches an endpoint on", "webhook_endpoint"),
    op("POST", "/v1/webhooks/endpoints/{id}/disable", "Switches an endpoint off", "webhook_endpoint"),
    op("GET", "/v1/webhooks/endpoints/{id}/secret", "Shows the secret of an endpoint", "webhook_secret"),
    op("POST", "/v1/webhooks/endpoints/{id}/rotate_secret", "Makes a new secret for an endpoint", "webhook_endpoint"),
    op("GET", "/v1/webhooks/endpoints/{id}/attempts", "Lists the latest attempts at an endpoint", "webhook_attempt_page"),
    op("POST", "/v1/webhooks/endpoints/{id}/replay", "Tells an endpoint again what has happened", "webhook_endpoint").body("since:time event_id"),
    op("POST", "/v1/webhooks/endpoints/{id}/test", "Sends a test to an endpoint", "webhook_attempt"),
    op("GET", "/v1/messages", "Lists messages", "message_page").query("limit:int channel status template origin before"),
    op("GET", "/v1/messages/channels", "Shows the channels of messages", "[message_channel]"),
    op("POST", "/v1/messages/channels/{channel}/pause", "Stops a channel", "message_channel"),
    op("POST", "/v1/messages/channels/{channel}/resume", "Starts a channel", "message_channel"),
    op("GET", "/v1/messages/{id}", "Shows a message", "message"),
    op("POST", "/v1/messages/{id}/send_again", "Sends a message again", "message"),
    op("GET", "/v1/instance", "Shows the instance", "instance"),
    op("PATCH", "/v1/instance", "Changes settings of the instance", NOTHING).body("test_mode:bool enhanced_email_deliverability:bool url_based_session_syncing:bool support_email clerk_js_version development_origin hibp:bool allowed_origins:list preferred_sign_in_strategy_when_password_required"),
    op("GET", "/v1/instance/restrictions", "Shows who may sign up", "instance_restrictions"),
    op("PATCH", "/v1/instance/restrictions", "Changes who may sign up", "instance_restrictions").body("allowlist:bool blocklist:bool allowlist_blocklist_disabled_on_sign_in:bool block_email_subaddresses:bool block_disposable_email_domains:bool ignore_dots_for_gmail_addresses:bool"),
    op("GET", "/v1/instance/overrides", "Shows what the backend changed", "instance_overrides"),
    op("DELETE", "/v1/instance/overrides", "Drops what the backend changed", "instance_overrides"),
    op("GET", "/v1/allowlist_identifiers", "Lists who may sign up", "[listed_identifier] | listed_identifier_page").query(LISTED),
    op("POST", "/v1/allowlist_identifiers", "Lets an address or a number sign up", "listed_identifier").body("identifier notify:bool"),
    op("DELETE", "/v1/allowlist_identifiers/{id}", "Takes an entry off the list", "deleted"),
    op("GET", "/v1/blocklist_identifiers", "Lists who may not sign up", "listed_identifier_page").query(LISTED),
    op("POST", "/v1/blocklist_identifiers", "Keeps an address or a number from signing up", "listed_identifier").body("identifier notify:bool"),
    op("DELETE", "/v1/blocklist_identifiers/{id}", "Takes an entry off the list", "deleted"),
    op("GET", "/v1/redirect_urls", "Lists redirect URLs", "[redirect_url] | redirect_url_page").query(LISTED),
    op("POST", "/v1/redirect_urls", "Adds a redirect URL", "redirect_url").body("url"),
    op("GET", "/v1/redirect_urls/{id}", "Shows a redirect URL", "redirect_url"),
    op("DELETE", "/v1/redirect_urls/{id}", "Removes a redirect URL", "deleted"),
    op("POST", "/v1/testing_tokens", "Makes a token for tests of an application", "testing_token"),
    op("POST", "/v1/proxy_checks", "Checks the URL of a proxy", "proxy_check").body("domain_id proxy_url"),
    op("GET", "/v1/sign_ups", "Lists sign-ups that wait for approval", "[sign_up]").query("status starting_after limit:int"),
    op("GET", "/v1/sign_ups/{id}", "Shows a sign-up", "sign_up"),
    op("PATCH", "/v1/sign_ups/{id}", "Says the backend's word on a sign-up", "sign_up").body("custom_action:bool external_id"),
    op("POST", "/v1/sign_ups/{id}/approve", "Approves a sign-up", "sign_up"),
    op("POST", "/v1/sign_ups/{id}/refuse", "Refuses a sign-up", "sign_up").body("reason"),

    op("POST", "/v1/dev_browser", "Makes a dev browser", "dev_browser"),
    op("GET", "/dev/outbox", "Lists captured messages", "outbox").query("to query"),
    op("DELETE", "/dev/outbox", "Forgets captured messages", "outbox"),
    op("GET", "/dev/outbox/events", "Waits for new messages", FILE),
    op("GET", "/dev/outbox/{id}", "Shows a captured message", "object"),
    op("GET", "/dev/outbox/{id}/html", "Shows the HTML of a message", FILE),
    op("GET", "/dev/outbox/{id}/source", "Shows the source of a message", FILE),
    op("GET", "/dev/sign_ups/{id}", "Shows the sign-up of a message", "sign_up"),
    op("GET", "/dev/settings", "Shows the settings", "object"),
    op("PUT", "/dev/settings", "Replaces the settings", "object"),
    op("GET", "/dev/clock", "Shows the time of the engine", "clock"),
    op("POST", "/dev/clock", "Moves the engine's clock forward", "clock"),
    op("GET", "/", "A page to sign up on", FILE),
    op("GET", "/dev/mailbox", "A page with the captured messages", FILE),
    op("GET", "/dev/pages/{id}", "What these pages load", FILE),
];
