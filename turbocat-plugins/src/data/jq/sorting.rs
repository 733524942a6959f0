//! Functions of jq that order lists by what a filter says of each item.

use jaq_core::box_iter::box_once;
use jaq_core::compile::TermId;
use jaq_core::native::{Filter, Fun, run};
use jaq_core::{Bind, Ctx, Exn, RunPtr, ValX};

use super::arithmetic::Error;
use super::context::Bounded;
use super::limits::Charge;
use super::value::Jv;

/// All of them.
pub(super) fn functions() -> impl Iterator<Item = Fun<Bounded>> {
    list().into_vec().into_iter().map(run::<Bounded>)
}

fn list() -> Box<[Filter<RunPtr<Bounded>>]> {
    let f = || [Bind::Fun(())].into();
    Box::new([
        ("sort_by", f(), |mut cv| {
            let (filter, context) = cv.0.pop_fun();
            box_once(
                sorted(cv.1, filter, &context).map(|pairs| Jv::list(pairs.into_iter().map(|(_, item)| item))),
            )
        }),
        ("group_by", f(), |mut cv| {
            let (filter, context) = cv.0.pop_fun();
            box_once(sorted(cv.1, filter, &context).map(grouped))
        }),
        ("min_by_or_empty", f(), |mut cv| {
            let (filter, context) = cv.0.pop_fun();
            let pairs = keyed(cv.1, filter, &context).map(|(pairs, _)| pairs);
            let least = pairs.map(|pairs| pairs.into_iter().reduce(|a, b| if b.0 < a.0 { b } else { a }));
            Box::new(least.map(|least| least.map(|(_, item)| item)).transpose().into_iter())
        }),
        ("max_by_or_empty", f(), |mut cv| {
            let (filter, context) = cv.0.pop_fun();
            let pairs = keyed(cv.1, filter, &context).map(|(pairs, _)| pairs);
            let most = pairs.map(|pairs| pairs.into_iter().reduce(|a, b| if b.0 >= a.0 { b } else { a }));
            Box::new(most.map(|most| most.map(|(_, item)| item)).transpose().into_iter())
        }),
    ])
}

type Pairs = Vec<(Jv, Jv)>;

/// Each item with what the filter says of it. The list pays for itself while it is made, for the
/// filter may make another.
fn keyed<'a>(value: Jv, filter: TermId, context: &Ctx<'a, Bounded>) -> Result<(Pairs, Charge), Exn<'a, Jv>> {
    let Jv::List(list) = value else { return Err(Exn::from(Error::typ(value, "array"))) };
    let mut charge = Charge::new(0);
    let mut pairs = Vec::new();
    for item in list.into_items() {
        let key: ValX<'a, Jv> = filter.run((context.clone(), item.clone())).collect();
        charge.grow(size_of::<(Jv, Jv)>());
        pairs.push((key?, item));
    }
    Ok((pairs, charge))
}

fn sorted<'a>(value: Jv, filter: TermId, context: &Ctx<'a, Bounded>) -> Result<Pairs, Exn<'a, Jv>> {
    let (mut pairs, _charge) = keyed(value, filter, context)?;
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(pairs)
}

fn grouped(pairs: Pairs) -> Jv {
    let mut groups: Vec<Jv> = Vec::new();
    let mut open: Option<(Jv, Vec<Jv>)> = None;
    for (key, item) in pairs {
        match &mut open {
            Some((known, members)) if *known == key => members.push(item),
            _ => {
                let group = open.replace((key, vec![item]));
                groups.extend(group.map(|(_, members)| Jv::list(members)));
            }
        }
    }
    groups.extend(open.map(|(_, members)| Jv::list(members)));
    Jv::list(groups)
}
