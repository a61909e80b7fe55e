//! Splits Rust source into the tokens that matter for paths.

/// A token. Comments, literals and lifetimes yield none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Name(String),
    /// `::`
    Separator,
    Other(char),
}

/// Returns the tokens of a source file, up to its first `#[cfg(test)]` before an inline module.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let source = source.find("#[cfg(test)]\nmod tests {").map_or(source, |end| &source[..end]);
    let mut rest = source;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest).unwrap_or_else(|| {
            let (token, length) = token(rest, first);
            tokens.extend(token);
            length
        });
        rest = rest.get(length..).unwrap_or_default();
    }
    tokens
}

fn token(rest: &str, first: char) -> (Option<Token>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("::") {
        return (Some(Token::Separator), 2);
    }
    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    if length > 0 {
        return (Some(Token::Name(rest[..length].to_owned())), length);
    }
    (Some(Token::Other(first)), first.len_utf8())
}

/// Returns the length of the comment, literal or lifetime that `rest` starts with.
fn skipped(rest: &str) -> Option<usize> {
    let after =
        |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return Some(after("\n", 2));
    }
    if rest.starts_with("/*") {
        return Some(after("*/", 2));
    }
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            return Some(after(&format!("\"{}", "#".repeat(hashes)), hashes + 2));
        }
    }
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    let mut characters = rest.strip_prefix('\'')?.chars();
    match (characters.next()?, characters.next()) {
        ('\\', _) | (_, Some('\'')) => Some(quoted(rest, '\'')),
        // A lifetime: its name follows as an ordinary token, which is harmless.
        _ => Some(1),
    }
}

/// Returns the length of a literal with escapes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        if !escaped && character == quote {
            return at + character.len_utf8();
        }
        escaped = !escaped && character == '\\';
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_contain_no_names() {
        let source = "// a\nuse /* b */ c::d; let x = (\"e \\\" f\", r#\"g \" h\"#, 'i', '\\'', y);";
        let names: Vec<_> = tokens(source)
            .into_iter()
            .filter_map(|token| if let Token::Name(name) = token { Some(name) } else { None })
            .collect();
        assert_eq!(names, ["use", "c", "d", "let", "x", "y"]);
    }
}
