//! The answer of a browser, `PublicKeyCredential` as JSON (Web Authentication 5.1): what is read of it before its signature is
//! checked.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::{PasskeyError, Presented};

/// What an answer says of itself.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) presented: Presented,
    /// The origin of the page or application that asked the device, as the browser saw it (5.8.1).
    pub(super) origin: String,
    /// Whether that page was a frame within a page of another site (5.8.1, "crossOrigin" and "topOrigin").
    pub(super) is_framed: bool,
    /// What a new passkey comes with (6.5).
    pub(super) attestation: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    raw_id: String,
    response: GivenResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GivenResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(default)]
    user_handle: Option<String>,
    #[serde(default)]
    attestation_object: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default)]
    top_origin: Option<String>,
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`PasskeyError::Malformed`].
    pub(super) fn read(text: &str) -> Result<Self, PasskeyError> {
        if text.len() > ANSWER_MAX {
            return Err(PasskeyError::Malformed);
        }
        let given: Given = serde_json::from_str(text).map_err(|_| PasskeyError::Malformed)?;
        let id = bytes(&given.raw_id)?;
        if id.is_empty() || id.len() > CREDENTIAL_ID_MAX {
            return Err(PasskeyError::Malformed);
        }
        let data = bytes(&given.response.client_data)?;
        let data: ClientData = serde_json::from_slice(&data).map_err(|_| PasskeyError::Malformed)?;
        let handle = given.response.user_handle.filter(|handle| !handle.is_empty());
        let handle = handle.map(|handle| bytes(&handle)).transpose()?;
        let attestation = given.response.attestation_object.map(|object| bytes(&object)).transpose()?;
        let presented = Presented { credential_id: encoded(&id), handle };
        let is_framed = data.cross_origin == Some(true) || data.top_origin.is_some();
        Ok(Self { presented, origin: data.origin, is_framed, attestation })
    }
}

impl Answer {
    /// Refuses an answer from a page that may not use passkeys (7.1 and 7.2: "origin", "crossOrigin" and "topOrigin"). A
    /// page in a frame of another site can have the person unlock the device without knowing what for.
    ///
    /// # Errors
    /// [`PasskeyError::Refused`].
    pub(super) fn check_page(&self, allows: impl Fn(&str) -> bool) -> Result<(), PasskeyError> {
        if self.is_framed {
            return Err(PasskeyError::Refused("it was made in a frame of another site".into()));
        }
        if !allows(&self.origin) {
            return Err(PasskeyError::Refused("it was made at an origin that is not allowed".into()));
        }
        Ok(())
    }
}

impl Answer {
    /// Refuses a new passkey whose id could be another one's: a device makes it of at least 100 random bits, or of a sealed key
    /// (Web Authentication 4, "Credential ID").
    ///
    /// # Errors
    /// [`PasskeyError::Refused`].
    pub(super) fn check_new_id(&self) -> Result<(), PasskeyError> {
        match bytes(&self.presented.credential_id)?.len() {
            ..CREDENTIAL_ID_MIN => Err(PasskeyError::Refused("the id of its credential is too short".into())),
            _ => Ok(()),
        }
    }
}

impl Presented {
    /// Reads which passkey an answer is about.
    ///
    /// # Errors
    /// [`PasskeyError::Malformed`].
    pub(crate) fn read(answer: &str) -> Result<Self, PasskeyError> {
        Answer::read(answer).map(|answer| answer.presented)
    }
}

/// Bytes in base64url, as they are stored.
pub(super) fn encoded(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn bytes(text: &str) -> Result<Vec<u8>, PasskeyError> {
    BASE64.decode(text).map_err(|_| PasskeyError::Malformed)
}

/// Without padding; some applications send it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// The longest answer in bytes. One with the certificates of a device has a few thousand.
const ANSWER_MAX: usize = 16 << 10;
/// The shortest id of a new credential in bytes: the standard asks for 100 bits, and makers use 16 bytes and more.
const CREDENTIAL_ID_MIN: usize = 16;
/// The longest id of a credential in bytes (Web Authentication 4, "Credential ID").
const CREDENTIAL_ID_MAX: usize = 1023;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_which_passkey_it_is_about_and_where_it_was_asked_for() {
        let data = encoded(br#"{"type":"webauthn.get","challenge":"AA","origin":"https://example.com"}"#);
        let text = |id: &str, handle: &str| {
            format!(r#"{{"id":"x","rawId":"{id}","response":{{"clientDataJSON":"{data}","userHandle":{handle}}}}}"#)
        };
        for (id, handle, expected) in [
            ("AQID", "\"BA\"", Some(vec![4])),
            ("AQID", "null", None),
            ("AQID", "\"\"", None),
            ("AQI=", "\"BA==\"", Some(vec![4])),
        ] {
            let answer = Answer::read(&text(id, handle)).expect("an answer");
            assert_eq!(answer.presented.credential_id, id.trim_end_matches('='));
            assert_eq!((answer.presented.handle, answer.origin.as_str()), (expected, "https://example.com"));
        }
        let long = encoded(&[1; CREDENTIAL_ID_MAX + 1]);
        for (id, handle) in
            [("", "null"), ("A", "null"), ("AQ+/", "null"), ("AQID", "\"&\""), ("AQID", "7"), (&*long, "null")]
        {
            assert_eq!(Answer::read(&text(id, handle)).err(), Some(PasskeyError::Malformed), "{id} {handle}");
        }
        for (length, is_taken) in [(1, false), (15, false), (16, true), (CREDENTIAL_ID_MAX, true)] {
            let answer = Answer::read(&text(&encoded(&vec![1; length]), "null")).expect("an answer");
            assert_eq!(answer.check_new_id().is_ok(), is_taken, "{length}");
        }
        for text in ["", "{}", "[]", "null", &format!("{}{}", text("AQID", "null"), " ".repeat(ANSWER_MAX))] {
            assert_eq!(Answer::read(text).err(), Some(PasskeyError::Malformed), "{}", text.len());
        }
    }
}
