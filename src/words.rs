//! Words of messages: plurals, and what others say as a part of one sentence.

/// `1 attempt`, `2 attempts`, `0 attempts`; for words whose plural ends with an s.
pub fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", plural(n))
}

/// What makes a word of so many a plural.
pub fn plural(n: u64) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// `text` as a part of a sentence: one line of at most `most` characters. What others say may repeat a whole file.
#[cfg(any(feature = "genapi", feature = "media", test))]
pub fn line(text: &str, most: usize) -> String {
    let mut line: String =
        text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        line.push_str("...");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_one_short_line() {
        // Catches a cut within a character, and a text that fits and is called cut.
        assert_eq!(line("ü\nß", 3), "ü ß");
        assert_eq!(line("üüüü", 3), "üüü...");
    }

    #[test]
    fn one_is_not_several() {
        // Catches "1 attempts", and "0 attempt".
        let said = [0, 1, 2, 21].map(|n| counted(n, "attempt"));
        assert_eq!(said, ["0 attempts", "1 attempt", "2 attempts", "21 attempts"]);
    }
}
