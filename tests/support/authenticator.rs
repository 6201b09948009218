//! An authenticator of the tests' own (Web Authentication Level 3, 6): it makes passkeys and signs with them as a device does,
//! and can be told to do it wrong.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A device with one passkey.
pub(crate) struct Authenticator {
    key: EcdsaKeyPair,
    /// The id of the credential.
    pub(crate) id: Vec<u8>,
    /// How often it has signed.
    pub(crate) counter: u32,
    /// What the passkey names its user by.
    pub(crate) handle: Option<Vec<u8>>,
    /// Whether the person unlocks the device.
    pub(crate) verifies: bool,
    /// The domain that it signs for; that of the options where there is none.
    pub(crate) rp_id: Option<String>,
    /// The challenge that it answers; that of the options where there is none.
    pub(crate) challenge: Option<String>,
    /// The page around the one that asks, where that is a frame.
    pub(crate) top_origin: Option<String>,
    /// The product that it claims to be.
    pub(crate) aaguid: [u8; 16],
}

impl Authenticator {
    pub(crate) fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref()).expect("a key");
        let mut id = vec![0; 32];
        random.fill(&mut id).expect("random bytes");
        let (handle, rp_id, challenge) = (None, None, None);
        Self { key, id, counter: 0, handle, verifies: true, rp_id, challenge, top_origin: None, aaguid: [0; 16] }
    }

    /// The answer to `navigator.credentials.create()` on a page of `origin`, as Clerk's packages send it.
    pub(crate) fn create(&mut self, options: &Value, origin: &str) -> Value {
        self.handle = Some(bytes(&options["user"]["id"]));
        let client_data = self.client_data("webauthn.create", options, origin);
        let data = self.data(options["rp"]["id"].as_str().expect("a domain"), true);
        let mut object = vec![0xa3];
        object.extend(text("fmt").into_iter().chain(text("none")).chain(text("attStmt")).chain([0xa0]));
        object.extend(text("authData").into_iter().chain([0x59]).chain((data.len() as u16).to_be_bytes()).chain(data));
        json!({
            "type": "public-key",
            "id": encoded(&self.id),
            "rawId": encoded(&self.id),
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": encoded(client_data.as_bytes()),
                "attestationObject": encoded(&object),
                "transports": ["internal"],
            },
        })
    }

    /// The answer to `navigator.credentials.get()` on a page of `origin`, as Clerk's packages send it.
    pub(crate) fn get(&mut self, options: &Value, origin: &str) -> Value {
        self.counter += 1;
        let client_data = self.client_data("webauthn.get", options, origin);
        let data = self.data(options["rpId"].as_str().expect("a domain"), false);
        let signed = [data.as_slice(), digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("a signature");
        json!({
            "type": "public-key",
            "id": encoded(&self.id),
            "rawId": encoded(&self.id),
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": encoded(client_data.as_bytes()),
                "authenticatorData": encoded(&data),
                "signature": encoded(signature.as_ref()),
                "userHandle": self.handle.as_deref().map(encoded),
            },
        })
    }

    fn client_data(&self, kind: &str, options: &Value, origin: &str) -> String {
        let asked = options["challenge"].as_str().expect("a challenge");
        let challenge = self.challenge.as_deref().unwrap_or(asked);
        let mut data = json!({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false});
        if let Some(top) = &self.top_origin {
            (data["crossOrigin"], data["topOrigin"]) = (json!(true), json!(top));
        }
        data.to_string()
    }

    /// The authenticator data (6.1), with the new credential where there is one.
    fn data(&self, rp_id: &str, is_new: bool) -> Vec<u8> {
        let rp_id = self.rp_id.as_deref().unwrap_or(rp_id);
        let verified = if self.verifies { VERIFIED } else { 0 };
        let flags = PRESENT | verified | if is_new { ATTESTED } else { 0 };
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        if is_new {
            data.extend(self.aaguid);
            data.extend((self.id.len() as u16).to_be_bytes());
            data.extend(&self.id);
            // The key as COSE (RFC 9053 7.1): kty EC2, alg ES256, crv P-256, x, y.
            let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
            data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
            data.extend(x.iter().chain(&[0x22, 0x58, 0x20]).chain(y));
        }
        data
    }
}

/// The options in a verification on the wire.
pub(crate) fn options(verification: &Value) -> Value {
    let nonce = verification["nonce"].as_str().unwrap_or_else(|| panic!("no nonce: {verification}"));
    serde_json::from_str(nonce).expect("JSON")
}

pub(crate) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("text")).expect("base64url")
}

/// A short text in CBOR (RFC 8949 3.1).
fn text(text: &str) -> Vec<u8> {
    [&[0x60 | text.len() as u8], text.as_bytes()].concat()
}

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;
