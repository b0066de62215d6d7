//! Stored tiles against those of the tree that was computed.

use fengsui_proof::hash::HASH_BYTES;
use fengsui_proof::tiles::{TilePath, TileSource};

use super::AuditError;
use super::finding::{Check, Fault, Finding, Findings, Severity};

/// Compares the stored tiles of a tree of `size` leaves with those that were computed, from the leaf `from` on. Returns how many were
/// compared.
pub(super) fn compare(
    stored: &dyn TileSource,
    computed: &dyn TileSource,
    from: u64,
    size: u64,
    findings: &mut Findings,
) -> Result<u64, AuditError> {
    let mut compared = 0;
    // The lowest level that differs places it best; what is above follows from it.
    let mut lowest = None;
    for path in TilePath::all_in_tree(size) {
        let leaves = leaves_under(path);
        if (path.index() + 1).saturating_mul(leaves.saturating_mul(256)) <= from {
            continue;
        }
        compared += 1;
        let ours = computed.tile(path)?;
        let fault = match stored.tile(path) {
            Err(error) => {
                let fault = Fault::TileUnreadable { tile: path.to_string(), reason: error.to_string() };
                Some((fault, path.index() * 256))
            }
            Ok(theirs) => first_difference(&ours, &theirs)
                .map(|place| (Fault::TileDiffers { tile: path.to_string() }, path.index() * 256 + place)),
        };
        if let Some((fault, hash)) = fault.filter(|_| lowest.is_none_or(|level| level == path.level())) {
            lowest = Some(path.level());
            let first = hash.saturating_mul(leaves);
            let finding = Finding::new(Check::Tiles, Severity::Integrity, Some(first + 1), fault);
            let until = (leaves > 1).then(|| first.saturating_add(leaves));
            findings.add(Finding { until, ..finding });
        }
    }
    Ok(compared)
}

/// How many leaves stand under one hash of a tile.
fn leaves_under(path: TilePath) -> u64 {
    256_u64.saturating_pow(path.level().into())
}

/// The place of the first hash that differs or is missing.
fn first_difference(ours: &[u8], theirs: &[u8]) -> Option<u64> {
    if ours == theirs {
        return None;
    }
    let same = ours.chunks(HASH_BYTES).zip(theirs.chunks(HASH_BYTES)).take_while(|(one, other)| one == other).count();
    u64::try_from(same).ok()
}
