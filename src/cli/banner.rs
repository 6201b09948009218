//! What the server says once it listens.

use crate::domain::secret::Secret;

/// The lines for standard output: the URLs worth opening, the keys and, in development, what to do next and a sign-up to
/// paste, where there is an `example`. `urls` are what each is for and the URL, spelled as browsers should: with
/// `localhost`, because a page on `http://localhost:3000` and an engine on `127.0.0.1` are not same-site. The first one
/// is the engine itself.
pub fn banner(
    urls: &[(&str, String)],
    publishable_key: &str,
    secret_key: Option<&Secret<String>>,
    development: bool,
    example: Option<&[String]>,
) -> String {
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
            format!("key and proxyUrl '{url}'; the page's origin belongs in `server.allowed_origins`."),
        ]);
        if let Some(example) = example {
            lines.extend([String::new(), "In a shell, somebody new each time:".into(), String::new()]);
            lines.extend(example.iter().map(|line| format!("  {line}")));
        }
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
        let text = banner(&urls, "pk_live_Y2xlcmsubG9jYWxob3N0JA", Some(&secret_key), true, Some(&example));
        assert!(text.contains("  mailbox          http://localhost:8080/dev/mailbox\n"), "{text}");
        assert!(text.contains("  secret key       sk_test_7\n"), "{text}");
        assert!(text.contains("  publishable key  pk_live_Y2xlcmsubG9jYWxob3N0JA\n"), "{text}");
        assert!(text.contains("proxyUrl 'http://localhost:8080'"), "{text}");
        assert!(text.ends_with("  curl one\n  curl two\n"), "{text}");
    }

    #[test]
    fn production_pastes_nothing() {
        let urls = [("engine", "https://clerk.example.com".into())];
        let text = banner(&urls, "pk_live_x", None, false, None);
        assert!(text.contains("production instance") && !text.contains("curl"), "{text}");
    }
}
