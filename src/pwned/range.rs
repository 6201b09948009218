//! Requests a range and searches it for a password.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use http::{Request, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::domain::secret::Secret;
use crate::outbound::{Outbound, OutboundOptions};

use super::cache::{Cache, Hash};
use super::trouble::Trouble;

/// Client of a range service, such as `https://api.pwnedpasswords.com/range/`. Clones share the cache.
#[derive(Clone, Debug)]
pub struct PwnedRange {
    url: Url,
    outbound: Outbound,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    cache: Mutex<Cache>,
    trouble: Trouble,
}

impl PwnedRange {
    /// The service at `url`. The operator sets it, so it may be in a private network. The prefix is appended as the
    /// last part of the path.
    pub fn new(mut url: Url) -> Self {
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let options = OutboundOptions {
            allow_private: true,
            timeout: TIMEOUT,
            body_max: BODY_MAX,
            per_host_max: AT_ONCE,
            ..OutboundOptions::default()
        };
        Self { url, outbound: Outbound::new(options), shared: Arc::default() }
    }

    /// Whether the service knows a password. If the service fails the answer is no, so that an outage does not block
    /// sign-ups. An outage is logged once, and skipped look-ups are counted.
    pub async fn knows(&self, password: &Secret<String>) -> bool {
        let hash = hash_of(password);
        let prefix = prefix_of(&hash);
        if let Some(known) = self.cache(|cache| cache.find(&prefix, &hash, Instant::now())) {
            return known;
        }
        if self.shared.trouble.is_recent(Instant::now()) {
            self.shared.trouble.count();
            return false;
        }
        match self.ask(&prefix).await {
            Ok(hashes) => {
                self.shared.trouble.note_success();
                let known = hashes.binary_search(&hash).is_ok();
                self.cache(|cache| cache.keep(prefix, hashes, Instant::now()));
                known
            }
            Err(why) => {
                self.shared.trouble.note_failure(&why, Instant::now());
                false
            }
        }
    }

    /// Requests the sorted hashes of a prefix. The error text contains nothing of the password.
    async fn ask(&self, prefix: &str) -> Result<Vec<Hash>, String> {
        // Padding hides the prefix from observers who see only the size of the answer.
        let request = Request::get(format!("{}{prefix}", self.url))
            .header("add-padding", "true")
            .body(Vec::new())
            .map_err(|_| "its URL is invalid".to_owned())?;
        let answer = self.outbound.send(request).await.map_err(|error| error.to_string())?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answered with status {}", answer.status().as_u16()));
        }
        hashes_in(answer.body(), prefix).ok_or_else(|| "its answer is not a list of hashes".to_owned())
    }

    fn cache<T>(&self, use_it: impl FnOnce(&mut Cache) -> T) -> T {
        use_it(&mut self.shared.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn hash_of(password: &Secret<String>) -> Hash {
    let mut hash = [0; 20];
    hash.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose().as_bytes()).as_ref());
    hash
}

/// The prefix: the first five hexadecimal digits, in upper case.
fn prefix_of(hash: &Hash) -> String {
    format!("{:02X}{:02X}{:X}", hash[0], hash[1], hash[2] >> 4)
}

/// The hashes in an answer: one line each, with the other 35 digits, a colon and a count. Padding lines have the count
/// 0 and are skipped. `None` if no line has this form.
fn hashes_in(answer: &[u8], prefix: &str) -> Option<Vec<Hash>> {
    let text = std::str::from_utf8(answer).ok()?;
    let rows = text.lines().filter_map(|line| {
        let (rest, count) = line.trim().split_once(':')?;
        Some((hash_from(&format!("{prefix}{rest}"))?, count.trim().parse::<u64>().ok()?))
    });
    let mut is_list = false;
    let mut hashes: Vec<Hash> =
        rows.inspect(|_| is_list = true).filter(|(_, count)| *count > 0).map(|(hash, _)| hash).collect();
    hashes.sort_unstable();
    is_list.then_some(hashes)
}

fn hash_from(digits: &str) -> Option<Hash> {
    let bytes = digits.as_bytes();
    if bytes.len() != 40 || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut hash = [0; 20];
    for (byte, at) in hash.iter_mut().zip((0..40).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// Short, because a person waits for the answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// In bytes; answers have about 2000 lines of 40 bytes in 2026.
const BODY_MAX: usize = 512 * 1024;
const AT_ONCE: usize = 32;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::telemetry::captured;

    /// SHA-1 of "password": 5BAA6 1E4C9B93F3F0682250B6CF8331B7EE68FD8.
    const FOUND: &str = "0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\r\n";

    /// A test service that answers each request with these bytes, and the last request that it got.
    async fn service(answer: Vec<u8>, asked: Arc<AtomicUsize>) -> (PwnedRange, Arc<Mutex<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/range/", listener.local_addr().expect("an address"));
        let last_request = Arc::new(Mutex::new(String::new()));
        let recorded = last_request.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap_or_default();
                *recorded.lock().expect("not poisoned") = String::from_utf8_lossy(&request[..length]).to_lowercase();
                asked.fetch_add(1, Ordering::SeqCst);
                drop(stream.write_all(&answer).await);
            }
        });
        (PwnedRange::new(url.parse().expect("a URL")), last_request)
    }

    fn http(status: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_known_password_is_found_and_only_five_digits_are_told() {
        let asked = Arc::new(AtomicUsize::new(0));
        let (range, last_request) = service(http("200 OK", FOUND.as_bytes()), asked.clone()).await;
        assert!(range.knows(&secret("password")).await);
        let request = last_request.lock().expect("not poisoned").clone();
        assert!(request.starts_with("get /range/5baa6 http/1.1\r\n"), "{request}");
        assert!(request.contains("add-padding: true") && !request.contains("1e4c9b93"), "{request}");
        assert!(!range.knows(&secret("wanders under elms")).await);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        assert!(range.clone().knows(&secret("password")).await);
        assert_eq!(asked.load(Ordering::SeqCst), 2, "what was heard just now is not asked again");
    }

    #[tokio::test]
    async fn padding_is_no_hit_and_lines_that_mean_nothing_are_passed_over() {
        for (body, knows) in [
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8:0\r\n", false),
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8:x\n0018A45C4D1DEF81644B54AB7F969B88D65:1", false),
            ("nonsense\n\n1e4c9b93f3f0682250b6cf8331b7ee68fd8: 2 \n:::", true),
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8:99999999999999999999\n0018A45C4D1DEF81644B54AB7F969B88D65:1", false),
        ] {
            let (range, _) = service(http("200 OK", body.as_bytes()), Arc::default()).await;
            assert_eq!(range.knows(&secret("password")).await, knows, "{body}");
            assert_eq!(range.shared.trouble.counted(), 0, "{body}");
        }
    }

    #[test]
    fn a_service_in_trouble_keeps_nobody_out_is_left_alone_and_is_told_of_once() {
        let silent = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n".to_vec();
        let hangs_up = Vec::new();
        for answer in [
            http("500 Internal Server Error", FOUND.as_bytes()),
            http("302 Found", b""),
            http("200 OK", b"<html>welcome to this hotel</html>"),
            http("200 OK", &[0xff; 100]),
            http("200 OK", &vec![b'1'; BODY_MAX + 1]),
            b"\0\0nonsense".to_vec(),
            silent,
            hangs_up,
        ] {
            let asked = Arc::new(AtomicUsize::new(0));
            // No other test may log from that line: `tracing` would remember that it has no subscriber.
            let said = captured("warn", || {
                runtime().block_on(async {
                    let (range, _) = service(answer, asked.clone()).await;
                    for _ in 0..3 {
                        assert!(!range.knows(&secret("password")).await);
                    }
                    assert_eq!(range.shared.trouble.counted(), 3);
                });
            });
            assert_eq!(asked.load(Ordering::SeqCst), 1);
            assert_eq!(said.lines().filter(|line| line.contains("WARN")).count(), 1, "{said}");
            assert!(!said.to_lowercase().contains("5baa6"), "{said}");
        }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
    }
}
