//! The results of requests in the log: one line each, a sample, or none, as the operator configured. Repeated refusals
//! and failures are counted. A line has the route and the id of the request, but not the path, the query or the caller.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hyper::http::request::Parts;
use hyper::{Method, Uri};
use tracing::{Level, Span};

use crate::clock::Stopwatch;
use crate::config::RequestLog;
use crate::domain::time::{Span as TimeSpan, Timestamp};
use crate::telemetry::{Repeats, Sum};

use super::HttpOptions;
use super::request_id::RequestId;
use super::response::api_response::ApiResponse;
use super::response::error::HttpError;

/// The results of the requests that one server has answered.
pub(super) struct Outcomes {
    log: RequestLog,
    development: bool,
    one_in: u32,
    answered_well: AtomicU32,
    counts: Mutex<Counts>,
    /// When the next summary is due, in milliseconds, so that requests before that time don't need the lock.
    due: AtomicU64,
}

/// A route as the log names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LoggedRoute {
    /// Its path, with `{id}` in place of an id.
    pub(super) pattern: &'static str,
    /// Whether its calls are logged at debug level only.
    pub(super) is_quiet: bool,
}

/// Finds the route of a path, with the tools of a development instance or without; `None` for an unknown path.
pub(super) type RouteOf = fn(path: &str, development: bool) -> Option<LoggedRoute>;

/// A request as it arrived. If it is dropped without a result, the caller has disconnected, which is logged too.
pub(super) struct LoggedRequest<'a> {
    /// Its id.
    pub(super) id: RequestId,
    method: Method,
    uri: Uri,
    at: Timestamp,
    watch: Stopwatch,
    route_of: RouteOf,
    outcomes: &'a Outcomes,
    is_noted: bool,
}

/// The result of a request.
struct Outcome<'a> {
    codes: String,
    cause: Option<&'a str>,
}

/// Counts of refused and of failed requests. They are separate, because callers can cause any number of kinds of
/// refusals, and must not hide a failure behind them.
struct Counts {
    refusals: Repeats<Kind>,
    failures: Repeats<Kind>,
}

/// Refusals and failures with the same kind are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    method: &'static str,
    route: Option<&'static str>,
    status: u16,
    /// The first of its codes.
    code: String,
}

impl LoggedRequest<'_> {
    /// The span of this request, so that every log line within it has the request's id. Where requests are not logged,
    /// the id would be of no use.
    pub(super) fn span(&self) -> Span {
        match self.outcomes.log {
            RequestLog::Off => Span::none(),
            // At error level, so that warnings have the request's id under every log filter.
            _ => tracing::error_span!("request", request.id = self.id.as_str()),
        }
    }

    /// Records the result.
    pub(super) fn note(&mut self, outcome: &Result<ApiResponse, HttpError>) {
        self.is_noted = true;
        let error = outcome.as_ref().err();
        let status = outcome.as_ref().map_or_else(HttpError::status, ApiResponse::status).as_u16();
        self.outcomes.note(self, status, || Outcome {
            codes: error.map(HttpError::codes).unwrap_or_default(),
            cause: error.and_then(HttpError::cause),
        });
    }

    /// The method, after `_method`. Unknown methods are not repeated in the log.
    fn method(&self) -> &'static str {
        let overridden = || {
            let mut pairs = form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes());
            pairs.find(|(name, _)| name == "_method").map(|(_, method)| method.to_ascii_uppercase())
        };
        let overridden = if self.method == Method::POST { overridden() } else { None };
        let name = overridden.as_deref().unwrap_or(self.method.as_str());
        METHODS.into_iter().find(|known| *known == name).unwrap_or("_OTHER")
    }

    /// The time since the request arrived, in milliseconds.
    fn duration_ms(&self) -> f64 {
        (self.watch.elapsed().as_secs_f64() * 10_000.0).round() / 10.0
    }
}

impl Drop for LoggedRequest<'_> {
    fn drop(&mut self) {
        if !self.is_noted {
            self.outcomes.note(self, CALLER_LEFT, || Outcome { codes: String::new(), cause: None });
        }
    }
}

/// One log line. A tracing level can't be a variable, so the macro takes it.
macro_rules! line {
    ($level:ident, $asked:expr, $kind:expr, $codes:expr, $cause:expr, $message:literal) => {
        tracing::$level!(
            request.id = $asked.id.as_str(),
            http.method = $kind.method,
            http.route = $kind.route,
            http.status = $kind.status,
            error.code = Some($codes.as_str()).filter(|codes| !codes.is_empty()),
            error.cause = $cause,
            duration_ms = $asked.duration_ms(),
            $message
        )
    };
}

/// One log line that summarises several requests.
macro_rules! sum {
    ($level:ident, $kind:expr, $message:literal, $($name:ident = $value:expr),+) => {
        tracing::$level!(
            $($name = $value,)+
            http.method = $kind.method,
            http.route = $kind.route,
            http.status = $kind.status,
            error.code = $kind.code.as_str(),
            $message
        )
    };
}

impl Outcomes {
    /// No requests counted yet.
    pub(super) fn new(options: &HttpOptions) -> Self {
        Self {
            log: options.requests,
            development: options.development,
            one_in: options.requests_one_in.max(1),
            answered_well: AtomicU32::new(0),
            counts: Mutex::new(Counts { refusals: Repeats::new(AT_ONCE), failures: Repeats::new(AT_ONCE) }),
            due: AtomicU64::new(u64::MAX),
        }
    }

    /// A request that arrives at `at`. Its route is only looked up if it gets a log line.
    pub(super) fn asked(&self, parts: &Parts, is_proxy: bool, at: Timestamp, route_of: RouteOf) -> LoggedRequest<'_> {
        LoggedRequest {
            id: RequestId::of(&parts.headers, is_proxy),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            at,
            watch: Stopwatch::start(),
            route_of,
            outcomes: self,
            is_noted: false,
        }
    }

    fn note<'o>(&self, asked: &LoggedRequest<'_>, status: u16, outcome: impl FnOnce() -> Outcome<'o>) {
        let now =
            asked.at + TimeSpan::from_millis(u64::try_from(asked.watch.elapsed().as_millis()).unwrap_or(u64::MAX));
        self.sum_up(now);
        let (is_failure, is_refusal) = (status >= 500, (400..500).contains(&status));
        let is_wanted = match self.log {
            RequestLog::All => true,
            RequestLog::Errors => is_refusal,
            RequestLog::Sampled => is_refusal || self.is_sampled(),
            RequestLog::Off => false,
        };
        if !(is_failure || (is_wanted && tracing::enabled!(Level::INFO))) {
            return;
        }
        let Outcome { codes, cause } = outcome();
        let known = (asked.route_of)(asked.uri.path(), self.development);
        let route = known.map(|route| route.pattern);
        let code = codes.split(',').next().unwrap_or_default().to_owned();
        let kind = Kind { method: asked.method(), route, status, code };
        if known.is_some_and(|route| route.is_quiet) {
            // Monitoring that polls them has the answer, and the cause of a bad one has log lines of its own.
            return line!(debug, asked, kind, codes, cause, "answered");
        }
        let is_counted = is_failure || (is_refusal && self.log != RequestLog::All);
        if is_counted && !self.count(&kind, now) {
            return;
        }
        match status {
            503 => line!(warn, asked, kind, codes, cause, "a request was turned away"),
            500.. => line!(error, asked, kind, codes, cause, "a request failed"),
            CALLER_LEFT => line!(info, asked, kind, codes, cause, "the caller left before the answer"),
            400.. => line!(info, asked, kind, codes, cause, "refused"),
            _ => line!(info, asked, kind, codes, cause, "answered"),
        }
    }

    fn is_sampled(&self) -> bool {
        self.answered_well.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.one_in)
    }

    /// Counts a request of this kind; true when it also gets a line of its own.
    fn count(&self, kind: &Kind, now: Timestamp) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let repeats = if kind.status < 500 { &mut counts.refusals } else { &mut counts.failures };
        let is_said = repeats.note(kind.clone(), now);
        self.expect(&counts);
        is_said
    }

    /// Logs the summaries that are due.
    fn sum_up(&self, now: Timestamp) {
        if now.as_millis() < self.due.load(Ordering::Relaxed) {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums = counts.failures.sum_up(now);
        sums.extend(counts.refusals.sum_up(now));
        self.expect(&counts);
        drop(counts);
        for sum in sums {
            match sum {
                Sum::Again { kind, times } if kind.status < 500 => {
                    sum!(info, kind, "more requests were refused", times = times);
                }
                Sum::Again { kind, times } => sum!(warn, kind, "more requests failed", times = times),
                Sum::Over { kind, times, lasted } if kind.status >= 500 => {
                    sum!(info, kind, "no further requests fail so", times = times, lasted_s = lasted.as_secs_ceil());
                }
                Sum::Over { .. } => {}
            }
        }
    }

    fn expect(&self, counts: &Counts) {
        let due = [counts.refusals.next_due(), counts.failures.next_due()].into_iter().flatten().min();
        let due = due.map_or(u64::MAX, Timestamp::as_millis);
        self.due.store(due, Ordering::Relaxed);
    }
}

/// The known methods (RFC 9110, 9; RFC 5789). OpenTelemetry calls all others `_OTHER`.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
/// The status that nginx logs when the caller has disconnected; no answer has it.
const CALLER_LEFT: u16 = 499;
/// How many requests of a kind get a line of their own in an interval: enough to find one by its id on a normal day.
const AT_ONCE: u32 = 5;

#[cfg(test)]
mod tests {
    use hyper::Request;
    use url::Url;

    use super::*;
    use crate::domain::id::SignUpId;
    use crate::domain::rejection::ErrorCode;
    use crate::engine::EngineError;
    use crate::http::response::error::TransportError;
    use crate::http::routing;
    use crate::telemetry::captured;

    #[test]
    fn a_line_names_the_route_and_the_id_and_nothing_of_whoever_asked() {
        let id = SignUpId::from_bytes([7; 16]);
        let uri = format!("/v1/client/sign_ups/{id}?_method=patch&email_address=lovelace@example.com");
        let (log, request) =
            told(&outcomes(RequestLog::All), "POST", &uri, Err(ErrorCode::FormCodeIncorrect.on("code").into()), 0);
        for part in [
            "INFO",
            "refused",
            &format!("request.id=\"{}\"", request),
            "http.method=\"PATCH\"",
            "http.route=\"/v1/client/sign_ups/{id}\"",
            "http.status=422",
            "error.code=\"form_code_incorrect\"",
            "duration_ms=",
        ] {
            assert!(log.contains(part), "{part}: {log}");
        }
        assert!(log.lines().count() == 1 && !log.contains("lovelace") && !log.contains(&id.to_string()), "{log}");
    }

    #[test]
    fn what_nobody_knows_is_not_repeated() {
        // Nothing in a request's id or in a timestamp looks like these.
        let uri = "/v1/lovelace@example.com/+1555?token=secret";
        let (log, _) =
            told(&outcomes(RequestLog::All), "ADA-LOVELACE", uri, Err(ErrorCode::ResourceNotFound.into()), 0);
        assert!(log.contains("_OTHER") && log.contains("http.status=404"), "{log}");
        assert!(
            ["LOVELACE", "lovelace", "+1555", "secret", "http.route"].iter().all(|part| !log.contains(part)),
            "{log}"
        );
    }

    #[test]
    fn the_setting_chooses_which_requests_have_a_line() {
        for (setting, good, refused, failed) in [
            (RequestLog::All, 300, 300, 5),
            (RequestLog::Errors, 0, 5, 5),
            (RequestLog::Sampled, 3, 5, 5),
            (RequestLog::Off, 0, 0, 5),
        ] {
            let count = |outcome: fn() -> Result<ApiResponse, HttpError>| {
                let outcomes = outcomes(setting);
                (0..300).map(|_| logged(&outcomes, "/v1/me", outcome(), 0).lines().count()).sum::<usize>()
            };
            assert_eq!(count(|| Ok(ApiResponse::empty())), good, "{setting:?}");
            assert_eq!(count(|| Err(EngineError::SignedOut.into())), refused, "{setting:?}");
            assert_eq!(count(|| Err(HttpError::internal("a defect"))), failed, "{setting:?}");
        }
    }

    #[test]
    fn a_flood_is_a_few_lines_and_their_number() {
        let outcomes = outcomes(RequestLog::Sampled);
        let refuse = |second| logged(&outcomes, "/v1/me", Err(TransportError::OriginInvalid.into()), second);
        let flood: String = (0..1000).map(|_| refuse(0)).collect();
        assert_eq!(flood.lines().count(), 5, "{flood}");
        let later = refuse(10);
        assert!(later.contains("times=995") && later.contains("origin_invalid") && later.contains("/v1/me"), "{later}");
        assert_eq!(later.lines().count(), 2, "{later}");
    }

    #[test]
    fn refusals_of_all_kinds_hide_no_failure() {
        let outcomes = outcomes(RequestLog::Errors);
        let refuse =
            |n: u16| outcomes.count(&Kind { method: "GET", route: None, status: 400, code: n.to_string() }, at(0));
        assert!((0..2000).filter(|n| refuse(*n)).count() < 1000, "they are bounded");
        assert_eq!(logged(&outcomes, "/v1/me", Err(HttpError::internal("a defect")), 1).lines().count(), 1);
    }

    #[test]
    fn an_outage_is_told_at_its_beginning_while_it_lasts_and_at_its_end() {
        let outcomes = outcomes(RequestLog::Off);
        let unavailable = || Err(EngineError::Unavailable("the store is not available".into()).into());
        let at = |second, outcome| logged(&outcomes, "/v1/me", outcome, second);
        let first = at(0, unavailable());
        assert!(first.contains("WARN") && first.contains("the store is not available"), "{first}");
        (0..100).for_each(|_| drop(at(1, unavailable())));
        let meanwhile = at(10, Ok(ApiResponse::empty()));
        assert!(meanwhile.contains("WARN") && meanwhile.contains("times=96"), "{meanwhile}");
        let end = at(20, Ok(ApiResponse::empty()));
        assert!(end.contains("INFO") && end.contains("times=101") && end.contains("no further"), "{end}");
    }

    #[test]
    fn failures_are_errors_with_their_cause_and_overload_is_none() {
        let outcomes = outcomes(RequestLog::Off);
        let log = |error: HttpError| logged(&outcomes, "/v1/client", Err(error), 0);
        let failed = log(HttpError::internal("a defect"));
        assert!(failed.contains("ERROR") && failed.contains("error.cause=\"a defect\""), "{failed}");
        let overloaded = log(EngineError::Overloaded { retry_after: TimeSpan::from_secs(1) }.into());
        assert!(overloaded.contains("WARN") && overloaded.contains("overloaded"), "{overloaded}");
    }

    #[test]
    fn a_caller_who_left_is_noted_and_one_who_was_answered_is_noted_once() {
        let outcomes = outcomes(RequestLog::All);
        let log = captured("info", || drop(asked(&outcomes, "POST", "/v1/client/sign_ups", 0)));
        assert!(log.contains("the caller left") && log.contains("http.status=499"), "{log}");
        let log = captured("info", || {
            let mut asked = asked(&outcomes, "POST", "/v1/client/sign_ups", 0);
            asked.note(&Ok(ApiResponse::empty()));
        });
        assert_eq!(log.lines().count(), 1, "{log}");
    }

    #[test]
    fn what_is_polled_has_no_line_whatever_the_answer() {
        let outcomes = outcomes(RequestLog::All);
        for path in ["/health/live", "/health/ready"] {
            assert_eq!(logged(&outcomes, path, Ok(ApiResponse::empty()), 0), "");
            assert_eq!(logged(&outcomes, path, Err(HttpError::not_ready("commits fail")), 0), "");
        }
    }

    fn outcomes(log: RequestLog) -> Outcomes {
        let url = Url::parse("http://localhost:8080").expect("a URL");
        let mut options = HttpOptions::new(url, "pk_live_x", true);
        options.requests = log;
        Outcomes::new(&options)
    }

    /// The log of a GET.
    fn logged(outcomes: &Outcomes, uri: &str, outcome: Result<ApiResponse, HttpError>, second: u64) -> String {
        told(outcomes, "GET", uri, outcome, second).0
    }

    /// The log of a request, and the request's id.
    fn told(
        outcomes: &Outcomes,
        method: &str,
        uri: &str,
        outcome: Result<ApiResponse, HttpError>,
        second: u64,
    ) -> (String, String) {
        let mut asked = asked(outcomes, method, uri, second);
        let id = asked.id.as_str().to_owned();
        (captured("info", || asked.note(&outcome)), id)
    }

    fn asked<'a>(outcomes: &'a Outcomes, method: &str, uri: &str, second: u64) -> LoggedRequest<'a> {
        let request = Request::builder().method(method).uri(uri).body(()).expect("a request");
        outcomes.asked(&request.into_parts().0, false, at(second), routing::logged)
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + second * 1000)
    }
}
