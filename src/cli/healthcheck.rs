//! `vestibule healthcheck`: for container schedulers without curl.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::config::Config;

/// Asks the server at the configured address whether it is ready.
///
/// # Errors
/// What it answered, or that it did not.
pub(super) fn ask(config: &Config) -> Result<(), String> {
    let mut address = config.server.listen.address;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let refused = |error: std::io::Error| format!("nothing answers on {address}: {error}");
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(refused)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(refused)?;
    let request = format!("GET /health/ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(refused)?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer).map_err(refused)?;
    let line = answer.lines().next().unwrap_or_default();
    if line.contains(" 200 ") { Ok(()) } else { Err(format!("not ready: {line}")) }
}

const TIMEOUT: Duration = Duration::from_secs(3);
