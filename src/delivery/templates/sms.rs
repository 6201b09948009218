//! How long a text message is, and the line that binds its code to a page.

/// `text` with a last line that binds `code` to the pages of `host`: phones then offer the code on that site only
/// (origin-bound one-time codes, `@host #code`). The line is left out where it would make two messages of one, which cost
/// twice as much.
pub(super) fn bound(text: String, host: Option<&str>, code: &str) -> String {
    let Some(host) = host else { return text };
    let with_line = format!("{text}\n\n@{host} #{code}");
    if is_one(&with_line) || !is_one(&text) { with_line } else { text }
}

/// Whether a text fits into one message: 160 characters of GSM 03.38, of which some count twice, or 70 UTF-16 units.
pub(super) fn is_one(text: &str) -> bool {
    match text.chars().map(septets).sum::<Option<usize>>() {
        Some(septets) => septets <= 160,
        None => text.encode_utf16().count() <= 70,
    }
}

/// How many places a character takes in GSM 03.38; `None` for one that is not in it.
fn septets(c: char) -> Option<usize> {
    match c {
        'A'..='Z' | 'a'..='z' | '0'..='9' => Some(1),
        _ if BASIC.contains(c) => Some(1),
        _ if EXTENDED.contains(c) => Some(2),
        _ => None,
    }
}

const BASIC: &str = "\n\r @£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
const EXTENDED: &str = "^{}\\[~]|€";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_outside_gsm_make_messages_shorter() {
        for (text, fits) in [
            ("a".repeat(160), true),
            ("a".repeat(161), false),
            ("€".repeat(80), true),
            ("€".repeat(81), false),
            ("é".repeat(160), true),
            ("ó".repeat(70), true),
            (format!("ó{}", "a".repeat(70)), false),
            ("🦀".repeat(35), true),
            ("🦀".repeat(36), false),
        ] {
            assert_eq!(is_one(&text), fits, "{text}");
        }
    }

    #[test]
    fn the_line_of_the_page_comes_last_where_it_costs_nothing() {
        let bind = |text: &str, host| bound(text.into(), host, "424242");
        assert_eq!(bind("424242 is your code.", Some("acme.example")), "424242 is your code.\n\n@acme.example #424242");
        assert_eq!(bind("424242 is your code.", None), "424242 is your code.");
        let long = "a".repeat(150);
        assert_eq!(bind(&long, Some("acme.example")), long);
        let two = "a".repeat(161);
        assert!(bind(&two, Some("acme.example")).ends_with("@acme.example #424242"));
    }
}
