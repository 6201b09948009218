//! The pages of a development instance, compiled in. They use the API like any other client.

use bytes::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};

use crate::domain::rejection::ErrorCode;
use crate::domain::settings::branding::Branding;
use crate::http::call::Call;
use crate::http::endpoint::PathId;
use crate::http::pages::notice::escaped;
use crate::http::response::api_response::{ApiResponse, insert};
use crate::http::response::error::HttpError;
use crate::http::response::redirect::csp_source;

/// A file of the development pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page(&'static File);

#[derive(Debug, PartialEq, Eq)]
struct File {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

/// Shows the file at the call's path.
pub(in crate::http) fn show(call: &Call<'_>) -> Result<ApiResponse, HttpError> {
    let page = Page::at(&call.head.path).ok_or(ErrorCode::ResourceNotFound)?;
    Ok(page.show(call.engine().branding(), call.app.mount.prefix()))
}

/// What a path holds in place of an id where it names a file that the development pages load.
pub(in crate::http) fn file(name: &str) -> Option<PathId> {
    let is_loaded = FILES.iter().any(|file| file.path.strip_prefix("/dev/pages/") == Some(name));
    is_loaded.then_some(PathId::Absent)
}

impl Page {
    /// The file at a path.
    fn at(path: &str) -> Option<Self> {
        FILES.iter().find(|file| file.path == path).map(Self)
    }

    /// The file with its security headers, which allow nothing from other origins but the instance's logo. `prefix` is
    /// the path that the engine is mounted below.
    fn show(self, branding: &Branding, prefix: &str) -> ApiResponse {
        let mut answer = ApiResponse::of(self.0.content_type, self.text(prefix));
        let headers = answer.headers_mut();
        let logo = branding.logo_url.as_deref().and_then(csp_source);
        let images = logo.map(|source| format!("; img-src 'self' {source}")).unwrap_or_default();
        let policy = format!("default-src 'self'; base-uri 'none'; frame-ancestors 'none'{images}");
        insert(headers, CONTENT_SECURITY_POLICY, &policy);
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        answer.kept("no-cache")
    }

    /// The text, with its links below `prefix`. Scripts derive their paths from the URL that they were loaded from.
    fn text(self, prefix: &str) -> Bytes {
        let text = self.0.text;
        if prefix.is_empty() || self.0.content_type != HTML {
            return Bytes::from_static(text.as_bytes());
        }
        // A link relative to the page would work only with a slash at the end of the prefix, which people leave out.
        text.replace("=\"/", &format!("=\"{}/", escaped(prefix))).into()
    }
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// `/` signs up through the real API, `/dev/mailbox` shows the captured messages; the others are loaded by these two.
#[rustfmt::skip]
const FILES: &[File] = &[
    File { path: "/", content_type: HTML, text: include_str!("../pages/index.html") },
    File { path: "/dev/mailbox", content_type: HTML, text: include_str!("../pages/mailbox.html") },
    File { path: "/dev/pages/style.css", content_type: STYLE, text: include_str!("../pages/style.css") },
    File { path: "/dev/pages/icon.svg", content_type: SVG, text: include_str!("../pages/icon.svg") },
    File { path: "/dev/pages/app.js", content_type: SCRIPT, text: include_str!("../pages/app.js") },
    File { path: "/dev/pages/api.js", content_type: SCRIPT, text: include_str!("../pages/api.js") },
    File { path: "/dev/pages/arrival.js", content_type: SCRIPT, text: include_str!("../pages/arrival.js") },
    File { path: "/dev/pages/done.js", content_type: SCRIPT, text: include_str!("../pages/done.js") },
    File { path: "/dev/pages/elements.js", content_type: SCRIPT, text: include_str!("../pages/elements.js") },
    File { path: "/dev/pages/fields.js", content_type: SCRIPT, text: include_str!("../pages/fields.js") },
    File { path: "/dev/pages/mailbox.js", content_type: SCRIPT, text: include_str!("../pages/mailbox.js") },
    File { path: "/dev/pages/set_aside.js", content_type: SCRIPT, text: include_str!("../pages/set_aside.js") },
    File { path: "/dev/pages/sign_in.js", content_type: SCRIPT, text: include_str!("../pages/sign_in.js") },
    File { path: "/dev/pages/sign_up.js", content_type: SCRIPT, text: include_str!("../pages/sign_up.js") },
    File { path: "/dev/pages/state.js", content_type: SCRIPT, text: include_str!("../pages/state.js") },
    File { path: "/dev/pages/steps.js", content_type: SCRIPT, text: include_str!("../pages/steps.js") },
    File { path: "/dev/pages/waits.js", content_type: SCRIPT, text: include_str!("../pages/waits.js") },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_load_nothing_from_elsewhere_but_the_logo() {
        for (logo, images) in [
            (None, ""),
            (Some("https://cdn.example:8443/a/logo.svg?v=1#x"), "; img-src 'self' https://cdn.example:8443"),
            (Some("http://localhost:9000/logo.png"), "; img-src 'self' http://localhost:9000"),
            (Some("https://a.example/;script-src%20*/ ;script-src *"), "; img-src 'self' https://a.example"),
            (Some("not a URL"), ""),
        ] {
            let branding = Branding { logo_url: logo.map(str::to_owned), ..Branding::default() };
            let response = page("/").show(&branding, "").into_response();
            let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text");
            assert_eq!(policy, format!("default-src 'self'; base-uri 'none'; frame-ancestors 'none'{images}"));
            assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        }
    }

    #[test]
    fn below_a_path_all_links_of_a_page_lead_below_it() {
        for file in FILES.iter().filter(|file| file.content_type == HTML) {
            let text = Page(file).text("/a&b");
            let text = std::str::from_utf8(&text).expect("text");
            let attributes = text.split("=\"").skip(1).filter(|value| value.starts_with('/'));
            let strays: Vec<_> = attributes.filter(|value| !value.starts_with("/a&amp;b/")).collect();
            assert!(strays.is_empty() && text.contains("href=\"/a&amp;b/\""), "{}: {strays:?}", file.path);
            assert_eq!(Page(file).text(""), file.text);
        }
        // A script must not contain a path from the root of the host.
        for file in FILES.iter().filter(|file| file.content_type == SCRIPT) {
            let from_root = ["fetch(`/", "fetch('/", "href: '/", "origin}/", "href = '/", "assign('/"];
            assert!(!from_root.iter().any(|call| file.text.contains(call)), "{}", file.path);
        }
    }

    #[test]
    fn only_the_known_files_are_there() {
        assert_eq!(page("/dev/pages/style.css").0.content_type, STYLE);
        for path in ["/dev/pages/..", "/dev/pages/", "/index.html", "", "dev/mailbox", "/dev/pages//dev/pages/app.js"] {
            assert_eq!(Page::at(path), None, "{path}");
        }
        let is_loaded = |name| file(name).is_some();
        assert!(is_loaded("app.js") && !is_loaded("") && !is_loaded("mailbox") && !is_loaded("../mailbox"));
    }

    #[test]
    fn what_the_files_load_is_there() {
        for file in FILES {
            let quoted = file.text.split(['"', '\'']);
            let loaded = quoted.filter_map(|text| match text.strip_prefix("./") {
                Some(script) if script.ends_with(".js") => Some(format!("/dev/pages/{script}")),
                _ => text.strip_prefix("/dev/pages/").map(|name| format!("/dev/pages/{name}")),
            });
            for path in loaded {
                assert!(Page::at(&path).is_some(), "{} loads {path}", file.path);
            }
            // The content security policy forbids scripts and styles inside a page.
            assert!(!file.text.contains("<style") && !file.text.contains("style=\""), "{}", file.path);
            assert!(!file.text.contains(" onclick=") && !file.text.contains("<script>"), "{}", file.path);
        }
    }

    fn page(path: &str) -> Page {
        Page::at(path).expect("a page")
    }
}
