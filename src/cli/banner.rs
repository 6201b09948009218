//! What the server says once it listens.

use crate::domain::secret::Secret;

/// The lines for standard output: the URLs worth opening, the keys and, in development, a sign-up to paste. `urls` are
/// what each is for and the URL, spelled as browsers should: with `localhost`, because a page on
/// `http://localhost:3000` and an engine on `127.0.0.1` are not same-site. The first one is the engine itself.
pub fn banner(
    urls: &[(&str, String)],
    publishable_key: &str,
    secret_key: Option<&Secret<String>>,
    development: bool,
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
            "Sign up on the page; the mailbox has the code that it asks for. Or from a shell, a new Ada each time:"
                .into(),
            String::new(),
            "  ada=ada$(date +%s)@example.com".into(),
            format!(
                "  curl '{url}/v1/client/sign_ups?_is_native=1' -d email_address=$ada \
                 -d password='wanders under elms' -d strategy=email_code"
            ),
            format!("  curl \"{url}/dev/outbox?to=$ada\""),
            String::new(),
            format!(
                "Next: give Clerk's package the publishable key and proxyUrl '{url}', and name your page's origin in"
            ),
            "`server.allowed_origins` unless it is there already. `vestibule check` tells what is configured.".into(),
        ]);
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_has_urls_a_key_and_a_sign_up_to_paste() {
        let urls =
            [("engine", "http://localhost:8080/".to_owned()), ("mailbox", "http://localhost:8080/dev/mailbox".into())];
        let text = banner(&urls, "pk_live_Y2xlcmsubG9jYWxob3N0JA", Some(&Secret::new("sk_test_7".into())), true);
        assert!(text.contains("  mailbox          http://localhost:8080/dev/mailbox\n"), "{text}");
        assert!(text.contains("  secret key       sk_test_7\n"), "{text}");
        assert!(text.contains("  publishable key  pk_live_Y2xlcmsubG9jYWxob3N0JA\n"), "{text}");
        assert!(
            text.contains("curl 'http://localhost:8080/v1/client/sign_ups?_is_native=1' -d email_address=$ada"),
            "{text}"
        );
        // In a form `+` is a blank, so the address needs another way to be a new one.
        assert!(text.contains("\n  ada=ada$(date +%s)@example.com\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 160), "{text}");
    }

    #[test]
    fn production_pastes_nothing() {
        let text = banner(&[("engine", "https://clerk.example.com".into())], "pk_live_x", None, false);
        assert!(text.contains("production instance") && !text.contains("curl"), "{text}");
    }
}
