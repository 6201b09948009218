//! Session tokens: JWTs with the claims of version 2
//! ([guide: Session tokens](crate::guide::contract_sign_ins#session-tokens)).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::{KeyError, Keyring};

/// The claims of a session token. Times are in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionClaims {
    /// Origin of the page that the token was made for; absent for clients without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    /// Expiry time.
    pub exp: u64,
    /// Minutes since the first and second factor were verified; -1 for never.
    pub fva: [i64; 2],
    /// Time of issue.
    pub iat: u64,
    /// Issuer: `https://` and the host in the publishable key.
    pub iss: String,
    /// Random id of the token.
    pub jti: String,
    /// The token is not valid before this time.
    pub nbf: u64,
    /// Session id.
    pub sid: String,
    /// Session status.
    pub sts: String,
    /// User id.
    pub sub: String,
    /// Version of the claims.
    pub v: u8,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    cat: &'a str,
    kid: &'a str,
    typ: &'a str,
}

impl Keyring {
    /// Signs a session token with the active key. It takes about 0.3 ms of CPU, so call it on the blocking pool.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn mint(&self, claims: &SessionClaims) -> Result<Secret<String>, KeyError> {
        self.jwt(claims)
    }

    /// The JWT of these claims in the category of session tokens, signed with the active key.
    pub(super) fn jwt(&self, claims: &impl Serialize) -> Result<Secret<String>, KeyError> {
        let key = self.active();
        let kid = key.kid();
        let header = Header { alg: key.algorithm().as_str(), cat: CATEGORY, kid: &kid, typ: "JWT" };
        let part = |json: Result<Vec<u8>, _>| json.map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| KeyError);
        let signed = format!("{}.{}", part(serde_json::to_vec(&header))?, part(serde_json::to_vec(claims))?);
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())?);
        Ok(Secret::new(format!("{signed}.{signature}")))
    }

    /// The session of a token that this keyring signed; `None` for anything else, and for a token that has expired at `now`.
    pub fn session_of(&self, token: &str, now: Timestamp) -> Option<String> {
        let (signed, signature) = Some(token).filter(|token| token.len() <= TOKEN_MAX)?.rsplit_once('.')?;
        if !self.active().verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?) {
            return None;
        }
        let (_, claims) = signed.split_once('.')?;
        let claims: ReadClaims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        (now.as_secs() < claims.exp).then_some(claims.sid)
    }
}

/// The claims that are read back.
#[derive(Deserialize)]
struct ReadClaims {
    exp: u64,
    sid: String,
}

/// Longer than any session token.
const TOKEN_MAX: usize = 8192;
/// The value of the `cat` header in Clerk's session tokens.
const CATEGORY: &str = "cl_B7d4PD111AAA";

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

    use super::*;
    use crate::domain::id::InstanceId;
    use crate::token::{Algorithm, SigningKey};

    #[test]
    fn a_keyring_reads_its_own_tokens_until_they_expire() {
        let at = Timestamp::from_millis;
        for algorithm in [Algorithm::Rs256, Algorithm::EdDsa] {
            let (keyring, other) = (keyring(algorithm), keyring(algorithm));
            let token = keyring.mint(&claims()).expect("a token").into_inner();
            assert_eq!(keyring.session_of(&token, at(59_999)).as_deref(), Some("sess_1"));
            assert_eq!(keyring.session_of(&token, at(60_000)), None);
            assert_eq!(other.session_of(&token, at(0)), None, "another key");
            let (signed, signature) = token.rsplit_once('.').expect("three parts");
            let later = URL_SAFE_NO_PAD.encode(br#"{"exp":99999,"sid":"sess_1"}"#);
            let (header, _) = signed.split_once('.').expect("two parts");
            for odd in ["", ".", "..", signed, &format!("{header}.{later}.{signature}"), &"A".repeat(100_000)] {
                assert_eq!(keyring.session_of(odd, at(0)), None);
            }
        }
    }

    fn keyring(algorithm: Algorithm) -> Keyring {
        Keyring::new(SigningKey::generate(InstanceId::from_bytes([1; 16]), algorithm).expect("a key"))
    }

    fn claims() -> SessionClaims {
        SessionClaims {
            azp: Some("http://localhost:3000".into()),
            exp: 60,
            fva: [0, -1],
            iat: 0,
            iss: "https://clerk.localhost".into(),
            jti: "1".into(),
            nbf: 0,
            sid: "sess_1".into(),
            sts: "active".into(),
            sub: "user_1".into(),
            v: 2,
        }
    }

    #[test]
    fn a_token_verifies_with_the_published_key() {
        let keyring = keyring(Algorithm::Rs256);
        let token = keyring.mint(&claims()).expect("a token").into_inner();
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let jwks = keyring.jwks();
        let member = |name: &str| {
            let text = jwks["keys"][0][name].as_str().expect("a member");
            URL_SAFE_NO_PAD.decode(text).expect("base64url")
        };
        let public = RsaPublicKeyComponents { n: member("n"), e: member("e") };
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).expect("a genuine signature");
        assert!(public.verify(&RSA_PKCS1_2048_8192_SHA256, b"other", &signature).is_err());
        assert_eq!(jwks["keys"][0].as_object().map(serde_json::Map::len), Some(6), "public members only");
    }
}
