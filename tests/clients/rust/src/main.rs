//! Users, sessions and invitations: an application's server in Rust, with the unmodified `clerk-rs`.
//!
//! The package checks the shape of each answer, so a call that returns has understood it. VESTIBULE_URL and
//! VESTIBULE_SECRET_KEY say which engine is called. It ends at the first difference, and says where.

use std::env;
use std::fmt::Debug;

use clerk_rs::Clerk;
use clerk_rs::apis::configuration::Configuration;
use clerk_rs::apis::users_api::{self, GetUserListError};
use clerk_rs::apis::{
    Error, clients_api, invitations_api, jwks_api, sessions_api, testing_tokens_api, waitlist_entries_api,
};
use clerk_rs::models;
use clerk_rs::validators::authorizer::validate_jwt;
use clerk_rs::validators::jwks::MemoryCacheJwksProvider;
use serde_json::{Value, json};

#[tokio::main]
async fn main() {
    let url = env::var("VESTIBULE_URL").expect("VESTIBULE_URL");
    let key = env::var("VESTIBULE_SECRET_KEY").expect("VESTIBULE_SECRET_KEY");
    let backend = Configuration::new(key).with_base_path(format!("{url}/v1"));
    users_are_created_read_listed_counted_changed_and_deleted(&backend).await;
    refusals_keep_their_codes(&backend).await;
    a_banned_user_gets_no_more_tokens(&backend, &url).await;
    sessions_are_listed_give_tokens_and_are_revoked(&backend, &url).await;
    invitations_and_the_waiting_list_are_kept(&backend).await;
    println!("clerk-rs has understood everything");
}

async fn users_are_created_read_listed_counted_changed_and_deleted(backend: &Configuration) {
    let request = models::CreateUserRequest {
        external_id: Some(Some("customer 7".to_owned())),
        public_metadata: Some(map(json!({ "plan": "gold", "seats": { "used": 1, "free": 2 } }))),
        private_metadata: Some(map(json!({ "innerKey": true }))),
        created_at: Some(Some("2020-02-29T12:00:00.250Z".to_owned())),
        ..with_password("Ada@Example.com")
    };
    let made = users_api::create_user(backend, request).await.expect("a user");
    assert_eq!(
        (made.email_addresses[0].email_address.as_str(), made.created_at),
        ("ada@example.com", 1_582_977_600_250)
    );
    let read = users_api::get_user(backend, &made.id).await.expect("the user");
    assert_eq!(read, made);

    let bob = users_api::create_user(backend, with_password("bob@example.com")).await.expect("a user");
    let listed = list(backend, None).await.expect("users");
    assert_eq!(ids(&listed), [made.id.as_str(), &bob.id]);
    let some = list(backend, Some(vec!["bob@example.com".to_owned(), "eve@example.com".to_owned()])).await;
    assert_eq!(ids(&some.expect("users")), [bob.id.as_str()]);
    assert_eq!(count(backend).await, 2);

    let names = models::UpdateUserRequest {
        first_name: Some(Some("Augusta".to_owned())),
        username: Some(Some("countess".to_owned())),
        ..models::UpdateUserRequest::new()
    };
    let named = users_api::update_user(backend, &made.id, names).await.expect("the user");
    assert_eq!((named.first_name.as_deref(), named.username.as_deref()), (Some("Augusta"), Some("countess")));
    let metadata = models::UpdateUserMetadataRequest {
        public_metadata: Some(map(json!({ "plan": null, "seats": { "used": 3 } }))),
        ..models::UpdateUserMetadataRequest::new()
    };
    let merged = users_api::update_user_metadata(backend, &made.id, Some(metadata)).await.expect("the user");
    assert_eq!(merged.public_metadata, map(json!({ "seats": { "used": 3, "free": 2 } })));

    for user in [&made, &bob] {
        let deleted = users_api::delete_user(backend, &user.id).await.expect("a deletion");
        assert_eq!((deleted.deleted, deleted.id.as_ref()), (true, Some(&user.id)));
    }
    assert_eq!(count(backend).await, 0);
    refused(users_api::get_user(backend, &made.id).await, 404, "resource_not_found");
}

async fn refusals_keep_their_codes(backend: &Configuration) {
    let made = users_api::create_user(backend, with_password("taken@example.com")).await.expect("a user");
    let again = users_api::create_user(backend, with_password("taken@example.com")).await;
    refused(again, 422, "form_identifier_exists");
    let wrong = models::VerifyPasswordRequest { password: "something else".to_owned() };
    refused(users_api::verify_password(backend, &made.id, Some(wrong)).await, 422, "incorrect_password");
    let right = models::VerifyPasswordRequest { password: PASSWORD.to_owned() };
    let verified = users_api::verify_password(backend, &made.id, Some(right)).await.expect("a right password");
    assert_eq!(verified.verified, Some(true));
    let stranger = Configuration::new("sk_test_wrong").with_base_path(backend.base_path.clone());
    refused(users_api::get_user(&stranger, &made.id).await, 401, "clerk_key_invalid");
    users_api::delete_user(backend, &made.id).await.expect("a deletion");
}

async fn a_banned_user_gets_no_more_tokens(backend: &Configuration, url: &str) {
    let user = users_api::create_user(backend, with_password("eve@example.com")).await.expect("a user");
    let person = Person::sign_in(url, "eve@example.com").await;
    assert_eq!(person.token().await.status(), 200);
    assert!(users_api::ban_user(backend, &user.id).await.expect("a ban").banned);
    assert_eq!(person.token().await.status(), 401);
    assert!(!users_api::unban_user(backend, &user.id).await.expect("the end of a ban").banned);
    users_api::delete_user(backend, &user.id).await.expect("a deletion");
}

async fn sessions_are_listed_give_tokens_and_are_revoked(backend: &Configuration, url: &str) {
    let user = users_api::create_user(backend, with_password("kay@example.com")).await.expect("a user");
    let person = Person::sign_in(url, "kay@example.com").await;
    let sessions =
        sessions_api::get_session_list(backend, None, Some(&user.id), Some("active"), None, None, None).await;
    let [session] = &sessions.expect("sessions")[..] else { panic!("one session") };
    assert_eq!((&session.id, &session.user_id), (&person.session, &user.id));
    let client = clients_api::get_client(backend, &session.client_id).await.expect("the client");
    assert_eq!(client.session_ids, [session.id.as_str()]);

    let minted = sessions_api::create_session_token(backend, &session.id, None).await.expect("a token");
    let keys = MemoryCacheJwksProvider::new(Clerk::new(backend.clone()));
    let jwt = minted.jwt.expect("a token");
    let claims = validate_jwt(&jwt, keys.into()).await.expect("a token signed by the engine");
    assert_eq!(claims.sub, user.id);
    assert!(jwks_api::get_jwks(backend).await.expect("keys").keys.is_some_and(|keys| !keys.is_empty()));

    let revoked = sessions_api::revoke_session(backend, &session.id).await.expect("a session");
    assert_eq!(revoked.status, models::session::Status::Revoked);
    assert_eq!(person.token().await.status(), 401);
    users_api::delete_user(backend, &user.id).await.expect("a deletion");
}

async fn invitations_and_the_waiting_list_are_kept(backend: &Configuration) {
    let request = models::CreateInvitationRequest::new("gil@example.com".to_owned());
    let made = invitations_api::create_invitation(backend, Some(request)).await.expect("an invitation");
    let pending = invitations_api::list_invitations(backend, Some("pending"), None, None, None, None, None).await;
    assert_eq!(pending.expect("invitations"), [made.clone()]);
    invitations_api::revoke_invitation(backend, &made.id).await.expect("its revocation");

    let [rejected, deleted] = ["una@example.com", "ute@example.com"].map(|address| {
        let request = models::CreateWaitlistEntryRequest::new(address.to_owned());
        waitlist_entries_api::create_waitlist_entry(backend, Some(request))
    });
    let (rejected, deleted) = (rejected.await.expect("an entry"), deleted.await.expect("an entry"));
    let entry = waitlist_entries_api::reject_waitlist_entry(backend, &rejected.id).await.expect("its rejection");
    assert_eq!((&entry.id, entry.status), (&rejected.id, models::waitlist_entry::Status::Rejected));
    waitlist_entries_api::delete_waitlist_entry(backend, &deleted.id).await.expect("a deletion");
    assert!(!testing_tokens_api::create_testing_token(backend).await.expect("a token").token.is_empty());
}

/// Somebody who signs in as an application without cookies does.
struct Person {
    url: String,
    session: String,
    authorization: String,
}

impl Person {
    async fn sign_in(url: &str, address: &str) -> Self {
        let form = [("identifier", address), ("password", PASSWORD)];
        let ask = reqwest::Client::new().post(format!("{url}/v1/client/sign_ins?_is_native=1")).form(&form);
        let answer = ask.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let authorization = answer.headers()["authorization"].to_str().expect("a token").to_owned();
        let body: Value = answer.json().await.expect("JSON");
        let session = body["response"]["created_session_id"].as_str().expect("a session").to_owned();
        Self { url: url.to_owned(), session, authorization }
    }

    async fn token(&self) -> reqwest::Response {
        let url = format!("{}/v1/client/sessions/{}/tokens?_is_native=1", self.url, self.session);
        let ask = reqwest::Client::new().post(url).header("authorization", &self.authorization);
        ask.send().await.expect("an answer")
    }
}

fn with_password(address: &str) -> models::CreateUserRequest {
    models::CreateUserRequest {
        email_address: Some(vec![address.to_owned()]),
        password: Some(Some(PASSWORD.to_owned())),
        ..models::CreateUserRequest::new()
    }
}

async fn list(
    backend: &Configuration,
    addresses: Option<Vec<String>>,
) -> Result<Vec<models::User>, Error<GetUserListError>> {
    users_api::get_user_list(
        backend,
        addresses,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        Some(100),
        None,
        None,
        Some("+created_at"),
    )
    .await
}

async fn count(backend: &Configuration) -> i64 {
    let counted = users_api::get_users_count(
        backend, None, None, None, None, None, None, None, None, None, None, None, None, None, None, None, None, None,
        None, None, None, None, None,
    );
    counted.await.expect("a number").total_count.into()
}

fn ids(users: &[models::User]) -> Vec<&str> {
    users.iter().map(|user| user.id.as_str()).collect()
}

fn map(value: Value) -> std::collections::HashMap<String, Value> {
    serde_json::from_value(value).expect("an object")
}

/// The call was refused with this status and this code.
fn refused<T: Debug, E: Debug>(result: Result<T, Error<E>>, status: u16, code: &str) {
    match result {
        Err(Error::ResponseError(answer)) => {
            let body: Value = serde_json::from_str(&answer.content).expect("JSON");
            assert_eq!((answer.status.as_u16(), &body["errors"][0]["code"]), (status, &json!(code)));
        }
        other => panic!("{status} {code} was expected: {other:?}"),
    }
}

const PASSWORD: &str = "wanders under elms";
