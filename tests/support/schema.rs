//! The schemas in `tests/schemas`, and a check of values against them.
//!
//! A schema is a table of keys. A key is required unless it ends in `?`; other keys are not allowed. The type of a key
//! is a table of its own, or one of the following, with `|` between alternatives: `null`, `bool`, `int`, `string`,
//! `filled` (a non-empty string), `ms` and `s` (times in milliseconds and seconds, near today), `object` (any),
//! `'text'` (exactly this text), `text*` (a string with this prefix), `[type]` (a list), `{type}` (an object with any
//! keys), or the name of a schema or alias.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use toml::{Table, Value as Type};

/// Faults of `value` as a `schema`; empty if it is valid.
pub(crate) fn faults(schema: &str, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check_expression(schema, value, schema, &mut found);
    found
}

fn check(kind: &Type, value: &Value, at: &str, found: &mut Vec<String>) {
    match kind {
        Type::String(expression) => check_expression(expression, value, at, found),
        Type::Table(keys) => match value {
            Value::Object(object) => check_keys(keys, object, at, found),
            _ => found.push(format!("{at}: {value} is no object")),
        },
        _ => panic!("{at}: {kind} is no type"),
    }
}

fn check_keys(keys: &Table, object: &Map<String, Value>, at: &str, found: &mut Vec<String>) {
    for (key, kind) in keys {
        let name = key.trim_end_matches('?');
        match object.get(name) {
            Some(value) => check(kind, value, &format!("{at}.{name}"), found),
            None if name == key => found.push(format!("{at}.{name}: is missing")),
            None => {}
        }
    }
    let is_known = |name: &str| keys.contains_key(name) || keys.contains_key(&format!("{name}?"));
    found.extend(object.keys().filter(|name| !is_known(name)).map(|name| format!("{at}.{name}: is in no schema")));
}

/// Reports the faults of the alternative that fits best.
fn check_expression(expression: &str, value: &Value, at: &str, found: &mut Vec<String>) {
    let faults = alternatives(expression).into_iter().map(|kind| {
        let mut found = Vec::new();
        check_one(kind, value, at, &mut found);
        found
    });
    found.extend(faults.min_by_key(Vec::len).unwrap_or_default());
}

fn check_one(kind: &str, value: &Value, at: &str, found: &mut Vec<String>) {
    let text = value.as_str();
    if kind.contains('&') {
        return check_keys(&keys_of_all(kind), value.as_object().unwrap_or(&Map::new()), at, found);
    }
    let fits = match kind {
        "null" => value.is_null(),
        "bool" => value.is_boolean(),
        "int" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "filled" => text.is_some_and(|text| !text.is_empty()),
        "ms" => value.as_u64().is_some_and(|ms| (1_500_000_000_000..10_000_000_000_000).contains(&ms)),
        "s" => value.as_u64().is_some_and(|s| (1_500_000_000..10_000_000_000).contains(&s)),
        "object" => value.is_object(),
        _ if kind.starts_with('\'') => text == Some(kind.trim_matches('\'')),
        _ if kind.ends_with('*') => {
            text.is_some_and(|text| text.strip_prefix(kind.trim_end_matches('*')).is_some_and(|rest| !rest.is_empty()))
        }
        _ => {
            match (inside(kind, '[', ']'), inside(kind, '{', '}'), value) {
                (Some(item), _, Value::Array(values)) => {
                    for (index, value) in values.iter().enumerate() {
                        check_expression(item, value, &format!("{at}[{index}]"), found);
                    }
                }
                (_, Some(item), Value::Object(object)) => {
                    for (key, value) in object {
                        check_expression(item, value, &format!("{at}.{key}"), found);
                    }
                }
                (None, None, _) => match SCHEMAS.get(kind) {
                    Some(schema) => check(schema, value, at, found),
                    None => panic!("{at}: there is no type `{kind}`"),
                },
                _ => found.push(format!("{at}: {value} is no {kind}")),
            }
            return;
        }
    };
    if !fits {
        found.push(format!("{at}: {value} is no {kind}"));
    }
}

/// The keys of several schemas with `&` between, as one.
fn keys_of_all(kind: &str) -> Table {
    let keys_of = |name: &str| match SCHEMAS.get(name.trim()) {
        Some(Type::Table(keys)) => keys.clone(),
        _ => panic!("`{name}` is no schema with keys"),
    };
    kind.split('&').flat_map(keys_of).collect()
}

fn inside(kind: &str, open: char, close: char) -> Option<&str> {
    kind.strip_prefix(open)?.strip_suffix(close)
}

/// The parts between `|` outside of brackets.
fn alternatives(expression: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = expression.split(|c| {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            _ => {}
        }
        c == '|' && depth == 0
    });
    parts.map(str::trim).collect()
}

/// The schemas and aliases by name.
static SCHEMAS: LazyLock<Table> = LazyLock::new(|| {
    let mut all = Table::new();
    for text in FILES {
        let mut file: Table = toml::from_str(text).expect("a file of schemas");
        let aliases = file.remove("aliases").map(|aliases| aliases.as_table().cloned().expect("a table"));
        for (name, kind) in file.into_iter().chain(aliases.into_iter().flatten()) {
            assert!(all.insert(name.clone(), kind).is_none(), "{name} stands twice");
        }
    }
    all
});

const FILES: [&str; 6] = [
    include_str!("../schemas/backend.toml"),
    include_str!("../schemas/client.toml"),
    include_str!("../schemas/environment.toml"),
    include_str!("../schemas/errors.toml"),
    include_str!("../schemas/flows.toml"),
    include_str!("../schemas/operators.toml"),
];

#[test]
fn a_schema_finds_what_is_wrong() {
    use serde_json::json;

    let token = json!({"object": "token", "jwt": "a.b.c"});
    assert_eq!(faults("token", &token), [""; 0]);
    assert_eq!(faults("token | null", &Value::Null), [""; 0]);
    assert_eq!(faults("[token]", &json!([token, token])), [""; 0]);
    for (kind, value, expected) in [
        ("token", json!({"object": "token"}), "token.jwt: is missing"),
        ("token", json!({"object": "token", "jwt": ""}), "token.jwt: \"\" is no filled"),
        ("token", json!({"object": "tokens", "jwt": "a"}), "token.object: \"tokens\" is no 'token'"),
        ("token", json!({"object": "token", "jwt": "a", "more": 1}), "token.more: is in no schema"),
        ("token | null", json!({"object": "token", "jwt": null}), "token | null.jwt: null is no filled"),
        ("[token]", json!({}), "[token]: {} is no [token]"),
        ("ms", json!(1_795_411_798), "ms: 1795411798 is no ms"),
        ("sua_*", json!("sia_1"), "sua_*: \"sia_1\" is no sua_*"),
        ("['a' | 'b']", json!(["a", "c"]), "['a' | 'b'][1]: \"c\" is no 'a'"),
    ] {
        assert_eq!(faults(kind, &value), [expected], "{kind}");
    }
    assert_eq!(faults("dev_browser", &json!({"object": "dev_browser", "id": "dvb_1"})), [""; 0]);
}
