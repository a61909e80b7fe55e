//! Values of Kubernetes quantities.

/// Exponent of the finest unit. Kubernetes rounds up to it.
const NANOS: i64 = 9;

/// Returns the billionths in a quantity such as `500m`, `1.5Gi` or `1e3`, or `None` if it is invalid or
/// negative. Saturates at the maximum.
pub(crate) fn nanos(text: &str) -> Option<u128> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + fraction.len() == 0 || fraction.contains('.') {
        return None;
    }
    let digits = [whole, fraction].concat();
    let digits = digits
        .bytes()
        .fold(0_u128, |sum, digit| sum.saturating_mul(10).saturating_add(u128::from(digit - b'0')));
    let (factor, exponent) = unit(suffix)?;
    let exponent = exponent + NANOS - i64::try_from(fraction.len()).ok()?;
    Some(shifted(digits.saturating_mul(factor), exponent))
}

/// Returns the bytes in a quantity such as `512Mi`.
pub(crate) fn bytes(text: &str) -> Option<u128> {
    Some(shifted(nanos(text)?, -NANOS))
}

/// Returns the factor and the power of ten of a suffix.
fn unit(suffix: &str) -> Option<(u128, i64)> {
    let decimal = |exponent| Some((1, exponent));
    let binary = |power: u32| Some((1_u128 << (10 * power), 0));
    match suffix {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => decimal(suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?.into()),
    }
}

/// Multiplies by a power of ten and rounds up.
fn shifted(number: u128, exponent: i64) -> u128 {
    let power =
        u32::try_from(exponent.unsigned_abs()).ok().and_then(|exponent| 10_u128.checked_pow(exponent));
    match (exponent >= 0, power) {
        (true, Some(power)) => number.saturating_mul(power),
        (false, Some(power)) => number.div_ceil(power),
        (true, None) if number > 0 => u128::MAX,
        (false, None) if number > 0 => 1,
        (_, None) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_parsed_like_kubernetes_does() {
        let billion = 1_000_000_000_u128;
        for (text, expected) in [
            ("1", Some(billion)),
            ("+1", Some(billion)),
            ("250m", Some(billion / 4)),
            ("0.5", Some(billion / 2)),
            (".5", Some(billion / 2)),
            ("1.", Some(billion)),
            ("1.5e0", Some(billion * 3 / 2)),
            ("1e3", Some(billion * 1000)),
            ("5E-1", Some(billion / 2)),
            ("2E", Some(billion * 2_000_000_000_000_000_000)),
            ("1.2345", Some(1_234_500_000)),
            ("7n", Some(7)),
            ("0.1n", Some(1)),
            ("0", Some(0)),
            ("0e99", Some(0)),
            ("9e99", Some(u128::MAX)),
            ("m", None),
            ("-1", None),
            ("", None),
            (".", None),
            ("1.2.3", None),
            ("1Q", None),
            ("1e", None),
            ("1e1.5", None),
            (" 1", None),
            ("1Gib", None),
        ] {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }

    #[test]
    fn bytes_are_rounded_up() {
        for (text, expected) in [
            ("1024", Some(1024)),
            ("1Ki", Some(1024)),
            ("1k", Some(1000)),
            ("1.5Gi", Some(3 << 29)),
            ("134217728000m", Some(128 << 20)),
            ("400m", Some(1)),
            ("1Pi", Some(1 << 50)),
            ("Gi", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
