//! Words of messages that depend on a number.

/// `1 attempt`, `2 attempts`, `0 attempts`; for words whose plural ends with an s.
pub fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", plural(n))
}

/// What makes a word of so many a plural.
pub fn plural(n: u64) -> &'static str {
    if n == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_several() {
        // Catches "1 attempts", and "0 attempt".
        let said = [0, 1, 2, 21].map(|n| counted(n, "attempt"));
        assert_eq!(said, ["0 attempts", "1 attempt", "2 attempts", "21 attempts"]);
    }
}
