//! `+`, `-`, `*`, `/`, `%` of jq. Whole numbers are exact up to 64 bits, then floats.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

use jaq_core::ops::Math;

use super::limits::{self, Charge};
use super::value::{Jv, Object};
use crate::data::number::Numeric;

/// What an operation of a filter gives.
pub(super) type ValR = jaq_core::ValR<Jv>;
pub(super) type Error = jaq_core::Error<Jv>;

fn exactly(a: Numeric, b: Numeric, whole: fn(i128, i128) -> Option<i128>, float: fn(f64, f64) -> f64) -> Jv {
    if let (Numeric::Whole(a), Numeric::Whole(b)) = (a, b)
        && let Some(exact) = whole(a, b)
    {
        return Jv::number(Numeric::Whole(exact));
    }
    Jv::Float(float(a.as_float(), b.as_float()))
}

impl Add for Jv {
    type Output = ValR;

    fn add(self, other: Self) -> ValR {
        limits::step();
        match (self, other) {
            (Self::Null(_), other) | (other, Self::Null(_)) => Ok(other),
            (Self::Text(a), Self::Text(b)) => {
                let charge = Charge::new(a.text.len() + b.text.len());
                let joined = [&*a.text, &*b.text].concat();
                drop(charge);
                Ok(Self::text(joined))
            }
            (Self::List(mut a), Self::List(b)) => {
                let list = Rc::make_mut(&mut a);
                b.items().iter().for_each(|item| list.push(item.clone()));
                Ok(Self::List(a))
            }
            (Self::Object(mut a), Self::Object(b)) => {
                let object = Rc::make_mut(&mut a);
                b.fields().iter().for_each(|(key, value)| object.insert(key.clone(), value.clone()));
                Ok(Self::Object(a))
            }
            (a, b) => match (a.numeric(), b.numeric()) {
                (Some(a), Some(b)) => Ok(exactly(a, b, i128::checked_add, f64::add)),
                _ => Err(Error::math(a, Math::Add, b)),
            },
        }
    }
}

impl Sub for Jv {
    type Output = ValR;

    fn sub(self, other: Self) -> ValR {
        limits::step();
        match (self, other) {
            (Self::List(mut a), Self::List(b)) => {
                let mut without: Vec<&Self> = b.items().iter().collect();
                without.sort();
                Rc::make_mut(&mut a).retain(|item| without.binary_search(&item).is_err());
                Ok(Self::List(a))
            }
            (a, b) => match (a.numeric(), b.numeric()) {
                (Some(a), Some(b)) => Ok(exactly(a, b, i128::checked_sub, f64::sub)),
                _ => Err(Error::math(a, Math::Sub, b)),
            },
        }
    }
}

impl Mul for Jv {
    type Output = ValR;

    fn mul(self, other: Self) -> ValR {
        limits::step();
        match (self, other) {
            (Self::Object(mut a), Self::Object(b)) => {
                merge(&mut a, &b);
                Ok(Self::Object(a))
            }
            (Self::Text(text), times) | (times, Self::Text(text)) if times.numeric().is_some() => {
                let times = times.numeric().map_or(0.0, Numeric::as_float);
                // Nothing repeated is null, as in jq.
                if times.is_nan() || times <= 0.0 {
                    return Ok(Self::Null(0));
                }
                let times = (times.max(1.0)) as usize;
                // Paid for before it is there.
                let charge = Charge::new(text.text.len().saturating_mul(times));
                let repeated = text.text.repeat(times);
                drop(charge);
                Ok(Self::text(repeated))
            }
            (a, b) => match (a.numeric(), b.numeric()) {
                (Some(a), Some(b)) => Ok(exactly(a, b, i128::checked_mul, f64::mul)),
                _ => Err(Error::math(a, Math::Mul, b)),
            },
        }
    }
}

fn merge(into: &mut Rc<Object>, from: &Object) {
    let object = Rc::make_mut(into);
    for (key, value) in from.fields() {
        let merged = match (object.take(key), value) {
            (Some(Jv::Object(mut inner)), Jv::Object(from)) => {
                merge(&mut inner, from);
                Jv::Object(inner)
            }
            (_, value) => value.clone(),
        };
        object.insert(key.clone(), merged);
    }
}

impl Div for Jv {
    type Output = ValR;

    fn div(self, other: Self) -> ValR {
        limits::step();
        match (self, other) {
            (Self::Text(text), Self::Text(by)) => Ok(split(&text.text, &by.text)),
            (a, b) => match (a.numeric(), b.numeric()) {
                (Some(Numeric::Whole(a)), Some(Numeric::Whole(b))) if b != 0 && a % b == 0 => {
                    Ok(Self::number(Numeric::Whole(a / b)))
                }
                (Some(a), Some(b)) => Ok(Self::Float(a.as_float() / b.as_float())),
                _ => Err(Error::math(a, Math::Div, b)),
            },
        }
    }
}

fn split(text: &str, by: &str) -> Jv {
    if text.is_empty() {
        return Jv::list([]);
    }
    if by.is_empty() {
        return Jv::list(text.chars().map(|character| Jv::text(character.to_string())));
    }
    Jv::list(text.split(by).map(Jv::text))
}

impl Rem for Jv {
    type Output = ValR;

    fn rem(self, other: Self) -> ValR {
        limits::step();
        match (self.numeric(), other.numeric()) {
            (Some(Numeric::Whole(_)), Some(Numeric::Whole(0))) => Err(Error::math(self, Math::Rem, other)),
            (Some(a), Some(b)) => Ok(exactly(a, b, i128::checked_rem, f64::rem)),
            _ => Err(Error::math(self, Math::Rem, other)),
        }
    }
}

impl Neg for Jv {
    type Output = ValR;

    fn neg(self) -> ValR {
        match self.numeric() {
            Some(Numeric::Whole(whole)) => Ok(Self::number(Numeric::Whole(-whole))),
            Some(Numeric::Float(float)) => Ok(Self::Float(-float)),
            None => Err(Error::typ(self, "number")),
        }
    }
}
