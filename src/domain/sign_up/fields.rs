//! The fields of a create or an update: unparsed, and parsed. Parsing reports every fault at once; then nothing is
//! stored ([guide: Sign-up calls](crate::guide::contract_sign_ups#sign-up-calls)).

use std::collections::BTreeSet;

use crate::domain::field::Field;
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
use crate::domain::invitation::Invitation;
use crate::domain::metadata::metadata;
use crate::domain::password_policy::{self, Candidate};
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::settings::Settings;
use crate::domain::text;
use crate::domain::transfer::{Consumed, Proved};
use crate::domain::verification::{Strategy, availability};

use super::External;
use super::locale::locale;

/// What a write does to one value: keep it, clear it, or set it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Remove it: an empty string on the wire ([guide: Update](crate::guide::contract_sign_ups#update)).
    Clear,
    /// Set it to this.
    Set(T),
}

/// The parameters of create and update as text, `None` where absent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the parameters of guide/contract_sign_ups.md#create")]
pub struct RawFields {
    pub email_address: Option<String>,
    pub phone_number: Option<String>,
    pub email_address_or_phone_number: Option<String>,
    pub username: Option<String>,
    pub password: Option<Secret<String>>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub web3_wallet: Option<String>,
    pub unsafe_metadata: Option<String>,
    pub legal_accepted: Option<String>,
    pub locale: Option<String>,
    pub strategy: Option<String>,
    pub channel: Option<String>,
    /// Absolute and allowed, as `redirect_url`.
    pub action_complete_redirect_url: Option<String>,
    pub oidc_prompt: Option<String>,
    pub oidc_login_hint: Option<String>,
    /// An absolute URL that the instance allows; checked by the caller that receives it.
    pub redirect_url: Option<String>,
    pub ticket: Option<String>,
    pub transfer: Option<String>,
    pub token: Option<Secret<String>>,
    pub captcha_token: Option<Secret<String>>,
    pub captcha_error: Option<String>,
}

/// Parsed fields. The password is a digest here: the plain text is given only to the hash pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The e-mail address.
    pub email_address: Patch<EmailAddress>,
    /// The phone number.
    pub phone_number: Patch<PhoneNumber>,
    /// The username.
    pub username: Patch<Username>,
    /// The digest of the password, a PHC string.
    pub password_digest: Patch<Secret<String>>,
    /// The first name.
    pub first_name: Patch<String>,
    /// The last name.
    pub last_name: Patch<String>,
    /// Metadata of the application's pages: the text of a JSON object.
    pub unsafe_metadata: Option<String>,
    /// Whether the person accepts the legal terms.
    pub legal_accepted: Option<bool>,
    /// The person's language tag.
    pub locale: Patch<String>,
    /// The strategy to prepare in the same write.
    pub strategy: Option<Strategy>,
    /// The channel of a phone code; `sms` when absent.
    pub channel: Option<String>,
    /// An account at a provider.
    pub external: Option<External>,
    /// The invitation behind a ticket.
    pub invitation: Option<Box<Invitation>>,
    /// The identifier that the client's sign-in proved, and that no user holds.
    pub proved: Option<Box<Proved>>,
    /// The client's sign-in whose account or identifier is taken over; it can be taken over only once.
    pub consumes: Option<Consumed>,
    /// Where a link leads in the end: an absolute URL that the instance allows.
    pub redirect_url: Option<String>,
    /// Whether a captcha was solved for this write.
    pub captcha_solved: bool,
    /// Whether the client's token is in a cookie that browser navigations send.
    pub in_cookie: bool,
    /// The kinds of identifiers given here that a user already holds, by a look-up before the command; the commit
    /// decides.
    pub taken: BTreeSet<IdentifierKind>,
}

impl RawFields {
    /// The ticket, trimmed; `None` if empty.
    pub fn ticket(&self) -> Option<&str> {
        self.ticket.as_deref().map(text::token).filter(|ticket| !ticket.is_empty())
    }

    /// Whether to take over the account that the client's sign-in proved and that no user holds.
    pub fn is_transfer(&self) -> bool {
        self.transfer.as_deref().is_some_and(text::is_true)
    }

    /// The token of a captcha; `None` if it is longer than any valid one.
    pub fn captcha_token(&self) -> Option<&str> {
        let token = self.captcha_token.as_ref().map(|token| token.expose().as_str());
        token.filter(|token| !token.is_empty() && token.len() <= TOKEN_MAX)
    }

    /// The parameters that are longer than any valid value, checked before any other work. Parameters that are not
    /// listed here report this themselves, or are optional hints from the client, which are dropped.
    fn oversized(&self) -> Vec<Reason> {
        let secret = |secret: &Option<Secret<String>>| secret.as_ref().map_or(0, |text| text.expose().len());
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let sizes = [
            ("web3_wallet", text(&self.web3_wallet), WORD_MAX),
            ("strategy", text(&self.strategy), WORD_MAX),
            ("transfer", text(&self.transfer), WORD_MAX),
            ("legal_accepted", text(&self.legal_accepted), WORD_MAX),
            ("ticket", text(&self.ticket), TOKEN_MAX),
            ("token", secret(&self.token), TOKEN_MAX),
        ];
        let too_long = sizes.into_iter().filter(|(_, size, max)| size > max);
        too_long.map(|(param, _, max)| ErrorCode::FormParamMaxLengthExceeded.on(param).with(max as u32)).collect()
    }
}

impl Fields {
    /// Parses raw parameters by the instance's settings. The second value is the password to check and hash, if one was
    /// given; the caller puts its digest into `password_digest`.
    ///
    /// # Errors
    /// Every fault found, each naming its parameter.
    pub fn parse(raw: &RawFields, settings: &Settings) -> Result<(Self, Option<Candidate>), Rejection> {
        Rejection::collect(raw.oversized())?;
        let mut reasons = Vec::new();
        let mut fields = Self::default();
        let (mut email, mut phone) = (raw.email_address.as_deref(), raw.phone_number.as_deref());
        match raw.email_address_or_phone_number.as_deref() {
            Some("") => {}
            Some(either) if either.contains(text::is_at_sign) => email = email.or(Some(either)),
            Some(either) => phone = phone.or(Some(either)),
            None => {}
        }
        let mut reader = Reader { settings, reasons: &mut reasons };
        let restrictions = &settings.restrictions;
        let ticket = raw.ticket();
        fields.email_address = reader.read(&Field::EmailAddress, email, |text| {
            let email = EmailAddress::parse(text)?;
            // With a ticket the only accepted address is the invited one, which the operator admits.
            let verdict = match ticket {
                Some(_) => restrictions.admit_invited(&email),
                None => restrictions.admit_email(&email, true),
            };
            verdict.map(|()| email)
        });
        fields.phone_number = reader.read(&Field::PhoneNumber, phone, |text| {
            let phone = PhoneNumber::parse(text)?;
            let verdict = match ticket {
                Some(_) => restrictions.admit_invited_phone(&phone),
                None => restrictions.admit_phone(&phone),
            };
            verdict.map(|()| phone)
        });
        fields.username =
            reader.read(&Field::Username, raw.username.as_deref(), |t| Username::parse(t, &settings.username_settings));
        fields.first_name = reader.read(&Field::FirstName, raw.first_name.as_deref(), |t| name("first_name", t));
        fields.last_name = reader.read(&Field::LastName, raw.last_name.as_deref(), |t| name("last_name", t));
        let _: Patch<String> = reader.read(&Field::Web3Wallet, raw.web3_wallet.as_deref(), |_| {
            Err(ErrorCode::FormParamValueDisabled.on("web3_wallet"))
        });
        let mut password = None;
        match raw.password.as_ref().map(|p| p.expose().as_str()) {
            None => {}
            Some(_) if !settings.enabled(&Field::Password) => reasons.push(ErrorCode::FormParamUnknown.on("password")),
            Some("") => fields.password_digest = Patch::Clear,
            Some(plain) => match password_policy::check(plain, &settings.password_settings) {
                Ok(accepted) => password = Some(accepted),
                Err(faults) => reasons.extend(faults),
            },
        }
        let mut take = |result: Result<(), Reason>| reasons.extend(result.err());
        take(metadata("unsafe_metadata", raw.unsafe_metadata.as_deref()).map(|m| fields.unsafe_metadata = m));
        take(flag("legal_accepted", raw.legal_accepted.as_deref()).map(|flag| fields.legal_accepted = flag));
        take(availability::enabled_strategy(raw.strategy.as_deref(), settings).map(|s| fields.strategy = s));
        fields.channel = availability::channel(raw.channel.as_deref());
        fields.redirect_url = raw.redirect_url.clone().filter(|url| !url.is_empty());
        fields.locale = match raw.locale.as_deref() {
            None => Patch::Keep,
            Some("") => Patch::Clear,
            Some(text) => locale(text).map_or(Patch::Keep, Patch::Set),
        };
        if fields.strategy == Some(Strategy::Ticket) && ticket.is_none() {
            take(Err(ErrorCode::FormParamMissing.on("ticket")));
        }
        Rejection::collect(reasons)?;
        Ok((fields, password))
    }

    /// Whether an identifier of this kind is set or cleared here.
    pub fn names(&self, kind: IdentifierKind) -> bool {
        if self.proved.as_ref().is_some_and(|proved| proved.identifier.kind == kind) {
            return true;
        }
        match kind {
            IdentifierKind::EmailAddress => self.email_address != Patch::Keep,
            IdentifierKind::PhoneNumber => self.phone_number != Patch::Keep,
            IdentifierKind::Username => self.username != Patch::Keep,
            IdentifierKind::ExternalAccount => self.external.is_some(),
            IdentifierKind::ExternalId => false,
        }
    }

    /// The identifiers set here.
    pub fn identifiers(&self) -> Vec<Identifier> {
        let mut found = Vec::new();
        if let Patch::Set(email) = &self.email_address {
            found.push(email.identifier());
        }
        if let Patch::Set(phone) = &self.phone_number {
            found.push(phone.identifier());
        }
        if let Patch::Set(username) = &self.username {
            found.push(username.identifier());
        }
        found
    }
}

/// Reads attributes and refuses those that the instance has not enabled.
struct Reader<'a> {
    settings: &'a Settings,
    reasons: &'a mut Vec<Reason>,
}

impl Reader<'_> {
    fn read<T>(&mut self, field: &Field, text: Option<&str>, parse: impl Fn(&str) -> Result<T, Reason>) -> Patch<T> {
        let Some(text) = text else { return Patch::Keep };
        if !self.settings.enabled(field) {
            self.reasons.push(ErrorCode::FormParamUnknown.on(field.as_str()));
            return Patch::Keep;
        }
        if text.is_empty() {
            return Patch::Clear;
        }
        match parse(text) {
            Ok(value) => Patch::Set(value),
            Err(reason) => {
                self.reasons.push(reason);
                Patch::Keep
            }
        }
    }
}

pub(super) fn name(param: &str, text: &str) -> Result<String, Reason> {
    let too_long = || ErrorCode::FormParamMaxLengthExceeded.on(param).with(NAME_MAX as u32);
    let text = text::trim(text);
    // Counted in bytes, before any work on it: no character has more than four.
    if text.len() > 4 * NAME_MAX {
        return Err(too_long());
    }
    match text::name(text) {
        None => Err(ErrorCode::FormParamFormatInvalid.on(param)),
        Some(name) if name.is_empty() => Err(ErrorCode::FormParamNil.on(param)),
        Some(name) if name.chars().count() > NAME_MAX => Err(too_long()),
        Some(name) => Ok(name),
    }
}

fn flag(param: &str, text: Option<&str>) -> Result<Option<bool>, Reason> {
    match text {
        None => Ok(None),
        // A check box without a value sends "on" (HTML).
        Some("true" | "1" | "on" | "yes") => Ok(Some(true)),
        Some("false" | "0" | "off" | "no" | "") => Ok(Some(false)),
        Some(_) => Err(ErrorCode::FormParamTypeInvalid.on(param)),
    }
}

/// The longest keyword, in bytes.
const WORD_MAX: usize = 256;
/// The longest token of another service, in bytes: a JWT with many claims has several thousand.
const TOKEN_MAX: usize = 16 * 1024;
/// The longest name, in code points.
const NAME_MAX: usize = 256;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_clients_send_by_themselves_refuse_nothing() {
        let long = "x".repeat(70_000);
        for odd in ["", "whatsapp", "\u{0}", "en-US@posix", &long] {
            let odd = || Some(odd.to_owned());
            let raw = RawFields {
                locale: odd(),
                channel: odd(),
                oidc_prompt: odd(),
                oidc_login_hint: odd(),
                captcha_token: odd().map(Secret::new),
                captcha_error: odd(),
                ..RawFields::default()
            };
            let (fields, _) = Fields::parse(&raw, &Settings::default()).expect("nothing that anybody meant");
            assert_eq!(fields.channel, None);
        }
    }

    #[test]
    fn consent_is_whatever_a_check_box_or_a_program_says() {
        for (text, meaning) in [
            ("true", Ok(Some(true))),
            ("1", Ok(Some(true))),
            ("on", Ok(Some(true))),
            ("yes", Ok(Some(true))),
            ("false", Ok(Some(false))),
            ("off", Ok(Some(false))),
            ("", Ok(Some(false))),
            ("maybe", Err(ErrorCode::FormParamTypeInvalid.on("legal_accepted"))),
        ] {
            assert_eq!(flag("legal_accepted", Some(text)), meaning, "{text}");
        }
    }
}
