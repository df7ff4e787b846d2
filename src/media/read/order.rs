//! The order in which people mean their files: `img9` before `img10`.

use std::cmp::Ordering;

/// Compares names with runs of digits as numbers. Names that differ in leading zeros only are ordered as text.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a.as_bytes(), b.as_bytes());
    loop {
        let digits = |s: &[u8]| s.iter().take_while(|c| c.is_ascii_digit()).count();
        let (n, m) = (digits(x), digits(y));
        let by = if n > 0 && m > 0 {
            let strip = |s: &[u8]| s.iter().take_while(|c| **c == b'0').count();
            let (p, q) = (&x[strip(&x[..n])..n], &y[strip(&y[..m])..m]);
            // Without leading zeros the longer number is the larger one.
            let by = p.len().cmp(&q.len()).then_with(|| p.cmp(q));
            (x, y) = (&x[n..], &y[m..]);
            by
        } else {
            match (x.split_first(), y.split_first()) {
                (None, None) => return a.cmp(b),
                (None, _) => return Ordering::Less,
                (_, None) => return Ordering::Greater,
                (Some((c, s)), Some((d, t))) => {
                    (x, y) = (s, t);
                    c.cmp(d)
                }
            }
        };
        if by != Ordering::Equal {
            return by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_and_every_name_has_its_place() {
        // Catches frame 10 before frame 9, and names that a sort takes for equal.
        let mut names =
            ["b1", "a10", "a9", "a", "a010", "a9b", "a9a", "a99999999999999999999999", "10", "9"];
        names.sort_by(|a, b| natural(a, b));
        let want =
            ["9", "10", "a", "a9", "a9a", "a9b", "a010", "a10", "a99999999999999999999999", "b1"];
        assert_eq!(names, want);
        assert_eq!(natural("x", "x"), Ordering::Equal);
        assert_ne!(natural("x01", "x1"), Ordering::Equal);
    }
}
