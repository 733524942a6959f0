//! Replies from strangers: what fuzzing found, what it starts from, and what chance makes.

use std::path::Path;

use proptest::prelude::*;
use turbocat_plugins::llm::Provider;

use crate::kit::{OVER_HTTP, fixture};
use crate::{llm_repair, llm_reply};

/// Every file of a target's folders.
fn all(target: &str, check: impl Fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for folder in ["tests/fuzz-cases", "../fuzz/seeds"] {
        // the seeds are not part of the published crate
        let Ok(entries) = std::fs::read_dir(root.join(folder).join(target)) else { continue };
        for entry in entries {
            check(&std::fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
    }
    assert!(count > 0, "there is no case of {target}");
}

#[test]
fn any_reply_is_an_answer_or_a_fault() {
    all("llm_reply", llm_reply::check);
}

#[test]
fn any_text_is_mended_or_left_alone() {
    all("llm_repair", llm_repair::check);
}

fn spoilt() -> impl Strategy<Value = Vec<u8>> {
    let provider = prop::sample::select(OVER_HTTP.to_vec());
    let what = prop::sample::select(vec!["", "_tools"]);
    let spoil = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (provider, what, any::<bool>(), any::<u8>(), spoil).prop_map(|(provider, what, stream, cut, spoil)| {
        let mut reply = fixture(provider, what, stream);
        for (place, byte) in spoil {
            let place = place.index(reply.len());
            // now and then a whole stretch is lost
            if byte < 32 {
                drop(reply.drain(..place))
            } else {
                reply[place] = byte
            }
            reply.push(b'\n');
        }
        let whose = OVER_HTTP.iter().position(|known| *known == provider).unwrap();
        [vec![whose as u8, cut], reply].concat()
    })
}

proptest! {
    #[test]
    fn a_reply_that_is_spoilt_is_an_answer_or_a_fault(data in spoilt()) {
        llm_reply::check(&data);
    }

    #[test]
    fn chance_makes_no_reply_that_breaks_anything(data in prop::collection::vec(any::<u8>(), 0..200)) {
        llm_reply::check(&data);
        llm_repair::check(&data);
    }
}

#[test]
fn a_message_without_end_is_not_waited_for() {
    for provider in OVER_HTTP {
        let mut reader = provider.stream().unwrap();
        let endless = vec![b'x'; 1 << 20];
        let fed = (0..64).find_map(|_| reader.feed(&endless, &mut String::new()).err());
        assert_eq!(fed.unwrap().message, "sent a message without end");
    }
    assert!(Provider::Mock.stream().is_none());
}
