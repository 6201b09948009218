//! `vestibule healthcheck`: a health check for containers without curl.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::Listen;

/// Sends `GET /health/ready` to the server on this machine.
///
/// # Errors
/// When the answer is not 200, or late.
pub(super) fn healthcheck(listen: &Listen) -> Result<(), String> {
    let address = reachable(listen);
    let status = ask(address).map_err(|error| format!("{address} is not ready: {error}"))?;
    if status == "200" { Ok(()) } else { Err(format!("{address} is not ready: it answers {status:?}")) }
}

/// The address at which programs on this machine reach a server that listens so.
pub(super) fn reachable(listen: &Listen) -> SocketAddr {
    let mut address = listen.address;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// The status code of the answer.
fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let host = format!("localhost:{}", address.port());
    stream.write_all(format!("GET /health/ready HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut head = Vec::new();
    let mut piece = [0; 64];
    while head.len() < STATUS_LINE_BYTES {
        match stream.read(&mut piece)? {
            0 => break,
            read => head.extend_from_slice(&piece[..read]),
        }
    }
    let head = String::from_utf8_lossy(&head);
    Ok(head.split(' ').nth(1).unwrap_or_default().chars().take(3).collect())
}

const TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes that hold the status code: `HTTP/1.0 200`.
const STATUS_LINE_BYTES: usize = 12;
