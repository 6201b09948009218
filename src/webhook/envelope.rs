//! The body of a webhook.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::id::InstanceId;
use crate::domain::time::Timestamp;

use super::event::EventType;

/// An event, as its receivers read it.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The resource that the event is about, as JSON.
    pub data: &'a RawValue,
    /// What happened.
    pub event: EventType,
    /// When it happened.
    pub at: Timestamp,
    /// The instance in which it happened.
    pub instance: InstanceId,
    /// The request that caused it; empty for the work of a backend or of the engine itself.
    pub http_request: HttpRequest<'a>,
}

/// The request of a person that caused an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HttpRequest<'a> {
    /// IP address of the person.
    pub client_ip: &'a str,
    /// The `User-Agent` header of the request.
    pub user_agent: &'a str,
}

impl Envelope<'_> {
    /// The bytes that are signed and sent. `data` is in them byte for byte.
    ///
    /// # Errors
    /// None that are known: every part can be written as JSON.
    pub fn to_body(self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Body {
            data: self.data,
            object: "event",
            event: self.event,
            timestamp: self.at,
            instance_id: self.instance.to_string(),
            event_attributes: Attributes { http_request: self.http_request },
        })
    }
}

#[derive(Serialize)]
struct Body<'a> {
    data: &'a RawValue,
    object: &'static str,
    #[serde(rename = "type")]
    event: EventType,
    /// In milliseconds.
    timestamp: Timestamp,
    instance_id: String,
    event_attributes: Attributes<'a>,
}

#[derive(Serialize)]
struct Attributes<'a> {
    http_request: HttpRequest<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_fields_of_the_contract_and_the_data_byte_for_byte() {
        let data = RawValue::from_string(r#"{"id" : "user_1", "n":1e2,"ü":"\u00fc"}"#.into()).expect("JSON");
        let envelope = Envelope {
            data: &data,
            event: EventType::UserCreated,
            at: Timestamp::from_millis(1_654_012_591_835),
            instance: InstanceId::from_bytes([0; 16]),
            http_request: HttpRequest { client_ip: "203.0.113.7", user_agent: "Mozilla/5.0 \"x\"" },
        };
        let body = String::from_utf8(envelope.to_body().expect("a body")).expect("UTF-8");
        let expected = concat!(
            r#"{"data":{"id" : "user_1", "n":1e2,"ü":"\u00fc"},"object":"event","type":"user.created","#,
            r#""timestamp":1654012591835,"instance_id":"ins_000000000000000000000000000","#,
            r#""event_attributes":{"http_request":{"client_ip":"203.0.113.7","user_agent":"Mozilla/5.0 \"x\""}}}"#,
        );
        assert_eq!(body, expected);
    }

    #[test]
    fn without_a_persons_request_its_fields_are_empty() {
        let data = RawValue::from_string("null".into()).expect("JSON");
        let envelope = Envelope {
            data: &data,
            event: EventType::UserDeleted,
            at: Timestamp::EPOCH,
            instance: InstanceId::from_bytes([0; 16]),
            http_request: HttpRequest::default(),
        };
        let body: serde_json::Value = serde_json::from_slice(&envelope.to_body().expect("a body")).expect("JSON");
        let expected = serde_json::json!({"http_request": {"client_ip": "", "user_agent": ""}});
        assert_eq!(body["event_attributes"], expected);
    }
}
