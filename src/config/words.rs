//! Turns error messages of serde into words for people who don't know the Rust types.

use toml::Value;

use super::documented;
use super::nearest::nearest;

/// Why `given` is invalid for `key`; continues a sentence that begins with the key. `message` is from serde or the
/// value's own type.
pub(super) fn in_words(message: &str, key: &str, given: &Value) -> String {
    let misfit = message.strip_prefix("invalid type: ").map(|rest| (rest, false));
    let misfit = misfit.or_else(|| message.strip_prefix("invalid value: ").map(|rest| (rest, true)));
    if let Some(((found, expected), is_beyond)) =
        misfit.and_then(|(rest, is_beyond)| Some((rest.rsplit_once(", expected ")?, is_beyond)))
    {
        return match expected {
            "a boolean" => "must be true or false, without quotes".into(),
            "a sequence" => list(key, given),
            "f32" | "f64" => "must be a number".into(),
            _ if limit(expected).is_some() => number(expected, is_beyond),
            _ if is_text(expected) => text(found, key, given),
            _ if expected == "a map" || expected.starts_with("struct ") => format!("must be a section: [{key}]"),
            _ => format!("does not fit: {message}"),
        };
    }
    if let Some((word, expected)) = message.strip_prefix("unknown variant `").and_then(|rest| rest.split_once('`')) {
        return format!("can't be {word:?}; use {}", any_of(&quoted_names(expected)));
    }
    if let Some((entry, what)) = message.strip_prefix('`').and_then(|rest| rest.split_once("` is not ")) {
        return format!("contains {entry:?}, which is not {what}{}", strategies(entry, key));
    }
    match message {
        _ if message.ends_with("give a complete URL") => {
            let example = documented::example(key).filter(|example| example.starts_with('"'));
            let example = example.map(|example| format!(", such as {}", example.trim_matches('"')));
            format!("{message}{}", example.unwrap_or_default())
        }
        _ if message.starts_with("missing field") => format!("must be a value, not the section [{key}]"),
        _ if message.starts_with("invalid ") => format!("does not fit: {message}"),
        _ => message.to_owned(),
    }
}

/// The names between backticks in a message of serde.
pub(super) fn quoted_names(expected: &str) -> Vec<&str> {
    expected.split('`').skip(1).step_by(2).collect()
}

fn is_text(expected: &str) -> bool {
    matches!(expected, "a string" | "path string" | "a path string" | "string or table" | "string only")
        || expected.starts_with("enum ")
}

fn text(found: &str, key: &str, given: &Value) -> String {
    match given {
        Value::Array(entries) if found != "sequence" => {
            let entry = entries.iter().find(|entry| !entry.is_str()).map(quoted).unwrap_or_default();
            format!("must contain texts in quotes, such as [{entry}]")
        }
        _ => {
            let example = documented::example(key).filter(|example| example.starts_with('"'));
            format!("must be a text in quotes, such as {}", example.map_or_else(|| quoted(given), str::to_owned))
        }
    }
}

fn list(key: &str, given: &Value) -> String {
    let example = documented::example(key).filter(|example| example.starts_with("[\""));
    format!("must be a list, such as {}", example.map_or_else(|| format!("[{}]", quoted(given)), str::to_owned))
}

/// The value as quoted text, for messages that suggest quotes.
fn quoted(given: &Value) -> String {
    match given {
        Value::Array(_) | Value::Table(_) => "\"…\"".into(),
        Value::String(text) => format!("{text:?}"),
        other => format!("\"{other}\""),
    }
}

fn number(expected: &str, is_beyond: bool) -> String {
    match limit(expected) {
        Some(most) if is_beyond && most < u64::from(u32::MAX) => format!("must be a whole number from 0 to {most}"),
        _ if is_beyond => "must be a whole number that is not negative, and no larger one than makes sense".into(),
        _ => "must be a whole number, without quotes".into(),
    }
}

/// Maximum value of an integer type; `None` for other types.
fn limit(expected: &str) -> Option<u64> {
    match expected {
        "u8" => Some(u64::from(u8::MAX)),
        "u16" => Some(u64::from(u16::MAX)),
        "u32" | "i32" => Some(u64::from(u32::MAX)),
        "u64" | "i64" | "usize" => Some(u64::MAX),
        _ => None,
    }
}

/// The strategies that can verify the attribute of `key`, with a suggestion for `entry`.
fn strategies(entry: &str, key: &str) -> String {
    let Some(attribute) = key.strip_suffix(".verifications") else { return String::new() };
    let names: &[&str] = match attribute.rsplit('.').next() {
        Some("email_address") => &["email_code", "email_link"],
        Some("phone_number") => &["phone_code"],
        _ => &["email_code", "email_link", "phone_code"],
    };
    match nearest(entry, names.iter().copied()) {
        Some(meant) => format!("; did you mean {meant:?}? It may contain {}", any_of(names)),
        None => format!("; it may contain {}", any_of(names)),
    }
}

/// Joins names in the form `"a", "b" or "c"`.
fn any_of(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_is_named_in_what_people_read() {
        let list = |text: &str| Value::Array(vec![Value::from(text)]);
        for (message, key, given, words) in [
            (
                "invalid type: integer `8080`, expected a string",
                "server.listen",
                8080.into(),
                "must be a text in quotes, such as \"localhost:8080\"",
            ),
            (
                "invalid type: integer `7`, expected a string",
                "settings.sign_up.captcha_widget_type",
                7.into(),
                "must be a text in quotes, such as \"7\"",
            ),
            (
                "invalid type: integer `3`, expected a string",
                "server.allowed_redirects",
                Value::Array(vec![3.into()]),
                "must contain texts in quotes, such as [\"3\"]",
            ),
            (
                "invalid type: sequence, expected a string",
                "server.listen",
                list("x"),
                "must be a text in quotes, such as \"localhost:8080\"",
            ),
            (
                "invalid type: string \"a\", expected a sequence",
                "server.allowed_origins",
                "a".into(),
                "must be a list, such as [\"http://localhost:3000\"]",
            ),
            (
                "invalid type: string \"10.0.0.1\", expected a sequence",
                "server.trusted_proxies",
                "10.0.0.1".into(),
                "must be a list, such as [\"10.0.0.1\"]",
            ),
            (
                "invalid type: string \"many\", expected usize",
                "server.max_connections",
                "many".into(),
                "must be a whole number, without quotes",
            ),
            (
                "invalid value: integer `70000`, expected u16",
                "email.port",
                70000.into(),
                "must be a whole number from 0 to 65535",
            ),
            (
                "invalid type: integer `1`, expected a boolean",
                "limits.source",
                1.into(),
                "must be true or false, without quotes",
            ),
            ("invalid type: integer `3`, expected struct Server", "server", 3.into(), "must be a section: [server]"),
            (
                "unknown variant `staging`, expected `development` or `production`",
                "instance.mode",
                "staging".into(),
                "can't be \"staging\"; use \"development\" or \"production\"",
            ),
            (
                "unknown variant `a`, expected one of `b`, `c`, `d`",
                "x",
                "a".into(),
                "can't be \"a\"; use \"b\", \"c\" or \"d\"",
            ),
            (
                "`email_cod` is not a verification strategy",
                "settings.attributes.email_address.verifications",
                list("email_cod"),
                "contains \"email_cod\", which is not a verification strategy; did you mean \"email_code\"? It may \
                 contain \"email_code\" or \"email_link\"",
            ),
            (
                "`pigeon` is not a verification strategy",
                "settings.attributes.phone_number.verifications",
                list("pigeon"),
                "contains \"pigeon\", which is not a verification strategy; it may contain \"phone_code\"",
            ),
            (
                "can't be \"x\"; give a complete URL",
                "instance.logo_url",
                "x".into(),
                "can't be \"x\"; give a complete URL, such as https://acme.example/logo.svg",
            ),
        ] {
            assert_eq!(in_words(message, key, &given), words, "{key}: {message}");
        }
    }
}
