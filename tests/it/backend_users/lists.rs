//! Lists and counts of users.

use vestibule::domain::id::UserId;
use vestibule::domain::settings::Attribute;
use vestibule::domain::sign_up::Patch;
use vestibule::domain::time::{Span, Timestamp};
use vestibule::domain::user::{NewUser, UserPatch};
use vestibule::engine::{ListParams, SessionListParams, UserFilter, UserListParams};

use super::{Site, code_of, named, settings};

#[tokio::test]
async fn the_newest_come_first_and_pages_follow_each_other() {
    let site = people(25).await;
    let whole = list(&site, UserListParams { limit: Some(500), ..UserListParams::default() }).await;
    let expected: Vec<_> = (0..25).rev().map(|n| format!("p{n:02}")).collect();
    assert_eq!(whole, expected);
    let mut paged = Vec::new();
    let mut after: Option<UserId> = None;
    loop {
        let params = UserListParams { limit: Some(7), starting_after: after, ..UserListParams::default() };
        let page = site.engine.users().list(&params).await.expect("a page");
        after = page.last().map(|user| user.id);
        paged.extend(page.iter().map(|user| user.username.as_ref().expect("a name").as_str().to_owned()));
        if page.len() < 7 {
            break;
        }
    }
    assert_eq!(paged, expected);
    let skipped = list(&site, UserListParams { offset: 20, ..UserListParams::default() }).await;
    assert_eq!(skipped, expected[20..]);
    assert_eq!(list(&site, UserListParams { offset: 25, ..UserListParams::default() }).await, Vec::<String>::new());
}

#[tokio::test]
async fn every_order_is_the_reverse_of_its_opposite() {
    let site = people(12).await;
    site.sign_in("p05@example.com").await.expect("signed in");
    let all = |order: String| UserListParams { order_by: Some(order), limit: Some(500), ..UserListParams::default() };
    for key in
        ["created_at", "updated_at", "email_address", "username", "first_name", "last_sign_in_at", "last_active_at"]
    {
        let mut up = list(&site, all(format!("+{key}"))).await;
        let down = list(&site, all(format!("-{key}"))).await;
        let page = UserListParams { offset: 3, limit: Some(4), ..all(format!("-{key}")) };
        assert_eq!(list(&site, page).await, down[3..7], "{key}");
        up.reverse();
        assert_eq!(up, down, "{key}");
        assert_eq!(up.len(), 12);
    }
    assert_eq!(list(&site, all("-last_sign_in_at".into())).await[0], "p05");
    assert_eq!(list(&site, all("-username".into())).await[0], "p11");
    let users = site.engine.users();
    assert_eq!(code_of(users.list(&all("shoe_size".into())).await), "form_param_value_invalid");
    let after = UserListParams { starting_after: Some(UserId::from_bytes([7; 16])), ..all("-username".into()) };
    assert_eq!(code_of(users.list(&after).await), "form_param_value_invalid");
}

#[tokio::test]
async fn an_address_is_found_by_its_domain_as_people_write_it() {
    let site = Site::new().await;
    site.ada().await;
    let elm = site.create(&named("elm@müller.example")).await;
    let part = Some("MÜLLER.example".to_owned());
    for filter in [
        UserFilter { query: part.clone(), ..none() },
        UserFilter { email_address_query: part.clone(), ..none() },
        UserFilter { email_address_query: Some("Elm@müller.example".into()), ..none() },
    ] {
        let found = site.engine.users().list(&with(filter)).await.expect("a list");
        assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), [elm.id]);
    }
    let blank = UserFilter { query: Some(" \u{a0}".into()), ..none() };
    assert_eq!(site.engine.users().count(&blank).await.expect("a number"), 0);
}

#[tokio::test]
async fn a_number_is_found_by_a_part_as_people_write_it() {
    let mut settings = settings();
    settings.attributes.phone_number = Attribute { enabled: true, ..Attribute::default() };
    let site = Site::with(settings).await;
    site.ada().await;
    let elm = site.create(&NewUser { phone_number: vec!["+1 415 555 2671".into()], ..named("elm@example.com") }).await;
    for part in ["+1 (415) 555", "415-555", "(415) 555-26 71", "+14155552671", "5552671"] {
        for filter in [
            UserFilter { query: Some(part.into()), ..none() },
            UserFilter { phone_number_query: Some(part.into()), ..none() },
        ] {
            let found = site.engine.users().list(&with(filter)).await.expect("a list");
            assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), [elm.id], "{part}");
        }
    }
    for part in ["+415", "no number", "+"] {
        let filter = UserFilter { phone_number_query: Some(part.into()), ..none() };
        let expected = u64::from(part == "+");
        assert_eq!(site.engine.users().count(&filter).await.expect("a number"), expected, "{part}");
    }
}

#[tokio::test]
async fn a_page_that_is_too_long_is_refused_and_not_cut() {
    let site = Site::new().await;
    let users = UserListParams { limit: Some(501), ..UserListParams::default() };
    assert_eq!(code_of(site.engine.users().list(&users).await), "form_param_value_invalid");
    let others = ListParams { limit: Some(501), ..ListParams::default() };
    assert_eq!(code_of(site.engine.invitations().list(&others).await), "form_param_value_invalid");
    assert_eq!(code_of(site.engine.waitlist().list(&others).await), "form_param_value_invalid");
    let sessions =
        SessionListParams { user_id: Some(UserId::from_bytes([7; 16])), limit: Some(501), ..Default::default() };
    assert_eq!(code_of(site.engine.sessions().list(&sessions).await), "form_param_value_invalid");
}

#[tokio::test]
async fn filters_are_combined_and_the_count_agrees_with_the_list() {
    let site = people(12).await;
    let third =
        site.engine.users().list(&with(UserFilter { username: vec!["p03".into()], ..none() })).await.expect("one");
    let id = third[0].id;
    site.engine.users().ban(id, None).await.expect("banned");
    let rename = UserPatch { first_name: Patch::Set("Ödön".into()), ..UserPatch::default() };
    site.engine.users().update(id, &rename, None).await.expect("renamed");
    let begin = Timestamp::from_millis(1_795_411_798_000);
    let filters = [
        (UserFilter { email_address: vec!["p01@example.com".into(), "P02@example.com".into()], ..none() }, "p02 p01"),
        (UserFilter { email_address: vec!["p01@example.com".into()], username: vec!["p02".into()], ..none() }, ""),
        (UserFilter { external_id: vec!["x-4".into(), "unknown".into()], ..none() }, "p04"),
        (UserFilter { email_address: vec!["no address".into()], ..none() }, ""),
        (UserFilter { user_id: vec![format!("+{id}")], ..none() }, "p03"),
        (UserFilter { user_id: vec![format!("-{id}")], banned: Some(true), ..none() }, ""),
        (UserFilter { banned: Some(true), ..none() }, "p03"),
        (UserFilter { query: Some("ÖD".into()), ..none() }, "p03"),
        // With an `@`, which no id has.
        (UserFilter { query: Some("P10@EX".into()), ..none() }, "p10"),
        (UserFilter { email_address_query: Some("p1".into()), username_query: Some("1".into()), ..none() }, "p11 p10"),
        (UserFilter { created_at_before: Some(begin + Span::from_secs(2)), ..none() }, "p01 p00"),
        (UserFilter { created_at_after: Some(begin + Span::from_secs(9)), ..none() }, "p11 p10"),
        (UserFilter { last_sign_in_at_after: Some(begin), ..none() }, ""),
        (UserFilter { provider: Some("oauth_google".into()), ..none() }, ""),
    ];
    for (filter, expected) in filters {
        let found = list(&site, with(filter.clone())).await;
        assert_eq!(found.join(" "), expected, "{filter:?}");
        let count = site.engine.users().count(&filter).await.expect("a count");
        assert_eq!(count, found.len() as u64, "{filter:?}");
    }
    assert_eq!(site.engine.users().count(&none()).await.expect("a count"), 12);
    let many = UserFilter { username: vec!["x".into(); 101], ..none() };
    assert_eq!(code_of(site.engine.users().count(&many).await), "form_param_value_invalid");
}

/// A site with so many users, created a second apart.
async fn people(count: usize) -> Site {
    let site = Site::new().await;
    for n in 0..count {
        let input = NewUser {
            username: Some(format!("p{n:02}")),
            first_name: Some(format!("Name {}", (n * 7) % count)),
            external_id: Some(format!("x-{n}")),
            ..named(&format!("p{n:02}@example.com"))
        };
        site.create(&input).await;
        site.tick();
    }
    site
}

async fn list(site: &Site, params: UserListParams) -> Vec<String> {
    let found = site.engine.users().list(&params).await.expect("a list");
    found.iter().map(|user| user.username.as_ref().expect("a name").as_str().to_owned()).collect()
}

fn with(filter: UserFilter) -> UserListParams {
    UserListParams { filter, ..UserListParams::default() }
}

fn none() -> UserFilter {
    UserFilter::default()
}
