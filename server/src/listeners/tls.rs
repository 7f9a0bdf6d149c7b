//! The certificate: the operator's, or one for development that is made once and kept in the data folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate chain and its key, PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

/// The protocol's name in the TLS handshake of gRPC.
const ALPN: &[u8] = b"h2";

/// Where the development certificate is kept.
const CERTIFICATE_FILE: &str = "development-certificate.pem";
const KEY_FILE: &str = "development-key.pem";

impl Identity {
    /// Reads the operator's files.
    pub(crate) fn read(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let text = |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
        let identity = Self { certificate_pem: text(certificate)?, key_pem: text(key)? };
        identity
            .der()
            .with_context(|| format!("{} and {} are no certificate and key", certificate.display(), key.display()))?;
        Ok(identity)
    }

    /// The development certificate of a data folder, made at the first start. The second value tells whether it was made now.
    pub(crate) fn development(data: &Path) -> anyhow::Result<(Self, bool)> {
        let certificate = data.join(CERTIFICATE_FILE);
        let key = data.join(KEY_FILE);
        if certificate.exists() && key.exists() {
            return Ok((Self::read(&certificate, &key)?, false));
        }
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let made = rcgen::generate_simple_self_signed(names).context("cannot make a development certificate")?;
        let identity = Self { certificate_pem: made.cert.pem(), key_pem: made.signing_key.serialize_pem() };
        write_private(&key, identity.key_pem.as_bytes())?;
        fs::write(&certificate, &identity.certificate_pem)
            .with_context(|| format!("cannot write {}", certificate.display()))?;
        Ok((identity, true))
    }

    /// What takes TLS 1.3 handshakes for gRPC.
    pub(crate) fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let (chain, key) = self.der()?;
        let mut config = rustls::ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("the certificate cannot be used")?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // 0-RTT stays off: a request that changes something could be replayed.
        config.max_early_data_size = 0;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// As rustls wants them.
    pub(crate) fn der(&self) -> anyhow::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let chain = CertificateDer::pem_slice_iter(self.certificate_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        anyhow::ensure!(!chain.is_empty(), "the certificate file holds no certificate");
        Ok((chain, PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())?))
    }
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &PathBuf, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path).with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_development_certificate_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let (first, made) = Identity::development(folder.path()).unwrap();
        assert!(made);
        let (second, made) = Identity::development(folder.path()).unwrap();
        assert!(!made);
        assert_eq!(first.certificate_pem, second.certificate_pem);
        assert_eq!(second.der().unwrap().0.len(), 1);
    }

    #[test]
    fn files_that_are_no_certificate_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.pem");
        fs::write(&file, "hello").unwrap();
        assert!(Identity::read(&file, &file).is_err());
        assert!(Identity::read(&folder.path().join("absent.pem"), &file).is_err());
    }
}
