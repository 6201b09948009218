//! `GET /openapi.json`: the document of OpenAPI 3.1 about every call, made of the route tables, of what each route takes and
//! answers ([`operations`](super::operations)), and of the schemas that the tests hold each answer against.

mod schema;

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::endpoint::{Endpoint, answer};
use super::operations::{self, FILE, NOTHING, OF_ALL, Operation, PAGE, REDIRECT, is_required, parameters};
use super::response::api_response::ApiResponse;
use super::response::cors::Realm;
use super::{backend, dev, frontend, ops};

/// The endpoint of the document itself.
pub(super) const ENDPOINTS: &[Endpoint] =
    &[Endpoint::get("/openapi.json", answer!(|i| Ok(show(i.call)))).open().quiet()];

fn show(call: &Call<'_>) -> ApiResponse {
    let made = if call.app.options.development { &DEVELOPMENT } else { &PRODUCTION };
    let text = made.get_or_init(|| document(call.app.options.development).to_string().into());
    ApiResponse::of("application/json", text.clone()).kept("no-cache")
}

/// The whole document. A production instance has no tools of development.
fn document(development: bool) -> Value {
    let tables = [frontend::ENDPOINTS, ops::ENDPOINTS, ENDPOINTS, backend::ENDPOINTS];
    let tables = tables.into_iter().chain(development.then_some(dev::ENDPOINTS));
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in tables.flatten() {
        let Some(operation) = operations::of(endpoint.method.as_str(), endpoint.path) else { continue };
        let described = described(endpoint, operation);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_ascii_lowercase()] = described;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Vestibule",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The calls of Clerk's Frontend API and Backend API that this instance answers.",
        },
        "paths": paths,
        "components": {
            "schemas": schema::components(),
            "securitySchemes": {
                "secret_key": {"type": "http", "scheme": "bearer", "description": "The secret key, for backends."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "__client"},
                "native": {
                    "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "The client token of an application without cookies, with _is_native=1.",
                },
                "dev_browser": {"type": "apiKey", "in": "query", "name": "__clerk_db_jwt"},
            },
        },
    })
}

fn described(endpoint: &Endpoint, operation: &Operation) -> Value {
    let in_path = named_in(endpoint.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let of_all = if endpoint.realm == Realm::Api { OF_ALL } else { "" };
    let in_query = parameters(operation.query).chain(parameters(of_all));
    let in_query = in_query.map(|parameter| in_query_of(operation, parameter));
    let mut described = json!({
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "tags": [tag(endpoint)],
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": responses(operation),
        "security": security(endpoint.realm),
    });
    if let Some(body) = body(endpoint, operation) {
        described["requestBody"] = json!({"required": false, "content": body});
    }
    described
}

/// The names in the braces of a path.
fn named_in(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

/// A parameter of a query. All values are texts there; what can't be read as its type is an answer of its own.
fn in_query_of(operation: &Operation, (name, kind): (&'static str, &'static str)) -> Value {
    let is_required = is_required(operation.query, name);
    let mut parameter =
        json!({"name": name, "in": "query", "required": is_required, "schema": schema::of_parameter(kind, true)});
    if kind == "list" {
        parameter["style"] = json!("form");
        parameter["explode"] = json!(true);
    }
    parameter
}

/// The kinds of bodies that an operation takes.
fn body(endpoint: &Endpoint, operation: &Operation) -> Option<Value> {
    let content_type = endpoint.content_type()?;
    let is_form = content_type == "application/x-www-form-urlencoded";
    let properties: Map<String, Value> =
        parameters(operation.body).map(|(name, kind)| (name.to_owned(), schema::of_parameter(kind, is_form))).collect();
    let object = json!({"type": "object", "properties": properties});
    let schema = match operation.answer.starts_with('[') && endpoint.path.ends_with("/bulk") {
        true => json!({"type": "array", "items": object, "minItems": 1, "maxItems": 10}),
        false => object,
    };
    let schema = if content_type == "*/*" { json!({}) } else { schema };
    Some(json!({content_type: {"schema": schema}}))
}

/// Every answer: the one that is wished for, and the errors, which are a page for a person.
fn responses(operation: &Operation) -> Value {
    let with = |description: &str, content: Value| json!({"description": description, "content": content});
    let page = json!({"text/html": {"schema": {"type": "string"}}});
    let errors = json!({
        "application/json": {"schema": {"$ref": "#/components/schemas/errors"}},
        "text/html": {"schema": {"type": "string"}},
    });
    let mut responses = json!({
        "3XX": {"description": "The answer is elsewhere, or the caller has it already."},
        "4XX": with("What is asked for can't be done; the code of the error says why.", errors.clone()),
        "5XX": with("The instance can't answer now; `Retry-After` says when to ask again.", errors),
    });
    if TOLD_BY_STATUS.contains(&operation.answer) {
        let json = json!({"application/json": {"schema": schema::of_expression(operation.answer)}});
        responses["503"] = with("The same, where it is not well.", json);
    }
    match operation.answer {
        PAGE => responses["200"] = with("A page.", page),
        // `3XX` says it all.
        REDIRECT => {}
        FILE => responses["200"] = with("A file.", json!({"*/*": {"schema": {}}})),
        NOTHING => responses["204"] = json!({"description": "It is done."}),
        answer => {
            let json = json!({"application/json": {"schema": schema::of_expression(answer)}});
            responses["200"] = with("It is done.", json);
        }
    }
    responses
}

fn security(realm: Realm) -> Value {
    match realm {
        Realm::Open | Realm::Dev => json!([]),
        Realm::Backend => json!([{"secret_key": []}]),
        Realm::Api => json!([{}, {"cookie": []}, {"native": []}, {"dev_browser": []}]),
    }
}

fn tag(endpoint: &Endpoint) -> &'static str {
    match endpoint.realm {
        Realm::Backend => "Backend API",
        Realm::Dev => "Development",
        _ if endpoint.path.starts_with("/v1/") => "Frontend API",
        _ => "Operation",
    }
}

/// Such as `post_v1_client_sign_ups`.
fn operation_id(operation: &Operation) -> String {
    let method = operation.method.to_ascii_lowercase();
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let words = operation.path.split(|c| !is_word(c)).filter(|word| !word.is_empty());
    // Some packages write a slash at the end, which is another path.
    let slash = (operation.path.len() > 1 && operation.path.ends_with('/')).then_some("slash");
    std::iter::once(method.as_str()).chain(words).chain(slash).collect::<Vec<_>>().join("_")
}

/// Answers that come with status 503 where they tell of a fault.
const TOLD_BY_STATUS: &[&str] = &["ready", "proxy_health"];

static DEVELOPMENT: OnceLock<Bytes> = OnceLock::new();
static PRODUCTION: OnceLock<Bytes> = OnceLock::new();

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TABLES: [&[Endpoint]; 5] =
        [frontend::ENDPOINTS, ops::ENDPOINTS, ENDPOINTS, backend::ENDPOINTS, dev::ENDPOINTS];

    #[test]
    fn every_route_has_a_row_that_says_what_it_takes_and_answers() {
        let routes: BTreeSet<(&str, &str)> =
            TABLES.into_iter().flatten().map(|endpoint| (endpoint.method.as_str(), endpoint.path)).collect();
        let rows: Vec<(&str, &str)> = operations::OPERATIONS.iter().map(|row| (row.method, row.path)).collect();
        for route in &routes {
            assert_eq!(rows.iter().filter(|row| *row == route).count(), 1, "{route:?} in http/operations.rs");
        }
        // Without the feature the routes of webhooks are not there, and their rows say nothing.
        let is_off = |path: &str| cfg!(not(feature = "webhooks")) && path.starts_with("/v1/webhooks/");
        for row in rows.iter().filter(|(_, path)| !is_off(path)) {
            assert!(routes.contains(row), "{row:?} is no route");
        }
    }

    #[test]
    fn parameters_have_known_types_and_no_name_twice() {
        for operation in operations::OPERATIONS {
            for list in [operation.query, operation.body] {
                let mut seen = BTreeSet::new();
                for (name, kind) in parameters(list) {
                    assert!(seen.insert(name), "{} {}: {name} twice", operation.method, operation.path);
                    assert!(schema::of_parameter(kind, true).is_object(), "{}: {name}:{kind}", operation.path);
                }
            }
        }
    }

    #[test]
    fn the_document_names_only_schemas_that_it_has() {
        for development in [true, false] {
            let document = document(development);
            let text = document.to_string();
            let schemas = document["components"]["schemas"].as_object().expect("schemas");
            let mut count = 0;
            for rest in text.split("\"#/components/schemas/").skip(1) {
                let name = rest.split('"').next().expect("a name");
                assert!(schemas.contains_key(name), "{name}");
                count += 1;
            }
            assert!(count > 150 && schemas.len() > 60, "{count} {}", schemas.len());
            assert_eq!(document["paths"]["/dev/clock"].is_object(), development);
        }
        let document = document(true);
        let sign_up = &document["paths"]["/v1/client/sign_ups"]["post"];
        let body = &sign_up["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
        assert_eq!(body["properties"]["legal_accepted"]["type"], "boolean", "{sign_up:#}");
        for path in ["/v1/client/handshake", "/v1/client/touch"] {
            let call = &document["paths"][path]["get"];
            let parameters = call["parameters"].as_array().expect("parameters");
            let page = parameters.iter().find(|parameter| parameter["name"] == "redirect_url").expect("a page");
            assert_eq!((&page["required"], &call["responses"]["200"]), (&json!(true), &Value::Null), "{path}");
        }
        let ids: Vec<String> = operations::OPERATIONS.iter().map(operation_id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "ids of operations are different");
    }
}
