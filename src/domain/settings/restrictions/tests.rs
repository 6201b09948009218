//! What the lists and switches admit.

use super::lasting::{ALIAS_SERVICES, RESERVED};
use super::*;

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

fn list(entries: &[&str]) -> AccessList {
    let written: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    AccessList { enabled: true, identifiers: written.try_into().expect("entries"), ..AccessList::default() }
}

fn throw_away(identifiers: &[&str], allowed: &[&str]) -> Disposable {
    let allowed: Vec<String> = allowed.iter().map(|domain| (*domain).to_owned()).collect();
    let allowed_domains = allowed.try_into().expect("domains");
    Disposable { enabled: true, identifiers: list(identifiers).identifiers, allowed_domains }
}

#[test]
fn only_those_on_the_allow_list_may_where_it_counts() {
    let allowlist = list(&["Ada@Example.com", "@friends.example", "+14155552671", "+4930*"]);
    let mut restrictions = Restrictions { allowlist, ..Restrictions::default() };
    for text in ["ada@example.com", "bob@friends.example", "bob@deep.below.friends.example"] {
        assert_eq!(restrictions.admit_email(&email(text), true), Ok(()), "{text}");
    }
    for text in
        ["bob@example.com", "bob@notfriends.example", "ada@example.com.evil.example", "ada@friends.example.evil.org"]
    {
        assert_eq!(
            restrictions.admit_email(&email(text), true),
            Err(ErrorCode::NotAllowedAccess.on("email_address")),
            "{text}"
        );
    }
    assert_eq!(restrictions.admit_phone(&phone("+14155552671")), Ok(()));
    assert_eq!(restrictions.admit_phone(&phone("+493012345678")), Ok(()));
    assert_eq!(restrictions.admit_phone(&phone("+14155552672")), Err(ErrorCode::NotAllowedAccess.on("phone_number")));
    restrictions.allowlist.enabled = false;
    assert_eq!(restrictions.admit_email(&email("bob@example.com"), true), Ok(()));
}

#[test]
fn the_block_list_wins_over_the_allow_list() {
    let restrictions = Restrictions {
        allowlist: list(&["@example.com"]),
        blocklist: list(&["mallory@example.com", "*@bad.example.com", "+1900*"]),
        ..Restrictions::default()
    };
    assert!(restrictions.admit_email(&email("ada@example.com"), true).is_ok());
    assert!(restrictions.admit_email(&email("MALLORY@example.com"), true).is_err());
    assert!(restrictions.admit_email(&email("ada@bad.example.com"), true).is_err());
}

#[test]
fn an_entry_blocks_its_sub_addresses_and_allows_only_itself() {
    let mut restrictions = Restrictions { blocklist: list(&["mallory@bücher.example"]), ..Restrictions::default() };
    for text in ["mallory@BÜCHER.example", "Mallory+1@xn--bcher-kva.example", "mallory+a+b@bücher.example"] {
        assert!(restrictions.admit_email(&email(text), true).is_err(), "{text}");
        assert!(restrictions.admit_invited(&email(text)).is_err(), "{text}, invited");
    }
    assert!(restrictions.admit_email(&email("m+mallory@bücher.example"), true).is_ok());
    restrictions.blocklist = list(&["mallory+1@example.com"]);
    assert!(restrictions.admit_email(&email("mallory@example.com"), true).is_ok());
    let allowlist = list(&["ada@bücher.example"]);
    let restrictions = Restrictions { allowlist, ..Restrictions::default() };
    assert!(restrictions.admit_email(&email("ADA@xn--bcher-kva.example"), true).is_ok());
    assert!(restrictions.admit_email(&email("ada+1@bücher.example"), true).is_err());
}

#[test]
fn an_address_that_can_not_be_read_is_judged_by_its_domain() {
    let mut restrictions = Restrictions { blocklist: list(&["@bücher.example"]), ..Restrictions::default() };
    restrictions.block_disposable_email_domains.enabled = true;
    for text in [
        "\"a b\"@Bücher.example",
        "a..b@deep.xn--bcher-kva.example",
        "a b@mailinator.com",
        "@mailinator.com",
        "a\u{ad}b@mail\u{ad}inator.com",
        "a b＠ｍailinator.com",
    ] {
        assert!(EmailAddress::parse(text).is_err() && restrictions.admit_unreadable(text).is_err(), "{text}");
    }
    for text in ["", "@", "a b@gmail.com", "nobody", "a@b@"] {
        assert!(restrictions.admit_unreadable(text).is_ok(), "{text}");
    }
}

#[test]
fn subaddresses_and_throw_away_domains_are_switches() {
    let mut restrictions = Restrictions::default();
    let (tagged, disposable) = (email("ada+news@example.com"), email("x@mailinator.com"));
    assert!(restrictions.admit_email(&tagged, true).is_ok() && restrictions.admit_email(&disposable, true).is_ok());
    assert!(restrictions.admit_email(&tagged, false).is_err(), "where it comes from does not allow it");
    restrictions.block_email_subaddresses.enabled = true;
    restrictions.block_disposable_email_domains = throw_away(&["@throwaway.example"], &[]);
    for refused in [&tagged, &disposable, &email("x@deep.mailinator.com"), &email("x@throwaway.example")] {
        assert!(restrictions.admit_email(refused, true).is_err(), "{}", refused.as_str());
    }
    for usual in ["gmail.com", "outlook.com", "proton.me", "gmx.de", "qq.com", "mail.ru"] {
        assert!(restrictions.admit_email(&email(&format!("ada@{usual}")), true).is_ok(), "{usual}");
    }
}

#[test]
fn lasting_aliases_and_domains_of_nobody_are_not_thrown_away() {
    let restrictions = Restrictions { block_disposable_email_domains: throw_away(&[], &[]), ..Restrictions::default() };
    for domain in ALIAS_SERVICES.iter().chain(&RESERVED[..3]).chain(&["test.com", "a.test", "b.c.example", "d.invalid"])
    {
        for below in ["", "ada.", "deep.below."] {
            let address = format!("ada@{below}{domain}");
            assert_eq!(restrictions.admit_email(&email(&address), true), Ok(()), "{address}");
            assert_eq!(restrictions.admit_unreadable(&address.replace('@', " b@")), Ok(()), "{address}");
        }
    }
    for domain in ["mailinator.com", "sharklasers.com", "notduck.duckmail.sbs", "deep.guerrillamail.com", "yopmail.com"]
    {
        assert!(restrictions.admit_email(&email(&format!("ada@{domain}")), true).is_err(), "{domain}");
    }
}

#[test]
fn what_the_operator_says_of_a_domain_wins_over_what_is_known() {
    let restrictions = Restrictions {
        block_disposable_email_domains: throw_away(
            &["@duck.com", "@throwaway.example", "@bücher.example"],
            &["mailinator.com", "@sharklasers.com", "*@kept.throwaway.example", " BÜCHER.example "],
        ),
        ..Restrictions::default()
    };
    for taken in
        ["mailinator.com", "deep.mailinator.com", "sharklasers.com", "a.kept.throwaway.example", "bücher.example"]
    {
        assert!(restrictions.admit_email(&email(&format!("ada@{taken}")), true).is_ok(), "{taken}");
    }
    for refused in ["duck.com", "a.duck.com", "throwaway.example", "other.throwaway.example", "guerrillamail.com"] {
        assert!(restrictions.admit_email(&email(&format!("ada@{refused}")), true).is_err(), "{refused}");
    }
    for entry in ["", "@", "nodot", "a b.com", "ada@example.com", "*", "example..com"] {
        assert!(Domains::try_from(vec![entry.to_owned()]).is_err(), "{entry}");
    }
    let shown = serde_json::to_string(&restrictions.without_lists()).expect("JSON");
    assert!(shown.contains(r#""block_disposable_email_domains":{"enabled":true}"#), "{shown}");
}

#[test]
fn countries_are_those_of_numbers_not_of_their_prefix() {
    let countries = |allowed: &[&str], blocked: &[&str]| {
        let owned = |list: &[&str]| list.iter().map(|c| (*c).to_owned()).collect();
        let phone_countries = PhoneCountries { allowed: owned(allowed), blocked: owned(blocked) };
        Restrictions { phone_countries, ..Restrictions::default() }
    };
    let (us, ca) = (phone("+14155552671"), phone("+16135550123"));
    assert!(countries(&["US"], &[]).admit_phone(&us).is_ok());
    let refused = Err(ErrorCode::UnsupportedCountryCode.on("phone_number"));
    assert_eq!(countries(&["US"], &[]).admit_phone(&ca), refused);
    assert_eq!(countries(&[], &["ca"]).admit_phone(&ca), refused);
    assert!(countries(&[], &["CA"]).admit_phone(&us).is_ok());
    // Area codes newer than the numbering plan in use.
    for new in ["+14365552671", "+18615552671"] {
        assert!(countries(&["US"], &[]).admit_phone(&phone(new)).is_ok(), "{new}");
        assert_eq!(countries(&[], &["US"]).admit_phone(&phone(new)), refused, "{new}");
        assert_eq!(countries(&["CA"], &[]).admit_phone(&phone(new)), refused, "{new}");
    }
}

#[test]
fn an_entry_that_means_nothing_is_refused() {
    for entry in ["", "example.com", "@", "@nodot", "*", "1900*", "+*", "+12ab*", "a@b", "*example.com"] {
        assert!(Patterns::try_from(vec![entry.to_owned()]).is_err(), "{entry}");
    }
    let entries = [
        "\u{feff}mallory@example.com\u{a0}",
        "＠bücher.example",
        "+1 212\u{2011}*",
        "\u{202a}+44 20 7946 0958\u{202c}",
    ];
    let blocklist = list(&entries);
    let restrictions = Restrictions { blocklist, ..Restrictions::default() };
    for text in ["mallory@example.com", "a@xn--bcher-kva.example"] {
        assert!(restrictions.admit_email(&email(text), true).is_err(), "{text}");
    }
    for text in ["+12125550123", "+442079460958"] {
        assert!(restrictions.admit_phone(&phone(text)).is_err(), "{text}");
    }
    let written = vec!["@Example.COM".to_owned(), "+1 415 555 2671".to_owned()];
    let patterns = Patterns::try_from(written.clone()).expect("entries");
    assert_eq!(Vec::from(patterns), written, "shown as they were written");
}

#[test]
fn browsers_do_not_see_the_lists() {
    let restrictions = Restrictions {
        blocklist: list(&["mallory@example.com"]),
        phone_countries: PhoneCountries { allowed: vec!["US".into()], ..PhoneCountries::default() },
        ..Restrictions::default()
    };
    let shown = serde_json::to_string(&restrictions.without_lists()).expect("JSON");
    assert!(!shown.contains("mallory") && !shown.contains("US"), "{shown}");
    assert!(shown.contains(r#""blocklist":{"enabled":true}"#), "{shown}");
}

#[test]
fn entries_that_were_added_later_count_as_the_configured_ones_do() {
    const ENTRIES: [&str; 4] = ["ada@example.com", "*@bad.example", "+14155552671", "+1900*"];
    let mut stored = Patterns::default();
    for entry in ENTRIES {
        stored.insert(&entry.parse().expect("a pattern"));
    }
    let later = AccessList { enabled: true, stored: stored.clone(), ..AccessList::default() };
    let both = |list: AccessList| {
        let blocking = Restrictions { blocklist: list.clone(), ..Restrictions::default() };
        [blocking, Restrictions { allowlist: list, ..Restrictions::default() }]
    };
    for (configured, later) in both(list(&ENTRIES)).into_iter().zip(both(later)) {
        for text in ["ada@example.com", "ada+tag@example.com", "bob@deep.bad.example", "bob@example.com"] {
            let address = email(text);
            assert_eq!(later.admit_email(&address, true), configured.admit_email(&address, true), "{text}");
            assert_eq!(later.admit_invited(&address), configured.admit_invited(&address), "{text}");
            assert_eq!(later.admit_unreadable(text), configured.admit_unreadable(text), "{text}");
            let identifier = address.identifier();
            assert_eq!(later.admit_at_sign_in(&identifier), configured.admit_at_sign_in(&identifier), "{text}");
        }
        for text in ["+14155552671", "+19005552671", "+14155552672"] {
            assert_eq!(later.admit_phone(&phone(text)), configured.admit_phone(&phone(text)), "{text}");
        }
    }
    assert_eq!(stored.len(), ENTRIES.len());
    let shared = stored.clone();
    for entry in ENTRIES {
        stored.remove(&entry.parse().expect("a pattern"));
    }
    assert!(stored.is_empty() && shared.len() == ENTRIES.len(), "a clone keeps what it has");
}
