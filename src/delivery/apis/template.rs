//! Text messages by an HTTP request that the operator describes, for gateways that have no file here.

use std::fmt;

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request};
use url::Url;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::verification::PhoneChannel;

use super::super::{Failure, Message, Outcome, Receipt};
use super::answer::ApiAnswer;
use super::api::{ApiError, MessageApi, check_url};
use super::resend::unsendable;

/// Text messages by a described request. `{{to}}` and the other [variables](SmsTemplate::VARIABLES) may stand in the path
/// and query of the URL, in the values of headers and in the body. They are encoded as their place needs it: by per cent
/// in URLs and forms, as the inside of a string in JSON, as text in XML.
#[derive(Clone)]
pub struct SmsTemplate {
    /// The URL.
    pub url: String,
    /// `POST`, `GET` or `PUT`.
    pub method: String,
    /// Names and values of headers. `content-type` decides how the body is encoded.
    pub headers: Vec<(String, Secret<String>)>,
    /// The body.
    pub body: Option<String>,
    /// The value of `{{secret}}`.
    pub secret: Option<Secret<String>>,
    /// The statuses that mean that the gateway has taken the message.
    pub success_statuses: Vec<u16>,
    /// Where the gateway's id of the message is in a JSON answer (RFC 6901), such as `/messages/0/id`. If it is given, an
    /// answer without an id is a failure.
    pub id_pointer: Option<String>,
}

impl SmsTemplate {
    /// The variables: the number (`+4915112345678`), its digits, the text, the code alone (empty in messages without
    /// one), the id of the message, the language of its text, and [`SmsTemplate::secret`].
    pub const VARIABLES: [&'static str; 7] = ["to", "to_digits", "text", "code", "message_id", "locale", "secret"];

    fn values<'a>(&'a self, message: &'a Message, id: &'a str) -> [&'a str; 7] {
        [
            &message.to,
            message.to.trim_start_matches('+'),
            message.text.expose(),
            message.code.as_ref().map_or("", |code| code.expose()),
            id,
            &message.locale,
            self.secret.as_ref().map_or("", |secret| secret.expose()),
        ]
    }

    fn encoding(&self) -> Encoding {
        let form = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let form = form.map(|(_, value)| value.expose().to_ascii_lowercase()).unwrap_or_default();
        match form.split(';').next().unwrap_or_default().trim() {
            "application/x-www-form-urlencoded" => Encoding::PerCent,
            form if form == "application/json" || form.ends_with("+json") => Encoding::Json,
            form if form.ends_with("/xml") || form.ends_with("+xml") => Encoding::Xml,
            _ => Encoding::Plain,
        }
    }

    /// The request with these values, in the order of [`Self::VARIABLES`].
    fn filled(&self, values: &[&str; 7]) -> Result<Request<Vec<u8>>, http::Error> {
        let url = fill(&self.url, values, Encoding::PerCent);
        let mut request = Request::builder().method(self.method.as_str()).uri(url);
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(&fill(value.expose(), values, Encoding::Plain))?;
            request = request.header(name.as_str(), value);
        }
        let body = self.body.as_deref().map(|body| fill(body, values, self.encoding())).unwrap_or_default();
        request.body(body.into_bytes())
    }

    fn check_places(&self) -> Result<(), ApiError> {
        let texts = [(URL, Some(self.url.as_str())), (BODY, self.body.as_deref())];
        let headers = self.headers.iter().map(|(_, value)| (HEADERS, Some(value.expose().as_str())));
        for (key, text) in texts.into_iter().chain(headers) {
            for name in names(text.unwrap_or_default()).map_err(|reason| ApiError::new(key, reason))? {
                if !Self::VARIABLES.contains(&name) {
                    let known = Self::VARIABLES.map(|name| format!("{{{{{name}}}}}")).join(", ");
                    let shown: String = name.chars().take(32).collect();
                    return Err(ApiError::new(
                        key,
                        format!("has {{{{{shown}}}}}, which is no variable; there are {known}"),
                    ));
                }
                if name == "secret" && self.secret.is_none() {
                    return Err(ApiError::new("sms.http.secret", "is missing, and {{secret}} asks for it"));
                }
            }
        }
        let names_of = |text: Option<&str>| names(text.unwrap_or_default()).unwrap_or_default().join(" ");
        let all = format!("{} {}", names_of(Some(&self.url)), names_of(self.body.as_deref()));
        let has = |wanted: &[&str]| all.split(' ').any(|name| wanted.contains(&name));
        let key = if self.body.is_some() { BODY } else { URL };
        if !has(&["to", "to_digits"]) {
            return Err(ApiError::new(key, "does not say where the number goes: write {{to}} or {{to_digits}} there"));
        }
        if !has(&["text", "code"]) {
            return Err(ApiError::new(key, "does not say where the text goes: write {{text}} there"));
        }
        Ok(())
    }
}

impl MessageApi for SmsTemplate {
    fn name(&self) -> &'static str {
        "http"
    }

    fn check(&self) -> Result<(), ApiError> {
        if self.url.is_empty() {
            return Err(ApiError::new(URL, "is missing; write the URL of your gateway"));
        }
        self.check_places()?;
        let authority =
            self.url.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
        if authority.is_none_or(|authority| authority.contains("{{")) {
            let reason = "must begin with https:// and a fixed host; variables may stand behind it";
            return Err(ApiError::new(URL, reason));
        }
        let samples = ["+15550100", "15550100", "1 is \"your\" <code> & more", "1", "msg_1", "en", "secret"];
        let url: Option<Url> = fill(&self.url, &samples, Encoding::PerCent).parse().ok();
        check_url(URL, &url.ok_or_else(|| ApiError::new(URL, "is not a URL"))?)?;
        if !matches!(self.method.as_str(), "GET" | "POST" | "PUT") || Method::try_from(self.method.as_str()).is_err() {
            return Err(ApiError::new("sms.http.method", "must be \"POST\", \"GET\" or \"PUT\""));
        }
        for (name, value) in &self.headers {
            let is_value = HeaderValue::from_str(&fill(value.expose(), &samples, Encoding::Plain)).is_ok();
            if HeaderName::try_from(name.as_str()).is_err() || !is_value {
                return Err(ApiError::new(HEADERS, "has a name or value that can't be written in a header"));
            }
        }
        if let (Some(body), Encoding::Json) = (&self.body, self.encoding()) {
            let body = fill(body, &samples, Encoding::Json);
            serde_json::from_str::<serde_json::Value>(&body).map_err(|error| {
                ApiError::new(BODY, format!("is not JSON, as its content-type says: line {}", error.line()))
            })?;
        }
        if self.success_statuses.is_empty() || self.success_statuses.iter().any(|status| !(200..400).contains(status)) {
            return Err(ApiError::new("sms.http.success_statuses", "must be statuses from 200 to 399, such as [200]"));
        }
        if self.id_pointer.as_ref().is_some_and(|pointer| !pointer.starts_with('/')) {
            return Err(ApiError::new("sms.http.id_pointer", "must begin with a slash, such as \"/messages/0/id\""));
        }
        self.filled(&samples).map(drop).map_err(|error| ApiError::new(URL, format!("makes no request: {error}")))
    }

    fn takes(&self, message: &Message) -> bool {
        message.phone_channel != Some(PhoneChannel::WhatsApp)
    }

    fn request(&self, message: &Message, _: Timestamp) -> Result<Request<Vec<u8>>, Failure> {
        let id = message.id.to_string();
        self.filled(&self.values(message, &id)).map_err(|error| unsendable(&error))
    }

    fn outcome(&self, answer: &ApiAnswer<'_>) -> Outcome {
        if !self.success_statuses.contains(&answer.status) {
            return answer.by_status("sms.http.headers");
        }
        let form = answer.headers.get(CONTENT_TYPE).and_then(|form| form.to_str().ok()).unwrap_or_default();
        match &self.id_pointer {
            Some(pointer) => answer.sent(answer.word(pointer).as_deref()),
            // A gateway that is asked for JSON or plain text does not answer with a page; a proxy before it does.
            None if form.to_ascii_lowercase().starts_with("text/html") => answer.strange(),
            None => Outcome::Sent(Receipt { provider: answer.provider, message_id: None }),
        }
    }
}

/// How a value is escaped at its place in the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    PerCent,
    Json,
    Xml,
    Plain,
}

/// The names between double braces.
fn names(text: &str) -> Result<Vec<&str>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("{{") {
        let (name, behind) = behind.split_once("}}").ok_or("has {{ without }}")?;
        found.push(name.trim());
        rest = behind;
    }
    Ok(found)
}

/// The text with the values in place of the variables. A value is never looked at for variables.
fn fill(text: &str, values: &[&str; 7], encoding: Encoding) -> String {
    let mut filled = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, behind)) = behind.split_once("}}") else {
            rest = behind;
            break;
        };
        let place = SmsTemplate::VARIABLES.iter().position(|known| *known == name.trim());
        let value = place.and_then(|place| values.get(place)).copied().unwrap_or_default();
        filled.push_str(&encoded(value, encoding));
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

fn encoded(value: &str, encoding: Encoding) -> String {
    match encoding {
        Encoding::Plain => value.to_owned(),
        // A blank as %20 is right in paths, queries and forms.
        Encoding::PerCent => form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20"),
        Encoding::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        Encoding::Xml => value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&apos;"),
    }
}

impl fmt::Debug for SmsTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsTemplate").field("method", &self.method).finish_non_exhaustive()
    }
}

const URL: &str = "sms.http.url";
const BODY: &str = "sms.http.body";
const HEADERS: &str = "sms.http.headers";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_as_their_place_needs_it() {
        let values = ["+4915112345678", "4915112345678", "a \"b\" & <c> {{to}}", "1", "id", "de", "s"];
        for (encoding, filled) in [
            (Encoding::PerCent, "%2B4915112345678|a%20%22b%22%20%26%20%3Cc%3E%20%7B%7Bto%7D%7D"),
            (Encoding::Json, "+4915112345678|a \\\"b\\\" & <c> {{to}}"),
            (Encoding::Xml, "+4915112345678|a &quot;b&quot; &amp; &lt;c&gt; {{to}}"),
            (Encoding::Plain, "+4915112345678|a \"b\" & <c> {{to}}"),
        ] {
            assert_eq!(fill("{{to}}|{{ text }}", &values, encoding), filled, "{encoding:?}");
        }
    }

    #[test]
    fn a_template_that_can_not_work_is_refused_at_the_start() {
        assert_eq!(template().check(), Ok(()));
        let json = vec![("Content-Type".to_owned(), Secret::new("application/json".to_owned()))];
        for (changed, words) in [
            (SmsTemplate { url: "https://sms.example/?t={{text}}".into(), ..template() }, "where the number goes"),
            (SmsTemplate { url: "https://sms.example/?t={{to}}".into(), ..template() }, "where the text goes"),
            (SmsTemplate { url: "https://sms.example/{{who}}".into(), ..template() }, "{{who}}, which is no variable"),
            (SmsTemplate { url: "https://sms.example/{{to".into(), ..template() }, "{{ without }}"),
            (SmsTemplate { url: "https://{{to}}.example/{{text}}".into(), ..template() }, "a fixed host"),
            (SmsTemplate { url: "http://sms.example/{{to}}/{{text}}".into(), ..template() }, "must be an https URL"),
            (SmsTemplate { method: "DELETE".into(), ..template() }, "\"POST\", \"GET\" or \"PUT\""),
            (SmsTemplate { body: Some("{{secret}}".into()), ..template() }, "{{secret}} asks for it"),
            (SmsTemplate { headers: json, body: Some("{\"a\": {{code}}".into()), ..template() }, "is not JSON"),
            (SmsTemplate { success_statuses: vec![], ..template() }, "must be statuses"),
            (SmsTemplate { success_statuses: vec![500], ..template() }, "must be statuses"),
            (SmsTemplate { id_pointer: Some("id".into()), ..template() }, "must begin with a slash"),
            (
                SmsTemplate { headers: vec![("a b".into(), Secret::new(String::new()))], ..template() },
                "can't be written in a header",
            ),
        ] {
            let error = changed.check().expect_err(words).to_string();
            assert!(error.contains(words) && error.starts_with("`sms.http."), "{error}");
        }
    }

    fn template() -> SmsTemplate {
        SmsTemplate {
            url: "https://sms.example/send?to={{to}}&text={{text}}".into(),
            method: "POST".into(),
            headers: Vec::new(),
            body: None,
            secret: None,
            success_statuses: vec![200],
            id_pointer: None,
        }
    }
}
