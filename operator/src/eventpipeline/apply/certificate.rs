//! The database's certificate, signed by an authority of its own.
//!
//! The authority's private key is discarded and never written, so no second certificate can be signed that
//! the pipeline's programs trust. A new certificate comes with a new authority.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// Validity in years: one year longer than the term after which the certificate is replaced.
const YEARS: i16 = 10;

/// A certificate that could not be created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A key could not be generated, or a certificate not be signed.
    #[error("failed to sign")]
    Sign(#[source] rcgen::Error),
    /// The end of the validity could not be computed.
    #[error("failed to compute the end of the validity")]
    Time(#[source] jiff::Error),
}

/// A certificate and its key, in PEM.
pub(super) struct Certificate {
    /// The authority's certificate.
    pub(super) authority: String,
    /// The server's certificate.
    pub(super) server: String,
    /// The server's private key.
    pub(super) key: String,
}

/// Creates an authority, and a server certificate for these names that is valid from `now`.
pub(super) fn generate(names: &[String], now: Timestamp) -> Result<Certificate, Error> {
    // Whole days, starting yesterday, for machines whose clock is behind.
    let today = now.to_zoned(TimeZone::UTC).date();
    let first = today.saturating_sub(SignedDuration::from_hours(24));
    let last = first.checked_add(Span::new().years(YEARS)).map_err(Error::Time)?;

    let authority_key = KeyPair::generate().map_err(Error::Sign)?;
    let mut authority = params(Vec::new(), "eventpipeline database authority", first, last)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let signed_authority = authority.self_signed(&authority_key).map_err(Error::Sign)?;

    let key = KeyPair::generate().map_err(Error::Sign)?;
    let common_name = names.first().map_or("mysql", String::as_str);
    let mut server = params(names.to_vec(), common_name, first, last)?;
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let issuer = Issuer::new(authority, authority_key);
    let signed = server.signed_by(&key, &issuer).map_err(Error::Sign)?;

    Ok(Certificate { authority: signed_authority.pem(), server: signed.pem(), key: key.serialize_pem() })
}

fn params(
    names: Vec<String>,
    common_name: &str,
    first: Date,
    last: Date,
) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(names).map_err(Error::Sign)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let day = |date: Date| {
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = day(first);
    params.not_after = day(last);
    Ok(params)
}
