//! The one layout for messages to people: what happened, what to do, and links to go on. It works without scripts and
//! loads nothing but the instance's own images, in production too.

use std::borrow::Cow;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};

use crate::domain::settings::branding::Branding;
use crate::http::response::api_response::{ApiResponse, insert};
use crate::http::response::redirect::csp_source;

/// What all pages of an instance have in common.
#[derive(Clone, Debug)]
pub(in crate::http) struct Look<'a> {
    branding: Cow<'a, Branding>,
    /// The link for people without a better one.
    home: Option<String>,
}

/// The content of one page. All texts are escaped.
#[derive(Clone, Debug)]
pub(in crate::http) struct Notice {
    status: StatusCode,
    title: Cow<'static, str>,
    /// What happened and what to do, one or two sentences each.
    text: Vec<Cow<'static, str>>,
    button: Option<Button>,
    /// The best link, shown before the instance's home.
    way_on: WayOn,
    /// A reference that support needs when the person asks about it.
    reference: Option<String>,
    /// The data that a program would have received.
    data: Option<String>,
}

/// The target of a page's first link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum WayOn {
    /// Only the instance's home and its support.
    Home,
    /// This URL, which the instance allows.
    To(String),
    /// The same page again.
    Again,
}

/// A form that shows only a button.
#[derive(Clone, Debug)]
struct Button {
    label: &'static str,
    /// The form's target, relative to the page.
    action: &'static str,
    /// The hidden field that is sent.
    field: (&'static str, String),
    /// Where the answer may redirect the browser to.
    leads_to: Option<String>,
}

impl<'a> Look<'a> {
    /// The look of an instance's pages; `home` is their link for people without a better one.
    #[cfg(test)]
    pub(in crate::http) const fn new(branding: &'a Branding, home: Option<String>) -> Self {
        Self { branding: Cow::Borrowed(branding), home }
    }

    /// The same of a branding that was made for it.
    pub(in crate::http) const fn owned(branding: Branding, home: Option<String>) -> Self {
        Self { branding: Cow::Owned(branding), home }
    }
}

impl Notice {
    /// A page with this title and status 200, with a link to the home.
    pub(in crate::http) fn new(title: impl Into<Cow<'static, str>>) -> Self {
        let title = title.into();
        Self {
            status: StatusCode::OK,
            title,
            text: Vec::new(),
            button: None,
            way_on: WayOn::Home,
            reference: None,
            data: None,
        }
    }

    /// Sets the status.
    pub(in crate::http) const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds a sentence.
    pub(in crate::http) fn saying(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.text.push(text.into());
        self
    }

    /// Sets the first link.
    pub(in crate::http) fn leading(mut self, way_on: WayOn) -> Self {
        self.way_on = way_on;
        self
    }

    /// Sets the reference for support.
    pub(in crate::http) fn referring(mut self, reference: String) -> Self {
        self.reference = Some(reference);
        self
    }

    /// Sets the data that a program would have received.
    pub(in crate::http) fn showing(mut self, data: String) -> Self {
        self.data = Some(data);
        self
    }

    /// Adds a button that sends `field` to `action`. The answer may redirect the browser to `leads_to`, which browsers
    /// must be told in advance (CSP 3, `form-action`).
    pub(in crate::http) fn asking(
        mut self,
        label: &'static str,
        action: &'static str,
        field: (&'static str, String),
        leads_to: Option<&str>,
    ) -> Self {
        self.button = Some(Button { label, action, field, leads_to: leads_to.map(str::to_owned) });
        self
    }

    /// The page.
    pub(in crate::http) fn render(&self, look: &Look<'_>) -> ApiResponse {
        let branding = &*look.branding;
        let (title, name) = (escaped(&self.title), escaped(&branding.name));
        let icon = branding.favicon_url.as_deref().map(|url| format!("<link rel=\"icon\" href=\"{}\">", escaped(url)));
        let logo = branding.logo_url.as_deref().map(|url| format!("<img src=\"{}\" alt=\"\">", escaped(url)));
        let html = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"robots\" content=\"noindex\"><title>{title} · {name}</title>{icon}<style>{STYLE}</style></head>\
             <body><header class=\"bar\"><strong>{logo}<span>{name}</span></strong></header>\
             <main class=\"narrow\"><section class=\"card outcome\"><h1>{title}</h1>{body}</section></main></body></html>\n",
            icon = icon.unwrap_or_default(),
            logo = logo.unwrap_or_default(),
            body = self.body(look),
        );
        let mut answer = ApiResponse::of("text/html; charset=utf-8", Bytes::from(html)).with_status(self.status);
        let headers = answer.headers_mut();
        insert(headers, CONTENT_SECURITY_POLICY, &self.policy(branding));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        answer
    }

    fn body(&self, look: &Look<'_>) -> String {
        let mut body: String = self.text.iter().map(|text| format!("<p>{}</p>", escaped(text))).collect();
        if let Some(Button { label, action, field: (name, value), .. }) = &self.button {
            body.push_str(&format!(
                "<form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"{name}\" value=\"{}\">\
                 <button>{}</button></form>",
                escaped(value),
                escaped(label),
            ));
        }
        // The first link is the main one, unless there is a button.
        let is_main = |n| n == 0 && self.button.is_none();
        let links = self.links(look);
        let links: String = links.iter().enumerate().map(|(n, (to, text))| link(to, text, is_main(n))).collect();
        if !links.is_empty() {
            body.push_str(&format!("<div class=\"actions\">{links}</div>"));
        }
        if let Some(data) = &self.data {
            body.push_str(&format!("<pre>{}</pre>", escaped(data)));
        }
        if let Some(reference) = &self.reference {
            body.push_str(&format!("<p class=\"muted small\">{}</p>", escaped(reference)));
        }
        body
    }

    /// The links with their texts, the best first.
    fn links(&self, look: &Look<'_>) -> Vec<(String, String)> {
        let (name, support_email) = (&look.branding.name, &look.branding.support_email);
        let mut links = Vec::new();
        match &self.way_on {
            WayOn::To(url) => links.push((url.clone(), format!("Continue to {name}"))),
            // The address of the page itself, without repeating any of it in the page.
            WayOn::Again => links.push((String::new(), "Try again".into())),
            WayOn::Home => {}
        }
        // A page with a question has no other link: a person who does not want to confirm closes it.
        if let (Some(home), None) = (&look.home, &self.button)
            && !matches!(self.way_on, WayOn::To(_))
        {
            links.push((home.clone(), format!("Go to {name}")));
        }
        if let Some(address) = support_email {
            links.push((format!("mailto:{}", address.replace('%', "%25")), format!("Write to {address}")));
        }
        links
    }

    fn policy(&self, branding: &Branding) -> String {
        let mut images: Vec<String> = [&branding.logo_url, &branding.favicon_url]
            .into_iter()
            .flatten()
            .filter_map(|url| csp_source(url))
            .collect();
        images.dedup();
        let images = if images.is_empty() { String::new() } else { format!("img-src {}; ", images.join(" ")) };
        let form_action = self.button.as_ref().map_or_else(
            || "'none'".to_owned(),
            |button| {
                let place = button.leads_to.as_deref().and_then(csp_source);
                place.map_or_else(|| "'self'".to_owned(), |place| format!("'self' {place}"))
            },
        );
        format!(
            "default-src 'none'; style-src 'sha256-{}'; {images}form-action {form_action}; base-uri 'none'; \
             frame-ancestors 'none'",
            *STYLE_DIGEST
        )
    }
}

/// `text` as HTML text or the value of an attribute in double quotes.
pub(in crate::http) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

fn link(to: &str, text: &str, is_main: bool) -> String {
    let class = if is_main { " class=\"main\"" } else { "" };
    format!("<a href=\"{}\"{class}>{}</a>", escaped(to), escaped(text))
}

const STYLE: &str = concat!(include_str!("style.css"), include_str!("notice.css"));

/// The hash of the page's inline style, for the content security policy.
static STYLE_DIGEST: LazyLock<String> = LazyLock::new(|| STANDARD.encode(digest(&SHA256, STYLE.as_bytes())));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_happened_and_leads_on() {
        let notice = Notice::new("This link has expired").saying("Ask for a new one.");
        let page = |way_on| shown(&notice.clone().leading(way_on), &branding());
        let home = |class: &str| format!("<a href=\"https://acme.example\"{class}>Go to Acme</a>");
        let mail = "<a href=\"mailto:help@acme.example\">Write to help@acme.example</a>";
        for (way_on, links) in [
            (WayOn::Home, format!("{}{mail}", home(" class=\"main\""))),
            (WayOn::Again, format!("<a href=\"\" class=\"main\">Try again</a>{}{mail}", home(""))),
            (
                WayOn::To("https://app.example/join?a=1&b=2".into()),
                format!("<a href=\"https://app.example/join?a=1&amp;b=2\" class=\"main\">Continue to Acme</a>{mail}"),
            ),
        ] {
            let html = page(way_on);
            assert!(html.contains("<title>This link has expired · Acme</title>"), "{html}");
            assert!(html.contains("<h1>This link has expired</h1><p>Ask for a new one.</p>"), "{html}");
            assert!(html.contains(&format!("<div class=\"actions\">{links}</div>")), "{html}");
        }
        let bare = Branding { support_email: None, ..branding() };
        let html = text(&notice.render(&Look { branding: Cow::Borrowed(&bare), home: None }));
        assert!(
            !html.contains("<a ") && !html.contains("actions\""),
            "nothing to press where there is nowhere: {html}"
        );
    }

    #[test]
    fn nothing_that_a_page_is_told_is_taken_for_markup() {
        let hostile = "</title><script>alert('x')</script>\"&";
        let branding = Branding {
            name: hostile.into(),
            home_url: None,
            logo_url: Some(format!("https://a.example/{hostile}")),
            favicon_url: Some(format!("https://a.example/{hostile}")),
            support_email: Some(format!("a{hostile}@b.example")),
            ..Branding::default()
        };
        let notice = Notice::new(hostile).saying(hostile).referring(hostile.into()).leading(WayOn::To(hostile.into()));
        let notice = notice.asking("Go on", "verify", ("token", hostile.into()), Some("https://app.example"));
        let html = text(&notice.render(&Look { branding: Cow::Borrowed(&branding), home: Some(hostile.into()) }));
        assert!(!html.contains("<script") && html.matches("</title>").count() == 1, "{html}");
        assert!(!html.contains("alert('") && html.matches("alert(&#39;x&#39;)").count() >= 9, "{html}");
    }

    #[test]
    fn a_page_may_load_the_instances_images_and_nothing_else() {
        let none = Branding { logo_url: None, favicon_url: None, ..branding() };
        let same = Branding { favicon_url: Some("https://cdn.example:8443/i.svg".into()), ..branding() };
        let other = Branding { favicon_url: Some("https://acme.example/i.svg".into()), ..branding() };
        for (branding, images) in [
            (none, ""),
            (branding(), "img-src https://cdn.example:8443; "),
            (same, "img-src https://cdn.example:8443; "),
            (other, "img-src https://cdn.example:8443 https://acme.example; "),
        ] {
            let response =
                Notice::new("x").render(&Look { branding: Cow::Borrowed(&branding), home: None }).into_response();
            let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text");
            let style = &*STYLE_DIGEST;
            let rest = format!("{images}form-action 'none'; base-uri 'none'; frame-ancestors 'none'");
            assert_eq!(policy, format!("default-src 'none'; style-src 'sha256-{style}'; {rest}"));
            assert_eq!(response.headers()[REFERRER_POLICY], "no-referrer");
            assert_eq!(response.headers()["cache-control"], "no-store");
        }
        let html = shown(&Notice::new("x"), &branding());
        assert!(html.contains("<img src=\"https://cdn.example:8443/logo.svg\" alt=\"\">"), "{html}");
        let style = html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect("a style").0;
        assert_eq!(STANDARD.encode(digest(&SHA256, style.as_bytes())), *STYLE_DIGEST);
        assert!(!style.contains("url(") && !style.contains("@import"), "the style loads nothing");
    }

    #[test]
    fn the_button_may_lead_to_the_application_and_nowhere_else() {
        let policy = |leads_to| {
            let notice = Notice::new("x").asking("Go on", "verify", ("token", "sua_1.0f".into()), leads_to);
            let response = notice.render(&Look { branding: Cow::Owned(branding()), home: None }).into_response();
            response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text").to_owned()
        };
        assert!(policy(Some("http://localhost:3000/x")).contains("form-action 'self' http://localhost:3000;"));
        assert!(policy(Some("myapp://callback")).contains("form-action 'self' myapp:;"));
        assert!(policy(None).contains("form-action 'self';"));
    }

    fn shown(notice: &Notice, branding: &Branding) -> String {
        text(&notice.render(&Look { branding: Cow::Borrowed(branding), home: branding.home_url.clone() }))
    }

    fn text(answer: &ApiResponse) -> String {
        String::from_utf8(answer.body().to_vec()).expect("text")
    }

    fn branding() -> Branding {
        Branding {
            name: "Acme".into(),
            home_url: Some("https://acme.example".into()),
            logo_url: Some("https://cdn.example:8443/logo.svg".into()),
            support_email: Some("help@acme.example".into()),
            ..Branding::default()
        }
    }
}
