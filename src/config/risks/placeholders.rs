//! Values that were copied from an example and not replaced.

/// Whether `text` is a placeholder.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let word: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let has_gap = ["…", "...", "${", "{{"].iter().any(|mark| text.contains(mark));
    let is_framed = FRAMES.iter().any(|(open, close)| text.starts_with(*open) && text.ends_with(*close));
    let is_crossed_out = word.len() >= 3 && word.bytes().all(|b| b == b'x');
    let is_yours = word.starts_with("your") && ENDS.iter().any(|end| word.ends_with(end));
    !text.is_empty() && (has_gap || is_framed || is_crossed_out || is_yours || WORDS.contains(&word.as_str()))
}

const FRAMES: [(char, char); 3] = [('<', '>'), ('{', '}'), ('%', '%')];
const ENDS: [&str; 8] = ["id", "key", "secret", "password", "token", "here", "client", "value"];
const WORDS: [&str; 15] = [
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "insertme",
    "inserthere",
    "fixme",
    "todo",
    "tbd",
    "placeholder",
    "example",
    "clientid",
    "clientsecret",
    "sitekey",
    "secretkey",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_marks_a_gap_is_no_value() {
        for text in [
            "…",
            "0x4AAA…",
            "123...apps.example",
            "<client id>",
            "${GOOGLE_CLIENT_ID}",
            "{{ client_id }}",
            "%CLIENT_ID%",
            "your-client-id",
            "YOUR_GOOGLE_CLIENT_ID",
            "your_api_key_here",
            "change-me",
            "CHANGEME",
            "replace_this",
            "client_id",
            "xxxxxxxx",
            "XXX-XXX",
            "TODO",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in [
            "",
            " ",
            "x",
            "Iv1.8a61f9b3a7aba766",
            "1234-abc.apps.googleusercontent.com",
            "com.acme.web",
            "hunter2",
            "yours-truly",
            "my-client-id-7",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
