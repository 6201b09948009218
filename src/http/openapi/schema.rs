//! The schemas of `tests/schemas` as JSON Schema (2020-12). There a schema is a table of keys with types, an optional key ends in
//! `?`, and a type is a name, `'a text'`, `a_prefix_*`, `[a list]`, `{an object with any keys}`, several of these with `|`
//! between, or objects with `&` between for all of their keys.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use toml::Table;

/// All schemas by name.
pub(super) fn components() -> Value {
    SCHEMAS.iter().map(|(name, kind)| (name.clone(), of_type(kind))).collect()
}

/// The schema of a type, such as `[invitation] | invitation_page`.
pub(super) fn of_expression(expression: &str) -> Value {
    let kinds = alternatives(expression);
    match &kinds[..] {
        [one] => of_one(one),
        // Texts that are written out are an enumeration.
        _ if kinds.iter().all(|kind| kind.starts_with('\'')) => {
            json!({"type": "string", "enum": kinds.iter().map(|kind| kind.trim_matches('\'')).collect::<Vec<_>>()})
        }
        _ => json!({"anyOf": kinds.into_iter().map(of_one).collect::<Vec<_>>()}),
    }
}

/// The schema of a parameter. In a form and in a query every value is a text, and a list is a parameter that comes several times.
pub(super) fn of_parameter(kind: &str, is_form: bool) -> Value {
    match kind {
        "text" => json!({"type": "string"}),
        "bool" => json!({"type": "boolean"}),
        "int" => json!({"type": "integer", "minimum": 0}),
        "ms" => json!({"type": "integer", "minimum": 0, "description": "milliseconds since 1970"}),
        "time" => json!({"type": "string", "format": "date-time"}),
        "json" => json!({"type": "string", "contentMediaType": "application/json"}),
        "object" if !is_form => json!({"type": "object"}),
        "list" => json!({"type": "array", "items": {"type": "string"}}),
        _ if kind == "object" => json!({"type": "string"}),
        _ => Value::Null,
    }
}

fn of_type(kind: &toml::Value) -> Value {
    match kind {
        toml::Value::String(expression) => of_expression(expression),
        toml::Value::Table(keys) => of_table(keys),
        _ => json!({}),
    }
}

fn of_table(keys: &Table) -> Value {
    let name = |key: &str| key.trim_end_matches('?').to_owned();
    let properties: Map<String, Value> = keys.iter().map(|(key, kind)| (name(key), of_type(kind))).collect();
    let required: Vec<&String> = keys.keys().filter(|key| !key.ends_with('?')).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn of_one(kind: &str) -> Value {
    match kind {
        _ if kind.contains('&') => {
            json!({"allOf": kind.split('&').map(|part| of_one(part.trim())).collect::<Vec<_>>()})
        }
        "null" => json!({"type": "null"}),
        "bool" => json!({"type": "boolean"}),
        "int" => json!({"type": "integer"}),
        "string" => json!({"type": "string"}),
        "filled" => json!({"type": "string", "minLength": 1}),
        "ms" => json!({"type": "integer", "minimum": 0, "description": "milliseconds since 1970"}),
        "s" => json!({"type": "integer", "minimum": 0, "description": "seconds since 1970"}),
        "object" => json!({"type": "object"}),
        _ if kind.starts_with('\'') => json!({"type": "string", "const": kind.trim_matches('\'')}),
        _ if kind.ends_with('*') => {
            let prefix = kind.trim_end_matches('*').replace('+', "\\+");
            json!({"type": "string", "pattern": format!("^{prefix}.")})
        }
        _ => match (inside(kind, '[', ']'), inside(kind, '{', '}')) {
            (Some(item), _) => json!({"type": "array", "items": of_expression(item)}),
            (_, Some(item)) => json!({"type": "object", "additionalProperties": of_expression(item)}),
            _ => json!({"$ref": format!("#/components/schemas/{kind}")}),
        },
    }
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

/// The schemas and aliases of all files. A test reads them all, so that a file that is no TOML is found there.
static SCHEMAS: LazyLock<Table> = LazyLock::new(|| {
    let mut all = Table::new();
    for text in FILES {
        let mut file: Table = text.parse().unwrap_or_default();
        if let Some(toml::Value::Table(aliases)) = file.remove("aliases") {
            all.extend(aliases);
        }
        all.extend(file);
    }
    all
});

const FILES: [&str; 6] = [
    include_str!("../../../tests/schemas/backend.toml"),
    include_str!("../../../tests/schemas/client.toml"),
    include_str!("../../../tests/schemas/environment.toml"),
    include_str!("../../../tests/schemas/errors.toml"),
    include_str!("../../../tests/schemas/flows.toml"),
    include_str!("../../../tests/schemas/operators.toml"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_written_as_json_schema() {
        for (expression, expected) in [
            ("filled", json!({"type": "string", "minLength": 1})),
            ("'a' | 'b'", json!({"type": "string", "enum": ["a", "b"]})),
            ("sua_*", json!({"type": "string", "pattern": "^sua_."})),
            ("+*", json!({"type": "string", "pattern": "^\\+."})),
            ("user | null", json!({"anyOf": [{"$ref": "#/components/schemas/user"}, {"type": "null"}]})),
            (
                "['a' | int]",
                json!({"type": "array", "items": {"anyOf": [{"type": "string", "const": "a"}, {"type": "integer"}]}}),
            ),
            (
                "user & part",
                json!({"allOf": [{"$ref": "#/components/schemas/user"}, {"$ref": "#/components/schemas/part"}]}),
            ),
            ("{int}", json!({"type": "object", "additionalProperties": {"type": "integer"}})),
        ] {
            assert_eq!(of_expression(expression), expected, "{expression}");
        }
    }

    #[test]
    fn every_file_of_schemas_is_read() {
        for text in FILES {
            assert!(text.parse::<Table>().is_ok_and(|table| !table.is_empty()), "{}", &text[..80]);
        }
        let all = components();
        assert_eq!(all["sign_up"]["properties"]["verifications"]["type"], "object");
        let is_required = |schema: &str, key: &str| {
            let keys = all[schema]["required"].as_array();
            keys.is_some_and(|keys| keys.contains(&json!(key)))
        };
        assert!(is_required("sign_up", "verifications") && !is_required("sign_up", "approval"));
        assert!(is_required("user", "id") && !is_required("user", "image_url"));
    }
}
