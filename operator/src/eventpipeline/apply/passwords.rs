//! Passwords, from the operating system's randomness.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use rand::TryRng as _;
use rand::rngs::{SysError, SysRng};

use super::super::build::mysql_secret::{PASSWORD, ROOT_PASSWORD};

/// 64 characters that need no quoting anywhere, so that each random byte picks one without favour.
const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Of six bits each.
const LENGTH: usize = 32;

/// The operating system gives no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub(crate) struct Error(#[source] SysError);

/// The content of a Secret that has not been there before.
pub(super) fn make() -> Result<BTreeMap<String, ByteString>, Error> {
    let mut secret = BTreeMap::new();
    for key in [ROOT_PASSWORD, PASSWORD] {
        secret.insert(key.to_owned(), ByteString(password()?));
    }
    Ok(secret)
}

fn password() -> Result<Vec<u8>, Error> {
    let mut bytes = [0; LENGTH];
    SysRng.try_fill_bytes(&mut bytes).map_err(Error)?;
    Ok(bytes.iter().map(|byte| CHARACTERS[usize::from(byte % 64)]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_plain_and_never_the_same() {
        let (one, other) = (make().unwrap(), make().unwrap());
        let all: std::collections::HashSet<_> =
            one.values().chain(other.values()).map(|value| value.0.clone()).collect();
        assert_eq!(all.len(), 4);
        for password in all {
            assert_eq!(password.len(), LENGTH);
            assert!(password.iter().all(|byte| CHARACTERS.contains(byte)));
        }
    }
}
