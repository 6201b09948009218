//! The certificates that reports are signed with, as they were fetched.

use std::sync::Arc;

use crate::domain::time::{Span, Timestamp};

/// A few certificates, by their URLs.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    kept: Vec<Kept>,
    /// When the last ones were asked for.
    asked_at: Vec<Timestamp>,
}

#[derive(Debug)]
struct Kept {
    url: String,
    pem: Arc<[u8]>,
    at: Timestamp,
}

impl Certificates {
    /// The certificate of a URL, if it was fetched within a day.
    pub(super) fn known(&self, url: &str, now: Timestamp) -> Option<Arc<[u8]>> {
        let kept = self.kept.iter().find(|kept| kept.url == url && kept.at.is_within(GOOD_FOR, now))?;
        Some(kept.pem.clone())
    }

    /// Whether the certificate is to be fetched now: it is not known, and not too many were asked for a short time ago.
    pub(super) fn begin(&mut self, url: &str, now: Timestamp) -> bool {
        self.asked_at.retain(|at| at.is_within(MINUTE, now));
        if self.known(url, now).is_some() || self.asked_at.len() >= ASKED_MAX {
            return false;
        }
        self.asked_at.push(now);
        true
    }

    /// Keeps a certificate, in place of the oldest one where there are many.
    pub(super) fn keep(&mut self, url: String, pem: Arc<[u8]>, now: Timestamp) {
        self.kept.retain(|kept| kept.url != url);
        if self.kept.len() >= KEPT_MAX {
            self.kept.remove(0);
        }
        self.kept.push(Kept { url, pem, at: now });
    }
}

const GOOD_FOR: Span = Span::from_secs(86_400);
const MINUTE: Span = Span::from_secs(60);
const ASKED_MAX: usize = 6;
const KEPT_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_fetched_once_a_day_and_strangers_cause_few_requests() {
        let (mut certificates, at) = (Certificates::default(), |s: u64| Timestamp::from_millis(1_000_000 + s * 1000));
        assert!(certificates.begin("a", at(0)));
        assert_eq!(certificates.known("a", at(0)), None);
        certificates.keep("a".into(), Arc::from(&b"pem"[..]), at(0));
        assert_eq!(certificates.known("a", at(1)).as_deref(), Some(&b"pem"[..]));
        assert!(!certificates.begin("a", at(1)), "it is known");
        let asked = (0..100).filter(|n| certificates.begin(&format!("b{n}"), at(2))).count();
        assert_eq!(asked, ASKED_MAX - 1);
        assert!(certificates.begin("c", at(63)));
        for n in 0..KEPT_MAX {
            certificates.keep(format!("b{n}"), Arc::from(&b"pem"[..]), at(3));
        }
        assert_eq!(certificates.kept.len(), KEPT_MAX);
        assert_eq!(certificates.known("b1", at(3 + 86_400 + 1)), None);
    }
}
