//! Which users a list or a count is about.

use std::collections::BTreeSet;

use crate::domain::id::UserId;
use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::text;
use crate::domain::time::Timestamp;
use crate::domain::user::User;

/// Which users are meant: those for which every given filter holds. A filter with several values holds for each user
/// that fits one of them; values that can't be an identifier fit no user. The times are exclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the parameters of Clerk's GET /users")]
pub struct UserFilter {
    pub email_address: Vec<String>,
    pub phone_number: Vec<String>,
    pub username: Vec<String>,
    pub external_id: Vec<String>,
    /// Ids; with `-` before it, that user is left out.
    pub user_id: Vec<String>,
    /// A part of an address, a number, a username, an id or a name, in capital or small letters.
    pub query: Option<String>,
    pub email_address_query: Option<String>,
    pub phone_number_query: Option<String>,
    pub username_query: Option<String>,
    /// A part of the first and last name.
    pub name_query: Option<String>,
    pub banned: Option<bool>,
    pub created_at_before: Option<Timestamp>,
    pub created_at_after: Option<Timestamp>,
    pub last_active_at_before: Option<Timestamp>,
    pub last_active_at_after: Option<Timestamp>,
    pub last_sign_in_at_before: Option<Timestamp>,
    pub last_sign_in_at_after: Option<Timestamp>,
    /// A provider, such as `oauth_google`: only users with an account there.
    pub provider: Option<String>,
    /// Ids at that provider.
    pub provider_user_id: Vec<String>,
}

/// A filter, parsed once.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    filter: &'a UserFilter,
    /// For each filter by identifiers: the identifiers, one of which a user must hold.
    identifiers: Vec<BTreeSet<Identifier>>,
    included: Option<BTreeSet<UserId>>,
    excluded: BTreeSet<UserId>,
    query: Option<String>,
    /// The query in the form of e-mail addresses, whose domains are stored in ASCII.
    query_of_email: Option<String>,
    /// The query in the form of phone numbers, which are stored without separators.
    query_of_phone: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    username: Option<String>,
    name: Option<String>,
}

impl UserFilter {
    /// Reads the values.
    ///
    /// # Errors
    /// `form_param_value_invalid` for more than 100 values of one filter.
    pub(super) fn parse(&self) -> Result<Parsed<'_>, Rejection> {
        let lists = [
            ("email_address", &self.email_address),
            ("phone_number", &self.phone_number),
            ("username", &self.username),
            ("external_id", &self.external_id),
            ("user_id", &self.user_id),
            ("provider_user_id", &self.provider_user_id),
        ];
        let too_long = lists.iter().filter(|(_, values)| values.len() > VALUES_MAX);
        let reasons: Vec<Reason> = too_long.map(|(param, _)| ErrorCode::FormParamValueInvalid.on(param)).collect();
        Rejection::collect(reasons)?;
        let named = |kind, value: String| Identifier { kind, value };
        let read = |values: &[String], read: &dyn Fn(&str) -> Option<Identifier>| {
            let found = values.iter().filter_map(|text| read(text)).collect::<BTreeSet<_>>();
            (!values.is_empty()).then_some(found)
        };
        let provider = self.provider.as_deref().filter(|_| !self.provider_user_id.is_empty());
        let identifiers = [
            read(&self.email_address, &|text| EmailAddress::parse(text).ok().map(|email| email.identifier())),
            read(&self.phone_number, &|text| PhoneNumber::parse(text).ok().map(|phone| phone.identifier())),
            read(&self.username, &|text| Some(Username::meant(text).identifier())),
            read(&self.external_id, &|text| Some(named(IdentifierKind::ExternalId, text.to_owned()))),
            provider.and_then(|provider| {
                read(&self.provider_user_id, &|id| {
                    Some(named(IdentifierKind::ExternalAccount, format!("{provider} {id}")))
                })
            }),
        ];
        let (excluded, included): (Vec<&str>, Vec<&str>) =
            self.user_id.iter().map(String::as_str).partition(|text| text.starts_with('-'));
        let ids =
            |texts: &[&str]| texts.iter().filter_map(|id| id.trim_start_matches(['+', '-']).parse().ok()).collect();
        let part_of_email =
            |text: &Option<String>| text.as_deref().map(EmailAddress::fragment).filter(|fragment| !fragment.is_empty());
        let part_of_phone =
            |text: &Option<String>| text.as_deref().map(PhoneNumber::fragment).filter(|fragment| !fragment.is_empty());
        let part = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(text::folded);
        Ok(Parsed {
            filter: self,
            identifiers: identifiers.into_iter().flatten().collect(),
            included: (!included.is_empty()).then(|| ids(&included)),
            excluded: ids(&excluded),
            query: part(&self.query),
            query_of_email: part_of_email(&self.query),
            query_of_phone: part_of_phone(&self.query),
            email: part_of_email(&self.email_address_query),
            phone: part_of_phone(&self.phone_number_query).or_else(|| part(&self.phone_number_query)),
            username: part(&self.username_query),
            name: part(&self.name_query),
        })
    }
}

impl Parsed<'_> {
    /// Whether every user fits.
    pub(super) fn is_empty(&self) -> bool {
        *self.filter == UserFilter::default()
    }

    /// The identifiers and ids of which a fitting user must have one, where a filter names some: the fewest there are.
    pub(super) fn named(&self) -> Option<Named<'_>> {
        let identifiers = self.identifiers.iter().min_by_key(|values| values.len()).map(Named::Identifiers);
        self.included.as_ref().map(Named::Ids).or(identifiers)
    }

    /// Whether a user fits.
    pub(super) fn fits(&self, user: &User) -> bool {
        let filter = self.filter;
        let holds = || {
            let held = user.identifiers();
            self.identifiers.iter().all(|wanted| held.iter().any(|identifier| wanted.contains(identifier)))
        };
        let is_between = |at: Option<Timestamp>, after: Option<Timestamp>, before: Option<Timestamp>| {
            after.is_none_or(|after| at.is_some_and(|at| at > after))
                && before.is_none_or(|before| at.is_some_and(|at| at < before))
        };
        self.included.as_ref().is_none_or(|ids| ids.contains(&user.id))
            && !self.excluded.contains(&user.id)
            && filter.banned.is_none_or(|banned| banned == user.banned)
            && is_between(Some(user.created_at), filter.created_at_after, filter.created_at_before)
            && is_between(user.last_active_at, filter.last_active_at_after, filter.last_active_at_before)
            && is_between(user.last_sign_in_at, filter.last_sign_in_at_after, filter.last_sign_in_at_before)
            && filter.provider.as_ref().is_none_or(|name| user.external_accounts.iter().any(|a| a.provider == *name))
            && (self.identifiers.is_empty() || holds())
            && self.has_parts(user)
    }

    fn has_parts(&self, user: &User) -> bool {
        let emails = |part: &String| user.email_addresses.iter().any(|email| email.value.as_str().contains(part));
        let phones = |part: &String| user.phone_numbers.iter().any(|phone| phone.value.as_str().contains(part));
        let username = |part: &String| user.username.as_ref().is_some_and(|name| name.as_str().contains(part));
        let name = |part: &String| {
            let names = [&user.first_name, &user.last_name].map(|name| name.as_deref().unwrap_or_default());
            text::folded(&names.join(" ")).contains(part)
        };
        let any = |part: &String| {
            self.query_of_email.as_ref().is_some_and(emails)
                || self.query_of_phone.as_ref().is_some_and(phones)
                || username(part)
                || name(part)
                || user.external_id.as_ref().is_some_and(|id| text::folded(id).contains(part))
                || text::folded(&user.id.to_string()).contains(part)
        };
        self.query.as_ref().is_none_or(any)
            && self.email.as_ref().is_none_or(emails)
            && self.phone.as_ref().is_none_or(phones)
            && self.username.as_ref().is_none_or(username)
            && self.name.as_ref().is_none_or(name)
    }
}

/// What a filter names.
#[derive(Debug)]
pub(super) enum Named<'a> {
    /// Identifiers, to be looked up.
    Identifiers(&'a BTreeSet<Identifier>),
    /// Users.
    Ids(&'a BTreeSet<UserId>),
}

/// How many values one filter may have.
const VALUES_MAX: usize = 100;
