//! What is in the Secrets that are created: passwords from the operating system's randomness, and a certificate.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use rand::TryRng as _;
use rand::rngs::{SysError, SysRng};

use super::super::build::secrets::{
    AUTHORITY, CERTIFICATE, CONSUMER_PASSWORD, Content, INIT, KEY, PASSWORD, PRODUCER_PASSWORD, ROOT_PASSWORD,
};
use super::certificate::{self, Certificate};

/// What mysqld runs at each start, but for the password.
const INIT_SQL: &str = include_str!("../../../../database/accounts/init.sql");
/// Where the password goes.
const PLACE: &str = "{schema-password}";

/// 64 characters that need no quoting anywhere, so that each random byte picks one without favour.
const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Of six bits each.
const LENGTH: usize = 32;

/// What could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random(#[source] SysError),
    /// A certificate.
    #[error("the database's certificate could not be made")]
    Certificate(#[source] certificate::Error),
}

/// The data of a Secret that has not been there before.
pub(super) fn make(content: &Content, now: Timestamp) -> Result<BTreeMap<String, ByteString>, Error> {
    let entries = match content {
        Content::Root => vec![(ROOT_PASSWORD, password()?)],
        Content::Schema => {
            let password = password()?;
            vec![(INIT, INIT_SQL.replace(PLACE, &password)), (PASSWORD, password)]
        }
        Content::Users => vec![(PRODUCER_PASSWORD, password()?), (CONSUMER_PASSWORD, password()?)],
        Content::Certificate { names } => {
            let Certificate { authority, server, key } =
                certificate::make(names, now).map_err(Error::Certificate)?;
            vec![(AUTHORITY, authority), (CERTIFICATE, server), (KEY, key)]
        }
    };
    Ok(entries.into_iter().map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes()))).collect())
}

fn password() -> Result<String, Error> {
    let mut bytes = [0; LENGTH];
    SysRng.try_fill_bytes(&mut bytes).map_err(Error::Random)?;
    Ok(bytes.iter().map(|byte| char::from(CHARACTERS[usize::from(byte % 64)])).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn made(content: &Content) -> BTreeMap<String, String> {
        let data = make(content, Timestamp::UNIX_EPOCH).unwrap();
        data.into_iter().map(|(key, value)| (key, String::from_utf8(value.0).unwrap())).collect()
    }

    #[test]
    fn passwords_are_long_plain_and_never_the_same() {
        let both = || made(&Content::Root).into_values().chain(made(&Content::Users).into_values());
        let all: HashSet<_> = both().chain(both()).collect();
        assert_eq!(all.len(), 6);
        for password in all {
            assert_eq!(password.len(), LENGTH);
            assert!(password.bytes().all(|byte| CHARACTERS.contains(&byte)));
        }
    }

    #[test]
    fn the_server_is_told_the_password_that_the_schema_job_has() {
        let secret = made(&Content::Schema);
        let told = format!("IDENTIFIED BY '{}' REQUIRE SSL;", secret[PASSWORD]);
        assert_eq!(secret[INIT].matches(&told).count(), 2);
        assert!(!secret[INIT].contains(PLACE));
    }
}
