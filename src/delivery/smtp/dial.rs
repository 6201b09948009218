//! Connects to a server: name look-up, TCP, TLS. Each failure has its own message.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as TlsError, ProtocolVersion};

use super::super::milestone::{Milestone, Tell, TlsFacts};
use super::certificate;
use super::options::SmtpError;
use super::trouble::{Step, Trouble};

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects to the first address of the server that answers. Each step has the timeout `limit`.
pub(super) async fn connect(
    host: &str,
    port: u16,
    limit: Duration,
    tell: Tell<'_>,
) -> Result<Box<dyn Stream>, Trouble> {
    let found = timeout(limit, lookup_host((host, port))).await.map_err(|_| Trouble::Slow(Step::Lookup))?;
    let found = found.map_err(|error| Trouble::Unknown(resolver_words(&error)))?;
    let addresses: Vec<_> = found.take(ADDRESSES_MAX).collect();
    tell(Milestone::Found(addresses.clone()));
    // The timeout is divided among the addresses, so that one dead address leaves time for the others.
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut last = Trouble::Unknown("it has no address".into());
    for address in addresses {
        last = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // No Nagle delay: commands are small, and the client waits for each answer.
                drop(stream.set_nodelay(true));
                tell(Milestone::Connected(address));
                return Ok(Box::new(stream));
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Trouble::RefusedPort,
            Ok(Err(error)) => Trouble::Unreachable(error.to_string()),
            Err(_) => Trouble::Slow(Step::Connect),
        };
    }
    Err(last)
}

/// The TLS configuration and the expected name in the certificate.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// TLS to the server `host`, with the root certificates of the system.
    ///
    /// # Errors
    /// When `host` is no valid certificate name, or the system has no root certificates.
    pub(super) fn new(host: &str) -> Result<Self, SmtpError> {
        let fault = |error: TlsError| SmtpError::Host(error.to_string());
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(fault)?;
        Self::with(host, config.with_no_client_auth())
    }

    pub(super) fn with(host: &str, config: ClientConfig) -> Result<Self, SmtpError> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| SmtpError::Host("it is neither a name nor an address".into()))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Makes the TLS handshake.
    pub(super) async fn wrap(
        &self,
        stream: Box<dyn Stream>,
        limit: Duration,
        tell: Tell<'_>,
    ) -> Result<Box<dyn Stream>, Trouble> {
        match timeout(limit, self.connector.connect(self.name.clone(), stream)).await {
            Ok(Ok(stream)) => {
                let (_, connection) = stream.get_ref();
                let version = match connection.protocol_version() {
                    Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
                    Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
                    _ => "TLS",
                };
                let certificate = connection.peer_certificates().and_then(|chain| chain.first());
                let ends_at = certificate.and_then(|certificate| certificate::ends_at(certificate));
                tell(Milestone::Protected(TlsFacts { version: version.into(), ends_at }));
                Ok(Box::new(stream))
            }
            Ok(Err(error)) => Err(tls_trouble(&error)),
            Err(_) => Err(Trouble::Slow(Step::Handshake)),
        }
    }
}

/// Looks up a name, connects, and makes the handshake if `is_tls`, only to tell how far that goes.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with the host.
#[cfg(feature = "cli")]
pub(in crate::delivery) async fn walk(
    host: &str,
    port: u16,
    is_tls: bool,
    limit: Duration,
    tell: Tell<'_>,
) -> Result<(), String> {
    let stream = connect(host, port, limit, tell).await.map_err(|trouble| trouble.to_string())?;
    if is_tls {
        let tls = Tls::new(host).map_err(|error| error.to_string())?;
        tls.wrap(stream, limit, tell).await.map_err(|trouble| trouble.to_string())?;
    }
    Ok(())
}

fn tls_trouble(error: &io::Error) -> Trouble {
    let Some(cause) = error.get_ref().and_then(|cause| cause.downcast_ref::<TlsError>()) else {
        return Trouble::Closed(Step::Handshake);
    };
    match cause {
        TlsError::InvalidCertificate(why) => Trouble::Certificate(certificate_words(why)),
        TlsError::InvalidMessage(_) => Trouble::Tls("it does not speak TLS at this port".into()),
        cause => Trouble::Tls(cause.to_string()),
    }
}

fn certificate_words(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => {
            "nobody whom this system trusts has issued it; install the certificate of its issuer on this machine".into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; the operator of the server must renew it, or the clock of this machine is wrong".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; look at the clock of this machine".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name; write a name of the server that is in its certificate".into()
        }
        CertificateError::Revoked => "it was revoked".into(),
        // Other messages of the library may contain whole certificates.
        _ => "it can't be verified".into(),
    }
}

/// The resolver's message without its constant prefix.
fn resolver_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").map_or(text.clone(), str::to_owned)
}

/// Addresses of one name that are tried at most.
const ADDRESSES_MAX: usize = 4;
