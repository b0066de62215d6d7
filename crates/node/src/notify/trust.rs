//! Whose certificates are trusted: the system's, and those of the city's own authority.

use std::path::Path;
use std::sync::Arc;

use lettre::transport::smtp::client as smtp;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use super::NotifyError;

/// The certificates of the city's own authority, beside the system's.
#[derive(Default)]
pub(super) struct Trust {
    own: Vec<Vec<u8>>,
}

impl Trust {
    pub(super) fn load(ca_file: Option<&Path>) -> Result<Self, NotifyError> {
        let Some(path) = ca_file else { return Ok(Self::default()) };
        let unfit =
            |reason: String| NotifyError::Configuration { what: format!("`ca_file` {}", path.display()), reason };
        let pem = std::fs::read(path).map_err(|error| unfit(error.to_string()))?;
        let mut own = Vec::new();
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| unfit(error.to_string()))? {
                let der = certificate.der().to_vec();
                if !is_usable(&der) {
                    return Err(unfit("it holds a certificate that cannot be read".to_owned()));
                }
                own.push(der);
            }
        }
        if own.is_empty() {
            return Err(unfit("it holds no certificate in PEM form".to_owned()));
        }
        Ok(Self { own })
    }

    /// TLS for HTTP.
    pub(super) fn for_http(&self) -> TlsConfig {
        let system = rustls_native_certs::load_native_certs().certs;
        let system = system.iter().map(|certificate| certificate.as_ref().to_vec()).filter(|der| is_usable(der));
        let all = system.chain(self.own.iter().cloned());
        let all: Vec<Certificate<'static>> = all.map(|der| Certificate::from_der(&der).to_owned()).collect();
        TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&all))
            .build()
    }

    /// TLS for mail to a host.
    pub(super) fn for_smtp(&self, host: &str) -> Result<smtp::TlsParameters, lettre::transport::smtp::Error> {
        let mut builder =
            smtp::TlsParameters::builder(host.to_owned()).certificate_store(smtp::CertificateStore::Default);
        for der in &self.own {
            builder = builder.add_root_certificate(smtp::Certificate::from_der(der.clone())?);
        }
        builder.build_rustls()
    }
}

fn is_usable(der: &[u8]) -> bool {
    RootCertStore::empty().add(CertificateDer::from(der)).is_ok()
}
