//! Whether two calls are equal. Calls are compared by a keyed digest of all their parameters, so that no password has
//! to stay in memory. The key is random for each start and is never stored.

use aws_lc_rs::hmac;

use crate::domain::id::{ClientId, SignInId, SignUpId};
use crate::domain::ports::Entropy;
use crate::domain::redirect::RedirectUrl;
use crate::domain::secret::Secret;
use crate::domain::sign_up::RawFields;

use crate::engine::{RawFirstFactor, RawPrepare, RawProof, RawSignIn, RequestContext};

/// A digest of a call.
pub(in crate::engine) type Digest = [u8; 32];

/// The key of all call digests.
pub(in crate::engine) struct CallKey(hmac::Key);

/// A write of the frontend API.
#[derive(Clone, Copy)]
pub(in crate::engine) enum Call<'a> {
    CreateSignUp(&'a RawFields),
    UpdateSignUp(SignUpId, &'a RawFields),
    PrepareVerification(SignUpId, &'a RawPrepare),
    AttemptVerification(SignUpId, Option<&'a str>, Option<&'a str>),
    CreateSignIn(&'a RawSignIn),
    PrepareFirstFactor(SignInId, &'a RawFirstFactor),
    AttemptFirstFactor(SignInId, &'a RawProof),
}

struct Digester(hmac::Context);

impl CallKey {
    pub(in crate::engine) fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// The digest of a call by the holder of a token. It includes those facts about the source that the answer depends
    /// on.
    pub(in crate::engine) fn digest(
        &self,
        (client, generation): (ClientId, u32),
        call: &Call<'_>,
        context: &RequestContext,
    ) -> Digest {
        let mut digester = Digester(hmac::Context::with_key(&self.0));
        digester.0.update(client.as_bytes());
        digester.0.update(&generation.to_be_bytes());
        digester.0.update(&[context.carrier as u8, u8::from(context.tokens)]);
        digester.texts([context.origin.as_deref(), context.testing_token.as_deref()]);
        call.write(&mut digester);
        let mut digest = [0; 32];
        digest.copy_from_slice(digester.0.sign().as_ref());
        digest
    }
}

impl Call<'_> {
    /// Whether its result must be remembered, because a repeated call is recognised only by its password. An attempt
    /// needs no such record: the flow itself remembers what proved it.
    pub(in crate::engine) fn is_kept(&self) -> bool {
        !matches!(self, Self::AttemptFirstFactor(..)) && self.has_password()
    }

    fn has_password(&self) -> bool {
        let password = match self {
            Self::CreateSignUp(fields) | Self::UpdateSignUp(_, fields) => &fields.password,
            Self::CreateSignIn(raw) => &raw.password,
            Self::AttemptFirstFactor(_, raw) => &raw.password,
            Self::PrepareVerification(..) | Self::AttemptVerification(..) | Self::PrepareFirstFactor(..) => &None,
        };
        password.as_ref().is_some_and(|password| !password.expose().is_empty())
    }

    /// Whether its parameters contain something that only the person can know. A ticket does not count: the sender of
    /// the invitation knows it too.
    pub(in crate::engine) fn has_secret(&self) -> bool {
        let other = match self {
            Self::CreateSignUp(fields) | Self::UpdateSignUp(_, fields) => exposed(&fields.token),
            Self::AttemptVerification(_, _, code) => *code,
            Self::AttemptFirstFactor(_, raw) => raw.code.as_deref(),
            Self::CreateSignIn(_) | Self::PrepareVerification(..) | Self::PrepareFirstFactor(..) => None,
        };
        self.has_password() || other.is_some_and(|text| !text.is_empty())
    }

    fn write(&self, digester: &mut Digester) {
        let mut begin = |kind: u8, id: &[u8]| {
            digester.0.update(&[kind]);
            digester.0.update(id);
        };
        match self {
            Self::CreateSignUp(fields) => {
                begin(0, &[]);
                digester.fields(fields);
            }
            Self::UpdateSignUp(id, fields) => {
                begin(1, id.as_bytes());
                digester.fields(fields);
            }
            Self::PrepareVerification(id, raw) => {
                begin(2, id.as_bytes());
                digester.prepare(raw);
            }
            Self::AttemptVerification(id, strategy, code) => {
                begin(3, id.as_bytes());
                digester.texts([*strategy, *code]);
            }
            Self::CreateSignIn(raw) => {
                begin(4, &[]);
                digester.sign_in(raw);
            }
            Self::PrepareFirstFactor(id, raw) => {
                begin(5, id.as_bytes());
                let RawFirstFactor { strategy, email_address_id, phone_number_id, channel } = raw;
                digester.strings([strategy, email_address_id, phone_number_id, channel]);
            }
            Self::AttemptFirstFactor(id, raw) => {
                begin(6, id.as_bytes());
                let RawProof { strategy, code, password } = raw;
                digester.strings([strategy, code]);
                digester.texts([exposed(password)]);
            }
        }
    }
}

// All parameters are listed by name, so that a new one can't be forgotten.
impl Digester {
    fn fields(&mut self, raw: &RawFields) {
        let RawFields {
            email_address,
            phone_number,
            email_address_or_phone_number,
            username,
            password,
            first_name,
            last_name,
            web3_wallet,
            unsafe_metadata,
            legal_accepted,
            locale,
            strategy,
            channel,
            action_complete_redirect_url,
            oidc_prompt,
            oidc_login_hint,
            redirect_url,
            ticket,
            transfer,
            token,
            captcha_token,
            captcha_error,
        } = raw;
        self.strings([email_address, phone_number, email_address_or_phone_number, username]);
        self.strings([first_name, last_name, web3_wallet, unsafe_metadata, legal_accepted, locale]);
        self.strings([strategy, channel, oidc_prompt, oidc_login_hint]);
        self.urls([redirect_url, action_complete_redirect_url]);
        self.strings([ticket, transfer, captcha_error]);
        self.texts([exposed(password), exposed(token), exposed(captcha_token)]);
    }

    fn prepare(&mut self, raw: &RawPrepare) {
        let RawPrepare { strategy, channel, redirect_url, action_complete_redirect_url, oidc_prompt, oidc_login_hint } =
            raw;
        self.strings([strategy, channel, oidc_prompt, oidc_login_hint]);
        self.urls([redirect_url, action_complete_redirect_url]);
    }

    fn sign_in(&mut self, raw: &RawSignIn) {
        let RawSignIn {
            identifier,
            password,
            strategy,
            channel,
            transfer,
            redirect_url,
            action_complete_redirect_url,
            oidc_prompt,
            oidc_login_hint,
            sign_up_if_missing,
            captcha_token,
            captcha_error,
        } = raw;
        self.strings([identifier, strategy, channel, transfer]);
        self.urls([redirect_url, action_complete_redirect_url]);
        self.strings([oidc_prompt, oidc_login_hint, sign_up_if_missing, captcha_error]);
        self.texts([exposed(password), exposed(captcha_token)]);
    }

    fn urls<const N: usize>(&mut self, values: [&Option<RedirectUrl>; N]) {
        self.texts(values.map(|url| url.as_ref().map(RedirectUrl::as_str)));
    }

    fn strings<const N: usize>(&mut self, values: [&Option<String>; N]) {
        self.texts(values.map(Option::as_deref));
    }

    /// Each value has its length before it, so that different lists never give the same bytes.
    fn texts<const N: usize>(&mut self, values: [Option<&str>; N]) {
        for value in values {
            let length = value.map_or(u64::MAX, |text| text.len() as u64);
            self.0.update(&length.to_be_bytes());
            self.0.update(value.unwrap_or_default().as_bytes());
        }
    }
}

fn exposed(secret: &Option<Secret<String>>) -> Option<&str> {
    secret.as_ref().map(|text| text.expose().as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::id::Id;
    use crate::entropy::SeededEntropy;

    #[test]
    fn every_parameter_makes_another_call() {
        let key = CallKey::generate(&mut SeededEntropy::new(1));
        let mut seen = HashSet::new();
        let mut is_new = |call: &Call<'_>| seen.insert(key.digest(PRESENTED, call, &RequestContext::default()));
        assert!(is_new(&Call::CreateSignUp(&RawFields::default())));
        for set in FIELDS {
            for value in ["", "x", "y"] {
                let mut fields = RawFields::default();
                set(&mut fields, value.to_owned());
                assert!(is_new(&Call::CreateSignUp(&fields)), "{fields:?}");
                assert!(is_new(&Call::UpdateSignUp(Id::from_bytes([1; 16]), &fields)), "{fields:?}");
                assert!(is_new(&Call::UpdateSignUp(Id::from_bytes([2; 16]), &fields)), "{fields:?}");
            }
        }
        let shifted = |first: &str, last: &str| RawFields {
            first_name: Some(first.into()),
            last_name: Some(last.into()),
            ..RawFields::default()
        };
        assert!(is_new(&Call::CreateSignUp(&shifted("ab", "c"))) && is_new(&Call::CreateSignUp(&shifted("a", "bc"))));
        for password in ["wanders under elms", "wanders under oaks"] {
            let password = Some(Secret::new(password.to_owned()));
            let raw = RawSignIn { password: password.clone(), ..RawSignIn::default() };
            assert!(is_new(&Call::CreateSignIn(&raw)));
            let proof = RawProof { password, ..RawProof::default() };
            assert!(is_new(&Call::AttemptFirstFactor(Id::from_bytes([1; 16]), &proof)));
        }
        let id = Id::from_bytes([1; 16]);
        for code in ["000000", "424242"] {
            assert!(is_new(&Call::AttemptVerification(id, Some("email_code"), Some(code))));
            assert!(is_new(&Call::AttemptVerification(id, Some(code), Some("email_code"))));
        }
    }

    #[test]
    fn another_token_or_another_key_makes_another_digest_and_the_same_call_has_the_same() {
        let call = Call::CreateSignUp(&RawFields::default());
        let digest = |seed, presented| {
            let key = CallKey::generate(&mut SeededEntropy::new(seed));
            key.digest(presented, &call, &RequestContext::default())
        };
        let first = digest(1, PRESENTED);
        assert_eq!(first, digest(1, PRESENTED));
        assert_ne!(first, digest(2, PRESENTED));
        assert_ne!(first, digest(1, (PRESENTED.0, 1)));
        assert_ne!(first, digest(1, (ClientId::from_bytes([8; 16]), 0)));
    }

    type Set = fn(&mut RawFields, String);

    const PRESENTED: (ClientId, u32) = (ClientId::from_bytes([7; 16]), 0);
    const FIELDS: [Set; 22] = [
        |fields, text| fields.email_address = Some(text),
        |fields, text| fields.phone_number = Some(text),
        |fields, text| fields.email_address_or_phone_number = Some(text),
        |fields, text| fields.username = Some(text),
        |fields, text| fields.password = Some(Secret::new(text)),
        |fields, text| fields.first_name = Some(text),
        |fields, text| fields.last_name = Some(text),
        |fields, text| fields.web3_wallet = Some(text),
        |fields, text| fields.unsafe_metadata = Some(text),
        |fields, text| fields.legal_accepted = Some(text),
        |fields, text| fields.locale = Some(text),
        |fields, text| fields.strategy = Some(text),
        |fields, text| fields.channel = Some(text),
        |fields, text| fields.action_complete_redirect_url = Some(RedirectUrl::restored(text)),
        |fields, text| fields.oidc_prompt = Some(text),
        |fields, text| fields.oidc_login_hint = Some(text),
        |fields, text| fields.redirect_url = Some(RedirectUrl::restored(text)),
        |fields, text| fields.ticket = Some(text),
        |fields, text| fields.transfer = Some(text),
        |fields, text| fields.token = Some(Secret::new(text)),
        |fields, text| fields.captcha_token = Some(Secret::new(text)),
        |fields, text| fields.captcha_error = Some(text),
    ];
}
