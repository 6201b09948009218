//! The pages of a development instance, compiled in. They are clients of the API like any other.

use bytes::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};

use crate::http::response::Answer;

/// A file of the development pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Page {
    /// `/`: signs up through the real API.
    Index,
    /// Its script.
    App,
    /// The style of all pages.
    Style,
    /// The icon of all pages.
    Icon,
    /// `/dev/mailbox`: the captured messages.
    Mailbox,
    /// Its script.
    MailboxScript,
}

impl Page {
    /// The file at a path.
    pub(in crate::http) fn at(segments: &[&str]) -> Option<Self> {
        Some(match *segments {
            [""] => Self::Index,
            ["dev", "mailbox"] => Self::Mailbox,
            ["dev", "pages", "app.js"] => Self::App,
            ["dev", "pages", "mailbox.js"] => Self::MailboxScript,
            ["dev", "pages", "style.css"] => Self::Style,
            ["dev", "pages", "icon.svg"] => Self::Icon,
            _ => return None,
        })
    }

    /// The file itself. What it may load and who may frame it is told to the browser.
    pub(in crate::http) fn show(self) -> Answer {
        let (content_type, text) = self.file();
        let mut answer = Answer::of(content_type, Bytes::from_static(text.as_bytes()));
        let headers = answer.headers_mut();
        headers.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'self'; base-uri 'none'; frame-ancestors 'none'"),
        );
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        answer.kept("no-cache")
    }

    const fn file(self) -> (&'static str, &'static str) {
        const HTML: &str = "text/html; charset=utf-8";
        const SCRIPT: &str = "text/javascript; charset=utf-8";
        const STYLE: &str = "text/css; charset=utf-8";
        const SVG: &str = "image/svg+xml";
        match self {
            Self::Index => (HTML, include_str!("../pages/index.html")),
            Self::App => (SCRIPT, include_str!("../pages/app.js")),
            Self::Style => (STYLE, include_str!("../pages/style.css")),
            Self::Icon => (SVG, include_str!("../pages/icon.svg")),
            Self::Mailbox => (HTML, include_str!("../pages/mailbox.html")),
            Self::MailboxScript => (SCRIPT, include_str!("../pages/mailbox.js")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_load_nothing_from_elsewhere() {
        let response = Page::Index.show().into_response();
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str();
        assert!(policy.expect("text").starts_with("default-src 'self';"));
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }

    #[test]
    fn only_the_known_files_are_there() {
        assert_eq!(Page::at(&[""]), Some(Page::Index));
        assert_eq!(Page::at(&["dev", "pages", "style.css"]), Some(Page::Style));
        for segments in [&["dev", "pages", ".."][..], &["dev", "pages"], &["index.html"], &[]] {
            assert_eq!(Page::at(segments), None);
        }
    }
}
