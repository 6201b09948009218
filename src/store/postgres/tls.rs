//! TLS to the database, with the root certificates of the system or of a file.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore};

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    OfTheSystem,
    /// Certificates as PEM.
    InFile(PathBuf),
}

/// Why there are no root certificates.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoRoots {
    #[error("{0}")]
    OfTheSystem(#[from] Error),
    #[error("`sslrootcert` in the URL names {file}: {why}")]
    InFile { file: String, why: String },
}

/// Makes connections that are encrypted, to servers whose certificates are valid for their names.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    roots: Roots,
}

impl Tls {
    pub(super) fn with(roots: Roots) -> Result<Self, NoRoots> {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?;
        let config = match &roots {
            Roots::OfTheSystem => config.with_platform_verifier()?,
            Roots::InFile(file) => {
                let roots =
                    certificates(file).map_err(|why| NoRoots::InFile { file: file.display().to_string(), why })?;
                config.with_root_certificates(roots)
            }
        };
        Ok(Self { connector: TlsConnector::from(Arc::new(config.with_no_client_auth())), roots })
    }
}

/// The certificates in a file.
fn certificates(file: &Path) -> Result<RootCertStore, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|_| "it is not PEM".to_owned())?;
        roots.add(certificate).map_err(|_| "one of its certificates can't be the root of others".to_owned())?;
    }
    if roots.is_empty() { Err("it has no certificate".into()) } else { Ok(roots) }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Encrypted<S>;
    type TlsConnect = ToServer;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<ToServer, InvalidDnsNameError> {
        let name = ServerName::try_from(host.to_owned())?;
        Ok(ToServer { tls: self.clone(), name })
    }
}

/// A handshake with one server.
pub(super) struct ToServer {
    tls: Tls,
    name: ServerName<'static>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for ToServer {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let Self { tls, name } = self;
            let connected = tls.connector.connect(name.clone(), stream).await;
            connected.map(Encrypted).map_err(|error| in_words(error, &name, &tls.roots))
        })
    }
}

/// The failure of a handshake, in words that say what to do about the server's certificate.
fn in_words(error: io::Error, name: &ServerName<'_>, roots: &Roots) -> io::Error {
    let Some(Error::InvalidCertificate(why)) = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()) else {
        return error;
    };
    let words = match (why, roots) {
        // The signature is bad where another issuer has the same name.
        (CertificateError::UnknownIssuer | CertificateError::BadSignature, Roots::OfTheSystem) => {
            "nobody whom this system trusts has issued it; name the file of its issuer's certificate in the URL, as \
             sslrootcert=/path/to/root.pem"
                .into()
        }
        (CertificateError::UnknownIssuer | CertificateError::BadSignature, Roots::InFile(file)) => {
            format!("nobody whose certificate is in {} has issued it", file.display())
        }
        (CertificateError::Expired | CertificateError::ExpiredContext { .. }, _) => {
            "it has expired, or the clock of this machine is wrong".into()
        }
        (CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }, _) => {
            "it is not valid yet, or the clock of this machine is wrong".into()
        }
        (CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }, _) => {
            format!("it is not for {}; write a name that is in it", name.to_str())
        }
        // Other messages of the library may contain whole certificates.
        _ => "it can't be verified".into(),
    };
    io::Error::new(error.kind(), format!("the certificate of the server is not trusted: {words}"))
}

/// An encrypted connection.
pub(super) struct Encrypted<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    /// The certificate is checked, which is what binding to a channel is for where it is not.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
