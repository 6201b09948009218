//! Risks of sign-up restrictions: empty lists, entries without effect, unknown countries.

use std::collections::BTreeSet;

use super::Risks;
use super::countries::{is_country, meant};
use crate::domain::settings::Settings;
use crate::domain::settings::restrictions::{PhoneCountries, Restrictions};

pub(super) fn restrictions(settings: &Settings) -> Risks {
    let restrictions = &settings.restrictions;
    let mut risks = Risks::default();
    add_lists(&mut risks, restrictions);
    for (key, codes) in
        [("allowed", &restrictions.phone_countries.allowed), ("blocked", &restrictions.phone_countries.blocked)]
    {
        for code in codes.iter().filter(|code| !is_country(code)) {
            risks.say(format!("{COUNTRIES}.{key}"), no_country(code));
        }
    }
    add_both(&mut risks, &restrictions.phone_countries);
    risks
}

fn add_lists(risks: &mut Risks, restrictions: &Restrictions) {
    let (allowed, blocked) = (&restrictions.allowlist, &restrictions.blocklist);
    risks.add(
        allowed.enabled && allowed.identifiers.is_empty(),
        "settings.restrictions.allowlist.enabled",
        "is true, but the list is empty: people can sign up only with an invitation; write the allowed entries in \
         `identifiers`, let your backend add them (POST /v1/allowlist_identifiers), or write false",
    );
    risks.add(
        blocked.enabled && blocked.identifiers.is_empty(),
        "settings.restrictions.blocklist.enabled",
        "is true, but the list is empty: it blocks nothing; write the blocked entries in `identifiers`, let your backend add \
         them (POST /v1/blocklist_identifiers), or write false",
    );
    let disposable = &restrictions.block_disposable_email_domains;
    for (section, key, is_idle) in [
        ("allowlist", "identifiers", !allowed.enabled && !allowed.identifiers.is_empty()),
        ("blocklist", "identifiers", !blocked.enabled && !blocked.identifiers.is_empty()),
        (DISPOSABLE, "identifiers", !disposable.enabled && !disposable.identifiers.is_empty()),
        (DISPOSABLE, "allowed_domains", !disposable.enabled && !disposable.allowed_domains.is_empty()),
    ] {
        risks.add(
            is_idle,
            &format!("settings.restrictions.{section}.{key}"),
            &format!(
                "has no effect: the list is not enabled; write enabled = true in [settings.restrictions.{section}]"
            ),
        );
    }
    let entries = |list: &crate::domain::settings::restrictions::AccessList| {
        let entries = Vec::from(list.identifiers.clone()).into_iter().map(|entry| entry.to_lowercase());
        entries.filter(|_| list.enabled).collect::<BTreeSet<_>>()
    };
    // Entries are addresses of people, so they are not shown.
    let both = entries(allowed).intersection(&entries(blocked)).count();
    risks.add(
        both > 0,
        "settings.restrictions.allowlist.identifiers",
        &format!(
            "contains entries that the block-list contains too ({both}): they are blocked; remove them from one of the \
             two"
        ),
    );
}

fn no_country(code: &str) -> String {
    let instead = match (meant(code), code.trim().to_ascii_uppercase().as_str()) {
        (Some(two), _) => format!("write {two:?}"),
        (None, "EU") => "write each country of the European Union, such as \"FR\"".to_owned(),
        (None, _) => "write the two letters of a country, such as \"US\"".to_owned(),
    };
    format!("contains {code:?}, which is not a country code (ISO 3166-1 alpha-2) and has no effect; {instead}")
}

fn add_both(risks: &mut Risks, countries: &PhoneCountries) {
    for code in &countries.allowed {
        risks.add(
            countries.blocked.iter().any(|blocked| blocked.eq_ignore_ascii_case(code)),
            &format!("{COUNTRIES}.allowed"),
            &format!(
                "contains {code:?}, which `blocked` contains too: its numbers are refused; remove it from one of the \
                 two"
            ),
        );
    }
}

const COUNTRIES: &str = "settings.restrictions.phone_countries";
const DISPOSABLE: &str = "block_disposable_email_domains";
