//! Commands on their way into the outbox: planned, signed, and tried on the fold as if they came next.

use std::collections::BTreeMap;

use fengsui_event::{AgencyCode, ChainLink, Draft, EnvelopeError, EventId, SignedEvent, Signer, Source, Timestamp};
use fengsui_log::Record;
use fengsui_projector::fold::{Touches, touches_of};
use fengsui_projector::overlay::Tried;
use fengsui_projector::{Cause, Overlay};

use super::{NodeError, Receipt};
use crate::desk::{Command, IdSource, Planned, plan};
use crate::folder::Folder;
use crate::keys::{KeyFileError, SigningKey};
use crate::outbox::Outbox;

/// The keys of a folder, loaded when first needed.
#[derive(Default)]
pub(super) struct Keyring(pub(super) BTreeMap<AgencyCode, SigningKey>);

impl Keyring {
    fn of(&mut self, folder: &Folder, agency: AgencyCode) -> Result<&SigningKey, KeyFileError> {
        match self.0.entry(agency) {
            std::collections::btree_map::Entry::Occupied(held) => Ok(held.into_mut()),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                Ok(vacant.insert(SigningKey::load(&folder.key(agency))?))
            }
        }
    }
}

/// A signed event on its way to the outbox.
pub(super) struct Row {
    pub(super) source: String,
    pub(super) link: ChainLink,
    pub(super) record: Record,
}

/// Commands that become one transaction of the outbox.
pub struct Batch<'a> {
    folder: &'a Folder,
    keys: &'a mut Keyring,
    outbox: &'a Outbox,
    overlay: Overlay<'a>,
    links: BTreeMap<String, ChainLink>,
    rows: Vec<Row>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(folder: &'a Folder, keys: &'a mut Keyring, outbox: &'a Outbox, overlay: Overlay<'a>) -> Self {
        Self { folder, keys, outbox, overlay, links: BTreeMap::new(), rows: Vec::new() }
    }

    pub(super) fn into_rows(self) -> Vec<Row> {
        self.rows
    }

    /// What the desk sees: the read model with this batch's commands.
    pub fn overlay(&self) -> &Overlay<'a> {
        &self.overlay
    }

    /// Whether an event of this id is on the log or on its way there.
    pub fn is_known(&mut self, id: EventId) -> Result<bool, NodeError> {
        Ok(self.overlay.is_known(id)?)
    }

    /// Does several commands whole or not at all.
    pub fn submit_all(
        &mut self,
        agency: AgencyCode,
        commands: Vec<Command>,
        ids: &mut dyn IdSource,
        now: Timestamp,
    ) -> Result<Receipt, NodeError> {
        let (links, rows) = (self.links.clone(), self.rows.len());
        self.overlay.begin();
        let mut events = Vec::new();
        for command in commands {
            match self.submit(agency, command, ids, now) {
                Ok(receipt) => events.extend(receipt.events),
                Err(error) => {
                    self.overlay.undo();
                    self.links = links;
                    self.rows.truncate(rows);
                    return Err(error);
                }
            }
        }
        self.overlay.keep();
        Ok(Receipt { events })
    }

    /// Plans, signs and tries one command.
    pub fn submit(
        &mut self,
        agency: AgencyCode,
        command: Command,
        ids: &mut dyn IdSource,
        now: Timestamp,
    ) -> Result<Receipt, NodeError> {
        let planned = plan(command, agency, &self.overlay, ids, now)?;
        self.publish(agency, planned, now)
    }

    /// The same for a command that an event has led to: what follows from nothing else names that event as its cause.
    pub fn submit_caused(
        &mut self,
        agency: AgencyCode,
        command: Command,
        cause: EventId,
        ids: &mut dyn IdSource,
        now: Timestamp,
    ) -> Result<Receipt, NodeError> {
        let mut planned = plan(command, agency, &self.overlay, ids, now)?;
        for event in &mut planned {
            event.causation = event.causation.or(Some(cause));
        }
        self.publish(agency, planned, now)
    }

    fn publish(&mut self, agency: AgencyCode, planned: Vec<Planned>, now: Timestamp) -> Result<Receipt, NodeError> {
        let config = self.folder.node();
        let source = Source { region: self.folder.exchange().region, agency, node: config.node };
        let name = source.to_string();
        let mut link = self.next_link(&name)?;
        let key = self.keys.of(self.folder, agency)?;
        let mut signed = Vec::with_capacity(planned.len());
        for event in &planned {
            let event = sign(event, &source, link, key, now)?;
            let next = ChainLink::after(link.sequence, &event.event.bytes);
            signed.push((event, link));
            link = next;
        }
        let tried: Vec<Tried<'_>> = signed.iter().map(|(event, _)| event.as_tried(&source)).collect();
        match self.overlay.apply_all(&tried)? {
            None => {}
            Some(Cause::SequenceReused { .. } | Cause::ChainFork { .. }) => {
                return Err(NodeError::OutboxBehind { path: self.outbox.path().to_owned(), source_name: name });
            }
            Some(cause) => return Err(NodeError::Refused(cause)),
        }
        for (event, link) in signed {
            self.rows.push(Row { source: name.clone(), link, record: event.into_record() });
        }
        self.links.insert(name, link);
        Ok(Receipt { events: planned })
    }

    fn next_link(&self, source: &str) -> Result<ChainLink, NodeError> {
        if let Some(link) = self.links.get(source) {
            return Ok(*link);
        }
        let head = self.outbox.chain_head(source)?;
        let after =
            |head: crate::outbox::ChainHead| ChainLink { sequence: head.sequence + 1, previous: Some(head.digest) };
        Ok(head.map_or(ChainLink::FIRST, after))
    }
}

/// A signed event with what its trial needs.
struct Signed {
    id: EventId,
    subject: String,
    event: SignedEvent,
    touches: Touches,
}

impl Signed {
    fn as_tried<'s>(&'s self, source: &'s Source) -> Tried<'s> {
        Tried { id: self.id, subject: &self.subject, event: &self.event, source, touches: &self.touches }
    }

    fn into_record(self) -> Record {
        let SignedEvent { bytes, signature } = self.event;
        Record { id: self.id, subject: self.subject, bytes, signature: signature.to_vec() }
    }
}

fn sign(
    planned: &Planned,
    source: &Source,
    link: ChainLink,
    key: &dyn Signer,
    now: Timestamp,
) -> Result<Signed, EnvelopeError> {
    let Planned { id, subject, correlation, causation, payload } = planned.clone();
    let touches = touches_of(&subject, correlation);
    let draft = Draft { id, source: source.clone(), subject, time: now, correlation, causation, payload };
    Ok(Signed { id, subject: draft.stream_subject(), event: draft.sign(link, key)?, touches })
}
