//! The person's own identifiers and names: a password must not consist of them.

use crate::domain::verification::Profile;

use super::{External, Fields, Patch, SignUp};

/// The person's identifiers and names, from earlier steps, from this write, from the provider, or from the invitation.
/// Values that this write removes count too, since they were given before.
///
/// The reverse check is not possible: of a password from an earlier step only the digest is stored, and comparing it
/// with each later address, name and username would cost one hash each, on a write that needs no hash now. The forms of
/// this flow ask for the password last or with all other fields.
pub fn own_words<'a>(sign_up: Option<&'a SignUp>, fields: &'a Fields) -> Vec<&'a str> {
    let mut words = Vec::new();
    if let Some(sign_up) = sign_up {
        words.extend(sign_up.email_address.iter().map(|email| email.value.typed()));
        words.extend(sign_up.phone_number.iter().map(|phone| phone.value.as_str()));
        words.extend(sign_up.username.iter().map(|username| username.as_str()));
        words.extend([&sign_up.first_name, &sign_up.last_name].into_iter().flatten().map(String::as_str));
        let profile = sign_up.external_account.as_ref().and_then(|account| account.profile.as_ref());
        words.extend(profile.into_iter().flat_map(named));
    }
    words.extend(set(&fields.email_address).map(|email| email.typed()));
    words.extend(set(&fields.phone_number).map(|phone| phone.as_str()));
    words.extend(set(&fields.username).map(|username| username.as_str()));
    words.extend(set(&fields.first_name).into_iter().chain(set(&fields.last_name)).map(String::as_str));
    if let Some(External::Answered(_, answer)) = &fields.external {
        words.extend(answer.outcome.iter().flat_map(named));
    }
    words.extend(fields.proved.iter().map(|proved| proved.identifier.value.as_str()));
    words.extend(fields.invitation.iter().map(|invitation| invitation.email_address.typed()));
    words
}

fn named(profile: &Profile) -> impl Iterator<Item = &str> {
    let names = [&profile.email_address, &profile.first_name, &profile.last_name, &profile.username];
    names.into_iter().flatten().map(String::as_str)
}

fn set<T>(patch: &Patch<T>) -> Option<&T> {
    match patch {
        Patch::Set(value) => Some(value),
        Patch::Keep | Patch::Clear => None,
    }
}
