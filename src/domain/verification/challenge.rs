//! Challenges: a code or a link that is created, sent to an address and answered. Sign-ups and sign-ins share them;
//! each decides what a proof leads to.

use crate::domain::context::Context;
use crate::domain::id::{ClientId, MessageId};
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::message::{Content, Message, Origin};
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::{
    CodeDigest, Link, LinkOwner, LinkToken, Method, OneTimeCode, PhoneChannel, Strategy, Verification, Verified,
};

/// A proof of an address, for one sign-up or sign-in.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct Challenge<'a> {
    /// The only sign-up or sign-in that its code is valid for.
    pub(in crate::domain) owner: Origin,
    /// The address.
    pub(in crate::domain) address: &'a Identifier,
}

/// The means to answer a challenge.
#[derive(Debug)]
pub(in crate::domain) enum Means {
    /// A code.
    Code {
        /// The strategy of the code.
        strategy: Strategy,
        /// The channel of a phone code; `sms` when absent.
        channel: Option<PhoneChannel>,
    },
    /// A link, and perhaps a code in the same mail.
    Link {
        /// What the link names.
        owner: LinkOwner,
        /// Where the browser goes after the link.
        redirect_url: Option<RedirectUrl>,
        /// Whether the client's token is in a cookie that browser navigations send.
        in_cookie: bool,
        /// Whether the message also has a code.
        with_code: bool,
    },
}

impl Means {
    /// The same without WhatsApp, unless the instance sends by it. The client chose it by the settings or the country and
    /// the person can't change that, so it is no fault.
    fn within(self, whatsapp: bool) -> Self {
        match self {
            Self::Code { strategy, channel } => {
                Self::Code { strategy, channel: channel.filter(|channel| whatsapp || *channel == PhoneChannel::Sms) }
            }
            link @ Self::Link { .. } => link,
        }
    }
}

/// The kind of message. The caller can't tell them apart: everything else is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) enum MessageKind {
    /// The code or link.
    Secret,
    /// A notice to the address owner about the attempt. The new code and link prove nothing.
    Notice,
    /// A decoy that is never sent.
    Decoy,
}

/// The message around the code or link.
#[derive(Clone, Debug)]
pub(in crate::domain) struct Letter {
    /// What is in it.
    pub(in crate::domain) kind: MessageKind,
    /// The address as the person typed it.
    pub(in crate::domain) display_to: String,
    /// The person's language, if it is known.
    pub(in crate::domain) locale: Option<String>,
}

/// The result of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) enum Guess {
    /// The code is right.
    Right,
    /// The code is wrong.
    Wrong,
}

impl Challenge<'_> {
    /// Creates the code or link and the message that carries it. There is no message to test addresses, whose code is
    /// fixed. Each address is recorded in `recent_sends` for the cool-down.
    ///
    /// # Errors
    /// `unsupported_country_code` for a number that may cost the operator much, `verification_code_too_many_requests`
    /// within the cool-down, `form_param_missing` for a link without a redirect URL.
    pub(in crate::domain) fn send(
        &self,
        means: Means,
        letter: Letter,
        recent_sends: &mut Vec<(Identifier, Timestamp)>,
        cx: &mut Context<'_>,
    ) -> Result<(Verification, Option<Message>), Reason> {
        if !cx.policy.sms_costly_numbers && self.address.is_costly() {
            return Err(ErrorCode::UnsupportedCountryCode.on("phone_number"));
        }
        cool_down(recent_sends, self.address, cx)?;
        let is_test = cx.is_in_test_mode() && self.address.is_test();
        let means = means.within(cx.policy.whatsapp);
        let phone_channel = match &means {
            Means::Code { channel, .. } => *channel,
            Means::Link { .. } => None,
        };
        let (mut verification, secret) = self.make(means, is_test, cx)?;
        recent_sends.push((self.address.clone(), cx.now));
        let content = match letter.kind {
            MessageKind::Secret => secret,
            MessageKind::Notice => {
                verification.forget_secrets(cx);
                Content::Notice
            }
            MessageKind::Decoy => Content::Decoy,
        };
        // A test address that gets a link without a code can only be verified by the sent link.
        let is_sent = !is_test || verification.code().is_none();
        let message = is_sent.then(|| Message {
            id: MessageId::generate(cx.now, cx.entropy),
            to: self.address.clone(),
            display_to: letter.display_to,
            content,
            origin: self.owner,
            locale: letter.locale,
            phone_channel,
            created_at: cx.now,
            expire_at: verification.expire_at,
        });
        Ok((verification, message))
    }

    /// The verification after one guess by `client`: right or wrong, the attempt is counted.
    pub(in crate::domain) fn guess(
        &self,
        verification: &Verification,
        code: &OneTimeCode,
        client: ClientId,
        cx: &Context<'_>,
    ) -> (Verification, Guess) {
        let counted = Verification { attempts: verification.attempts + 1, ..verification.clone() };
        match verification.code().filter(|(by, digest)| self.fits(by, digest, code, cx)) {
            Some((by, _)) => {
                let verified = Some(Verified { at: cx.now, client, by: by.clone() });
                (Verification { verified, ..counted }, Guess::Right)
            }
            None => (counted, Guess::Wrong),
        }
    }

    /// Whether this attempt has the code that proved the address, or that came with the link that did, and would still
    /// be valid: then the request is a retry.
    pub(in crate::domain) fn is_repeated_by(
        &self,
        verification: &Verification,
        strategy: &Strategy,
        code: &OneTimeCode,
        cx: &Context<'_>,
    ) -> bool {
        let is_good = verification.takes(strategy) && cx.now < verification.expire_at;
        is_good && self.was_proved_with(verification, code, cx)
    }

    /// Whether the address is proved, and `code` is the one that was sent.
    pub(in crate::domain) fn was_proved_with(
        &self,
        verification: &Verification,
        code: &OneTimeCode,
        cx: &Context<'_>,
    ) -> bool {
        let fits = |(by, digest): (&Strategy, &CodeDigest)| self.fits(by, digest, code, cx);
        verification.verified.is_some() && verification.code().is_some_and(fits)
    }

    fn make(&self, means: Means, is_test: bool, cx: &mut Context<'_>) -> Result<(Verification, Content), Reason> {
        let code = |cx: &mut Context<'_>| if is_test { OneTimeCode::TEST } else { OneTimeCode::generate(cx.entropy) };
        let secret = |code: &OneTimeCode| Secret::new(code.expose());
        Ok(match means {
            Means::Code { strategy, channel } => {
                let code = code(cx);
                let is_sms = strategy.sends_to() == Some(IdentifierKind::PhoneNumber);
                let channel = is_sms.then(|| channel.map_or("sms", PhoneChannel::as_str).to_owned());
                let digest = self.digest_anew(&strategy, &code, cx);
                let method = Method::Code { strategy, digest };
                let verification = Verification::pending(method, cx.now, cx.policy.code_ttl);
                (Verification { channel, ..verification }, Content::Code(secret(&code)))
            }
            Means::Link { owner, redirect_url, in_cookie, with_code } => {
                let code = with_code.then(|| code(cx));
                let token = LinkToken::generate(owner, cx.entropy);
                let redirect_url = redirect_url.ok_or_else(|| ErrorCode::FormParamMissing.on("redirect_url"))?;
                let digest = code.as_ref().map(|code| self.digest_anew(&Strategy::EmailCode, code, cx));
                let link = Link::new(&token, &self.address.value, redirect_url, in_cookie, cx);
                let method = Method::Link { link, code: digest };
                let content = Content::Link { token: Secret::new(token.expose()), code: code.as_ref().map(secret) };
                (Verification::pending(method, cx.now, cx.policy.link_ttl), content)
            }
        })
    }

    fn fits(&self, strategy: &Strategy, digest: &CodeDigest, code: &OneTimeCode, cx: &Context<'_>) -> bool {
        cx.digest.equal(&digest.digest, &self.digest(strategy, &digest.nonce, code, cx))
    }

    fn digest_anew(&self, strategy: &Strategy, code: &OneTimeCode, cx: &mut Context<'_>) -> CodeDigest {
        let mut nonce = [0; 16];
        cx.entropy.fill(&mut nonce);
        CodeDigest { nonce, digest: self.digest(strategy, &nonce, code, cx) }
    }

    fn digest(&self, strategy: &Strategy, nonce: &[u8; 16], code: &OneTimeCode, cx: &Context<'_>) -> [u8; 32] {
        cx.digest.digest(&[
            b"verification code",
            self.owner.as_bytes(),
            strategy.to_string().as_bytes(),
            self.address.value.as_bytes(),
            nonce,
            code.as_bytes(),
        ])
    }
}

/// Limits a sign-up or sign-in to one code per cool-down to the same address
/// ([guide: Limits](crate::guide::contract_errors#limits)); also drops older entries of `sends`.
fn cool_down(sends: &mut Vec<(Identifier, Timestamp)>, address: &Identifier, cx: &Context<'_>) -> Result<(), Reason> {
    let wait = |at: &Timestamp| at.remaining(cx.policy.resend_cooldown, cx.now);
    sends.retain(|(_, at)| wait(at).is_some());
    match sends.iter().filter(|(to, _)| to == address).filter_map(|(_, at)| wait(at)).max() {
        Some(wait) => Err(ErrorCode::VerificationCodeTooManyRequests.after(wait)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::domain::id::{SignInId, SignUpId};
    use crate::domain::policy::Policy;
    use crate::domain::ports::{Entropy, KeyedDigest};
    use crate::domain::settings::Settings;
    use crate::domain::time::Span;

    #[test]
    fn a_code_is_bound_to_its_owner_address_and_strategy_by_the_bytes_that_data_files_hold() {
        let (digest, address) = (Parts::default(), address());
        let challenge = Challenge { owner: SignUpId::from_bytes([7; 16]).into(), address: &address };
        with(&digest, at(0), |cx| challenge.digest(&Strategy::EmailCode, &[9; 16], &OneTimeCode::TEST, cx));
        let parts = [b"verification code".to_vec(), vec![7; 16], b"email_code".to_vec(), b"ada@example.com".to_vec()];
        let expected = [parts.as_slice(), &[vec![9; 16], b"424242".to_vec()]].concat();
        assert_eq!(*digest.0.lock().expect("no panic"), expected);
        let sign_in = Origin::from(SignInId::from_bytes([7; 16]));
        assert_eq!(sign_in.as_bytes(), challenge.owner.as_bytes(), "sign-ins have the same bytes");
    }

    #[test]
    fn one_code_at_a_time_goes_to_an_address_and_a_corrected_clock_lets_nobody_wait_for_long() {
        let cooldown = Policy::default().resend_cooldown.as_millis();
        let now = 1_000_000;
        for (sent_at, wait) in [
            (now - cooldown, None),
            (now - cooldown + 1, Some(1)),
            (now, Some(cooldown)),
            (now + cooldown, Some(2 * cooldown)),
            (now + cooldown + 1, None),
            (now + 365 * 86_400_000, None),
        ] {
            let mut sends = vec![(address(), at(sent_at))];
            let refused = send(&mut sends, at(now)).map(|(_, message)| assert!(message.is_some())).err();
            let expected = wait.map(|wait| ErrorCode::VerificationCodeTooManyRequests.after(Span::from_millis(wait)));
            assert_eq!(refused, expected, "sent {sent_at}");
            assert_eq!(sends.last(), Some(&(address(), at(if wait.is_some() { sent_at } else { now }))));
        }
        let other = Identifier { value: "eve@example.com".into(), ..address() };
        assert!(send(&mut vec![(other, at(now))], at(now)).is_ok(), "another address");
    }

    #[test]
    fn a_guess_is_counted_and_only_the_code_that_was_sent_proves_the_address() {
        let (digest, address) = (Parts::default(), address());
        let challenge = Challenge { owner: SignUpId::from_bytes([7; 16]).into(), address: &address };
        let (verification, message) = send(&mut Vec::new(), at(0)).expect("sent");
        let sent = message.and_then(|message| OneTimeCode::parse(message.content.code()?.expose())).expect("a code");
        let by = ClientId::from_bytes([5; 16]);
        with(&digest, at(1), |cx| {
            let (wrong, guess) = challenge.guess(&verification, &OneTimeCode::TEST, by, cx);
            assert_eq!((wrong.attempts, wrong.verified.is_some(), guess), (1, false, Guess::Wrong));
            let (right, guess) = challenge.guess(&wrong, &sent, by, cx);
            assert_eq!((right.attempts, guess), (2, Guess::Right));
            assert_eq!(right.verified, Some(Verified { at: at(1), client: by, by: Strategy::EmailCode }));
            let is_repeated = |code| challenge.is_repeated_by(&right, &Strategy::EmailCode, code, cx);
            assert!(is_repeated(&sent) && !is_repeated(&OneTimeCode::TEST));
            let other = Challenge { owner: SignUpId::from_bytes([8; 16]).into(), address: &address };
            assert_eq!(other.guess(&verification, &sent, by, cx).1, Guess::Wrong, "another sign-up's code");
        });
    }

    fn send(
        sends: &mut Vec<(Identifier, Timestamp)>,
        now: Timestamp,
    ) -> Result<(Verification, Option<Message>), Reason> {
        let address = address();
        let challenge = Challenge { owner: SignUpId::from_bytes([7; 16]).into(), address: &address };
        let means = Means::Code { strategy: Strategy::EmailCode, channel: None };
        with(&Parts::default(), now, |cx| {
            challenge.send(
                means,
                Letter { kind: MessageKind::Secret, display_to: String::new(), locale: None },
                sends,
                cx,
            )
        })
    }

    fn with<T>(digest: &Parts, now: Timestamp, decision: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let (settings, policy) = (Settings::default(), Policy::default());
        decision(&mut Context { now, settings: &settings, policy: &policy, entropy: &mut Ones, digest })
    }

    fn address() -> Identifier {
        Identifier { kind: IdentifierKind::EmailAddress, value: "ada@example.com".into() }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    struct Ones;

    impl Entropy for Ones {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(1);
        }
    }

    /// Records its input; the digest is the sum of all bytes.
    #[derive(Default)]
    struct Parts(Mutex<Vec<Vec<u8>>>);

    impl KeyedDigest for Parts {
        fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
            *self.0.lock().expect("no panic") = parts.iter().map(|part| part.to_vec()).collect();
            let mut digest = [0_u8; 32];
            for (at, byte) in parts.concat().into_iter().enumerate() {
                digest[at % 32] = digest[at % 32].wrapping_mul(31).wrapping_add(byte);
            }
            digest
        }

        fn equal(&self, left: &[u8; 32], right: &[u8; 32]) -> bool {
            left == right
        }
    }
}
