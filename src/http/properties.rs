//! Properties of the parsers for text in requests: any text is read to its end without a panic, and what was written is
//! read back unchanged.

use std::net::IpAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONTENT_TYPE, COOKIE, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::runtime::Builder;

use crate::config::Network;

use super::HttpOptions;
use super::cookie;
use super::request::form::{Params, TooMany};
use super::request::proxy::client_ip;
use super::request::{host, json};

proptest! {
    #[test]
    fn parameters_that_were_written_read_back(pairs in vec(("[a-z_]{1,8}", any::<String>()), 0..12)) {
        let mut written = form_urlencoded::Serializer::new(String::new());
        written.extend_pairs(&pairs);
        let params = Params::decode(written.finish().as_bytes(), 12).expect("few enough");
        for (name, value) in &pairs {
            let is_alone = pairs.iter().filter(|(other, _)| other == name).count() == 1;
            prop_assert_eq!(params.said(name).is_ok(), is_alone);
            if is_alone {
                prop_assert_eq!(params.said(name), Ok(Some(value.as_str())));
                prop_assert_eq!(params.single(name), Ok(Some(value.as_str()).filter(|value| !value.is_empty())));
            }
        }
    }

    #[test]
    fn any_bytes_are_parameters_or_too_many(bytes in encoded(), max in 0..8_usize) {
        let sent = bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).count();
        let params = match Params::decode(&bytes, max) {
            Err(TooMany) => {
                prop_assert!(sent > max);
                return Ok(());
            }
            Ok(params) => params,
        };
        prop_assert!(sent <= max);
        // Valid UTF-8 is read as the URL standard says.
        for (name, value) in form_urlencoded::parse(&bytes) {
            if let Ok(Some(read)) = params.said(&name) {
                prop_assert_eq!(read, value);
            }
            let _hint = params.hint(&name);
        }
    }

    #[test]
    fn an_object_that_was_written_reads_back(
        text in any::<String>(),
        flag in any::<bool>(),
        count in any::<u64>(),
        bytes in vec(any::<u8>(), 0..60),
    ) {
        let object = serde_json::json!({ "text": text, "flag": flag, "count": count, "object": { "text": text } });
        let read = read_json(serde_json::to_vec(&vec![object]).expect("JSON")).expect("a list of one");
        let mut reasons = Vec::new();
        let mut reader = read[0].reader(&mut reasons);
        prop_assert_eq!(reader.text_or_clear("text"), Some(text.clone()));
        prop_assert_eq!((reader.flag("flag"), reader.count("count")), (Some(flag), Some(count)));
        let inner = reader.object("object").expect("an object");
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&inner).expect("JSON"), serde_json::json!({ "text": text }));
        prop_assert_eq!(reader.text("flag"), None);
        prop_assert_eq!(reasons.len(), 1, "a value of the wrong type is told");
        let is_object = |value: serde_json::Value| value.is_object();
        let is_read = read_json(bytes.clone()).is_some_and(|read| read.len() == 1);
        let could_be = bytes.is_empty() || serde_json::from_slice(&bytes).is_ok_and(is_object);
        prop_assert!(is_read == could_be || bytes.starts_with(b"[") || bytes[0].is_ascii_whitespace());
    }

    #[test]
    fn a_cookie_that_was_set_comes_back_whatever_is_around_it(
        token in "[A-Za-z0-9_.-]{1,80}",
        host in "[a-z0-9.:\\[\\]-]{0,20}",
        before in vec(any::<u8>(), 0..30),
        after in vec(any::<u8>(), 0..30),
    ) {
        let place = cookie::CookieScope { host: Some(&host), secure: true };
        let mut answer = HeaderMap::new();
        cookie::set_client(&mut answer, &token, place);
        let line = answer.get(SET_COOKIE).expect("a cookie").to_str().expect("text");
        let sent = line.split(';').next().expect("a pair");
        let mut request = HeaderMap::new();
        let line = [&clean(&before, b";")[..], b"; ", sent.as_bytes(), b"; ", &clean(&after, b";")].concat();
        request.append(COOKIE, HeaderValue::from_bytes(&line).expect("bytes that may be sent"));
        prop_assert!(cookie::values(&request, cookie::CLIENT).any(|value| value == token));
        let suffix = cookie::CookieSuffix::of(&token);
        let _claims = (cookie::claims_sessions(&request, &suffix), cookie::has_uat(&request, 7, &suffix));
    }

    #[test]
    fn what_a_client_writes_never_changes_what_its_proxy_noted(
        written in vec(any::<u8>(), 0..60),
        address in any::<[u8; 4]>(),
        has_port in any::<bool>(),
        is_standard in any::<bool>(),
    ) {
        let address = IpAddr::from(address);
        prop_assume!(!network().contains(address));
        let noted = if has_port { format!("{address}:4711") } else { address.to_string() };
        let (name, noted) = match is_standard {
            true => (FORWARDED, format!("proto=https;for={noted}")),
            false => (HeaderName::from_static("x-forwarded-for"), noted),
        };
        let line = [&clean(&written, b""), b", ".as_slice(), noted.as_bytes()].concat();
        let mut headers = HeaderMap::new();
        headers.append(name.clone(), HeaderValue::from_bytes(&line).expect("bytes that may be sent"));
        let proxy: IpAddr = "10.0.0.1".parse().expect("an address");
        prop_assert_eq!(client_ip(proxy, &headers, &[network()]), address);
        // Without a proxy, the source is the peer itself.
        let stranger: IpAddr = "192.0.2.1".parse().expect("an address");
        prop_assert_eq!(client_ip(stranger, &headers, &[network()]), stranger);
        headers.insert(name, HeaderValue::from_bytes(&clean(&written, b"")).expect("bytes that may be sent"));
        let _address = client_ip(proxy, &headers, &[network()]);
    }

    #[test]
    fn a_host_reads_back_without_its_port(named in "[A-Za-z0-9_-]{1,9}(\\.[a-z]{1,5}){0,3}", port in any::<u16>(), line in vec(any::<u8>(), 0..30)) {
        let lower = named.to_ascii_lowercase();
        for spelled in [named.clone(), format!("{named}:{port}"), format!("{named}:")] {
            prop_assert_eq!(host::of(&spelled), Some(lower.clone()));
        }
        let line = clean(&line, b"");
        let request = Request::builder().uri("/").header(HOST, HeaderValue::from_bytes(&line).expect("bytes that may be sent"));
        let parts = request.body(()).expect("a request").into_parts().0;
        if let Ok(Some(named)) = host::named(&parts) {
            prop_assert_eq!(host::of(&named), Some(named.clone()), "what is a host stays one");
            prop_assert!(!named.contains(['/', '@', ' ', ',']));
        }
    }
}

/// Bytes that often look like parameters.
fn encoded() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        "[a-z%&=+]{1,4}".prop_map(String::into_bytes),
        "%[0-9a-fA-F]{2}".prop_map(String::into_bytes),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// The bytes without those in `without` and those that end a line or are not allowed in one.
fn clean(bytes: &[u8], without: &[u8]) -> Vec<u8> {
    let may_be_sent = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    bytes.iter().copied().filter(|byte| may_be_sent(byte) && !without.contains(byte)).collect()
}

fn read_json(bytes: Vec<u8>) -> Option<Vec<json::Json>> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime without threads");
    let url = url::Url::parse("http://localhost:8080").expect("a URL");
    let options = HttpOptions::new(url, "pk_live_x", true);
    runtime.block_on(json::read(&headers, Full::new(Bytes::from(bytes)), &options)).ok()
}

fn network() -> Network {
    "10.0.0.0/8".parse().expect("a network")
}
