//! A server on this machine as its clients see it: a port, and a small HTTP client.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::schema::faults;

/// A server on this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint {
    pub(crate) port: u16,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Endpoint {
    /// One request on a connection of its own.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
        request(self.port, method, path, headers, body)
    }

    /// Sends a form in native mode with the client token `token`.
    pub(crate) fn native(&self, method: &str, path: &str, token: &str, form: &str) -> io::Result<Answer> {
        let path = format!("{path}{}_is_native=1", if path.contains('?') { '&' } else { '?' });
        let form_type = ("content-type", "application/x-www-form-urlencoded");
        self.request(method, &path, &[form_type, ("authorization", token)], form)
    }

    /// Waits until it answers with 200 at this path. `check` is called in between, and panics when there is nothing to wait for.
    #[expect(clippy::disallowed_methods, reason = "a test waits in real time for a server")]
    pub(super) fn wait_until_ok(self, path: &str, mut check: impl FnMut(Duration)) {
        let began = Instant::now();
        while !self.request("GET", path, &[], "").is_ok_and(|answer| answer.status == 200) {
            check(began.elapsed());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The codes in the error envelope. Checks its shape, and that it says how long to wait if it must.
    pub(crate) fn error_codes(&self) -> Vec<String> {
        let json = self.json();
        assert_eq!(faults("errors", &json), [""; 0], "{json:#}");
        assert!(json["clerk_trace_id"].as_str().is_some_and(|id| id.len() == 32), "{json}");
        let errors = json["errors"].as_array().filter(|errors| !errors.is_empty()).expect("errors");
        if matches!(self.status, 429 | 503) {
            let wait = self.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
            assert!(wait.is_some_and(|seconds| seconds > 0), "{wait:?} {json}");
        }
        errors.iter().map(|error| error["code"].as_str().expect("a code").to_owned()).collect()
    }
}

fn request(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(head.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("no answer"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let answer =
        Answer { status: status.ok_or_else(|| io::Error::other("no status"))?, headers, body: body.to_owned() };
    let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
    let wanted = if method == "HEAD" { Some(0) } else { length };
    if wanted.is_some_and(|length| length != answer.body.len()) {
        return Err(io::Error::other("a cut answer"));
    }
    Ok(answer)
}
