//! Finds the known name most similar to an unknown one, for the question "did you mean …?".

/// The candidate of which `name` is probably a misspelling. It ignores case, `-` and `.` for `_`, a few wrong letters,
/// and a word missing at an end (`origins` for `allowed_origins`).
pub(super) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name = plain(name);
    let candidates: Vec<&str> = candidates.into_iter().collect();
    // Maximum edit distance, as in rustc's suggestions.
    let allowed = name.chars().count().max(3) / 3;
    let distances = candidates.iter().map(|candidate| (strsim::osa_distance(&name, candidate), *candidate));
    let closest = distances.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance);
    closest.map(|(_, candidate)| candidate).or_else(|| {
        let mut longer = candidates.into_iter().filter(|candidate| name.len() >= WORD_MIN && is_end(&name, candidate));
        longer.next().filter(|_| longer.next().is_none())
    })
}

/// Normal form: lower case, with `_` between words.
pub(super) fn plain(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '-' | '.') { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Whether `whole` begins or ends with the words of `part`.
fn is_end(part: &str, whole: &str) -> bool {
    let bounded = |rest: Option<&str>, at_start: bool| {
        rest.is_some_and(|rest| if at_start { rest.starts_with('_') } else { rest.ends_with('_') })
    };
    bounded(whole.strip_prefix(part), true) || bounded(whole.strip_suffix(part), false)
}

/// Minimum length of such a word: shorter ones occur in too many names.
const WORD_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_find_their_name_and_other_words_find_none() {
        let names = ["listen", "public_url", "allowed_origins", "allowed_redirects", "trusted_proxies", "code_ttl_s"];
        for (written, meant) in [
            ("listne", Some("listen")),
            ("listn", Some("listen")),
            ("LISTEN", Some("listen")),
            ("listen_on", Some("listen")),
            ("publicUrl", Some("public_url")),
            ("public-url", Some("public_url")),
            ("public.url", Some("public_url")),
            ("allowed_origin", Some("allowed_origins")),
            ("origins", Some("allowed_origins")),
            ("proxies", Some("trusted_proxies")),
            ("code_ttl", Some("code_ttl_s")),
            ("url", None),
            ("allowed", None),
            ("stress", None),
            ("require", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, names), meant, "{written}");
        }
    }
}
