//! Whom a client believes to be the server.

mod unverified;

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use unverified::Unverified;

/// How the server's certificate is checked.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Signed by one of these certificates, or being one of them: PEM text, one or more.
    Roots(Vec<u8>),
    /// The certificate with this SHA-256 of its DER bytes, and no other. Names and dates do not matter then.
    Pinned([u8; 32]),
    /// Any certificate at all. Only for a server on this machine under its development certificate: anybody between could
    /// read along and act as the server.
    Development,
}

/// Why a trust cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// No PEM certificate in the text, or a broken one.
    #[error("the roots hold no readable PEM certificate")]
    NoRoots,
    /// The TLS library refused the settings.
    #[error("TLS settings: {0}")]
    Tls(#[from] rustls::Error),
}

impl Trust {
    /// TLS 1.3 settings for QUIC with one protocol name.
    pub(crate) fn tls_config(&self, alpn: &[u8]) -> Result<rustls::ClientConfig, TrustError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?;
        let mut config = match self {
            Self::Roots(pem) => builder.with_root_certificates(roots(pem)?).with_no_client_auth(),
            Self::Pinned(pin) => without_authority(builder, Arc::new(Unverified::pinned(*pin, provider))),
            Self::Development => without_authority(builder, Arc::new(Unverified::any(provider))),
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        Ok(config)
    }
}

fn without_authority(
    builder: rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> rustls::ClientConfig {
    builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
}

fn roots(pem: &[u8]) -> Result<rustls::RootCertStore, TrustError> {
    let mut store = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        store.add(certificate.map_err(|_| TrustError::NoRoots)?)?;
    }
    if store.is_empty() { Err(TrustError::NoRoots) } else { Ok(store) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_a_certificate_is_no_root() {
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(Trust::Roots(text.into()).tls_config(b"x"), Err(TrustError::NoRoots)), "{text:?}");
        }
    }

    #[test]
    fn the_protocol_name_is_offered() {
        let config = Trust::Development.tls_config(b"shallot/1").expect("config");
        assert_eq!(config.alpn_protocols, [b"shallot/1".to_vec()]);
    }
}
