//! What every context of the interpreter carries along. It makes one for each of its steps, by
//! cloning, and so the limits are asked in each.

use jaq_core::Lut;
use jaq_core::data::{DataT, HasLut};

use super::limits::Alive;
use super::value::Jv;

/// The kind of data our filters work with.
#[derive(Debug)]
pub(super) struct Bounded;

impl DataT for Bounded {
    type V<'a> = Jv;
    type Data<'a> = Carried<'a>;
}

/// A compiled filter, counted.
pub(super) struct Carried<'a> {
    lut: &'a Lut<Bounded>,
    _alive: Alive,
}

impl<'a> Carried<'a> {
    pub(super) fn new(lut: &'a Lut<Bounded>) -> Self {
        Self { lut, _alive: Alive::new() }
    }
}

impl Clone for Carried<'_> {
    fn clone(&self) -> Self {
        Self::new(self.lut)
    }
}

impl<'a> HasLut<'a, Bounded> for Carried<'a> {
    fn lut(&self) -> &'a Lut<Bounded> {
        self.lut
    }
}
