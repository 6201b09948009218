//! Requests of one person that go to any node: what one of them did, the others know.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

use super::cluster::Cluster;
use super::kept::Kept;
use super::person::{Person, RIGHT, SIGN_UPS, Spread, at_once, text};
use super::{CODES, eventually, scale};
use crate::support::endpoint::Endpoint;

/// Fails where a node goes on with what it remembers of a sign-up, a client or a session that another node has changed.
#[tokio::test(flavor = "multi_thread")]
async fn people_whose_requests_go_to_any_node_see_what_they_would_see_on_one() {
    let Some(cluster) = Cluster::start("any_node", CODES) else { return };
    let nodes = cluster.endpoints();
    let live = |caller: usize| {
        let nodes = &nodes;
        move || {
            let lives = (0..LIVES * scale()).map(|round| life(caller * 1000 + round, &mut Spread::over(nodes, caller)));
            lives.collect::<Vec<Person>>()
        }
    };
    let people: Vec<Person> = at_once((0..CALLERS).map(live).collect()).into_iter().flatten().collect();
    let addresses: Vec<String> = people.iter().map(Person::plain_address).collect();
    let kept = Kept::read(&cluster.store().await).await;
    kept.identifiers_and_users_belong_together(&cluster.store().await, &addresses).await;
    assert_eq!(kept.users.len(), people.len());
}

/// Signs up, looks, signs out, and signs in again. Each write sees all that was answered before it; what is only shown may be
/// a second old.
fn life(index: usize, nodes: &mut Spread) -> Person {
    let mut person = Person::named(&format!("ada{index}"));
    person.begin(nodes);
    let path = format!("{SIGN_UPS}/{}", person.id);
    let named = nodes.ask("PATCH", &path, &person.token, "first_name=Ada");
    assert_eq!((named.status, &named.json()["response"]["first_name"]), (200, &Value::from("Ada")), "{}", named.body);
    person.prepare(nodes);
    for wrong in 1..=2 {
        person.guess(nodes);
        let attempts =
            |nodes: &mut Spread| person.sign_up(nodes)["verifications"]["email_address"]["attempts"].as_u64();
        eventually("each attempt is shown", || attempts(nodes) == Some(wrong));
    }
    person.finish(nodes);
    person.check(nodes);
    let user = person.user.clone().expect("a user");
    let session = person.session.clone().expect("a session");

    let tokens = format!("/v1/client/sessions/{session}/tokens");
    let minted = nodes.ask("POST", &tokens, &person.token, "");
    assert!(minted.status == 200 && minted.json()["jwt"].is_string(), "{}", minted.body);
    let renamed = nodes.ask("PATCH", "/v1/me", &person.token, "last_name=Lovelace");
    assert_eq!(renamed.status, 200, "{}", renamed.body);
    let me = nodes.ask("GET", "/v1/me", &person.token, "").json();
    assert_eq!(me["response"]["last_name"], "Lovelace", "{me}");
    let ended = nodes.ask("POST", &format!("/v1/client/sessions/{session}/end"), &person.token, "");
    assert_eq!(ended.status, 200, "{}", ended.body);
    person.token = ended.header("authorization").unwrap_or(&person.token).to_owned();
    let refused = nodes.ask("POST", &tokens, &person.token, "");
    assert!((400..500).contains(&refused.status), "a session that is over has tokens: {}", refused.body);

    let form = format!("identifier={}&strategy=email_code", person.address);
    let begun = nodes.ask("POST", "/v1/client/sign_ins", &person.token, &form);
    assert_eq!(begun.status, 200, "{}", begun.body);
    person.token = begun.header("authorization").unwrap_or(&person.token).to_owned();
    let path = format!("/v1/client/sign_ins/{}/attempt_first_factor", text(&begun.json()["response"]["id"]));
    let done = nodes.ask("POST", &path, &person.token, &format!("strategy=email_code&code={RIGHT}"));
    assert_eq!(done.json()["response"]["status"], "complete", "{}", done.body);
    person.token = done.header("authorization").unwrap_or(&person.token).to_owned();
    person.session = Some(text(&done.json()["response"]["created_session_id"]));
    let me = nodes.ask("GET", "/v1/me", &person.token, "").json();
    assert_eq!(me["response"]["id"].as_str(), Some(user.as_str()), "{me}");
    person
}

/// Fails where each node makes a signing key for itself.
#[test]
fn nodes_that_start_at_the_same_moment_sign_with_one_key() {
    let Some(mut cluster) = Cluster::start("one_key", CODES) else { return };
    let known = one_key(&cluster.endpoints());
    let mut person = Person::opened("ada", &mut Spread::over(&cluster.endpoints(), 0));
    person.finish(&mut Spread::over(&cluster.endpoints(), 1));
    for node in cluster.endpoints() {
        assert!(is_signed_by(&token_of(&person, node), &known));
    }
    // They are the same after all nodes were gone.
    for node in &mut cluster.nodes {
        assert_eq!(node.end(), Some(0), "{}", node.log());
    }
    cluster.start_all();
    assert_eq!(one_key(&cluster.endpoints()), known);
}

/// The one key that all these nodes show.
pub(super) fn one_key(nodes: &[Endpoint]) -> Value {
    let of = |node: &Endpoint| node.request("GET", "/v1/jwks", &[], "").expect("an answer").json()["keys"].clone();
    let shown: Vec<Value> = nodes.iter().map(of).collect();
    assert!(shown.iter().all(|keys| *keys == shown[0] && keys.as_array().expect("keys").len() == 1), "{shown:?}");
    shown[0][0].clone()
}

/// A token of a person's session, of this node.
pub(super) fn token_of(person: &Person, node: Endpoint) -> String {
    let tokens = format!("/v1/client/sessions/{}/tokens", person.session.as_ref().expect("one"));
    text(&Spread::to(node).ask("POST", &tokens, &person.token, "").json()["jwt"])
}

/// Whether a token is signed by this key (RS256).
pub(super) fn is_signed_by(jwt: &str, key: &Value) -> bool {
    let key = DecodingKey::from_rsa_components(&text(&key["n"]), &text(&key["e"])).expect("a key");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_aud = false;
    decode::<Value>(jwt, &key, &validation).is_ok()
}

const CALLERS: usize = 6;
const LIVES: usize = 3;
