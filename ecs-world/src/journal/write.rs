//! Records appended to a buffer.

use shallot_wire::Tick;

use super::{BEGINNING, CHECKSUM, End, FRAME, MAGIC, Record, STATE_VERSION, VERSION, config};
use crate::command::Command;
use crate::world::{RestoreError, World};

/// Begins a journal at the world as it is between two steps; returns its digest. The world goes on as the one that a replay
/// begins with ([`World::renew`]). As costly as a checkpoint and its restoring.
///
/// # Errors
/// As [`World::renew`]; nothing is appended then.
pub fn begin(file: &mut Vec<u8>, world: &mut World) -> Result<u64, RestoreError> {
    let checkpoint = world.renew()?;
    file.reserve(BEGINNING + checkpoint.len() + 2 * FRAME);
    file.extend_from_slice(&MAGIC);
    file.extend_from_slice(&VERSION.to_le_bytes());
    file.extend_from_slice(&STATE_VERSION.to_le_bytes());
    append(file, &Record::Opening(world.opening(), &checkpoint));
    Ok(World::digest_of(&checkpoint))
}

/// The next tick: all that the world has taken for it. To be called between the last [`World::push`] and
/// [`World::step`].
pub fn tick(file: &mut Vec<u8>, world: &World) {
    append(file, &Record::Tick(world.tick().plus(1), world.waiting()));
}

/// The digest of the state after `tick`, the last that was stepped.
pub fn mark(file: &mut Vec<u8>, tick: Tick, digest: u64) {
    append(file, &Record::Mark(tick, digest));
}

/// Nothing comes after it.
pub fn end(file: &mut Vec<u8>, end: End) {
    append(file, &Record::End(end));
}

fn append(file: &mut Vec<u8>, record: &Record<'_, &[Command]>) {
    let frame = file.len();
    file.extend_from_slice(&[0; FRAME]);
    wincode::config::serialize_into(&mut *file, record, config())
        .expect("limits.rs bounds commands and checkpoints by the codec's limits");
    let payload = file.get(frame + FRAME..).unwrap_or_default();
    let (length, checksum) = (payload.len() as u32, CHECKSUM.checksum(payload));
    let filled = [length.to_le_bytes(), checksum.to_le_bytes()];
    file[frame..frame + FRAME].copy_from_slice(filled.as_flattened());
}
