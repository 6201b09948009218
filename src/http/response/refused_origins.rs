//! Refused origins. The page sees only a failed call, so the log says what to do, once for each origin.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::config::Origin;

use super::error::{HttpError, TransportError};

/// The refused origins that were logged.
#[derive(Debug, Default)]
pub(in crate::http) struct RefusedOrigins(Mutex<HashSet<String>>);

impl RefusedOrigins {
    /// The answer to a call that the origin rule refused. An origin that is not allowed is named in the answer and in
    /// the log.
    pub(in crate::http) fn explain(&self, fault: TransportError, origin: Option<&str>) -> HttpError {
        match origin.filter(|origin| fault == TransportError::OriginInvalid && is_fit_to_show(origin)) {
            Some(origin) => {
                self.tell(origin);
                HttpError::origin_invalid(origin)
            }
            None => fault.into(),
        }
    }

    fn tell(&self, origin: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= TOLD_MAX || !told.insert(origin.to_owned()) {
            return;
        }
        let is_one_to_add = origin.parse::<Origin>().is_ok_and(|parsed| parsed.as_str() == origin);
        if is_one_to_add {
            tracing::warn!(
                origin,
                "calls from pages of this origin are refused; if it is yours, add it to `server.allowed_origins`, or, where your \
                 backend has changed those, to `allowed_origins` of PATCH /v1/instance"
            );
        } else {
            tracing::warn!(
                origin,
                "calls from pages of this origin are refused, and it can't be allowed: it is not the origin of a page"
            );
        }
        if told.len() == TOLD_MAX {
            tracing::warn!("further refused origins are not logged until the next start");
        }
    }
}

/// Whether the text looks like an origin, so that a caller can't put messages into answers and logs.
fn is_fit_to_show(origin: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b":/.-+_[]".contains(&byte);
    (1..=LENGTH_MAX).contains(&origin.len()) && origin.bytes().all(is_letter)
}

/// How many are logged: enough for every page of a developer, and made-up ones fill neither the log nor the memory.
const TOLD_MAX: usize = 16;
/// In bytes: a host name has at most 253 characters; the rest is for a scheme and a port.
const LENGTH_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request_id::RequestId;
    use crate::telemetry::captured;

    #[test]
    fn an_origin_is_named_in_the_log_once_and_in_every_answer() {
        let refused = RefusedOrigins::default();
        let origin = "http://192.168.1.7:3000";
        let log = captured("info", || {
            for _ in 0..100 {
                let body = answer(&refused, origin);
                assert!(body.contains("http://192.168.1.7:3000") && body.contains("origin_invalid"), "{body}");
            }
        });
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("WARN") && log.contains(origin) && log.contains("`server.allowed_origins`"), "{log}");
    }

    #[test]
    fn made_up_origins_are_named_up_to_a_number() {
        let refused = RefusedOrigins::default();
        let log = captured("info", || {
            (0..1000).for_each(|n| drop(answer(&refused, &format!("https://a{n}.example"))));
        });
        assert_eq!(log.lines().count(), TOLD_MAX + 1, "{log}");
        assert_eq!(refused.0.lock().expect("no panic").len(), TOLD_MAX);
    }

    #[test]
    fn what_can_be_no_entry_is_not_recommended() {
        for origin in ["null", "file://", "http://localhost:3000/path", "HTTPS://App.example"] {
            let refused = RefusedOrigins::default();
            let log = captured("info", || drop(answer(&refused, origin)));
            assert!(log.contains(origin) && !log.contains("allowed_origins"), "{log}");
        }
    }

    #[test]
    fn messages_are_no_origins() {
        let long = format!("https://{}.example", "a".repeat(300));
        for origin in
            ["", "<script>alert(1)</script>", "call 555 now", "a\"b", "https://ада.example", "a@b.example", &long]
        {
            let refused = RefusedOrigins::default();
            let log = captured("info", || {
                let body = answer(&refused, origin);
                assert!(origin.is_empty() || !body.contains(origin), "{body}");
            });
            assert_eq!(log, "", "{origin}");
        }
    }

    fn answer(refused: &RefusedOrigins, origin: &str) -> String {
        let answer = refused.explain(TransportError::OriginInvalid, Some(origin)).into_answer(&RequestId::fresh());
        String::from_utf8(answer.body().to_vec()).expect("text")
    }
}
