//! Challenges: a code or a link that is made, sent to an address, waited for and answered. Sign-ups and sign-ins share
//! them; what comes of the proof is theirs.

use crate::domain::context::Context;
use crate::domain::id::{ClientId, MessageId, SignInId, SignUpId};
use crate::domain::identifier::Identifier;
use crate::domain::message::{Content, Message};
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::{CodeDigest, Link, LinkToken, Method, OneTimeCode, Strategy, Verification, Verified};

/// The sign-up or sign-in that a code is good for, and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerId([u8; 16]);

/// The proof that an address is the person's, as one sign-up or sign-in asks for it.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct Challenge<'a> {
    /// Who asks.
    pub(in crate::domain) owner: OwnerId,
    /// The address.
    pub(in crate::domain) address: &'a Identifier,
}

/// What a challenge is answered with.
#[derive(Debug)]
pub(in crate::domain) enum Means {
    /// A code.
    Code {
        /// Which one.
        strategy: Strategy,
        /// The channel of a phone code; `sms` when absent.
        channel: Option<String>,
    },
    /// A link, and perhaps a code in the same mail.
    Link {
        /// The sign-up that the link names.
        sign_up: SignUpId,
        /// Where the browser goes afterwards.
        redirect_url: Option<String>,
        /// Whether the client is known by a cookie that a navigation carries.
        in_cookie: bool,
        /// Whether a code goes with it.
        with_code: bool,
    },
}

/// What the message says. A caller can't tell them apart: all else is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) enum Letter {
    /// The code or link.
    Secret,
    /// That somebody tried, to the user whose address it is. The code and link that were made prove nothing.
    Notice,
    /// Nothing: it is not sent.
    Decoy,
}

/// What came of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) enum Guess {
    /// It is the code.
    Right,
    /// It is not.
    Wrong,
}

impl Challenge<'_> {
    /// Makes the code or link and the message that carries it. There is no message to test addresses, whose code is
    /// known. Each address is noted in `recent_sends`, as far as the cool-down looks back.
    ///
    /// # Errors
    /// `unsupported_country_code` for a number that costs its sender much, `verification_code_too_many_requests` within
    /// the cool-down, `form_param_missing` for a link that leads nowhere.
    pub(in crate::domain) fn send(
        &self,
        means: Means,
        (letter, display_to): (Letter, String),
        recent_sends: &mut Vec<(Identifier, Timestamp)>,
        cx: &mut Context<'_>,
    ) -> Result<(Verification, Option<Message>), Reason> {
        if !cx.policy.sms_costly_numbers && self.address.is_costly() {
            return Err(ErrorCode::UnsupportedCountryCode.on("phone_number"));
        }
        cool_down(recent_sends, self.address, cx)?;
        let is_test = cx.policy.test_mode && self.address.is_test();
        let (mut verification, secret) = self.make(means, is_test, cx)?;
        recent_sends.push((self.address.clone(), cx.now));
        let content = match letter {
            Letter::Secret => secret,
            Letter::Notice => {
                verification.forget_secrets(cx);
                Content::Notice
            }
            Letter::Decoy => Content::Decoy,
        };
        // Only what is sent could verify a test address that no code goes to.
        let is_sent = !is_test || verification.code().is_none();
        let message = is_sent.then(|| Message {
            id: MessageId::generate(cx.now, cx.entropy),
            to: self.address.clone(),
            display_to,
            content,
            created_at: cx.now,
            expire_at: verification.expire_at,
        });
        Ok((verification, message))
    }

    /// The verification after one guess by `client`: the try is counted first, whatever comes of it.
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

    /// Whether this attempt brings the code that proved the address, or that came with the link which did, and would be
    /// good still: who has succeeded asks again.
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
                let channel = (strategy == Strategy::PhoneCode).then(|| channel.unwrap_or_else(|| "sms".into()));
                let digest = self.digest_anew(&strategy, &code, cx);
                let method = Method::Code { strategy, digest };
                let verification = Verification::pending(method, cx.now, cx.policy.code_ttl);
                (Verification { channel, ..verification }, Content::Code(secret(&code)))
            }
            Means::Link { sign_up, redirect_url, in_cookie, with_code } => {
                let code = with_code.then(|| code(cx));
                let token = LinkToken::generate(sign_up, cx.entropy);
                let redirect_url = redirect_url.filter(|url| !url.is_empty());
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
            &self.owner.0,
            strategy.to_string().as_bytes(),
            self.address.value.as_bytes(),
            nonce,
            code.as_bytes(),
        ])
    }
}

/// One code at a time to one address from one sign-up or sign-in ([guide: Limits](crate::guide::contract_errors#limits));
/// also forgets sends that are too old to matter.
fn cool_down(sends: &mut Vec<(Identifier, Timestamp)>, address: &Identifier, cx: &Context<'_>) -> Result<(), Reason> {
    let wait = |at: &Timestamp| at.remaining(cx.policy.resend_cooldown, cx.now);
    sends.retain(|(_, at)| wait(at).is_some());
    match sends.iter().filter(|(to, _)| to == address).filter_map(|(_, at)| wait(at)).max() {
        Some(wait) => Err(ErrorCode::VerificationCodeTooManyRequests.after(wait)),
        None => Ok(()),
    }
}

impl From<SignUpId> for OwnerId {
    fn from(id: SignUpId) -> Self {
        Self(*id.as_bytes())
    }
}

impl From<SignInId> for OwnerId {
    fn from(id: SignInId) -> Self {
        Self(*id.as_bytes())
    }
}
