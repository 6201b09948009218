//! Signatures of requests to AWS, version 4
//! (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
//!
//! By hand, because the crate of AWS brings two dozen packages for what are four HMACs. The tests have AWS's own
//! vectors.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

use crate::domain::time::Timestamp;

/// Who signs, and for what.
pub(super) struct Scope<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) secret_access_key: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// A request to be signed. The path is `/` or holds no letters that are encoded, and there is no query.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// The query, sorted and encoded.
    pub(super) query: &'a str,
    /// Names in lower case, in their order, and values without blanks around them. `host` and `x-amz-date` are among
    /// them.
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

impl Scope<'_> {
    /// The value of `Authorization`. `date` is the value of `x-amz-date`.
    pub(super) fn authorization(&self, request: &Signed<'_>, date: &str) -> String {
        let names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let headers: String = request.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{names}\n{}",
            request.method,
            request.path,
            request.query,
            hex(digest(&SHA256, request.body).as_ref())
        );
        let day = date.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let to_sign =
            format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(digest(&SHA256, canonical.as_bytes()).as_ref()));
        let key = mac(format!("AWS4{}", self.secret_access_key).as_bytes(), day);
        let key = [self.region, self.service, "aws4_request"].iter().fold(key, |key, part| mac(key.as_ref(), part));
        let signature = hex(mac(key.as_ref(), &to_sign).as_ref());
        let id = self.access_key_id;
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
    }
}

/// A time as `x-amz-date` has it, such as `20150830T123600Z`.
pub(super) fn amz_date(at: Timestamp) -> String {
    let (days, second) = (at.as_secs() / 86_400, at.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day of a number of days since 1970, counted in eras of 400 years that begin in March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests of AWS's test suite for signatures, and the one of its documentation.
    #[test]
    fn requests_are_signed_as_aws_signs_them() {
        let suite = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
        let form = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", "example.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ];
        let documented = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ];
        for (method, query, headers, body, service, signature) in [
            ("GET", "", &suite[..], "", "service", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "", &suite[..], "", "service", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "POST",
                "",
                &form[..],
                "Param1=value1",
                "service",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "GET",
                "Action=ListUsers&Version=2010-05-08",
                &documented[..],
                "",
                "iam",
                "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ] {
            let scope = Scope {
                access_key_id: "AKIDEXAMPLE",
                secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                region: "us-east-1",
                service,
            };
            let request = Signed { method, path: "/", query, headers, body: body.as_bytes() };
            let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, SignedHeaders={}, \
                 Signature={signature}",
                names.join(";")
            );
            assert_eq!(scope.authorization(&request, "20150830T123600Z"), expected);
        }
    }

    #[test]
    fn times_are_written_over_leap_years() {
        for (seconds, written) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_799, "20000229T235959Z"),
            (1_440_938_160, "20150830T123600Z"),
            (1_704_067_199, "20231231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(amz_date(Timestamp::from_millis(seconds * 1000)), written);
        }
    }
}
