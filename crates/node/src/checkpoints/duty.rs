//! What a running node does about checkpoints by itself: the authority signs, agencies cosign the newest, and whoever sees a contradiction
//! raises the alarm.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use fengsui_event::{AgencyCode, Digest, Timestamp};
use fengsui_log::{Embedded, EventLog as _, Position, StopFlag, StorageError};
use fengsui_projector::query::{CheckpointRow, Reader};
use fengsui_projector::{Projector, Registry, Watcher};
use fengsui_proof::tree::Hash;

use super::notes::Standing;
use super::{
    Agreement, CheckpointError, CheckpointsConfig, Cosigning, Examined, Ground, Stating, Uncovered, evidence_folder,
    is_checkpoint, is_digest_due, is_late, is_signing_due, notes, sign_stating,
};
use crate::node::{Node, NodeError, genesis};
use crate::reading::storage_of;
use crate::station::shared::Shared;
use crate::station::status::CheckpointStatus;

/// Checkpoints that are looked at, newest first.
const ROWS: u64 = 100;

/// Two histories of one log.
const SPLIT_VIEW: &str = "split_view";
/// The log is not the one that was signed.
const NOT_CONSISTENT: &str = "not_consistent";
/// The tables are not those that the authority states.
const DIGEST_DIFFERS: &str = "digest_differs";
/// Too long without enough cosignatures.
const LAG: &str = "checkpoint_lag";

/// Events other than checkpoints after a position, counted as they come.
#[derive(Debug, Default)]
struct Tally {
    from: u64,
    upto: u64,
    uncovered: Uncovered,
    /// When the first of them was recorded, as it says itself.
    recorded: Option<Timestamp>,
}

impl Tally {
    fn bring_up(&mut self, log: &Embedded, from: u64, upto: u64, now: Timestamp) -> Result<(), CheckpointError> {
        if self.from != from || self.upto > upto {
            *self = Self { from, upto: from, ..Self::default() };
        }
        let range = Position::new(self.upto + 1).zip(Position::new(upto)).filter(|(first, last)| first <= last);
        let Some((first, last)) = range else { return Ok(()) };
        let Self { uncovered, recorded, .. } = self;
        log.scan(first, Some(last), &mut |_, record| {
            if !is_checkpoint(record.subject) {
                uncovered.events += 1;
                if uncovered.since.is_none() {
                    uncovered.since = Some(now);
                    *recorded = fengsui_event::Event::parse(record.bytes).ok().map(|event| event.time);
                }
            }
            ControlFlow::Continue(())
        })?;
        self.upto = upto;
        Ok(())
    }

    /// The same, with the time at which the first was recorded, or was seen if that was earlier.
    fn by_record(&self) -> Uncovered {
        let since = self.uncovered.since.map(|seen| self.recorded.map_or(seen, |recorded| recorded.min(seen)));
        Uncovered { since, ..self.uncovered }
    }
}

/// What the duty remembers between its rounds.
#[derive(Debug, Default)]
pub struct CheckpointDuty {
    /// What the newest checkpoint does not cover.
    unsigned: Tally,
    /// What the newest checkpoint with a quorum does not cover.
    unwitnessed: Tally,
    /// The copy of which the rest is true.
    copy: u64,
    /// The checkpoint that was found to agree with the copy last.
    agreed: Option<(u64, Hash)>,
    /// The checkpoint that needs nothing more from this node: it was cosigned, or it cannot be.
    settled: Option<(u64, Hash)>,
    /// When the digest was last stated.
    digest_at: Option<Timestamp>,
    /// What was found out before the outbox was taken.
    examined: Option<Examined>,
    drawn: Option<(u64, Digest)>,
    /// Whether there was a contradiction of which no evidence could be kept.
    is_unkept: bool,
}

/// Ends long work when the node is to end.
struct Patient<'a>(&'a StopFlag);

impl Watcher for Patient<'_> {
    fn reached(&mut self, _: u64, _: u64) -> ControlFlow<()> {
        if self.0.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What is known at the beginning of a round.
struct Round<'a> {
    shared: &'a Shared,
    config: &'a CheckpointsConfig,
    me: AgencyCode,
    now: Timestamp,
    registry: Registry,
    newest: Option<CheckpointRow>,
    standing: Option<Standing>,
}

impl CheckpointDuty {
    /// Does what is due now. The tables must show the present.
    pub fn round(&mut self, shared: &Shared, now: Timestamp) -> Result<(), CheckpointError> {
        if self.copy != shared.copy_number() {
            *self = Self { copy: shared.copy_number(), ..Self::default() };
        }
        let folder = &shared.folder;
        let log = Embedded::open_reader(shared.copy_path())?;
        let reader = Reader::open(&folder.model())?;
        let (progress, registry) = reader.view().progress()?;
        let registry = registry.unwrap_or_else(|| genesis(folder.exchange()));
        let rows = reader.view().checkpoints(Some(ROWS))?;
        let of = |row: &CheckpointRow| Standing::of(row, &registry);
        let witnessed = rows.iter().find(|row| of(row).has_quorum()).map_or(0, |row| row.size);
        let newest = rows.first().cloned();
        let covered = newest.as_ref().map_or(0, |row| row.size);
        self.unsigned.bring_up(&log, covered, progress.position, now)?;
        self.unwitnessed.bring_up(&log, witnessed, progress.position, now)?;
        self.digest_at = rows.iter().find(|row| row.digest.is_some()).and_then(time_of).or(self.digest_at);
        let standing = newest.as_ref().map(of);
        let (config, me) = (&folder.node().checkpoints, folder.node().agency);
        let round = Round { shared, config, me, now, registry, newest, standing };
        round.tell(self, witnessed, reader.view().cosigned_by(me)?.map_or(0, |own| own.size));
        let agreed = self.compare(&round, &log, &reader);
        tell_of_evidence(shared, self.is_unkept, now);
        agreed?;
        round.tell_of_lag(&self.unwitnessed, witnessed);
        if config.automatic { self.act(&round, &log, &reader) } else { Ok(()) }
    }

    /// Finds out what takes long, as long as nobody is kept from the outbox by it.
    fn prepare(&mut self, round: &Round<'_>, log: &Embedded, reader: &Reader) -> Result<(), CheckpointError> {
        let (folder, mut watcher) = (&round.shared.folder, Patient(&round.shared.stop));
        if round.is_authority() {
            if is_digest_due(round.config, self.digest_at, round.now) {
                let model = Projector::open_reader(&folder.model(), &genesis(folder.exchange()))?;
                let position = model.progress().position;
                if self.drawn.is_none_or(|(at, _)| at < position) {
                    self.drawn = Some((position, model.digest()?));
                }
            }
        } else if let Some(row) = round.newest.as_ref().filter(|row| row.digest.is_some())
            && self.examined.is_none_or(|examined| examined.size != row.size)
        {
            let ground = Ground { folder, log, view: reader.view(), registry: &round.registry };
            self.examined = Some(Examined::of(ground, row.size, &mut watcher)?);
        }
        Ok(())
    }

    /// Holds the newest checkpoints against the copy, once.
    fn compare(&mut self, round: &Round<'_>, log: &Embedded, reader: &Reader) -> Result<(), CheckpointError> {
        let Some(newest) = &round.newest else { return Ok(()) };
        if self.agreed == Some((newest.size, newest.root)) {
            return Ok(());
        }
        let folder = &round.shared.folder;
        let ground = Ground { folder, log, view: reader.view(), registry: &round.registry };
        let mut watcher = Patient(&round.shared.stop);
        // The authority may have signed several of one size, of which one at most agrees.
        for row in reader.view().checkpoints_at(newest.size)? {
            let note = notes::note_of(&row, &round.registry, log)?;
            match ground.compare(&note, &mut watcher) {
                Ok(Agreement::Same | Agreement::Older | Agreement::Ahead) => {}
                Err(error @ CheckpointError::SplitView { .. }) => {
                    self.is_unkept |= matches!(error, CheckpointError::SplitView { evidence: None, .. });
                    round.shared.raise(SPLIT_VIEW, &error, round.now);
                }
                Err(error) => return Err(error),
            }
        }
        self.agreed = Some((newest.size, newest.root));
        Ok(())
    }

    /// Signs or cosigns.
    fn act(&mut self, round: &Round<'_>, log: &Embedded, reader: &Reader) -> Result<(), CheckpointError> {
        let Round { shared, config, me, now, .. } = *round;
        let is_authority = round.is_authority();
        let wants_digest = is_digest_due(config, self.digest_at, now);
        let due = if is_authority {
            is_signing_due(config, self.unsigned.by_record(), now)
        } else {
            round.registry.is_active(&me) && round.is_mine_to_cosign(self.settled)
        };
        if !due {
            return Ok(());
        }
        self.prepare(round, log, reader)?;
        let mut node = match Node::open(shared.folder.root()) {
            Err(error) if matches!(storage_of(&error), Some(StorageError::SecondWriter { .. })) => return Ok(()),
            opened => opened?,
        };
        let mut watcher = Patient(&shared.stop);
        let done = if is_authority {
            let drawn = self.drawn.filter(|_| wants_digest);
            let stating = drawn.map_or(Stating::Root, |(position, digest)| Stating::DrawnDigest(position, digest));
            sign_stating(&mut node, stating, now, &mut watcher).map(|sent| {
                if let Some(sent) = sent {
                    tracing::info!(size = sent.size, root = %sent.root, "a checkpoint was signed");
                }
            })
        } else {
            round.cosign(&mut node, self.examined, &mut watcher).inspect(|settled| self.settled = *settled).map(drop)
        };
        match done {
            Ok(()) => {
                shared.all_clear(NOT_CONSISTENT);
                shared.all_clear(DIGEST_DIFFERS);
            }
            Err(error) => {
                let Some(code) = alarm_of(&error) else { return Err(error) };
                shared.raise(code, &error, now);
                // It would come out the same until there is another checkpoint or another copy.
                self.settled = round.newest.as_ref().map(|row| (row.size, row.root));
            }
        }
        node.close()?;
        Ok(())
    }
}

impl Round<'_> {
    fn is_mine_to_cosign(&self, settled: Option<(u64, Hash)>) -> bool {
        self.newest.as_ref().is_some_and(|row| {
            settled != Some((row.size, row.root)) && row.cosigners.iter().all(|cosigner| cosigner.agency != self.me)
        })
    }

    fn is_authority(&self) -> bool {
        self.me == self.registry.authority
    }

    /// Cosigns the newest checkpoint on the log. Answers which one needs nothing more.
    fn cosign(
        &self,
        node: &mut Node,
        examined: Option<Examined>,
        watcher: &mut dyn Watcher,
    ) -> Result<Option<(u64, Hash)>, CheckpointError> {
        let row = notes::newest(&node.view())?;
        let note = notes::note_of(&row, node.registry(), node.log())?;
        let settled = Some((row.size, row.root));
        match Cosigning::knowing(node, examined).cosign(self.me, &note, self.now, watcher) {
            Ok(Some(sent)) => {
                tracing::info!(size = sent.size, root = %sent.root, "a checkpoint was cosigned");
                Ok(settled)
            }
            // One that was cosigned before, that another node of this agency has overtaken, or whose key was replaced meanwhile: the next one will
            // do.
            Ok(None) | Err(CheckpointError::Older { .. } | CheckpointError::KeyEnded { .. }) => Ok(settled),
            Err(CheckpointError::Ahead { .. }) => Ok(None),
            Err(CheckpointError::Node(error @ (NodeError::Refused(_) | NodeError::Plan(_)))) => {
                tracing::warn!(%error, "a cosignature has no effect");
                Ok(settled)
            }
            Err(error) => Err(error),
        }
    }

    /// Says in the status how checkpoints stand.
    fn tell(&self, duty: &CheckpointDuty, witnessed: u64, own: u64) {
        let (cosigned, needed) =
            self.standing.as_ref().map_or((0, 0), |standing| (standing.cosigned.len(), standing.needed));
        self.shared.note_checkpoints(CheckpointStatus {
            newest: self.newest.as_ref().map_or(0, |row| row.size),
            witnessed,
            own,
            uncovered: duty.unsigned.uncovered.events,
            unwitnessed: duty.unwitnessed.uncovered.events,
            cosigned: cosigned as u64,
            needed: needed as u64,
        });
    }

    fn tell_of_lag(&self, unwitnessed: &Tally, witnessed: u64) {
        let others =
            self.registry.agencies_active_at(u64::MAX).filter(|agency| *agency != self.registry.authority).count();
        let uncovered = unwitnessed.uncovered;
        // Where nobody else takes part, nobody can cosign.
        if others == 0 || !is_late(self.config, uncovered, self.now) {
            return self.shared.all_clear(LAG);
        }
        let missing = self.standing.as_ref().map_or(&[][..], |standing| &standing.missing);
        let missing = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let since = uncovered.since.unwrap_or(self.now);
        self.shared.alarm(
            LAG,
            self.now,
            format!(
                "自 {since} 起的事件尚未被半数以上部门会签的检查点覆盖（最近一个覆盖 {witnessed} 个位置）；最新检查点尚未会签的部门：{missing}。\
                 请确认联席会议办公室和这些部门的节点正在运行；业务不受影响"
            ),
            format!(
                "events since {since} are covered by no checkpoint that more than half of the agencies have cosigned (the last one covers \
                 {witnessed} positions); the newest lacks: {missing}. See that the nodes of the authority and of these agencies run; nothing is \
                 held up by it"
            ),
        );
    }
}

impl Shared {
    /// Raises an alarm that says what an error says.
    fn raise(&self, code: &'static str, error: &CheckpointError, now: Timestamp) {
        use fengsui_event::Language;
        self.alarm(code, now, error.message(Language::Zh), error.message(Language::En));
    }
}

fn alarm_of(error: &CheckpointError) -> Option<&'static str> {
    match error {
        CheckpointError::SplitView { .. } => Some(SPLIT_VIEW),
        CheckpointError::NotConsistent { .. } | CheckpointError::Shorter { .. } => Some(NOT_CONSISTENT),
        CheckpointError::DigestDiffers { .. } => Some(DIGEST_DIFFERS),
        _ => None,
    }
}

/// The alarm of a split view stands as long as its evidence lies in the folder: people move it away when they know what happened.
fn tell_of_evidence(shared: &Shared, is_unkept: bool, now: Timestamp) {
    let Some(kept) = first_file(&evidence_folder(shared.folder.root())) else {
        if !is_unkept {
            shared.all_clear(SPLIT_VIEW);
        }
        return;
    };
    if shared.alarms().iter().any(|alarm| alarm.code == SPLIT_VIEW) {
        return;
    }
    shared.alarm(
        SPLIT_VIEW,
        now,
        format!("存有同一日志两份历史的证据：{kept}。请与其他部门核实；查明后将该文件移走，告警即解除"),
        format!(
            "there is evidence of two histories of one log: {kept}. Compare with other agencies; when it is known what happened, move the file \
             away, and the alarm ends"
        ),
    );
}

/// The first file of a folder by name.
fn first_file(folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries
        .filter(|path| path.extension().is_some_and(|kind| kind == "txt"))
        .map(|path| path.display().to_string())
        .min()
}

/// When a checkpoint was first cosigned, which the authority does when it signs.
fn time_of(row: &CheckpointRow) -> Option<Timestamp> {
    let seconds = row.cosigners.iter().map(|cosigner| cosigner.time_seconds).min()?;
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}
