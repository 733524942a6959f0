//! Bytes that a plugin hands the host, and that the host hands back.

use extism::{CurrentPlugin, Error, Val};
use turbocat_plugins::wasm::Session;

/// A block; what is given to the host this way is the host's to free.
pub(crate) fn take(
    plugin: &mut CurrentPlugin,
    session: &mut Session,
    given: &[Val],
    at: usize,
) -> Result<Vec<u8>, Error> {
    let (bytes, handle) = read(plugin, session, given, at)?;
    if let Some(handle) = handle {
        plugin.memory_free(handle)?;
    }
    Ok(bytes)
}

/// A block that stays the plugin's.
pub(crate) fn peek(
    plugin: &mut CurrentPlugin,
    session: &mut Session,
    given: &[Val],
    at: usize,
) -> Result<Vec<u8>, Error> {
    Ok(read(plugin, session, given, at)?.0)
}

type Block = (Vec<u8>, Option<extism::convert::MemoryHandle>);

fn read(plugin: &mut CurrentPlugin, session: &mut Session, given: &[Val], at: usize) -> Result<Block, Error> {
    let offset = given.get(at).and_then(Val::i64).unwrap_or_default().cast_unsigned();
    if offset == 0 {
        return Ok((Vec::new(), None));
    }
    let Some(handle) = plugin.memory_handle(offset) else {
        return Err(session.broken(&format!("there is no block at {offset}")).into());
    };
    // The runtime does not look how far that reaches, and takes the plugin's word for it.
    let most = session.limits().memory_bytes;
    if offset.checked_add(handle.len() as u64).is_none_or(|end| end > most) {
        return Err(session.broken(&format!("the block at {offset} reaches too far")).into());
    }
    Ok((plugin.memory_bytes(handle)?.to_vec(), Some(handle)))
}

/// What a function gives back.
pub(crate) enum Answer {
    Nothing,
    Number(i32),
    Block(Option<Vec<u8>>),
}

/// Puts it where the plugin will find it.
pub(crate) fn put(plugin: &mut CurrentPlugin, places: &mut [Val], answer: Answer) -> Result<(), Error> {
    let Some(place) = places.first_mut() else { return Ok(()) };
    *place = match answer {
        Answer::Nothing | Answer::Block(None) => Val::I64(0),
        Answer::Number(number) => Val::I32(number),
        Answer::Block(Some(bytes)) => {
            let handle = plugin.memory_new(bytes)?;
            plugin.memory_to_val(handle)
        }
    };
    Ok(())
}
