//! Values of the application: by their keys, by the beginning of their names, and together with a decision.

use crate::domain::application_value::{ApplicationValue, ValueKey};
use crate::store::{Commit, Decision, Store, ValueWrite};

use super::support::*;

pub(super) async fn a_value_is_kept_replaced_and_removed(store: &impl Store) {
    let key = key("billing", "ada");
    assert_eq!(store.application_value(&key).await, Ok(None));
    for text in ["free", "paid"] {
        commit(store, put("billing", "ada", text)).await.expect("a value");
        assert_eq!(read(store, &key).await.as_deref(), Some(text.as_bytes()));
    }
    commit(store, put("billing", "empty", "")).await.expect("an empty value is a value");
    assert_eq!(read(store, &self::key("billing", "empty")).await.as_deref(), Some(&b""[..]));
    assert_eq!(store.application_value(&self::key("mail", "ada")).await, Ok(None), "another namespace");
    for _ in 0..2 {
        commit(store, of(vec![ValueWrite::Remove(key.clone())])).await.expect("also where it is gone");
        assert_eq!(store.application_value(&key).await, Ok(None));
    }
    let both = vec![ValueWrite::Put(value("billing", "ada", "again")), ValueWrite::Remove(key.clone())];
    commit(store, of(both)).await.expect("a commit");
    assert_eq!(store.application_value(&key).await, Ok(None), "in order");
}

pub(super) async fn values_are_listed_by_the_beginning_of_their_names(store: &impl Store) {
    for (namespace, name) in [
        ("a", "x"),
        ("b", "ada"),
        ("b", "ada:2"),
        ("b", "ada:1"),
        ("b", "bob"),
        ("b", "ad"),
        ("b.c", "ada"),
        ("ba", "x"),
    ] {
        commit(store, put(namespace, name, name)).await.expect("a value");
    }
    let names = async |prefix: &str, after: Option<&str>, limit| -> Vec<String> {
        let after = after.map(|name| key("b", name));
        let found = store.application_values("b", prefix, after.as_ref(), limit).await.expect("readable");
        assert!(
            found
                .iter()
                .all(|value| value.key.namespace() == "b" && value.bytes.expose() == value.key.name().as_bytes())
        );
        found.iter().map(|value| value.key.name().to_owned()).collect()
    };
    assert_eq!(names("", None, 10).await, ["ad", "ada", "ada:1", "ada:2", "bob"]);
    assert_eq!(names("ada", None, 10).await, ["ada", "ada:1", "ada:2"], "with the name that is the prefix itself");
    assert_eq!(names("ada", None, 2).await, ["ada", "ada:1"]);
    assert_eq!(names("ada", None, 1).await, ["ada"]);
    assert_eq!(names("ada", None, 0).await, [""; 0]);
    assert_eq!(names("ada", Some("ada"), 1).await, ["ada:1"]);
    assert_eq!(names("ada", Some("ad"), 10).await, ["ada", "ada:1", "ada:2"], "from before the prefix");
    assert_eq!(names("ada", Some("bob"), 10).await, [""; 0], "from behind it");
    assert_eq!(names("ada:", Some("ada:1"), 10).await, ["ada:2"]);
    assert_eq!(names("c", None, 10).await, [""; 0]);
}

pub(super) async fn a_value_is_written_with_its_decision_or_not_at_all(store: &impl Store) {
    let (ada, eve) = (open(1, "ada@example.com"), open(2, "ada@example.com"));
    for sign_up in [&ada, &eve] {
        commit(store, create(sign_up)).await.expect("a sign-up");
    }
    for (sign_up, name, outcome) in [(&ada, "ada", Ok(())), (&eve, "eve", TAKEN)] {
        let mut converted = convert(sign_up);
        converted.decision.values = vec![ValueWrite::Put(value("plans", name, "free"))];
        assert_eq!(commit(store, converted).await, outcome);
    }
    assert!(store.application_value(&key("plans", "ada")).await.expect("readable").is_some());
    assert_eq!(store.application_value(&key("plans", "eve")).await, Ok(None), "there is no such user");
}

async fn read(store: &impl Store, key: &ValueKey) -> Option<Vec<u8>> {
    let found = store.application_value(key).await.expect("readable")?;
    assert_eq!(&found.key, key);
    Some(found.bytes.into_inner())
}

fn put(namespace: &str, name: &str, text: &str) -> Commit {
    of(vec![ValueWrite::Put(value(namespace, name, text))])
}

fn of(values: Vec<ValueWrite>) -> Commit {
    Commit::of_decision(at(1), Decision { values, ..Decision::default() })
}

fn value(namespace: &str, name: &str, text: &str) -> ApplicationValue {
    ApplicationValue::new(key(namespace, name), text).expect("a small value")
}

fn key(namespace: &str, name: &str) -> ValueKey {
    ValueKey::new(namespace, name).expect("a key")
}
