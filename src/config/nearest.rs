//! The known name that is most like an unknown one, for the question "did you mean …?".

/// The candidate that `name` is most likely a misspelling of. Case, `-` and `.` for `_`, a few letters too many, too
/// few or changed, and a word left out at an end (`origins` for `allowed_origins`) don't matter.
pub(super) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name = plain(name);
    let candidates: Vec<&str> = candidates.into_iter().collect();
    // As far off as rustc's own suggestions may be.
    let allowed = name.chars().count().max(3) / 3;
    let distances = candidates.iter().map(|candidate| (strsim::osa_distance(&name, candidate), *candidate));
    let closest = distances.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance);
    closest.map(|(_, candidate)| candidate).or_else(|| {
        let mut longer = candidates.into_iter().filter(|candidate| name.len() >= WORD_MIN && is_end(&name, candidate));
        longer.next().filter(|_| longer.next().is_none())
    })
}

/// Lower case, with `_` between words.
pub(super) fn plain(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '-' | '.') { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Whether `whole` is `part` with words before it or behind it.
fn is_end(part: &str, whole: &str) -> bool {
    let bounded = |rest: Option<&str>, at_start: bool| {
        rest.is_some_and(|rest| if at_start { rest.starts_with('_') } else { rest.ends_with('_') })
    };
    bounded(whole.strip_prefix(part), true) || bounded(whole.strip_suffix(part), false)
}

/// Shorter words stand at the ends of too many names.
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
