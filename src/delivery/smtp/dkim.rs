//! Signatures of e-mails (DKIM, RFC 6376), by RSA or Ed25519 (RFC 8463). The known crates bring a DNS resolver with them,
//! or an implementation of RSA that leaks timing; signing alone is short, and the keys are those of aws-lc-rs.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::domain::time::Timestamp;

/// Signs e-mails in the name of a domain. Clones are cheap.
#[derive(Clone)]
pub struct Dkim {
    domain: String,
    selector: String,
    key: Arc<Key>,
}

enum Key {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why e-mails can't be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DkimError {
    /// The domain or the selector is no name of the DNS.
    #[error("{0:?} is no name such as `acme.example`; write it in ASCII (punycode)")]
    Name(String),
    /// The key is not PEM, or of another kind.
    #[error(
        "has no private key that can be used; make one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
    )]
    Key,
    /// The RSA key is too short, or too long for a record in the DNS.
    #[error(
        "has an RSA key that is not of 2048 to 4096 bits; make one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
    )]
    KeySize,
}

impl Dkim {
    /// Signs in the name of `domain` with a private key in PEM (PKCS #8, or PKCS #1 for RSA). Receivers look up the public
    /// key at [`record_name`](Self::record_name).
    ///
    /// # Errors
    /// See [`DkimError`].
    pub fn new(domain: &str, selector: &str, private_key: &str) -> Result<Self, DkimError> {
        for name in [domain, selector] {
            if !is_name(name) {
                return Err(DkimError::Name(name.to_owned()));
            }
        }
        let key = Key::read(private_key)?;
        Ok(Self { domain: domain.to_ascii_lowercase(), selector: selector.to_owned(), key: Arc::new(key) })
    }

    /// The domain that it signs for.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Where the DNS must have the public key, as a TXT record.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The text of that record.
    pub fn record(&self) -> String {
        let (kind, public) = match &*self.key {
            Key::Rsa(pair) => {
                let der: Result<PublicKeyX509Der<'_>, _> = pair.public_key().as_der();
                ("rsa", der.map(|der| der.as_ref().to_vec()).unwrap_or_default())
            }
            Key::Ed25519(pair) => ("ed25519", pair.public_key().as_ref().to_vec()),
        };
        format!("v=DKIM1; k={kind}; p={}", BASE64.encode(public))
    }

    /// Whether the sender's domain is the one that is signed for, or below it: else receivers don't count the signature
    /// for the sender (DMARC, RFC 7489 3.1.1).
    pub(super) fn is_for(&self, sender: &str) -> bool {
        let sender = sender.to_ascii_lowercase();
        sender.strip_suffix(&self.domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// The header field with the signature of `mail`, with its line break; `None` if it can't be made. Neither kind of
    /// key signs with chance, so the field is the same in each retry.
    pub(super) fn signature(&self, mail: &[u8], at: Timestamp) -> Option<Vec<u8>> {
        let end = mail.windows(4).position(|window| window == b"\r\n\r\n")?;
        let (head, body) = (&mail[..end + 2], &mail[end + 4..]);
        let fields = fields(head);
        let (mut names, mut signed) = (Vec::new(), Vec::new());
        for wanted in SIGNED {
            for (name, value) in fields.iter().filter(|(name, _)| name == wanted) {
                names.push(name.as_str());
                signed.extend_from_slice(format!("{name}:").as_bytes());
                signed.extend_from_slice(value);
                signed.extend_from_slice(b"\r\n");
            }
        }
        // Named once more than it is there, so that a second sender can't be added (RFC 6376 8.15).
        names.push("from");
        let hash = BASE64.encode(digest(&SHA256, &relaxed_body(body)));
        let algorithm = match &*self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let tags = [
            format!("v=1; a={algorithm}; c=relaxed/relaxed"),
            format!("d={}; s={}; t={}", self.domain, self.selector, at.as_millis() / 1000),
            format!("h={}", names.join(":")),
            format!("bh={hash}"),
            "b=".to_owned(),
        ];
        signed.extend_from_slice(format!("dkim-signature:{}", tags.join("; ")).as_bytes());
        let signature = BASE64.encode(self.key.sign(&signed)?);
        let mut field = format!("DKIM-Signature: {}", tags.join(";\r\n\t")).into_bytes();
        for line in signature.as_bytes().chunks(72) {
            field.extend_from_slice(b"\r\n\t");
            field.extend_from_slice(line);
        }
        field.extend_from_slice(b"\r\n");
        Some(field)
    }
}

impl fmt::Debug for Dkim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dkim").field("record_name", &self.record_name()).finish_non_exhaustive()
    }
}

impl Key {
    fn read(pem: &str) -> Result<Self, DkimError> {
        let rsa = match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| DkimError::Key)? {
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                    return Ok(Self::Ed25519(pair));
                }
                RsaKeyPair::from_pkcs8(der)
            }
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(DkimError::Key),
        };
        match rsa {
            Ok(pair) if (256..=512).contains(&pair.public_modulus_len()) => Ok(Self::Rsa(pair)),
            Ok(_) => Err(DkimError::KeySize),
            Err(error) if matches!(error.to_string().as_str(), "TooSmall" | "TooLarge") => Err(DkimError::KeySize),
            Err(_) => Err(DkimError::Key),
        }
    }

    fn sign(&self, data: &[u8]) -> Option<Vec<u8>> {
        // Both algorithms sign the SHA-256 hash of the data. For RSA the library computes that hash; for Ed25519 it is
        // computed here (RFC 8463 3).
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ed25519(pair) => Some(pair.sign(digest(&SHA256, data).as_ref()).as_ref().to_vec()),
        }
    }
}

/// The header fields with their values in relaxed form (RFC 6376 3.4.2): names in lower case, each value on one line, with
/// single spaces.
fn fields(head: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some((_, value)) = fields.last_mut() {
                value.extend_from_slice(line);
            }
        } else if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            let name = String::from_utf8_lossy(&line[..colon]).trim_end().to_ascii_lowercase();
            fields.push((name, line[colon + 1..].to_vec()));
        }
    }
    fields.into_iter().map(|(name, value)| (name, single_spaces(value.trim_ascii()))).collect()
}

/// The body in relaxed form (RFC 6376 3.4.4): no spaces at the ends of lines, single ones within, no empty lines at the end.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len());
    let mut empty = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            empty += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty) {
            relaxed.extend_from_slice(b"\r\n");
        }
        relaxed.extend_from_slice(&single_spaces(line));
        relaxed.extend_from_slice(b"\r\n");
    }
    relaxed
}

/// Runs of white space as one space each.
fn single_spaces(text: &[u8]) -> Vec<u8> {
    let mut single: Vec<u8> = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' if single.last() == Some(&b' ') => {}
            b' ' | b'\t' | b'\r' | b'\n' => single.push(b' '),
            _ => single.push(*byte),
        }
    }
    single
}

/// Whether a text is a name in the DNS: parts of letters, digits, `-` and `_`.
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        (1..=63).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= 253 && text.split('.').all(is_part)
}

/// The header fields that are signed, as far as they are there. Those that a receiver adds are not among them.
const SIGNED: [&str; 9] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "auto-submitted",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_fields_are_relaxed_as_the_standard_says() {
        // The examples of RFC 6376 3.4.5.
        assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
        assert_eq!(relaxed_body(b""), b"");
        assert_eq!(relaxed_body(b"\r\n\r\n"), b"");
        assert_eq!(relaxed_body(b"a\r\n\r\nb"), b"a\r\n\r\nb\r\n");
        let read = fields(b"A: X\r\nB : Y\t\r\n\tZ  \r\n");
        assert_eq!(read, [("a".to_owned(), b"X".to_vec()), ("b".to_owned(), b"Y Z".to_vec())]);
    }

    #[test]
    fn a_sender_is_at_the_domain_or_below_it() {
        let dkim = Dkim::new("Acme.example", "v1", ED25519).expect("a signer");
        for (sender, is_for) in
            [("acme.example", true), ("Mail.ACME.example", true), ("notacme.example", false), ("example", false)]
        {
            assert_eq!(dkim.is_for(sender), is_for, "{sender}");
        }
    }

    #[test]
    fn the_record_has_the_public_key() {
        let dkim = Dkim::new("acme.example", "v1", ED25519).expect("a signer");
        assert_eq!(dkim.record_name(), "v1._domainkey.acme.example");
        assert_eq!(dkim.record(), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    }

    #[test]
    fn what_is_no_key_or_name_is_refused() {
        for pem in ["", "secret", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(Dkim::new("acme.example", "v1", pem).err(), Some(DkimError::Key), "{pem}");
        }
        for (domain, selector) in [("", "v1"), ("acme.example", "v 1"), ("bücher.example", "v1"), ("a..b", "v1")] {
            assert!(matches!(Dkim::new(domain, selector, ED25519), Err(DkimError::Name(_))), "{domain} {selector}");
        }
    }

    /// The key of RFC 8463 A.2. For tests only.
    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
                           MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                           -----END PRIVATE KEY-----\n";
}
