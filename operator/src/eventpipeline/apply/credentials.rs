//! Generates the content of Secrets: passwords from the operating system's random number generator, and
//! certificates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use rand::TryRng as _;
use rand::rngs::{SysError, SysRng};

use super::super::build::secrets::{
    AUTHORITY, CERTIFICATE, CONSUMER_PASSWORD, INIT, KEY, PASSWORD, PRODUCER_PASSWORD, ROOT_PASSWORD,
};
use super::super::resources::SecretContent;
use super::certificate::{self, Certificate};

/// Statements that mysqld runs at each start.
const INIT_SQL: &str = include_str!("../../../../database/accounts/init.sql");
/// Placeholder of the password in these statements.
const PLACEHOLDER: &str = "{schema-password}";

/// 64 characters that need no quoting anywhere. Because 64 divides 256, each of them is equally likely.
const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Length of a password, at six bits per character.
const LENGTH: usize = 32;

/// Content that could not be generated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The operating system returned no random bytes.
    #[error("the operating system returned no random bytes")]
    Random(#[source] SysError),
    /// The certificate could not be created.
    #[error("failed to create the database's certificate")]
    Certificate(#[source] certificate::Error),
}

/// Generates the data of a new Secret.
pub(super) fn generate(
    content: &SecretContent,
    now: Timestamp,
) -> Result<BTreeMap<String, ByteString>, Error> {
    let entries = match content {
        SecretContent::Root => vec![(ROOT_PASSWORD, password()?)],
        SecretContent::Schema => {
            let password = password()?;
            vec![(INIT, INIT_SQL.replace(PLACEHOLDER, &password)), (PASSWORD, password)]
        }
        SecretContent::Users => vec![(PRODUCER_PASSWORD, password()?), (CONSUMER_PASSWORD, password()?)],
        SecretContent::Certificate { names } => {
            let Certificate { authority, server, key } =
                certificate::generate(names, now).map_err(Error::Certificate)?;
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

    fn generated(content: &SecretContent) -> BTreeMap<String, String> {
        let data = generate(content, Timestamp::UNIX_EPOCH).unwrap();
        data.into_iter().map(|(key, value)| (key, String::from_utf8(value.0).unwrap())).collect()
    }

    #[test]
    fn passwords_are_long_unique_and_need_no_quoting() {
        let both = || {
            generated(&SecretContent::Root)
                .into_values()
                .chain(generated(&SecretContent::Users).into_values())
        };
        let all: HashSet<_> = both().chain(both()).collect();
        assert_eq!(all.len(), 6);
        for password in all {
            assert_eq!(password.len(), LENGTH);
            assert!(password.bytes().all(|byte| CHARACTERS.contains(&byte)));
        }
    }

    #[test]
    fn the_server_sets_the_password_of_the_schema_job() {
        let secret = generated(&SecretContent::Schema);
        let identified = format!("IDENTIFIED BY '{}' REQUIRE SSL;", secret[PASSWORD]);
        assert_eq!(secret[INIT].matches(&identified).count(), 2);
        assert!(!secret[INIT].contains(PLACEHOLDER));
    }
}
