//! The fields of a create or an update, read by the settings. Reading reports every fault at once; then nothing is
//! stored ([guide: Sign-up calls](crate::guide::contract_sign_ups#sign-up-calls)).

use std::collections::BTreeSet;

use crate::domain::field::Field;
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
use crate::domain::invitation::Invitation;
use crate::domain::locale::locale;
use crate::domain::password_policy::{self, Candidate};
use crate::domain::person::name;
use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::settings::Settings;
use crate::domain::text;
use crate::domain::transfer::{Consumed, Proved};
use crate::domain::verification::{PhoneChannel, Strategy, check_enabled};

use super::{External, SignUpPatch};

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
    pub channel: Option<PhoneChannel>,
    /// An account at a provider.
    pub external: Option<External>,
    /// The invitation behind a ticket.
    pub invitation: Option<Box<Invitation>>,
    /// The identifier that the client's sign-in proved, and that no user holds.
    pub proved: Option<Box<Proved>>,
    /// The client's sign-in whose account or identifier is taken over; it can be taken over only once.
    pub consumes: Option<Consumed>,
    /// Where a link leads in the end.
    pub redirect_url: Option<RedirectUrl>,
    /// Whether a captcha was solved for this write.
    pub captcha_solved: bool,
    /// Whether the client's token is in a cookie that browser navigations send.
    pub in_cookie: bool,
    /// The kinds of identifiers given here that a user already holds, by a look-up before the command; the commit
    /// decides.
    pub taken: BTreeSet<IdentifierKind>,
}

impl Fields {
    /// Reads an input by the instance's settings. The second value is the password to check and hash, if one was given;
    /// the caller puts its digest into `password_digest`.
    ///
    /// # Errors
    /// Every fault found, each naming its parameter.
    pub fn parse(input: &SignUpPatch, settings: &Settings) -> Result<(Self, Option<Candidate>), Rejection> {
        Self::parse_beside(&[], input, settings)
    }

    /// The same where some parameters could not be read: their `faults` are reported with the others, in the order of
    /// the parameters.
    ///
    /// # Errors
    /// Every fault found, each naming its parameter.
    pub(crate) fn parse_beside(
        faults: &[Reason],
        input: &SignUpPatch,
        settings: &Settings,
    ) -> Result<(Self, Option<Candidate>), Rejection> {
        Rejection::collect(oversized(faults, input))?;
        let mut reasons = Vec::new();
        let mut fields = Self::default();
        let (mut email, mut phone) = (input.email_address.text(), input.phone_number.text());
        match input.email_address_or_phone_number.as_deref() {
            Some("") => {}
            Some(either) if either.contains(text::is_at_sign) => email = email.or(Some(either)),
            Some(either) => phone = phone.or(Some(either)),
            None => {}
        }
        let mut reader = Reader { settings, reasons: &mut reasons };
        let restrictions = &settings.restrictions;
        let ticket = input.ticket();
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
            reader.read(&Field::Username, input.username.text(), |t| Username::parse(t, &settings.username_settings));
        fields.first_name = reader.read(&Field::FirstName, input.first_name.text(), |t| name("first_name", t));
        fields.last_name = reader.read(&Field::LastName, input.last_name.text(), |t| name("last_name", t));
        let _: Patch<String> = reader.read(&Field::Web3Wallet, input.web3_wallet.as_deref(), |_| {
            Err(ErrorCode::FormParamValueDisabled.on("web3_wallet"))
        });
        let mut password = None;
        match input.password.text() {
            None => {}
            Some(_) if !settings.enabled(&Field::Password) => reasons.push(ErrorCode::FormParamUnknown.on("password")),
            Some("") => fields.password_digest = Patch::Clear,
            Some(plain) => match password_policy::check(plain, &settings.password_settings) {
                Ok(accepted) => password = Some(accepted),
                Err(faults) => reasons.extend(faults),
            },
        }
        fields.unsafe_metadata = input.unsafe_metadata.as_ref().map(|metadata| metadata.as_str().to_owned());
        fields.legal_accepted = input.legal_accepted;
        reasons.extend(["unsafe_metadata", "legal_accepted"].iter().filter_map(|param| fault_of(faults, param)));
        match &input.strategy {
            Some(strategy) => reasons.extend(check_enabled(strategy, settings).err()),
            None => reasons.extend(fault_of(faults, "strategy")),
        }
        fields.strategy.clone_from(&input.strategy);
        fields.channel = input.channel;
        fields.redirect_url.clone_from(&input.authorize.redirect_url);
        fields.locale = match input.locale.text() {
            None => Patch::Keep,
            Some("") => Patch::Clear,
            Some(text) => locale(text).map_or(Patch::Keep, Patch::Set),
        };
        if fields.strategy == Some(Strategy::Ticket) && ticket.is_none() {
            reasons.push(ErrorCode::FormParamMissing.on("ticket"));
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

/// The parameters that are longer than any valid value, checked before any other work. Parameters that are not listed
/// here report this themselves, or are optional hints from the client, which are dropped.
fn oversized(faults: &[Reason], input: &SignUpPatch) -> Vec<Reason> {
    let size = |text: Option<&str>| text.map_or(0, str::len);
    let token = input.token.as_ref().map(|token| token.expose().as_str());
    let check = |param: &str, text: Option<&str>, max: usize| {
        let too_long = || ErrorCode::FormParamMaxLengthExceeded.on(param).with(max as u32);
        (size(text) > max).then(too_long)
    };
    // The reader of a request has measured those that are typed here.
    let measured = |param| fault_of(faults, param).filter(|fault| fault.code == ErrorCode::FormParamMaxLengthExceeded);
    let found = [
        check("web3_wallet", input.web3_wallet.as_deref(), WORD_MAX),
        measured("strategy"),
        measured("transfer"),
        measured("legal_accepted"),
        check("ticket", input.ticket.as_deref(), TOKEN_MAX),
        check("token", token, TOKEN_MAX),
    ];
    found.into_iter().flatten().collect()
}

fn fault_of(faults: &[Reason], param: &str) -> Option<Reason> {
    faults.iter().find(|fault| fault.param.as_deref() == Some(param)).cloned()
}

/// The longest keyword, in bytes.
const WORD_MAX: usize = 256;
/// The longest token of another service, in bytes: a JWT with many claims has several thousand.
const TOKEN_MAX: usize = 16 * 1024;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sign_up::NewSignUp;
    use crate::domain::verification::AuthorizeParams;

    #[test]
    fn parameters_that_clients_send_by_themselves_refuse_nothing() {
        let long = "x".repeat(70_000);
        for odd in ["", "whatsapp", "\u{0}", "en-US@posix", &long] {
            let odd = || Some(odd.to_owned());
            let authorize = AuthorizeParams { prompt: odd(), login_hint: odd(), ..AuthorizeParams::default() };
            let input = NewSignUp {
                locale: odd(),
                authorize,
                captcha_token: odd().map(Secret::new),
                captcha_error: odd(),
                ..NewSignUp::default()
            };
            assert!(Fields::parse(&input.into(), &Settings::default()).is_ok(), "nothing that anybody meant");
        }
    }

    #[test]
    fn faults_of_the_reader_are_reported_in_the_order_of_the_parameters() {
        let faults =
            [ErrorCode::FormParamValueInvalid.on("strategy"), ErrorCode::FormParamTypeInvalid.on("legal_accepted")];
        let input = NewSignUp::new().email_address("ada@example.com").into();
        let refused = Fields::parse_beside(&faults, &input, &Settings::default()).expect_err("three faults");
        let params: Vec<_> = refused.reasons().iter().filter_map(|reason| reason.param.as_deref()).collect();
        assert_eq!(params, ["email_address", "legal_accepted", "strategy"]);
    }
}
