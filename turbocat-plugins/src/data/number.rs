//! Numbers: compared exactly, summed exactly as long as they are whole, written as JavaScript does.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::fault::{Fault, Outcome};

/// A number of JSON, or of jq, without the difference between signed and unsigned.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numeric {
    Whole(i128),
    Float(f64),
}

/// Up to here every whole number is a float too.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Numeric {
    pub(super) fn of(number: &Number) -> Self {
        if let Some(whole) = number.as_i128() {
            return Self::Whole(whole);
        }
        Self::Float(number.as_f64().unwrap_or(f64::NAN))
    }

    /// The same number as a whole one, if it is one.
    pub(super) fn whole(self) -> Option<i128> {
        match self {
            Self::Whole(whole) => Some(whole),
            Self::Float(float) if float.fract() == 0.0 && float.abs() < 2f64.powi(120) => Some(float as i128),
            Self::Float(_) => None,
        }
    }

    /// The nearest float.
    pub(super) const fn as_float(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }

    /// Compares without losing digits: 2^53 + 1 is larger than 2^53 as a float.
    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Self::Whole(a), Self::Float(b)) => whole_to_float(a, b),
            (Self::Float(a), Self::Whole(b)) => whole_to_float(b, a).reverse(),
        }
    }
}

fn whole_to_float(whole: i128, float: f64) -> Ordering {
    if float >= 2f64.powi(120) {
        return Ordering::Less;
    }
    if float <= -2f64.powi(120) {
        return Ordering::Greater;
    }
    let cut = float.trunc();
    whole.cmp(&(cut as i128)).then_with(|| 0.0.partial_cmp(&(float - cut)).unwrap_or(Ordering::Equal))
}

/// The number as JavaScript writes it: `1` for 1.0, `1e+21` for 1e21.
pub(super) fn to_text(number: &Number) -> String {
    match Numeric::of(number) {
        Numeric::Whole(whole) => whole.to_string(),
        Numeric::Float(0.0) => "0".to_owned(),
        Numeric::Float(float) if (1e-6..1e21).contains(&float.abs()) => float.to_string(),
        Numeric::Float(float) => {
            let text = format!("{float:e}");
            match text.split_once('e') {
                Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
                _ => text,
            }
        }
    }
}

/// A number that was computed; a whole one is written as such, as JavaScript would.
pub(super) fn computed(float: f64) -> Option<Value> {
    if float.fract() == 0.0 && float.abs() <= EXACT {
        return Some(Value::from(float as i64));
    }
    Number::from_f64(float).map(Value::Number)
}

/// A sum. Whole numbers are added exactly; floats with the error of each addition carried along
/// (Neumaier), so that ten times 0.1 is 1 and the order does not matter much.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    whole: i128,
    float: f64,
    lost: f64,
    floats: bool,
    count: u64,
}

impl Sum {
    pub(super) fn add(&mut self, number: &Number) {
        self.count += 1;
        match Numeric::of(number) {
            // 2^64 numbers of 64 bits fit into 128 bits.
            Numeric::Whole(whole) => self.whole = self.whole.saturating_add(whole),
            Numeric::Float(float) => {
                self.floats = true;
                self.add_float(float);
            }
        }
    }

    fn add_float(&mut self, float: f64) {
        let sum = self.float + float;
        self.lost += if self.float.abs() >= float.abs() {
            (self.float - sum) + float
        } else {
            (float - sum) + self.float
        };
        self.float = sum;
    }

    fn as_float(mut self) -> f64 {
        self.add_float(self.whole as f64);
        // The error of an infinite sum is no number.
        if self.float.is_finite() { self.float + self.lost } else { self.float }
    }

    /// The sum. A whole one that no 64 bits hold is a fault: half of its digits would be lost.
    pub(super) fn total(self, what: &str) -> Outcome<Value> {
        let too_large = || Fault::limit(format!("the sum of `{what}` is too large for a number of JSON"));
        if self.floats {
            return computed(self.as_float()).ok_or_else(too_large);
        }
        if let Ok(whole) = i64::try_from(self.whole) {
            return Ok(whole.into());
        }
        u64::try_from(self.whole).map(Value::from).map_err(|_| too_large())
    }

    /// The mean, 0 of nothing.
    pub(super) fn mean(self, what: &str) -> Outcome<Value> {
        if self.count == 0 {
            return Ok(0.into());
        }
        let count = self.count as f64;
        let mean = if self.floats {
            self.as_float() / count
        } else {
            let exact = i128::from(self.count);
            let whole = self.whole / exact;
            if whole * exact == self.whole {
                return i64::try_from(whole)
                    .map(Value::from)
                    .or_else(|_| u64::try_from(whole).map(Value::from))
                    .map_err(|_| {
                        Fault::limit(format!("the mean of `{what}` is too large for a number of JSON"))
                    });
            }
            self.whole as f64 / count
        };
        computed(mean)
            .ok_or_else(|| Fault::limit(format!("the mean of `{what}` is too large for a number of JSON")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn number(value: &Value) -> &Number {
        value.as_number().unwrap()
    }

    #[test]
    fn numbers_compare_without_losing_digits() {
        let check = |a: Value, b: Value, expected: Ordering| {
            let (a, b) = (Numeric::of(number(&a)), Numeric::of(number(&b)));
            assert_eq!(a.compare(b), expected, "{a:?} {b:?}");
            assert_eq!(b.compare(a), expected.reverse(), "{b:?} {a:?}");
        };
        check(json!(1), json!(1.0), Ordering::Equal);
        check(json!(0), json!(-0.0), Ordering::Equal);
        check(json!(1), json!(1.5), Ordering::Less);
        check(json!(-1), json!(-1.5), Ordering::Greater);
        check(json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992.0), Ordering::Greater);
        check(json!(u64::MAX), json!(18_446_744_073_709_551_616.0), Ordering::Less);
        check(json!(u64::MAX), json!(i64::MIN), Ordering::Greater);
        check(json!(i64::MIN), json!(-9_223_372_036_854_775_808.0), Ordering::Equal);
        check(json!(u64::MAX), json!(f64::MAX), Ordering::Less);
        check(json!(i64::MIN), json!(f64::MIN), Ordering::Greater);
    }

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        let check = |value: Value, expected: &str| assert_eq!(to_text(number(&value)), expected);
        check(json!(1.0), "1");
        check(json!(-0.0), "0");
        check(json!(1.5), "1.5");
        check(json!(1e21), "1e+21");
        check(json!(1.5e300), "1.5e+300");
        check(json!(1e20), "100000000000000000000");
        check(json!(1e-7), "1e-7");
        check(json!(0.000001), "0.000001");
        check(json!(u64::MAX), "18446744073709551615");
        check(json!(-12), "-12");
    }

    fn sum(values: &[Value]) -> Sum {
        let mut sum = Sum::default();
        values.iter().for_each(|value| sum.add(number(value)));
        sum
    }

    #[test]
    fn sums_of_whole_numbers_are_exact_or_fail() {
        let check = |values: &[Value], expected: Value| assert_eq!(sum(values).total("x").unwrap(), expected);
        check(&[], json!(0));
        check(&[json!(u64::MAX), json!(1), json!(-1)], json!(u64::MAX));
        check(&[json!(i64::MIN), json!(u64::MAX)], json!(9_223_372_036_854_775_807_u64));
        check(&[json!(9_007_199_254_740_993_u64), json!(1)], json!(9_007_199_254_740_994_u64));
        for too_large in
            [[json!(u64::MAX), json!(1)], [json!(i64::MIN), json!(-1)], [json!(f64::MAX), json!(f64::MAX)]]
        {
            let fault = sum(&too_large).total("x").unwrap_err();
            assert_eq!(fault.kind.as_str(), "limit");
            assert_eq!(fault.message, "the sum of `x` is too large for a number of JSON");
        }
    }

    #[test]
    fn sums_of_floats_carry_their_error_along() {
        let tenths = vec![json!(0.1); 10];
        assert_eq!(sum(&tenths).total("x").unwrap(), json!(1));
        let spread = [json!(1e100), json!(1.0), json!(-1e100)];
        assert_eq!(sum(&spread).total("x").unwrap(), json!(1));
        assert_eq!(sum(&[json!(1), json!(0.5)]).total("x").unwrap(), json!(1.5));
    }

    #[test]
    fn means_are_whole_where_they_can_be() {
        let check = |values: &[Value], expected: Value| assert_eq!(sum(values).mean("x").unwrap(), expected);
        check(&[], json!(0));
        check(&[json!(1), json!(2), json!(3)], json!(2));
        check(&[json!(1), json!(2)], json!(1.5));
        check(&[json!(u64::MAX), json!(u64::MAX)], json!(u64::MAX));
        check(&[json!(0.5), json!(1.5)], json!(1));
        assert_eq!(sum(&[json!(f64::MAX), json!(f64::MAX)]).mean("x").unwrap_err().kind.as_str(), "limit");
    }
}
