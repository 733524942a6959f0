//! Whose certificates are believed.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::error::{EgressError, EgressErrorKind};

/// Certificates besides those that are compiled in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    extra: Vec<CertificateDer<'static>>,
}

impl Trust {
    pub(crate) fn add(&mut self, pem: &[u8]) -> Result<(), EgressError> {
        let bad = |why: String| {
            EgressError::new(EgressErrorKind::Other, format!("certificates cannot be read: {why}"))
        };
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|e| bad(e.to_string()))?;
        if certificates.is_empty() {
            return Err(bad("there is none in the text".to_owned()));
        }
        let mut probe = RootCertStore::empty();
        for certificate in certificates {
            probe.add(certificate.clone()).map_err(|e| bad(e.to_string()))?;
            self.extra.push(certificate);
        }
        Ok(())
    }

    /// The cryptography is named here and not installed for the whole program: a library has no
    /// business there.
    pub(crate) fn config(&self) -> Result<ClientConfig, rustls::Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in &self.extra {
            roots.add(certificate.clone())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}
