//! Checkpoints and certificates of the small exchange.

use fengsui_event::payload::{CertificateIssued, CertificateRevoked, CheckpointCosigned};
use fengsui_event::{CertificateId, Digest, Payload, RegionCode, Subject, UnitId};
use fengsui_proof::{Checkpoint, Hash, Origin, SignedCheckpoint};

use super::history::{Step, any_agency, unit_of};
use super::{AUTHORITY, Publication, Scene, agency, date, region};

/// A root that is told apart by a number.
pub fn root(number: u8) -> Hash {
    Hash::from_bytes([number; 32])
}

pub fn checkpoint(size: u64, root: Hash, digest: Option<Digest>) -> Checkpoint {
    Checkpoint::new(Origin::of(region("350600")), size, root, digest)
}

pub fn cosigner(code: &str) -> String {
    Origin::of(region("350600")).cosigner_name(agency(code))
}

/// A note as it is published.
pub fn about_region(note: &impl ToString) -> Publication {
    about_region_of(region("350600"), note)
}

pub fn about_region_of(region: RegionCode, note: &impl ToString) -> Publication {
    let payload = CheckpointCosigned { note: note.to_string() };
    Publication { subject: Subject::Region(region), correlation: None, causation: None, payload: payload.into() }
}

impl Scene {
    /// A checkpoint that the authority has signed and an agency cosigned, both with the keys that they have now.
    pub fn note(&mut self, code: &str, checkpoint: Checkpoint) -> SignedCheckpoint {
        let mut note = SignedCheckpoint::sign(checkpoint, self.world.key(AUTHORITY));
        let time_seconds = u64::try_from(self.world.now().as_second()).unwrap();
        note.cosign(&cosigner(code), time_seconds, self.world.key(code)).unwrap();
        note
    }

    /// An agency cosigns a checkpoint and publishes it. Then: it has its effect.
    pub fn cosigns(&mut self, code: &str, checkpoint: Checkpoint) {
        let note = self.note(code, checkpoint);
        self.effective(code, about_region(&note));
    }
}

pub fn certificate_id(number: u8) -> CertificateId {
    CertificateId::from_parts(1_735_689_600_000, [number; 10])
}

pub fn certified(number: u8, unit: &UnitId, position: u64, day: &str) -> CertificateIssued {
    CertificateIssued {
        certificate: certificate_id(number),
        unit: unit.clone(),
        position,
        sha256: Digest::of(&[number]),
        issued_on: date(day),
        valid_until: date(day).saturating_add(jiff::Span::new().days(30)),
        purpose: Some("贷款".to_owned()),
        consent: None,
    }
}

pub fn revoked(number: u8, unit: &UnitId) -> CertificateRevoked {
    CertificateRevoked { certificate: certificate_id(number), unit: unit.clone(), reason: "信息有误".to_owned() }
}

pub fn about_unit(unit: &UnitId, payload: impl Into<Payload>) -> Publication {
    let subject = Subject::Unit(unit.clone());
    Publication { subject, correlation: None, causation: None, payload: payload.into() }
}

/// A random step with checkpoints and certificates: mostly in order, sometimes repeated, contradicted or out of range.
pub fn any(scene: &mut Scene, step: Step) {
    let code = if step.pick % 9 == 0 { AUTHORITY } else { any_agency(step.pick >> 3) };
    let publication = match step.other % 8 {
        0..=4 => any_cosignature(scene, code, step),
        5 | 6 => {
            let position = if step.days % 16 == 0 { 0 } else { u64::from(step.pick) % scene.position() + 1 };
            let unit = unit_of(step.other >> 3);
            let day = fengsui_event::date::day_of(scene.world.now()).to_string();
            about_unit(&unit, certified(step.pick as u8 % 12, &unit, position, &day))
        }
        _ => {
            let known = scene.memory.certificates.values().nth(usize::from(step.pick) % 4);
            let unit = known.map_or_else(|| unit_of(step.other >> 3), |known| known.unit.clone());
            let number = known.map_or(99, |known| known.id.to_bytes()[15]);
            let code = known.filter(|_| step.days % 3 > 0).map_or(code.to_owned(), |known| known.issuer.to_string());
            let publication = about_unit(&unit, revoked(number, &unit));
            let record = scene.world.sign(&code, publication);
            scene.record(record);
            return;
        }
    };
    let record = scene.world.sign(code, publication);
    scene.record(record);
}

fn any_cosignature(scene: &mut Scene, code: &str, step: Step) -> Publication {
    let size = match step.pick % 32 {
        0 => 0,
        1 => i64::MAX.unsigned_abs(),
        // Few sizes, so that agencies meet.
        _ => (u64::from(step.pick) % scene.position()) / 16 * 16 + 1,
    };
    let number = u8::from(step.days % 4 == 0);
    let digest = (step.days % 8 < 6).then(|| Digest::of(&[u8::from(step.other % 24 == 0)]));
    let mut note = scene.note(code, checkpoint(size, root(number), digest));
    if step.pick % 32 == 2 {
        note = SignedCheckpoint::sign(note.checkpoint().clone(), scene.world.key(code));
    }
    about_region(&note)
}
