//! The backend's calls on sessions.

use vestibule::domain::time::Span;
use vestibule::engine::{EngineError, RequestContext, SessionListParams};

use super::{Site, code_of};

#[tokio::test]
async fn a_revoked_session_is_over_and_the_others_go_on() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let one = site.sign_in("ada@example.com").await.expect("signed in");
    site.tick();
    let other = site.sign_in("ada@example.com").await.expect("signed in");
    let (first, second) = (one.sessions[0].session.id, other.sessions[0].session.id);
    let params = SessionListParams { user_id: Some(ada.id), ..SessionListParams::default() };
    let listed = site.engine.sessions().list(&params).await.expect("a list");
    assert_eq!(listed.items.iter().map(|session| session.id).collect::<Vec<_>>(), [second, first]);
    let revoked = site.engine.sessions().revoke(first).await.expect("revoked");
    assert_eq!(revoked.status_at(site.engine.now()), "revoked");
    let caller = site.caller(&one).await;
    let refused = site.engine.sessions().token(&caller, first, &RequestContext::default()).await;
    assert!(matches!(refused, Err(EngineError::SignedOut)));
    let active = SessionListParams { status: Some("active".into()), ..params.clone() };
    let listed = site.engine.sessions().list(&active).await.expect("a list");
    assert_eq!((listed.total, listed.items[0].id), (1, second));
    assert_eq!(site.engine.sessions().revoke(first).await.expect("over already"), revoked);
}

#[tokio::test]
async fn a_token_needs_a_live_session_and_a_lifetime_within_bounds() {
    let site = Site::new().await;
    let ada = site.ada().await;
    let client = site.sign_in("ada@example.com").await.expect("signed in");
    let id = client.sessions[0].session.id;
    let sessions = site.engine.sessions();
    assert_eq!(sessions.create_token(id, None).await.expect("a token").expose().split('.').count(), 3);
    let short = sessions.create_token(id, Some(Span::from_secs(29))).await;
    assert_eq!(code_of(short), "form_param_value_invalid");
    site.engine.users().ban(ada.id, None).await.expect("banned");
    assert!(matches!(sessions.create_token(id, None).await, Err(EngineError::NotFound)));
    assert_eq!(sessions.get(id).await.expect("known").status_at(site.engine.now()), "revoked");
}

#[tokio::test]
async fn a_list_needs_a_user_or_a_client() {
    let site = Site::new().await;
    assert_eq!(code_of(site.engine.sessions().list(&SessionListParams::default()).await), "form_param_missing");
    site.ada().await;
    let client = site.sign_in("ada@example.com").await.expect("signed in");
    let session = &client.sessions[0].session;
    let params = SessionListParams { client_id: Some(session.client_id), ..SessionListParams::default() };
    let listed = site.engine.sessions().list(&params).await.expect("a list");
    assert_eq!(listed.items.iter().collect::<Vec<_>>(), [session]);
    let unknown = SessionListParams { status: Some("asleep".into()), ..params };
    assert_eq!(code_of(site.engine.sessions().list(&unknown).await), "form_param_value_invalid");
}
