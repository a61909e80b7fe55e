//! The database's certificate: an authority that signs this one certificate and is then forgotten.
//!
//! The authority's key is never written anywhere: nobody can sign a second certificate that the pipeline's programs
//! trust. A new certificate comes with a new authority.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// How long it is valid: a year longer than the term after which there is a new one.
const YEARS: i16 = 10;

/// What could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A key or a signature.
    #[error("failed to sign")]
    Sign(#[source] rcgen::Error),
    /// The end of its validity.
    #[error("failed to compute when it ends")]
    Time(#[source] jiff::Error),
}

/// In PEM.
pub(super) struct Certificate {
    /// The authority's certificate.
    pub(super) authority: String,
    /// The server's.
    pub(super) server: String,
    /// The server's private key.
    pub(super) key: String,
}

/// Makes an authority, and a certificate of it for a server with these names, valid from `now` on.
pub(super) fn make(names: &[String], now: Timestamp) -> Result<Certificate, Error> {
    // Whole days: the first is yesterday, for machines whose clock is behind.
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
