//! Whether two calls are equal. Calls are compared by a keyed digest of all their parameters, so that no password has
//! to stay in memory. The key is random for each start and is never stored.

use aws_lc_rs::hmac;

use crate::domain::id::{ClientId, SignInId, SignUpId};
use crate::domain::metadata::Metadata;
use crate::domain::ports::Entropy;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::Reason;
use crate::domain::secret::Secret;
use crate::domain::sign_in::Prepare as PrepareFirstFactor;
use crate::domain::sign_up::{Patch, SignUpPatch};
use crate::domain::verification::{AuthorizeParams, PhoneChannel, Strategy};

use crate::engine::RequestContext;
use crate::engine::input::{
    Asked, AttemptFirstFactor, AttemptSecondFactor, AttemptVerification, Given, NewSignIn, PrepareVerification,
    ResetPassword,
};

/// A digest of a call.
pub(in crate::engine) type Digest = [u8; 32];

/// The key of all call digests.
pub(in crate::engine) struct CallKey(hmac::Key);

/// A write of the frontend API.
#[derive(Clone, Copy)]
pub(in crate::engine) enum Call<'a> {
    CreateSignUp(&'a Given<SignUpPatch>),
    UpdateSignUp(SignUpId, &'a Given<SignUpPatch>),
    PrepareVerification(SignUpId, &'a Asked<PrepareVerification>),
    AttemptVerification(SignUpId, &'a Asked<AttemptVerification>),
    CreateSignIn(&'a Given<NewSignIn>),
    PrepareFirstFactor(SignInId, &'a Asked<PrepareFirstFactor>),
    AttemptFirstFactor(SignInId, &'a Asked<AttemptFirstFactor>),
    ResetPassword(SignInId, &'a Asked<ResetPassword>),
    PrepareSecondFactor(SignInId, &'a Asked<PrepareFirstFactor>),
    AttemptSecondFactor(SignInId, &'a Asked<AttemptSecondFactor>),
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
    /// Whether its result must be remembered if it replaces the token, because a repeated call is recognised only by what
    /// is in it. An attempt needs no such record: the flow itself remembers what proved it.
    pub(in crate::engine) fn is_kept(&self) -> bool {
        match self {
            // The answer to a challenge is used up.
            Self::AttemptFirstFactor(_, Ok(attempt)) => attempt.public_key_credential.is_some(),
            Self::AttemptVerification(..) | Self::AttemptFirstFactor(..) => false,
            _ => true,
        }
    }

    fn has_password(&self) -> bool {
        let password = match self {
            Self::CreateSignUp(given) | Self::UpdateSignUp(_, given) => given.input.password.text(),
            Self::CreateSignIn(given) => exposed(&given.input.password),
            Self::AttemptFirstFactor(_, Ok(attempt)) => exposed(&attempt.password),
            Self::ResetPassword(_, Ok(reset)) => Some(reset.password.expose().as_str()),
            Self::PrepareVerification(..)
            | Self::AttemptVerification(..)
            | Self::PrepareFirstFactor(..)
            | Self::AttemptFirstFactor(_, Err(_))
            | Self::ResetPassword(_, Err(_))
            | Self::PrepareSecondFactor(..)
            | Self::AttemptSecondFactor(..) => None,
        };
        password.is_some_and(|password| !password.is_empty())
    }

    /// Whether its parameters contain something that only the person can know. A ticket does not count: the sender of
    /// the invitation knows it too.
    pub(in crate::engine) fn has_secret(&self) -> bool {
        let other = match self {
            Self::CreateSignUp(given) | Self::UpdateSignUp(_, given) => exposed(&given.input.token),
            Self::AttemptVerification(_, Ok(attempt)) => attempt.code.as_deref(),
            Self::AttemptFirstFactor(_, Ok(attempt)) => {
                attempt.code.as_deref().or(attempt.public_key_credential.as_deref())
            }
            Self::AttemptSecondFactor(_, Ok(attempt)) => attempt.code.as_deref(),
            Self::CreateSignIn(_)
            | Self::PrepareVerification(..)
            | Self::PrepareFirstFactor(..)
            | Self::AttemptVerification(_, Err(_))
            | Self::AttemptFirstFactor(_, Err(_))
            | Self::ResetPassword(..)
            | Self::PrepareSecondFactor(..)
            | Self::AttemptSecondFactor(_, Err(_)) => None,
        };
        self.has_password() || other.is_some_and(|text| !text.is_empty())
    }

    fn write(&self, digester: &mut Digester) {
        let mut begin = |kind: u8, id: &[u8]| {
            digester.0.update(&[kind]);
            digester.0.update(id);
        };
        match self {
            Self::CreateSignUp(given) => {
                begin(0, &[]);
                digester.sign_up(given);
            }
            Self::UpdateSignUp(id, given) => {
                begin(1, id.as_bytes());
                digester.sign_up(given);
            }
            Self::PrepareVerification(id, asked) => {
                begin(2, id.as_bytes());
                digester.asked(
                    asked,
                    |digester, PrepareVerification { strategy, channel, authorize, code_challenge }| {
                        digester.strategy(Some(strategy), *channel);
                        digester.authorize(authorize);
                        digester.0.update(code_challenge.as_ref().map_or(&[], |challenge| &challenge[..]));
                    },
                );
            }
            Self::AttemptVerification(id, asked) => {
                begin(3, id.as_bytes());
                digester.asked(asked, |digester, AttemptVerification { strategy, code }| {
                    digester.strategy(Some(strategy), None);
                    digester.strings([code]);
                });
            }
            Self::CreateSignIn(given) => {
                begin(4, &[]);
                digester.sign_in(given);
            }
            Self::PrepareFirstFactor(id, asked) => {
                begin(5, id.as_bytes());
                digester.asked(asked, Digester::prepare);
            }
            Self::AttemptFirstFactor(id, asked) => {
                begin(6, id.as_bytes());
                digester.asked(asked, |digester, attempt| {
                    let AttemptFirstFactor { strategy, code, password, public_key_credential } = attempt;
                    digester.strategy(Some(strategy), None);
                    digester.strings([code, public_key_credential]);
                    digester.texts([exposed(password)]);
                });
            }
            Self::ResetPassword(id, asked) => {
                begin(7, id.as_bytes());
                digester.asked(asked, |digester, ResetPassword { password, sign_out_of_other_sessions }| {
                    digester.texts([Some(password.expose()), Some(word(*sign_out_of_other_sessions))]);
                });
            }
            Self::PrepareSecondFactor(id, asked) => {
                begin(8, id.as_bytes());
                digester.asked(asked, Digester::prepare);
            }
            Self::AttemptSecondFactor(id, asked) => {
                begin(9, id.as_bytes());
                digester.asked(asked, |digester, AttemptSecondFactor { strategy, code }| {
                    digester.strategy(Some(strategy), None);
                    digester.strings([code]);
                });
            }
        }
    }
}

// All parameters are listed by name, so that a new one can't be forgotten.
impl Digester {
    fn sign_up(&mut self, Given { input, faults }: &Given<SignUpPatch>) {
        let SignUpPatch {
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
            authorize,
            ticket,
            transfer,
            token,
            captcha_token,
            captcha_error,
        } = input;
        self.texts([email_address, phone_number, username, first_name, last_name, locale].map(Patch::<String>::text));
        self.strings([email_address_or_phone_number, web3_wallet, ticket, captcha_error]);
        self.texts([unsafe_metadata.as_ref().map(Metadata::as_str)]);
        self.texts([legal_accepted.map(word), Some(word(*transfer))]);
        self.strategy(strategy.as_ref(), *channel);
        self.authorize(authorize);
        self.texts([password.text(), exposed(token), exposed(captcha_token)]);
        self.faults(faults);
    }

    fn sign_in(&mut self, Given { input, faults }: &Given<NewSignIn>) {
        let NewSignIn {
            identifier,
            password,
            ticket,
            strategy,
            channel,
            transfer,
            authorize,
            sign_up_if_missing,
            captcha_token,
            captcha_error,
        } = input;
        self.strings([identifier, captcha_error]);
        self.texts([Some(word(*transfer)), Some(word(*sign_up_if_missing))]);
        self.strategy(strategy.as_ref(), *channel);
        self.authorize(authorize);
        self.texts([exposed(password), exposed(ticket), exposed(captcha_token)]);
        self.faults(faults);
    }

    /// How the client presents its token is in every digest.
    fn prepare(&mut self, input: &PrepareFirstFactor) {
        let PrepareFirstFactor { strategy, address_id, channel, redirect_url, in_cookie: _, challenge } = input;
        self.strategy(Some(strategy), *channel);
        self.strings([&address_id.map(|id| id.to_string())]);
        self.texts([redirect_url.as_ref().map(RedirectUrl::as_str)]);
        self.0.update(challenge.as_ref().map_or(&[], |challenge| &challenge[..]));
    }

    fn asked<T>(&mut self, asked: &Asked<T>, write: impl FnOnce(&mut Self, &T)) {
        self.0.update(&[u8::from(asked.is_ok())]);
        match asked {
            Ok(input) => write(self, input),
            Err(fault) => self.faults(std::slice::from_ref(fault)),
        }
    }

    fn strategy(&mut self, strategy: Option<&Strategy>, channel: Option<PhoneChannel>) {
        self.strings([&strategy.map(ToString::to_string)]);
        self.texts([channel.map(PhoneChannel::as_str)]);
    }

    fn authorize(&mut self, authorize: &AuthorizeParams) {
        // Further scopes are asked for in the profile only, whose calls are not compared.
        let AuthorizeParams { redirect_url, action_complete_redirect_url, prompt, login_hint, additional_scopes: _ } =
            authorize;
        self.texts([redirect_url, action_complete_redirect_url].map(|url| url.as_ref().map(RedirectUrl::as_str)));
        self.strings([prompt, login_hint]);
    }

    fn faults(&mut self, faults: &[Reason]) {
        self.0.update(&(faults.len() as u64).to_be_bytes());
        for fault in faults {
            self.texts([Some(fault.code.as_str()), fault.param.as_deref()]);
        }
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

const fn word(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::id::Id;
    use crate::domain::rejection::ErrorCode;
    use crate::domain::sign_up::NewSignUp;
    use crate::entropy::SeededEntropy;

    #[test]
    fn every_parameter_makes_another_call() {
        let key = CallKey::generate(&mut SeededEntropy::new(1));
        let mut seen = HashSet::new();
        let mut is_new = |call: &Call<'_>| seen.insert(key.digest(PRESENTED, call, &RequestContext::default()));
        assert!(is_new(&Call::CreateSignUp(&Given::default())));
        let mut inputs = Vec::new();
        for set in TEXTS {
            for value in ["", "x", "y"] {
                let mut given = Given::<SignUpPatch>::default();
                set(&mut given.input, value.to_owned());
                inputs.push(given);
            }
        }
        for set in FLAGS {
            let mut given = Given::<SignUpPatch>::default();
            set(&mut given.input);
            inputs.push(given);
        }
        for fault in ["strategy", "transfer"].map(|param| ErrorCode::FormParamValueInvalid.on(param)) {
            inputs.push(Given { faults: vec![fault], ..Given::default() });
        }
        for given in &inputs {
            assert!(is_new(&Call::CreateSignUp(given)), "{given:?}");
            assert!(is_new(&Call::UpdateSignUp(Id::from_bytes([1; 16]), given)), "{given:?}");
            assert!(is_new(&Call::UpdateSignUp(Id::from_bytes([2; 16]), given)), "{given:?}");
        }
        let shifted = |first: &str, last: &str| Given::from(SignUpPatch::from(NewSignUp::new().names(first, last)));
        let (left, right) = (shifted("ab", "c"), shifted("a", "bc"));
        assert!(is_new(&Call::CreateSignUp(&left)) && is_new(&Call::CreateSignUp(&right)));
        for password in ["wanders under elms", "wanders under oaks"] {
            let password = Secret::new(password.to_owned());
            let input = NewSignIn { password: Some(password.clone()), ..NewSignIn::default() };
            assert!(is_new(&Call::CreateSignIn(&input.into())));
            let attempt = Ok(AttemptFirstFactor::password(password));
            assert!(is_new(&Call::AttemptFirstFactor(Id::from_bytes([1; 16]), &attempt)));
        }
        let id = Id::from_bytes([1; 16]);
        for code in ["000000", "424242"] {
            for strategy in [Strategy::EmailCode, Strategy::PhoneCode] {
                assert!(is_new(&Call::AttemptVerification(id, &Ok(AttemptVerification::code(strategy, code)))));
            }
        }
    }

    #[test]
    fn another_token_or_another_key_makes_another_digest_and_the_same_call_has_the_same() {
        let given = Given::default();
        let call = Call::CreateSignUp(&given);
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

    type SetText = fn(&mut SignUpPatch, String);
    type SetFlag = fn(&mut SignUpPatch);

    const PRESENTED: (ClientId, u32) = (ClientId::from_bytes([7; 16]), 0);
    const TEXTS: [SetText; 17] = [
        |input, text| input.email_address = Patch::Set(text),
        |input, text| input.phone_number = Patch::Set(text),
        |input, text| input.email_address_or_phone_number = Some(text),
        |input, text| input.username = Patch::Set(text),
        |input, text| input.password = Patch::Set(Secret::new(text)),
        |input, text| input.first_name = Patch::Set(text),
        |input, text| input.last_name = Patch::Set(text),
        |input, text| input.web3_wallet = Some(text),
        |input, text| input.locale = Patch::Set(text),
        |input, text| input.authorize.action_complete_redirect_url = Some(RedirectUrl::restored(text)),
        |input, text| input.authorize.prompt = Some(text),
        |input, text| input.authorize.login_hint = Some(text),
        |input, text| input.authorize.redirect_url = Some(RedirectUrl::restored(text)),
        |input, text| input.ticket = Some(text),
        |input, text| input.token = Some(Secret::new(text)),
        |input, text| input.captcha_token = Some(Secret::new(text)),
        |input, text| input.captcha_error = Some(text),
    ];
    const FLAGS: [SetFlag; 7] = [
        |input| input.strategy = Some(Strategy::EmailCode),
        |input| input.strategy = Some(Strategy::OAuth("oauth_google".into())),
        |input| input.channel = Some(PhoneChannel::Sms),
        |input| input.transfer = true,
        |input| input.legal_accepted = Some(true),
        |input| input.legal_accepted = Some(false),
        |input| input.unsafe_metadata = Metadata::parse("unsafe_metadata", "{}").ok(),
    ];
}
