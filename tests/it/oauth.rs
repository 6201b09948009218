//! Checks of a provider's answers, against a provider that misbehaves in many ways.

use std::time::Duration;

use serde_json::{Map, Value, json};
use url::Url;
use vestibule::domain::secret::Secret;
use vestibule::domain::settings::OAuth;
use vestibule::domain::verification::Profile;
use vestibule::oauth::{AuthorizeParams, Callback, ProviderError, Providers};
use vestibule::outbound::{Outbound, OutboundOptions};

use crate::support::provider::{Behaviour, CLIENT_ID, CLIENT_SECRET, OddAnswer, Provider, Sign};

#[tokio::test]
async fn an_honest_provider_is_believed() {
    let (provider, providers) = (Provider::start(), providers());
    let profile = authorize(&provider, &providers, None).await.expect("a profile");
    assert_eq!((profile.subject.as_str(), profile.email_verified), ("person-1", true));
    assert_eq!(profile.email_address.as_deref(), Some("ada@example.com"));
    assert_eq!((profile.first_name.as_deref(), profile.last_name.as_deref()), (Some("Ada"), Some("Lovelace")));
}

#[tokio::test]
async fn a_verifier_goes_to_all_but_those_who_refuse_one() {
    for (strategy, sends) in [("oauth_custom_fake", true), ("oauth_gitlab", true), ("oauth_linkedin_oidc", false)] {
        let (provider, providers) = (Provider::start(), providers());
        let params = AuthorizeParams {
            redirect_uri: &back(),
            state: "the state",
            nonce: "the nonce",
            pkce_verifier: VERIFIER,
            prompt: None,
            login_hint: None,
            additional_scopes: &[],
        };
        let page = providers.authorize_url(strategy, &settings(&provider), &params).await.expect("a page");
        let challenge = page.query_pairs().any(|(name, _)| name == "code_challenge");
        let (code, _) = provider.allow(page.as_str());
        let callback =
            Callback { code: &code, iss: None, redirect_uri: &back(), nonce: "the nonce", pkce_verifier: VERIFIER };
        let outcome = providers.exchange(strategy, &settings(&provider), &callback).await;
        assert!(outcome.is_ok(), "{strategy}: {outcome:?}");
        assert_eq!(challenge, sends, "{strategy}");
    }
}

#[tokio::test]
async fn each_lie_in_an_id_token_is_noticed() {
    let (provider, providers) = (Provider::start(), providers());
    let past = json!(1_000_000_000);
    for (what, claims) in [
        ("another issuer", json!({"iss": "https://accounts.example"})),
        ("no issuer", json!({"iss": null})),
        ("another audience", json!({"aud": "somebody-else"})),
        ("several audiences and no party", json!({"aud": [CLIENT_ID, "somebody-else"]})),
        ("another party", json!({"azp": "somebody-else"})),
        ("another party among several", json!({"aud": [CLIENT_ID, "other"], "azp": "other"})),
        ("no audience", json!({"aud": null})),
        ("expired", json!({"exp": past})),
        ("without an end", json!({"exp": null})),
        ("not yet valid", json!({"nbf": 9_000_000_000_u64})),
        ("another nonce", json!({"nonce": "another"})),
        ("no nonce", json!({"nonce": null})),
        ("nobody", json!({"sub": null})),
        ("an empty name", json!({"sub": ""})),
        ("a name too long", json!({"sub": "x".repeat(300_000)})),
    ] {
        provider.behave(Behaviour { claims: object(claims), ..Behaviour::default() });
        let outcome = authorize(&provider, &providers, None).await;
        assert!(
            matches!(outcome, Err(ProviderError::Invalid(_) | ProviderError::TokenExchange(_))),
            "{what}: {outcome:?}"
        );
    }
    for sign in [Sign::Forged, Sign::Nothing, Sign::Mac, Sign::Missing] {
        provider.behave(Behaviour { sign, ..Behaviour::default() });
        let outcome = authorize(&provider, &providers, None).await;
        assert!(matches!(outcome, Err(ProviderError::Invalid(_))), "{outcome:?}");
    }
    provider.behave(Behaviour {
        claims: object(json!({"aud": [CLIENT_ID, "x"], "azp": CLIENT_ID})),
        ..Behaviour::default()
    });
    assert!(authorize(&provider, &providers, None).await.is_ok(), "that is the right party");
}

#[tokio::test]
async fn keys_are_asked_for_again_when_one_is_missing() {
    let (provider, providers) = (Provider::start(), providers());
    authorize(&provider, &providers, None).await.expect("a profile");
    provider.behave(Behaviour { sign: Sign::Renewed, ..Behaviour::default() });
    // Within the back-off no new request is made.
    assert!(authorize(&provider, &providers, None).await.is_err());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    authorize(&provider, &providers, None).await.expect("a profile, by the new key");
}

#[tokio::test]
async fn a_provider_that_names_itself_must_be_the_one_asked() {
    let (provider, providers) = (Provider::start(), providers());
    let mine = provider.issuer();
    assert!(authorize(&provider, &providers, Some(&mine)).await.is_ok());
    provider.seen();
    let mixed_up = authorize(&provider, &providers, Some("https://other.example")).await;
    assert!(matches!(mixed_up, Err(ProviderError::Invalid(_))), "{mixed_up:?}");
    assert!(provider.seen().iter().all(|request| request.path != "/token"), "the code is kept from it");

    let strict = Provider::start();
    let always = object(json!({"authorization_response_iss_parameter_supported": true}));
    strict.behave(Behaviour { discovery: always, ..Behaviour::default() });
    assert!(authorize(&strict, &providers, None).await.is_err());
    assert!(authorize(&strict, &providers, Some(&strict.issuer())).await.is_ok());
}

#[tokio::test]
async fn a_provider_describes_itself_and_no_other() {
    let providers = providers();
    for (what, discovery) in [
        ("another issuer", json!({"issuer": "https://accounts.example"})),
        ("no token endpoint", json!({"token_endpoint": null})),
        ("no URL", json!({"authorization_endpoint": "not a url"})),
    ] {
        let provider = Provider::start();
        provider.behave(Behaviour { discovery: object(discovery), ..Behaviour::default() });
        assert!(page(&provider, &providers).await.is_err(), "{what}");
    }
}

#[tokio::test]
async fn userinfo_speaks_of_the_same_person() {
    let (provider, providers) = (Provider::start(), providers());
    let no_address = object(json!({"email": null, "email_verified": null}));
    provider.behave(Behaviour { claims: no_address.clone(), ..Behaviour::default() });
    let profile = authorize(&provider, &providers, None).await.expect("a profile");
    assert_eq!(profile.email_address.as_deref(), Some("ada@example.com"), "from userinfo");
    provider.behave(Behaviour {
        claims: no_address,
        userinfo: object(json!({"sub": "person-2", "email": "eve@example.com"})),
        ..Behaviour::default()
    });
    assert!(matches!(authorize(&provider, &providers, None).await, Err(ProviderError::Invalid(_))));
}

#[tokio::test]
async fn two_long_numbers_are_two_persons() {
    let (provider, providers) = (Provider::start(), providers());
    // A provider with OAuth 2.0 only, without ID tokens.
    let at = |path: &str| Some(format!("{}{path}", provider.issuer()));
    let plain = OAuth {
        issuer: None,
        authorization_endpoint: at("/authorize"),
        token_endpoint: at("/token"),
        userinfo_endpoint: at("/userinfo"),
        scopes: vec!["email".into()],
        ..settings(&provider)
    };
    let mut names = Vec::new();
    for said in [
        r#"{"sub":18446744073709551616,"email":"ada@example.com"}"#,
        r#"{"sub":18446744073709551617,"email":"eve@example.com"}"#,
        r#"{"sub":123}"#,
    ] {
        let answer = [("/userinfo", OddAnswer::Say(200, "application/json", said))].into();
        provider.behave(Behaviour { sign: Sign::Missing, answer, ..Behaviour::default() });
        let (code, _) = provider.allow(page(&provider, &providers).await.expect("a page").as_str());
        let callback =
            Callback { code: &code, iss: None, redirect_uri: &back(), nonce: "the nonce", pkce_verifier: VERIFIER };
        let profile = providers.exchange("oauth_custom_fake", &plain, &callback).await;
        names.push(profile.expect("a profile").subject);
    }
    assert_eq!(names, ["18446744073709551616", "18446744073709551617", "123"]);
}

#[tokio::test]
async fn an_address_that_nobody_vouches_for_is_not_proved() {
    let (provider, providers) = (Provider::start(), providers());
    for word in [json!(false), json!("false"), json!("maybe"), json!(null)] {
        let mut claims = object(json!({"email_verified": word}));
        claims.entry("email_verified").or_insert(Value::Null);
        provider.behave(Behaviour { claims, ..Behaviour::default() });
        let profile = authorize(&provider, &providers, None).await.expect("a profile");
        assert!(!profile.email_verified, "{word}");
    }
}

#[tokio::test]
async fn whatever_a_provider_answers_it_ends_soon_and_small() {
    let private = "http://169.254.169.254/latest/meta-data".to_owned();
    for odd in [
        OddAnswer::Hang,
        OddAnswer::Flood,
        OddAnswer::Say(200, "text/html", "<html>hello</html>"),
        OddAnswer::Say(200, "application/json", "{\"access_token\":"),
        OddAnswer::Say(200, "application/json", "[[[[[[[[[[[["),
        OddAnswer::Say(200, "application/json", "\u{1}\u{2}"),
        OddAnswer::Say(500, "application/json", "{}"),
        OddAnswer::Say(204, "application/json", ""),
        OddAnswer::Redirect(private),
    ] {
        for path in ["/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"] {
            // Documents are cached, so each case needs a new provider and client.
            let (provider, providers) = (Provider::start(), providers());
            let claims = object(json!({"email": null}));
            provider.behave(Behaviour { claims, answer: [(path, odd.clone())].into(), ..Behaviour::default() });
            let outcome = tokio::time::timeout(Duration::from_secs(20), authorize(&provider, &providers, None)).await;
            let outcome = outcome.expect("it ends");
            assert!(outcome.is_err(), "{path}");
            let words = outcome.expect_err("checked").to_string();
            assert!(!words.contains("access-token") && !words.contains(CLIENT_SECRET), "{words}");
        }
    }
}

#[tokio::test]
async fn a_token_that_an_application_brings_is_for_this_instance() {
    let (provider, providers) = (Provider::start(), providers());
    let settings = settings(&provider);
    let token = provider.id_token(None);
    let profile = providers.verify_token("oauth_custom_fake", &settings, &token, None).await;
    assert_eq!(profile.map(|p| p.subject).as_deref(), Ok("person-1"));
    provider.behave(Behaviour { claims: object(json!({"aud": "another application"})), ..Behaviour::default() });
    let token = provider.id_token(None);
    let refused = providers.verify_token("oauth_custom_fake", &settings, &token, None).await;
    assert!(matches!(refused, Err(ProviderError::Invalid(_))));
    for odd in ["", "x", "a.b.c", &"A".repeat(100_000)] {
        assert!(providers.verify_token("oauth_custom_fake", &settings, odd, None).await.is_err());
    }
}

#[tokio::test]
async fn the_own_network_is_out_of_bounds() {
    let outbound = Outbound::new(OutboundOptions { timeout: Duration::from_secs(2), ..OutboundOptions::default() });
    let provider = Provider::start();
    let port = provider.port;
    for url in [
        format!("http://127.0.0.1:{port}/jwks"),
        format!("https://127.0.0.1:{port}/jwks"),
        format!("https://localhost:{port}/jwks"),
        format!("https://[::1]:{port}/jwks"),
        format!("https://[::ffff:127.0.0.1]:{port}/jwks"),
        format!("https://2130706433:{port}/jwks"),
        format!("https://0x7f.1:{port}/jwks"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "ftp://example.com/".to_owned(),
    ] {
        let Ok(request) = http::Request::get(&url).body(Vec::new()) else { continue };
        assert!(outbound.send(request).await.is_err(), "{url}");
    }
    assert!(provider.seen().is_empty(), "nobody came");
}

/// A complete authorization flow.
async fn authorize(provider: &Provider, providers: &Providers, iss: Option<&str>) -> Result<Profile, ProviderError> {
    let page = page(provider, providers).await?;
    let (code, state) = provider.allow(page.as_str());
    assert_eq!(state, "the state");
    let callback = Callback { code: &code, iss, redirect_uri: &back(), nonce: "the nonce", pkce_verifier: VERIFIER };
    providers.exchange("oauth_custom_fake", &settings(provider), &callback).await
}

async fn page(provider: &Provider, providers: &Providers) -> Result<Url, ProviderError> {
    let params = AuthorizeParams {
        redirect_uri: &back(),
        state: "the state",
        nonce: "the nonce",
        pkce_verifier: VERIFIER,
        prompt: None,
        login_hint: None,
        additional_scopes: &[],
    };
    providers.authorize_url("oauth_custom_fake", &settings(provider), &params).await
}

fn providers() -> Providers {
    let timeout = Duration::from_millis(700);
    Providers::new(Outbound::new(OutboundOptions { allow_private: true, timeout, ..OutboundOptions::default() }))
}

fn settings(provider: &Provider) -> OAuth {
    OAuth {
        client_id: CLIENT_ID.into(),
        client_secret: Secret::new(CLIENT_SECRET.into()),
        issuer: Some(provider.issuer()),
        ..OAuth::default()
    }
}

fn back() -> Url {
    Url::parse("http://localhost:8080/v1/oauth_callback").expect("a URL")
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => panic!("not an object"),
    }
}

const VERIFIER: &str = "a verifier of forty-three characters or more";
