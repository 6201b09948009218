//! Messages for failures at the start: what happened, and what to do about it.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;

/// Why `address` can't be listened on.
pub fn listen_error(address: SocketAddr, error: &Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "{address} is in use by another program; stop that one, or choose another port with --listen or `server.listen`"
        ),
        ErrorKind::AddrNotAvailable => {
            format!("{address} is not an address of this machine; choose another with --listen or `server.listen`")
        }
        ErrorKind::PermissionDenied => format!(
            "listening on {address} is not allowed; ports below 1024 need a privilege, so choose another with --listen or \
             `server.listen`"
        ),
        _ => format!("listening on {address} failed: {error}"),
    }
}

/// Why the data directory can't be used.
#[cfg(any(feature = "sled", feature = "unstable"))]
pub fn data_error(path: &std::path::Path, error: &Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => format!(
            "the data directory {path} can't be written; give this user the permission, or choose another with --data \
             or `store.path`"
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("there is no room left for the data directory {path}; make room, or choose another with --data")
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            format!("{path} is not a directory, and can't be made one; choose another with --data or `store.path`")
        }
        _ => format!("the data directory {path} can't be used: {error}; choose another with --data or `store.path`"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_taken_port_names_the_flag() {
        let taken = Error::from(ErrorKind::AddrInUse);
        let sentence = listen_error(SocketAddr::from(([127, 0, 0, 1], 8080)), &taken);
        assert!(sentence.contains("127.0.0.1:8080 is in use") && sentence.contains("--listen"), "{sentence}");
    }

    #[test]
    fn an_unwritable_directory_names_the_flag() {
        let sentence = data_error(Path::new("/data"), &Error::from(ErrorKind::PermissionDenied));
        assert!(sentence.contains("/data can't be written") && sentence.contains("--data"), "{sentence}");
    }
}
