//! The banner: printed once the server listens.

use std::path::Path;

use crate::domain::secret::Secret;

/// Contents of the banner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Banner<'a> {
    /// Purpose and URL of each entry point, the engine's own first. URLs use `localhost`, because a page on
    /// `http://localhost:3000` and an engine on `127.0.0.1` are not same-site for browsers.
    pub(super) urls: &'a [(&'a str, String)],
    /// The publishable key, for pages.
    pub(super) publishable_key: &'a str,
    /// The secret key for backends, if it was generated just now.
    pub(super) secret_key: Option<&'a Secret<String>>,
    /// Whether this is a development instance: the banner then contains next steps.
    pub(super) development: bool,
    /// A sign-up to paste into a shell.
    pub(super) example: Option<&'a [String]>,
    /// Path of the instance key file, if this start has created it: the operator must back it up.
    pub(super) new_key_file: Option<&'a Path>,
}

/// The text for standard output: URLs, keys and, in development, next steps and a sign-up to paste.
pub(super) fn banner(shown: &Banner<'_>) -> String {
    let Banner { urls, publishable_key, secret_key, development, example, new_key_file } = *shown;
    let kind = if development { "a development" } else { "a production" };
    let mut lines = vec![format!("Vestibule {} listens as {kind} instance.", env!("CARGO_PKG_VERSION")), String::new()];
    let entries = urls.iter().map(|(what, url)| (*what, url.as_str()));
    let secret_key = secret_key.map(|key| ("secret key", key.expose().as_str()));
    let entries: Vec<_> = entries.chain([("publishable key", publishable_key)]).chain(secret_key).collect();
    let width = entries.iter().map(|(what, _)| what.chars().count()).max().unwrap_or_default();
    lines.extend(entries.iter().map(|(what, value)| format!("  {what:<width$}  {value}")));
    if let (true, Some((_, url))) = (development, urls.first()) {
        let url = url.trim_end_matches('/');
        lines.extend([
            String::new(),
            "Sign up on the page, and read the code in the mail. Then give Clerk's package in your own page the publishable".into(),
            format!("key and proxyUrl '{url}'. Pages of this machine may call the engine; those of another one need their"),
            "origin in `server.allowed_origins`.".into(),
        ]);
        if let Some(example) = example {
            lines.extend([String::new(), "In a shell, somebody new each time:".into(), String::new()]);
            lines.extend(example.iter().map(|line| format!("  {line}")));
        }
    }
    if let Some(path) = new_key_file {
        let said = format!("Made a new instance key in {}; back it up apart from the data.", path.display());
        lines.extend([String::new(), said]);
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_has_urls_keys_and_a_sign_up_to_paste() {
        let urls =
            [("engine", "http://localhost:8080/".to_owned()), ("mailbox", "http://localhost:8080/dev/mailbox".into())];
        let secret_key = Secret::new("sk_test_7".into());
        let example = ["curl one".to_owned(), "curl two".into()];
        let text = banner(&Banner {
            urls: &urls,
            publishable_key: "pk_live_Y2xlcmsubG9jYWxob3N0JA",
            secret_key: Some(&secret_key),
            development: true,
            example: Some(&example),
            new_key_file: None,
        });
        assert!(text.contains("  mailbox          http://localhost:8080/dev/mailbox\n"), "{text}");
        assert!(text.contains("  secret key       sk_test_7\n"), "{text}");
        assert!(text.contains("  publishable key  pk_live_Y2xlcmsubG9jYWxob3N0JA\n"), "{text}");
        assert!(text.contains("proxyUrl 'http://localhost:8080'"), "{text}");
        assert!(text.ends_with("  curl one\n  curl two\n"), "{text}");
    }

    #[test]
    fn production_pastes_nothing() {
        let urls = [("engine", "https://clerk.example.com".into())];
        let mut shown = Banner {
            urls: &urls,
            publishable_key: "pk_live_x",
            secret_key: None,
            development: false,
            example: None,
            new_key_file: None,
        };
        let text = banner(&shown);
        assert!(
            text.contains("production instance") && !text.contains("curl") && !text.contains("back it up"),
            "{text}"
        );
        shown.new_key_file = Some(Path::new("/etc/vestibule/instance.key"));
        let text = banner(&shown);
        assert!(
            text.ends_with("Made a new instance key in /etc/vestibule/instance.key; back it up apart from the data.\n"),
            "{text}"
        );
    }
}
