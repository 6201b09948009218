//! The certificates that reports are signed with, as they were fetched.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Mutex;

use crate::domain::time::{Span, Timestamp};

use super::super::der::{SEQUENCE, element};

/// A few certificates, by their URLs.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    kept: Vec<Kept>,
    /// When the last ones that were not known were asked for.
    asked_at: Vec<Timestamp>,
    under_way: Vec<(String, Turn)>,
}

/// The right to fetch a certificate, which those share who wait for the same one. Whether it was tried is inside: who is given
/// the turn after somebody else has nothing more to do.
pub(super) type Turn = Arc<Mutex<bool>>;

#[derive(Debug)]
struct Kept {
    url: String,
    pem: Arc<[u8]>,
    /// When it was fetched.
    at: Timestamp,
    /// When it was asked for.
    asked_at: Timestamp,
}

impl Certificates {
    /// The certificate of a URL. It serves for a week, so that reports are read while it can't be fetched anew.
    pub(super) fn known(&self, url: &str, now: Timestamp) -> Option<Arc<[u8]>> {
        Some(self.kept(url, now)?.pem.clone())
    }

    /// The turn to fetch a certificate. `None` where nothing is to be done or waited for: it was fetched within a day, or one
    /// that is kept serves while it is fetched, or too many were asked for a short time ago. Those that are kept are asked for
    /// once a minute, whatever strangers ask for.
    pub(super) fn turn(&mut self, url: &str, now: Timestamp) -> Option<Turn> {
        // Nobody fetches or waits any more.
        self.under_way.retain(|(_, turn)| Arc::strong_count(turn) > 1);
        let under_way = self.under_way.iter().find(|(known, _)| known == url).map(|(_, turn)| turn.clone());
        match self.kept(url, now) {
            Some(kept) if kept.at.is_within(FRESH_FOR, now) || kept.asked_at.is_within(MINUTE, now) => return None,
            Some(_) if under_way.is_some() => return None,
            Some(_) => self.kept.iter_mut().filter(|kept| kept.url == url).for_each(|kept| kept.asked_at = now),
            None if under_way.is_some() => return under_way,
            None => {
                self.asked_at.retain(|at| at.is_within(MINUTE, now));
                if self.asked_at.len() >= ASKED_MAX {
                    return None;
                }
                self.asked_at.push(now);
            }
        }
        let turn = Turn::default();
        self.under_way.push((url.to_owned(), turn.clone()));
        Some(turn)
    }

    /// Keeps what was fetched, if it can be read as a certificate, in place of the oldest one where there are many; whether it
    /// can be.
    pub(super) fn keep(&mut self, url: String, pem: &[u8], now: Timestamp) -> bool {
        if public_key(pem).is_none() {
            return false;
        }
        self.forget(&url);
        if self.kept.len() >= KEPT_MAX {
            self.kept.remove(0);
        }
        self.kept.push(Kept { url, pem: pem.into(), at: now, asked_at: now });
        true
    }

    /// Keeps a certificate no longer: its place has none any more.
    pub(super) fn forget(&mut self, url: &str) {
        self.kept.retain(|kept| kept.url != url);
    }

    fn kept(&self, url: &str, now: Timestamp) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.url == url && kept.at.is_within(GOOD_FOR, now))
    }
}

/// The public key in a certificate in PEM, as DER (RFC 5280 4.1.2.7).
pub(super) fn public_key(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (base64, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let der = STANDARD.decode(base64.split_ascii_whitespace().collect::<String>()).ok()?;
    let (SEQUENCE, certificate, _) = element(&der)? else { return None };
    let (SEQUENCE, mut rest, _) = element(certificate)? else { return None };
    // The version may be left out; then come serial number, algorithm, issuer, validity and subject.
    if let (VERSION, _, behind) = element(rest)? {
        rest = behind;
    }
    for _ in 0..5 {
        rest = element(rest)?.2;
    }
    let (SEQUENCE, _, behind) = element(rest)? else { return None };
    Some(rest[..rest.len() - behind.len()].to_vec())
}

const VERSION: u8 = 0xa0;
const FRESH_FOR: Span = Span::from_secs(86_400);
const GOOD_FOR: Span = Span::from_secs(7 * 86_400);
const MINUTE: Span = Span::from_secs(60);
const ASKED_MAX: usize = 6;
const KEPT_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_fetched_once_a_day_and_strangers_cause_few_requests() {
        let mut certificates = Certificates::default();
        assert!(certificates.turn("a", at(0)).is_some());
        assert_eq!(certificates.known("a", at(0)), None);
        assert!(certificates.keep("a".into(), PEM, at(0)));
        assert_eq!(certificates.known("a", at(1)).as_deref(), Some(PEM));
        assert!(certificates.turn("a", at(1)).is_none(), "it is known");
        let asked = (0..100).filter(|n| certificates.turn(&format!("b{n}"), at(2)).is_some()).count();
        assert_eq!(asked, ASKED_MAX - 1);
        assert!(certificates.turn("c", at(63)).is_some());
        for n in 0..KEPT_MAX {
            assert!(certificates.keep(format!("b{n}"), PEM, at(3)));
        }
        assert_eq!(certificates.kept.len(), KEPT_MAX);
    }

    #[test]
    fn a_kept_certificate_serves_while_it_is_fetched_anew_and_strangers_do_not_keep_it_from_being_fetched() {
        let mut certificates = Certificates::default();
        assert!(certificates.keep("a".into(), PEM, at(0)));
        let strangers: Vec<_> = (0..100).filter_map(|n| certificates.turn(&format!("b{n}"), at(DAY + 1))).collect();
        assert_eq!(strangers.len(), ASKED_MAX);
        let turn = certificates.turn("a", at(DAY + 1));
        assert!(turn.is_some(), "it is outside of what strangers use up");
        assert!(certificates.known("a", at(DAY + 1)).is_some());
        assert!(certificates.turn("a", at(DAY + 2)).is_none(), "one is at it; nobody waits");
        drop(turn);
        assert!(certificates.turn("a", at(DAY + 3)).is_none(), "a minute between two tries");
        assert!(certificates.turn("a", at(DAY + 63)).is_some());
        assert!(certificates.known("a", at(7 * DAY)).is_some());
        assert!(certificates.known("a", at(7 * DAY + 1)).is_none());
        certificates.keep("a".into(), PEM, at(8 * DAY));
        certificates.forget("a");
        assert_eq!(certificates.known("a", at(8 * DAY)), None);
    }

    #[test]
    fn those_who_wait_for_one_certificate_share_its_turn() {
        let mut certificates = Certificates::default();
        let first = certificates.turn("a", at(0)).expect("a turn");
        let second = certificates.turn("a", at(0)).expect("the same turn");
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(certificates.asked_at.len(), 1);
        drop((first, second));
        certificates.turn("b", at(0));
        assert_eq!(certificates.under_way.len(), 1, "what nobody waits for is forgotten");
    }

    #[test]
    fn what_is_no_certificate_is_not_kept() {
        let mut certificates = Certificates::default();
        for body in [&b"<html>busy</html>"[..], b"", b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"]
        {
            assert!(!certificates.keep("a".into(), body, at(0)));
            assert_eq!(certificates.known("a", at(0)), None);
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1000)
    }

    const DAY: u64 = 86_400;
    /// A certificate of which nothing is right but the shape.
    const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----\nMBIwEAIBATAAMAAwADAAMAMCAQA=\n-----END CERTIFICATE-----\n";
}
