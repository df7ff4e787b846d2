//! A formula's text to its steps.

use super::{Binary, Formula, MAX_ALL_STEPS, MAX_NESTING, MAX_STEPS, MAX_TEXT_BYTES, Step, Unary};

/// What a word of a formula may stand for, besides functions.
#[derive(Debug, Default)]
pub(in crate::genapi) struct Names<'a> {
    /// Variables, in the order of their places.
    pub variables: &'a [String],
    /// As whole numbers and as they are.
    pub constants: &'a [(String, i64, f64)],
    /// Further formulas.
    pub expressions: &'a [(String, String)],
}

/// The steps of `text`. `is_whole`: everything is a whole number, as in an IntSwissKnife. `left`: how many steps
/// there may still be, of which those that are made are taken. Errors are what follows "the formula ...".
pub(in crate::genapi) fn compile(
    text: &str,
    names: &Names<'_>,
    is_whole: bool,
    left: &mut usize,
) -> Result<Formula, String> {
    let mut compiler =
        Compiler { text, at: 0, names, is_whole, steps: Vec::new(), nesting: 0, left };
    compiler.whole_text()?;
    compiler.steps.shrink_to_fit();
    Ok(Formula { steps: compiler.steps, is_whole })
}

struct Compiler<'a> {
    text: &'a str,
    at: usize,
    names: &'a Names<'a>,
    is_whole: bool,
    steps: Vec<Step>,
    nesting: usize,
    left: &'a mut usize,
}

/// Operators of two sides by strength, weakest first, as the reference has them: weaker still, and all of one
/// strength, are comparisons, `&&`, `||` and `?:`.
const LEVELS: &[&[(&str, Binary)]] = &[
    &[("+", Binary::Plus), ("-", Binary::Minus)],
    &[("*", Binary::Times), ("/", Binary::Over), ("%", Binary::Modulo)],
    &[
        ("**", Binary::Power),
        ("<<", Binary::Left),
        (">>", Binary::Right),
        ("&", Binary::And),
        ("^", Binary::ExclusiveOr),
        ("|", Binary::Or),
    ],
];

const COMPARISONS: &[(&str, Binary)] = &[
    ("=", Binary::Equal),
    ("<>", Binary::Unequal),
    ("<=", Binary::LessOrEqual),
    (">=", Binary::GreaterOrEqual),
    ("<", Binary::Less),
    (">", Binary::Greater),
];

/// All operators, so that `<` is not taken for the beginning of `<<`.
const OPERATORS: &[&str] = &[
    "**", "<<", ">>", "<=", ">=", "<>", "&&", "||", "|", "^", "&", "=", "<", ">", "+", "-", "*",
    "/", "%",
];

const FUNCTIONS: &[(&str, Unary)] = &[
    ("NEG", Unary::Minus),
    ("SGN", Unary::Sgn),
    ("ABS", Unary::Abs),
    ("SIN", Unary::Sin),
    ("COS", Unary::Cos),
    ("TAN", Unary::Tan),
    ("ASIN", Unary::Asin),
    ("ACOS", Unary::Acos),
    ("ATAN", Unary::Atan),
    ("EXP", Unary::Exp),
    ("LN", Unary::Ln),
    ("LG", Unary::Lg),
    ("SQRT", Unary::Sqrt),
    ("TRUNC", Unary::Trunc),
    ("FLOOR", Unary::Floor),
    ("CEIL", Unary::Ceil),
];

impl<'a> Compiler<'a> {
    fn whole_text(&mut self) -> Result<(), String> {
        if self.text.len() > MAX_TEXT_BYTES {
            return Err(format!("is longer than {MAX_TEXT_BYTES} bytes"));
        }
        self.choice()?;
        match self.rest().chars().next() {
            None => Ok(()),
            Some(c) => Err(format!("goes on with {c:?} after its end, at byte {}", self.at)),
        }
    }

    fn push(&mut self, step: Step) -> Result<usize, String> {
        if self.steps.len() >= MAX_STEPS {
            return Err(format!("has more than {MAX_STEPS} steps"));
        }
        *self.left = self.left.checked_sub(1).ok_or_else(|| {
            format!("is one too many: all of a description have {MAX_ALL_STEPS} steps at most")
        })?;
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    /// Where a jump leads: here.
    fn land(&mut self, jump: usize) {
        let here = self.steps.len() as u32;
        if let Step::JumpIfZero(to) | Step::Jump(to) = &mut self.steps[jump] {
            *to = here;
        }
    }

    fn nested(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        if self.nesting == MAX_NESTING {
            return Err(format!("is nested more than {MAX_NESTING} deep"));
        }
        self.nesting += 1;
        let done = inner(self);
        self.nesting -= 1;
        done
    }

    /// What is left, from its first visible character.
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let rest = rest.trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    fn takes(&mut self, sign: char) -> bool {
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len_utf8() } else { 0 };
        found
    }

    fn takes_operator(&mut self, wanted: &str) -> bool {
        let rest = self.rest();
        let next = OPERATORS.iter().find(|o| rest.starts_with(**o));
        let found = next.is_some_and(|o| *o == wanted);
        self.at += if found { wanted.len() } else { 0 };
        found
    }

    /// Comparisons, `&&`, `||` and `condition ? one : other`, from left to right: what came of one is the first side,
    /// or the condition, of the next.
    fn choice(&mut self) -> Result<(), String> {
        self.nested(|c| {
            c.level(0)?;
            while c.compared()? || c.either()? || c.both()? || c.chosen()? {}
            Ok(())
        })
    }

    fn compared(&mut self) -> Result<bool, String> {
        let found = COMPARISONS.iter().find(|(text, _)| self.takes_operator(text));
        let Some((_, operator)) = found else { return Ok(false) };
        self.level(0)?;
        self.push(Step::Binary(*operator)).map(|_| true)
    }

    /// What is left of it is not computed where the first side settles it.
    fn either(&mut self) -> Result<bool, String> {
        if !self.takes_operator("||") {
            return Ok(false);
        }
        let to_other = self.push(Step::JumpIfZero(0))?;
        self.push(Step::Number(1, 1.0))?;
        let to_end = self.push(Step::Jump(0))?;
        self.land(to_other);
        self.level(0)?;
        self.push(Step::Truth)?;
        self.land(to_end);
        Ok(true)
    }

    fn both(&mut self) -> Result<bool, String> {
        if !self.takes_operator("&&") {
            return Ok(false);
        }
        let to_zero = self.push(Step::JumpIfZero(0))?;
        self.level(0)?;
        self.push(Step::Truth)?;
        let to_end = self.push(Step::Jump(0))?;
        self.land(to_zero);
        self.push(Step::Number(0, 0.0))?;
        self.land(to_end);
        Ok(true)
    }

    fn chosen(&mut self) -> Result<bool, String> {
        if !self.takes('?') {
            return Ok(false);
        }
        let to_other = self.push(Step::JumpIfZero(0))?;
        self.choice()?;
        if !self.takes(':') {
            return Err("has a ? without its :".into());
        }
        let to_end = self.push(Step::Jump(0))?;
        self.land(to_other);
        self.level(0)?;
        self.land(to_end);
        Ok(true)
    }

    fn level(&mut self, level: usize) -> Result<(), String> {
        let Some(operators) = LEVELS.get(level) else { return self.signed() };
        self.level(level + 1)?;
        'next: loop {
            for (text, operator) in *operators {
                if self.takes_operator(text) {
                    self.level(level + 1)?;
                    self.push(Step::Binary(*operator))?;
                    continue 'next;
                }
            }
            return Ok(());
        }
    }

    fn signed(&mut self) -> Result<(), String> {
        let sign = match self.rest().chars().next() {
            Some('-') => Some(Unary::Minus),
            Some('~') => Some(Unary::Not),
            Some('+') => None,
            _ => return self.operand(),
        };
        self.at += 1;
        self.nested(Self::signed)?;
        sign.map_or(Ok(()), |sign| self.push(Step::Unary(sign)).map(|_| ()))
    }

    fn operand(&mut self) -> Result<(), String> {
        if self.takes('(') {
            self.choice()?;
            return if self.takes(')') { Ok(()) } else { Err("has a ( without its )".into()) };
        }
        let at = self.at;
        match self.rest().chars().next() {
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => {
                let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
                let rest = self.rest();
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let word = rest[..end].to_string();
                self.at += end;
                self.word(&word)
            }
            Some(c) => Err(format!("has {c:?} at byte {at}, where a value should be")),
            None => Err("ends where a value should be".into()),
        }
    }

    fn number(&mut self) -> Result<(), String> {
        let rest = self.rest();
        if let Some(digits) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
            let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            let value = u64::from_str_radix(&digits[..end], 16).map_err(|_| {
                format!("has the number 0x{}, which is none of 64 bits", &digits[..end])
            })?;
            self.at += 2 + end;
            return self.push(Step::Number(value as i64, value as i64 as f64)).map(|_| ());
        }
        let mut end = 0;
        let bytes = rest.as_bytes();
        while let Some(b) = bytes.get(end) {
            let after_e = end > 0 && matches!(bytes[end - 1], b'e' | b'E');
            if b.is_ascii_digit()
                || matches!(b, b'.' | b'e' | b'E')
                || (after_e && matches!(b, b'+' | b'-'))
            {
                end += 1;
            } else {
                break;
            }
        }
        let text = &rest[..end];
        let bad = || format!("has {text:?}, which is no number");
        let value: f64 = text.parse().map_err(|_| bad())?;
        // One that is too large is the largest, as in the reference.
        let is_digits = text.bytes().all(|b| b.is_ascii_digit());
        let whole: Option<i64> = text.parse().ok().or(is_digits.then_some(i64::MAX));
        if self.is_whole && whole.is_none() {
            return Err(format!("has {text:?}, where only whole numbers of 64 bits can be"));
        }
        self.at += end;
        self.push(Step::Number(whole.unwrap_or_default(), value)).map(|_| ())
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        let names = self.names;
        if let Some(place) = names.variables.iter().position(|n| n == word) {
            let place = u16::try_from(place).map_err(|_| "has too many variables".to_string())?;
            return self.push(Step::Variable(place)).map(|_| ());
        }
        if let Some((_, whole, value)) = names.constants.iter().find(|(n, ..)| n == word) {
            return self.push(Step::Number(*whole, *value)).map(|_| ());
        }
        if let Some((_, text)) = names.expressions.iter().find(|(n, _)| n == word) {
            // Its steps take the place of its name.
            let outer = (std::mem::replace(&mut self.text, text), std::mem::take(&mut self.at));
            let done = self.nested(Self::whole_text);
            (self.text, self.at) = outer;
            return done;
        }
        let upper = word.to_ascii_uppercase();
        if matches!(upper.as_str(), "PI" | "E") {
            if self.takes('(') && !self.takes(')') {
                return Err(format!("has {word}( without its )"));
            }
            let value = if upper == "PI" { std::f64::consts::PI } else { std::f64::consts::E };
            return self.push(Step::Number(value as i64, value)).map(|_| ());
        }
        let function = FUNCTIONS.iter().find(|(n, _)| *n == upper).map(|(_, f)| *f);
        if (function.is_none() && upper != "ROUND") || !self.takes('(') {
            return Err(format!("has {word:?}, which is no variable, constant or function of it"));
        }
        self.choice()?;
        let step = match function {
            Some(function) => Step::Unary(function),
            None => {
                if self.takes(',') {
                    self.choice()?;
                } else {
                    self.push(Step::Number(0, 0.0))?;
                }
                Step::Binary(Binary::Round)
            }
        };
        if !self.takes(')') {
            return Err(format!("has {word}( without its )"));
        }
        self.push(step).map(|_| ())
    }
}
