//! A simulated browser: a cookie jar, calls by a page's script, and navigations.

use super::endpoint::{Answer, Endpoint};

/// The page whose script calls the engine.
pub(crate) const PAGE: &str = "http://localhost:3000";

/// A browser with a cookie jar.
pub(crate) struct Browser<'a> {
    pub(crate) server: &'a Endpoint,
    pub(crate) cookies: Vec<(String, String)>,
}

impl<'a> Browser<'a> {
    pub(crate) fn of(server: &'a Endpoint) -> Self {
        Self { server, cookies: Vec::new() }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, &[], "")
    }

    pub(crate) fn post(&mut self, path: &str, form: &str) -> Answer {
        self.request("POST", path, &[], form)
    }

    pub(crate) fn navigate(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")], "")
    }

    /// A GET by the page's script, with `Sec-Fetch-Mode: cors`.
    pub(crate) fn fetch(&mut self, path: &str) -> Answer {
        self.request("GET", path, &[("sec-fetch-mode", "cors")], "")
    }

    /// A call by the page's script.
    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let form = ("content-type", "application/x-www-form-urlencoded");
        self.send(method, path, &[headers, &[form, ("origin", PAGE)]].concat(), body)
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = headers.to_vec();
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let answer = self.server.request(method, path, &headers, body).expect("an answer");
        let set = || answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let is_clients = |(_, line): &&(String, String)| line.starts_with("__client=");
        // Some proxies forward only the last cookie header, so the client's must be the last.
        assert!(
            !set().any(|line| is_clients(&line)) || set().next_back().is_some_and(|line| is_clients(&line)),
            "{path}"
        );
        for (name, line) in &answer.headers {
            let pair = line.split(';').next().and_then(|pair| pair.split_once('='));
            if let (true, Some((name, value))) = (name.eq_ignore_ascii_case("set-cookie"), pair) {
                self.cookies.retain(|(known, _)| known != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// `text` percent-encoded for a query or form.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).into() } else { format!("%{b:02X}") }).collect()
}
